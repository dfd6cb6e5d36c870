//! Deleting over REST: what is deleted, kept or refused, and concurrent changes.

use fake_github::FakeGitHub;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::RulesetSpec;
use fake_github::TagSpec;
use fake_github::TokenKind;

use crate::REPO;
use crate::client::ask;
use crate::client::get;
use crate::client::send;
use crate::rest;
use crate::three_releases;

#[test]
fn a_deleted_release_loses_its_assets_keeps_its_tag_and_another_becomes_latest() {
    let github = three_releases();
    let newest = github.snapshot(REPO).releases[2].clone();
    assert!(newest.latest);
    let link = format!("{}/{REPO}/releases/download/v1.2.0/reproq-linux-amd64", github.web_url());
    assert_eq!(get(&link).status, 302);
    let path = rest(&github, &format!("/releases/{}", newest.id));
    assert_eq!(send("DELETE", &path, "").status, 204);
    assert_eq!(send("DELETE", &path, "").status, 404);
    assert_eq!(get(&link).status, 404);
    let after = github.snapshot(REPO);
    assert_eq!(after.published(), ["v1.0.0", "v1.1.0"]);
    assert_eq!(after.tag_names(), ["v1.0.0", "v1.1.0", "v1.2.0"]);
    assert_eq!(after.latest.as_deref(), Some("v1.1.0"));
    assert_eq!(github.mutations(), 1);
}

#[test]
fn a_missing_permission_is_reported() {
    let github = three_releases();
    let path = rest(&github, &format!("/releases/{}", github.snapshot(REPO).releases[0].id));
    let refused = ask("DELETE", &path, &[("Authorization", "Bearer reader")], "").expect("an answer");
    assert_eq!((refused.status, refused.header("X-Accepted-GitHub-Permissions")), (403, Some("contents=write")));
    assert_eq!(ask("DELETE", &path, &[], "").expect("an answer").status, 401);
    github.repo(REPO).archive();
    let archived = send("DELETE", &path, "");
    assert_eq!((archived.status, archived.text().contains("archived")), (403, true));
    assert_eq!(github.snapshot(REPO).releases.len(), 3);
    assert_eq!(github.mutations(), 0);
}

#[test]
fn a_tag_deleted_first_turns_its_release_into_a_draft() {
    let github = three_releases();
    let tag = rest(&github, "/git/refs/tags/v1.2.0");
    assert_eq!(send("DELETE", &tag, "").status, 204);
    let after = github.snapshot(REPO);
    assert_eq!((after.drafts(), after.published()), (vec!["v1.2.0"], vec!["v1.0.0", "v1.1.0"]));
    let again = send("DELETE", &tag, "");
    assert_eq!((again.status, again.json()["message"].as_str()), (422, Some("Reference does not exist")));
    let listed = send("GET", &rest(&github, "/releases"), "").json();
    let draft = listed.as_array().expect("a list").iter().find(|one| one["draft"] == true).expect("the draft is shown");
    assert_eq!(draft["tag_name"], "v1.2.0");
}

#[test]
fn rules_and_immutable_releases_keep_their_tags() {
    let github = FakeGitHub::start();
    github.token("writer", TokenKind::Write);
    let repo = github.repo(REPO);
    let id = repo.add(ReleaseSpec::new("v1.0.0").immutable());
    repo.add(ReleaseSpec::new("v2.0.0"));
    repo.ruleset(RulesetSpec::forbids_deletion("keep", "v2*").hidden());
    let ruled = send("DELETE", &rest(&github, "/git/refs/tags/v2.0.0"), "");
    assert_eq!(ruled.status, 422);
    assert!(ruled.text().contains("Repository rule violations found") && ruled.text().contains("protected ref"));
    let path = rest(&github, "/git/refs/tags/v1.0.0");
    let immutable = send("DELETE", &path, "");
    assert_eq!((immutable.status, immutable.text().contains("immutable")), (422, true));
    let oid = github.snapshot(REPO).tags["v1.0.0"].clone();
    assert_eq!(send("DELETE", &rest(&github, &format!("/releases/{id}")), "").status, 204);
    assert_eq!(send("DELETE", &path, "").status, 204);
    let body = serde_json::json!({ "ref": "refs/tags/v1.0.0", "sha": oid }).to_string();
    let burned = send("POST", &rest(&github, "/git/refs"), &body);
    assert_eq!((burned.status, burned.text().contains("creations being restricted")), (422, true));
}

#[test]
fn a_tag_is_restored_at_its_old_object() {
    let github = FakeGitHub::start();
    github.token("writer", TokenKind::Write);
    let repo = github.repo(REPO);
    let oid = repo.add_tag(TagSpec::new("v1.0.0").annotated("2024-05-01T00:00:00Z"));
    assert_eq!(send("DELETE", &rest(&github, "/git/refs/tags/v1.0.0"), "").status, 204);
    let body = |oid: &str| serde_json::json!({ "ref": "refs/tags/v1.0.0", "sha": oid }).to_string();
    assert_eq!(send("POST", &rest(&github, "/git/refs"), &body(&"9".repeat(40))).status, 422);
    let made = send("POST", &rest(&github, "/git/refs"), &body(&oid));
    assert_eq!((made.status, made.json()["object"]["type"].as_str()), (201, Some("tag")));
    let twice = send("POST", &rest(&github, "/git/refs"), &body(&oid));
    assert_eq!((twice.status, twice.text().contains("Reference already exists")), (422, true));
    assert_eq!(repo.snapshot().tags["v1.0.0"], oid);
}

#[test]
fn notes_are_restored_as_a_draft() {
    let github = three_releases();
    let body = r#"{"tag_name":"v0.9.0","draft":true,"name":"old","body":"notes"}"#;
    let made = send("POST", &rest(&github, "/releases"), body);
    assert_eq!((made.status, made.json()["body"].as_str()), (201, Some("notes")));
    assert_eq!(github.snapshot(REPO).drafts(), ["v0.9.0"]);
    assert!(!github.snapshot(REPO).tags.contains_key("v0.9.0"));
}

#[test]
fn lists_lag_behind_for_the_given_number_of_reads() {
    let github = three_releases();
    github.repo(REPO).lag(2);
    let id = github.snapshot(REPO).releases[0].id;
    send("DELETE", &rest(&github, &format!("/releases/{id}")), "");
    send("DELETE", &rest(&github, "/git/refs/tags/v1.0.0"), "");
    let count = |path: &str| get(&rest(&github, path)).json().as_array().map_or(0, Vec::len);
    assert_eq!([count("/releases"), count("/releases"), count("/releases")], [3, 3, 2]);
    assert_eq!([count("/tags"), count("/git/matching-refs/tags/"), count("/tags")], [3, 3, 2]);
    assert_eq!(github.snapshot(REPO).releases.len(), 2);
    assert_eq!(get(&rest(&github, &format!("/releases/{id}"))).status, 404);
}

#[test]
fn a_concurrent_change_happens_once() {
    let github = three_releases();
    let id = github.snapshot(REPO).releases[0].id;
    github.before(Matcher::api().method("DELETE").nth(2), |github| {
        let repo = github.repo(REPO);
        repo.add(ReleaseSpec::new("v2.0.0"));
        repo.move_tag("v1.1.0", "somewhere else");
    });
    let tags = github.snapshot(REPO).tags;
    send("DELETE", &rest(&github, &format!("/releases/{id}")), "");
    assert_eq!(github.snapshot(REPO).published(), ["v1.1.0", "v1.2.0"]);
    send("DELETE", &rest(&github, "/git/refs/tags/v1.0.0"), "");
    let after = github.snapshot(REPO);
    assert_eq!(after.published(), ["v1.1.0", "v1.2.0", "v2.0.0"]);
    assert_ne!(after.tags["v1.1.0"], tags["v1.1.0"]);
    send("DELETE", &rest(&github, "/git/refs/tags/v1.0.0"), "");
    assert_eq!(github.snapshot(REPO), after);
}
