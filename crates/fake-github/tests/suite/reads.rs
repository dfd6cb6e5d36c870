//! Reading: releases, tags, pages, assets, tokens, names that changed.

use std::time::Duration;

use fake_github::AssetDelivery;
use fake_github::AssetSpec;
use fake_github::BudgetSpec;
use fake_github::Digest;
use fake_github::FakeGitHub;
use fake_github::MakeLatest;
use fake_github::Origin;
use fake_github::ReleaseSpec;
use fake_github::RulesetSpec;
use fake_github::Setup;
use fake_github::TagSpec;
use fake_github::TokenKind;

use crate::REPO;
use crate::client::ask;
use crate::client::get;
use crate::client::get_with;
use crate::rest;
use crate::three_releases;

#[test]
fn the_latest_release_leads_to_its_bytes_over_the_asset_host() {
    let github = three_releases();
    let latest = get(&rest(&github, "/releases/latest")).json();
    assert_eq!(latest["tag_name"], "v1.2.0");
    let asset = &latest["assets"][0];
    assert_eq!(asset["size"], 13);
    let digest = asset["digest"].as_str().expect("the digest is stated");
    assert_eq!(digest, "sha256:2679f8be8a0319edb71b510dd207fbc9050f2327c22bfecd2e2d9eb96e1c6ee8");
    let link = asset["browser_download_url"].as_str().expect("a download link");
    assert!(link.starts_with(&github.web_url()));
    let redirect = get(link);
    assert_eq!(redirect.status, 302);
    assert!(redirect.location().starts_with(&github.objects_url()));
    let file = get(redirect.location());
    assert_eq!((file.status, file.text().as_str()), (200, "worker v1.2.0"));
    assert_eq!(file.header("Accept-Ranges"), Some("bytes"));
    let log = github.requests();
    let origins: Vec<Origin> = log.iter().map(|request| request.origin).collect();
    assert_eq!(origins, [Origin::Api, Origin::Web, Origin::Objects]);
    assert_eq!(log.iter().map(|request| request.status).collect::<Vec<_>>(), [Some(200), Some(302), Some(200)]);
}

#[test]
fn pages_lead_to_the_latest_release_without_the_api() {
    let github = three_releases();
    let web = format!("{}/{REPO}", github.web_url());
    assert_eq!(get(&format!("{web}/releases/latest")).location(), format!("{web}/releases/tag/v1.2.0"));
    let first = get(&format!("{web}/releases/latest/download/reproq-linux-amd64"));
    assert_eq!(first.location(), format!("{web}/releases/download/v1.2.0/reproq-linux-amd64"));
    for unknown in ["/releases/download/v9/reproq-linux-amd64", "/releases/download/v1.0.0/other", "/releases/tag/v9"] {
        let answer = get(&format!("{web}{unknown}"));
        assert_eq!((answer.status, answer.text().contains("<html>")), (404, true), "{unknown}");
    }
}

#[test]
fn the_asset_host_gives_parts_and_refuses_a_second_credential() {
    let github = FakeGitHub::start_with(Setup { objects_on_localhost: true, ..Setup::default() });
    github.repo(REPO).add(ReleaseSpec::new("v1.0.0").file("f", b"0123456789".to_vec()));
    let link = format!("{}/{REPO}/releases/download/v1.0.0/f", github.web_url());
    let signed = get(&link).location().to_owned();
    assert!(signed.starts_with("http://localhost:"));
    let whole = get(&signed);
    let etag = whole.header("ETag").expect("an asset has an ETag").to_owned();
    let modified = whole.header("Last-Modified").expect("an asset has a date").to_owned();
    for (range, condition, status, body) in [
        ("bytes=2-4", None, 206, "234"),
        ("bytes=7-", Some(etag.as_str()), 206, "789"),
        ("bytes=-2", Some(modified.as_str()), 206, "89"),
        ("bytes=7-", Some("\"another\""), 200, "0123456789"),
    ] {
        let mut headers = vec![("Range", range)];
        headers.extend(condition.map(|condition| ("If-Range", condition)));
        let part = get_with(&signed, &headers);
        assert_eq!((part.status, part.text().as_str()), (status, body), "{range} {condition:?}");
    }
    let part = get_with(&signed, &[("Range", "bytes=7-")]);
    assert_eq!(part.header("Content-Range"), Some("bytes 7-9/10"));
    let outside = get_with(&signed, &[("Range", "bytes=10-")]);
    assert_eq!((outside.status, outside.header("Content-Range")), (416, Some("bytes */10")));
    let refused = get_with(&signed, &[("Authorization", "Bearer x")]);
    assert_eq!((refused.status, refused.text().contains("Only one auth mechanism allowed")), (400, true));
    let head = ask("HEAD", &signed, &[], "").expect("the fake answers");
    assert_eq!((head.status, head.header("Content-Length"), head.body.len()), (200, Some("10"), 0));
}

#[test]
fn signed_urls_are_used_up_and_expire() {
    let github = three_releases();
    let link = format!("{}/{REPO}/releases/download/v1.0.0/reproq-linux-amd64", github.web_url());
    github.signed_urls(1, Duration::from_secs(60));
    let signed = get(&link).location().to_owned();
    assert_eq!(get(&signed).status, 200);
    let used_up = get(&signed);
    assert_eq!((used_up.status, used_up.header("Content-Type")), (403, Some("application/xml")));
    github.signed_urls(9, Duration::ZERO);
    assert_eq!(get(get(&link).location()).status, 403);
}

#[test]
fn assets_come_through_the_api_as_a_redirect_or_as_bytes() {
    let github = three_releases();
    let url =
        get(&rest(&github, "/releases/latest")).json()["assets"][0]["url"].as_str().expect("an address").to_owned();
    let binary = [("Accept", "application/octet-stream")];
    assert_eq!(get(&url).json()["name"], "reproq-linux-amd64");
    assert_eq!(get_with(&url, &binary).status, 302);
    github.asset_delivery(AssetDelivery::Body);
    assert_eq!(get_with(&url, &binary).text(), "worker v1.2.0");
    github.repo(REPO).private();
    assert_eq!(get(&url).status, 404);
    assert_eq!(get_with(&url, &[("Authorization", "Bearer reader"), binary[0]]).status, 200);
}

#[test]
fn what_is_stated_about_an_asset_can_be_absent_missing_wrong_or_unfinished() {
    let github = FakeGitHub::start();
    let release = ReleaseSpec::new("v1")
        .asset(AssetSpec::new("absent", b"x".to_vec()).digest(Digest::Absent))
        .asset(AssetSpec::new("missing", b"x".to_vec()).digest(Digest::Missing))
        .asset(AssetSpec::new("wrong", b"x".to_vec()).digest(Digest::Wrong("sha256:00".into())))
        .asset(AssetSpec::new("open", b"x".to_vec()).open().downloads(7))
        .asset(AssetSpec::new("large", b"x".to_vec()).stated_size(99));
    github.repo(REPO).add(release);
    let release = get(&rest(&github, "/releases/tags/v1")).json();
    let assets = release["assets"].as_array().expect("assets are a list");
    assert!(assets[0]["digest"].is_null() && assets[0].get("digest").is_some());
    assert_eq!(assets[1].get("digest"), None);
    assert_eq!(assets[2]["digest"], "sha256:00");
    assert_eq!((&assets[3]["state"], &assets[3]["download_count"]), (&"open".into(), &7.into()));
    assert_eq!(assets[4]["size"], 99);
    assert_eq!(get(&format!("{}/{REPO}/releases/download/v1/open", github.web_url())).status, 404);
}

#[test]
fn lists_come_in_pages_without_order_and_end_at_a_thousand() {
    let github = FakeGitHub::start();
    github.token("writer", TokenKind::Write);
    let repo = github.repo(REPO);
    for number in 0..1001 {
        repo.add(ReleaseSpec::new(&format!("v1.0.{number}")));
    }
    let first = get(&rest(&github, "/releases?per_page=100"));
    let link = first.header("Link").expect("there is more");
    assert!(link.contains("page=2>; rel=\"next\"") && link.contains("page=11>; rel=\"last\""), "{link}");
    let ids = |page: &crate::client::Answer| {
        let page = page.json();
        page.as_array().expect("a list").iter().map(|one| one["id"].as_u64().expect("an id")).collect::<Vec<_>>()
    };
    let mut all = ids(&first);
    assert!(!all.is_sorted() && !all.iter().rev().is_sorted());
    for page in 2..=10 {
        all.extend(ids(&get(&rest(&github, &format!("/releases?per_page=100&page={page}")))));
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1000);
    let beyond = get(&rest(&github, "/releases?per_page=100&page=11"));
    assert_eq!(beyond.status, 422);
    assert!(beyond.text().contains("Only the first 1000 results are available."));
    assert_eq!(get(&rest(&github, "/git/matching-refs/tags/")).json().as_array().map(Vec::len), Some(1001));
    github.matching_refs_page(500);
    let paged = get(&rest(&github, "/git/matching-refs/tags/"));
    assert_eq!((paged.json().as_array().map(Vec::len), paged.header("Link").is_some()), (Some(500), true));
}

#[test]
fn tags_have_objects_and_releases_may_lack_them() {
    let github = FakeGitHub::start();
    let repo = github.repo(REPO);
    repo.add(ReleaseSpec::new("v1.0.0").annotated("2024-05-01T00:00:00Z"));
    repo.add(ReleaseSpec::new("v2.0.0").without_tag());
    repo.add(ReleaseSpec::new("v1.0.0").prerelease());
    let light = repo.add_tag(TagSpec::new("nightly"));
    repo.add_tag(TagSpec::new("a#8 %2e/résumé"));
    let refs = get(&rest(&github, "/git/matching-refs/tags/")).json();
    let kinds: Vec<_> = refs.as_array().expect("a list").iter().map(|one| one["object"]["type"].clone()).collect();
    assert_eq!(kinds, ["commit", "commit", "tag"]);
    assert_eq!(get(&rest(&github, "/git/ref/tags/nightly")).json()["object"]["sha"], light.as_str());
    assert_eq!(get(&rest(&github, "/git/ref/tags/a%238%20%252e/r%C3%A9sum%C3%A9")).status, 200);
    assert_eq!(get(&rest(&github, "/git/ref/tags/night")).status, 404);
    assert_eq!(get(&rest(&github, "/tags")).json().as_array().map(Vec::len), Some(3));
    let commit = &get(&rest(&github, "/tags?per_page=1&page=2")).json()[0];
    assert_eq!(commit["commit"]["sha"].as_str().map(str::len), Some(40));
    assert_eq!(repo.snapshot().tag_names(), ["a#8 %2e/résumé", "nightly", "v1.0.0"]);
}

#[test]
fn drafts_are_for_writers_and_prereleases_are_never_latest() {
    let github = FakeGitHub::start();
    github.token("writer", TokenKind::Write);
    let repo = github.repo(REPO);
    repo.add(ReleaseSpec::new("v1.0.0-rc.1").prerelease());
    let draft = repo.add(ReleaseSpec::new("v2.0.0").draft());
    assert_eq!(get(&rest(&github, "/releases/latest")).status, 404);
    assert_eq!(get(&rest(&github, "/releases/tags/v2.0.0")).status, 404);
    assert_eq!(get(&rest(&github, "/releases")).json().as_array().map(Vec::len), Some(1));
    let writer = [("Authorization", "token writer")];
    assert_eq!(get_with(&rest(&github, "/releases"), &writer).json().as_array().map(Vec::len), Some(2));
    let shown = get_with(&rest(&github, &format!("/releases/{draft}")), &writer).json();
    assert!(shown["html_url"].as_str().expect("an address").contains("/untagged-"));
    assert!(shown["published_at"].is_null());
    assert_eq!(get(&rest(&github, &format!("/releases/{draft}"))).status, 404);
}

#[test]
fn latest_is_the_marked_release_then_by_date_and_version() {
    let github = FakeGitHub::start();
    let repo = github.repo(REPO);
    let date = "2024-01-01T00:00:00Z";
    repo.add(ReleaseSpec::new("v1.10.0").created_at(date));
    repo.add(ReleaseSpec::new("v1.9.0").created_at(date));
    assert_eq!(repo.snapshot().latest.as_deref(), Some("v1.10.0"));
    repo.add(ReleaseSpec::new("v3.0.0").make_latest(MakeLatest::False));
    assert_eq!(repo.snapshot().latest.as_deref(), Some("v1.10.0"));
    let patch = repo.add(ReleaseSpec::new("v1.8.1").created_at(date).make_latest(MakeLatest::True));
    assert_eq!(repo.snapshot().latest.as_deref(), Some("v1.8.1"));
    repo.delete_release(patch);
    assert_eq!(repo.snapshot().latest.as_deref(), Some("v1.10.0"));
}

#[test]
fn tokens_have_different_permissions() {
    let github = three_releases();
    for (token, kind) in [("old", TokenKind::Expired), ("none", TokenKind::NoAccess), ("sso", TokenKind::SsoRequired)] {
        github.token(token, kind);
    }
    let status = |token: &str, path: &str| {
        let header = format!("Bearer {token}");
        get_with(&rest(&github, path), &[("Authorization", &header)]).status
    };
    assert_eq!(["old", "unknown", "sso", "none", "reader"].map(|token| status(token, "")), [401, 401, 403, 200, 200]);
    let sso = get_with(&rest(&github, ""), &[("Authorization", "Bearer sso")]);
    assert!(sso.header("X-GitHub-SSO").is_some_and(|value| value.starts_with("required; url=")));
    github.repo(REPO).private();
    assert_eq!(["none", "reader", "writer"].map(|token| status(token, "/releases/latest")), [404, 200, 200]);
    assert_eq!(get(&rest(&github, "/releases/latest")).status, 404);
    assert_eq!(get(&format!("{}/{REPO}/releases/latest", github.web_url())).status, 404);
}

#[test]
fn a_former_name_redirects_to_the_number() {
    let github = three_releases();
    let repo = github.repo(REPO);
    repo.rename("adpena/worker");
    let moved = get(&rest(&github, "/releases?per_page=2"));
    assert_eq!(moved.status, 301);
    assert_eq!(moved.location(), format!("{}/repositories/{}/releases?per_page=2", github.api_url(), repo.id()));
    assert_eq!(get(moved.location()).json().as_array().map(Vec::len), Some(2));
    let web = get(&format!("{}/{REPO}/releases/latest", github.web_url()));
    assert_eq!((web.status, web.location().ends_with("/adpena/worker/releases/latest")), (301, true));
    github.moved_status(307);
    assert_eq!(ask("DELETE", &rest(&github, "/releases/1"), &[], "").expect("an answer").status, 307);
    assert_eq!(repo.snapshot().releases.len(), 3);
}

#[test]
fn responses_carry_the_budget_and_304_is_free() {
    let github = three_releases();
    github.rest_budget(BudgetSpec { status: 429, ..BudgetSpec::remaining(2) });
    let reader = ("Authorization", "Bearer reader");
    let first = get_with(&rest(&github, "/releases/latest"), &[reader]);
    assert_eq!(first.header("x-ratelimit-remaining"), Some("1"));
    assert!(first.header("x-github-request-id").is_some() && first.header("x-ratelimit-reset").is_some());
    let etag = first.header("ETag").expect("an ETag").to_owned();
    let second = get_with(&rest(&github, "/releases/latest"), &[reader, ("If-None-Match", &etag)]);
    assert_eq!((second.status, second.header("x-ratelimit-remaining")), (304, Some("1")));
    assert_eq!(get(&rest(&github, "/tags")).status, 200);
    let limited = get(&rest(&github, "/tags"));
    assert_eq!((limited.status, limited.header("x-ratelimit-remaining")), (429, Some("0")));
    assert!(limited.text().contains("API rate limit exceeded for 127.0.0.1."));
    assert_eq!(get(&format!("{}/rate_limit", github.api_url())).json()["resources"]["core"]["remaining"], 0);
    github.rest_budget(BudgetSpec { reset_in: Duration::ZERO, ..BudgetSpec::remaining(0) });
    assert_eq!(get(&rest(&github, "/tags")).status, 200);
}

#[test]
fn rulesets_are_listed_unless_they_belong_to_the_organization() {
    let github = three_releases();
    let repo = github.repo(REPO);
    repo.ruleset(RulesetSpec::forbids_deletion("keep", "v1.*"))
        .ruleset(RulesetSpec::forbids_deletion("org", "*").hidden());
    let list = get(&rest(&github, "/rulesets?targets=tag&includes_parents=true")).json();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    let detail = get(&rest(&github, &format!("/rulesets/{}", list[0]["id"]))).json();
    assert_eq!(detail["conditions"]["ref_name"]["include"][0], "refs/tags/v1.*");
    assert_eq!(detail["current_user_can_bypass"], "never");
    assert_eq!(get(&rest(&github, "/rulesets?targets=branch")).json().as_array().map(Vec::len), Some(0));
}

#[test]
fn an_enterprise_server_has_its_api_on_the_web_host() {
    let github = three_releases();
    let latest = get(&format!("{}/api/v3/repos/{REPO}/releases/latest", github.web_url())).json();
    assert_eq!(latest["tag_name"], "v1.2.0");
}

#[test]
fn concurrent_changes_are_visible() {
    let github = three_releases();
    let repo = github.repo(REPO);
    let link = format!("{}/{REPO}/releases/download/v1.2.0/reproq-linux-amd64", github.web_url());
    let signed = get(&link).location().to_owned();
    let before = get(&signed);
    repo.replace_bytes("v1.2.0", "reproq-linux-amd64", b"other! v1.2.0".to_vec());
    let after = get(&signed);
    assert_eq!((after.text().as_str(), after.body.len()), ("other! v1.2.0", before.body.len()));
    assert_ne!(after.header("ETag"), before.header("ETag"));
    assert_ne!(after.header("Last-Modified"), before.header("Last-Modified"));
    repo.state_digest("v1.2.0", "reproq-linux-amd64", Digest::Wrong("sha256:1".into()));
    let draft = repo.add(ReleaseSpec::new("v2.0.0").draft());
    repo.publish(draft, "2024-07-01T00:00:00Z");
    let latest = get(&rest(&github, "/releases/latest")).json();
    assert_eq!((&latest["tag_name"], &latest["published_at"]), (&"v2.0.0".into(), &"2024-07-01T00:00:00Z".into()));
    repo.make_latest(repo.snapshot().releases[2].id);
    let latest = get(&rest(&github, "/releases/latest")).json();
    assert_eq!((&latest["tag_name"], &latest["assets"][0]["digest"]), (&"v1.2.0".into(), &"sha256:1".into()));
    assert_eq!(github.mutations(), 0);
}
