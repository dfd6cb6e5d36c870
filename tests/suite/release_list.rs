//! `reproq release list`: text and JSON output, with both APIs.

use fake_github::AssetSpec;
use fake_github::Digest;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::TagSpec;

use crate::support::Context;
use crate::support::releases::pruning;
use crate::support::releases::repo;
use crate::support::releases::time;
use crate::support::releases::version;
use crate::support::releases::with_versions;

/// One of each kind of object in a repository.
fn motley() -> Context {
    let context = pruning();
    let repo = repo(&context);
    repo.add(version(1));
    repo.add(version(2).annotated(&time(3)).immutable());
    repo.add(ReleaseSpec::new("v2.0.0-rc.1").created_at(&time(9)).published_at(&time(9)).prerelease());
    repo.add(ReleaseSpec::new("v1.3.0").without_tag().created_at(&time(5)).published_at(&time(5)));
    repo.add(
        ReleaseSpec::new("nightly")
            .created_at(&time(8))
            .published_at(&time(8))
            .asset(AssetSpec::new("tool.bin", b"nightly".to_vec()).downloads(17)),
    );
    repo.add_tag(TagSpec::new("v1.0.0").committed_at(&time(1)));
    repo.add_tag(TagSpec::new("v1").committed_at(&time(5)));
    repo.add_tag(TagSpec::new("résumé|<b>").committed_at(&time(5)));
    repo.add(ReleaseSpec::new("v3.0.0").draft().created_at(&time(10)));
    context
}

const AS_OF: &str = "2024-03-01T00:00:00Z";

#[test]
fn the_table_and_the_document() {
    let context = motley();
    insta::assert_snapshot!(context.shown(&["release", "list", "--as-of", AS_OF]));
    insta::assert_snapshot!(context.shown(&["release", "list", "--as-of", AS_OF, "--json"]));
    insta::assert_snapshot!(context.shown(&["release", "list", "-q"]));
}

#[test]
fn both_apis_tell_the_same() {
    let context = motley();
    let by_graphql = context.succeed(&["release", "list", "--as-of", AS_OF, "--json"]);
    assert_eq!(context.github.requests().len(), 1, "one query for everything");
    context.github.graphql(false);
    let by_rest = context.succeed(&["release", "list", "--as-of", AS_OF, "--json"]);
    let part = |output: &crate::support::Output, key: &str| {
        let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        document[key].clone()
    };
    for key in ["repository", "complete", "drafts_visible", "versions", "drafts"] {
        assert_eq!(part(&by_graphql, key), part(&by_rest, key), "{key}");
    }
    // The REST API returns dates of tags only one by one, which tags that are not versions are not worth.
    assert_eq!(part(&by_rest, "unmanaged")[1]["tagged_at"], serde_json::Value::Null);
}

#[test]
fn without_a_token_drafts_are_invisible_and_that_is_said() {
    let mut context = motley();
    context.set("GH_TOKEN", "");
    insta::assert_snapshot!(context.shown(&["release", "list", "--as-of", AS_OF]));
}

#[test]
fn an_old_server_is_asked_without_what_it_does_not_know() {
    let context = motley();
    context.github.hide_field("Release", "immutable");
    let output = context.succeed(&["release", "list", "--json"]);
    assert!(output.stdout.contains("\"v1.2.0\""));
    assert!(!output.stdout.contains("\"immutable\": true"));
}

#[test]
fn a_hundred_and_more_are_read_to_the_last_page() {
    let context = with_versions(250);
    let output = context.succeed(&["release", "list", "-q"]);
    assert_eq!(output.stdout.lines().count(), 250);
    assert_eq!(context.github.requests().len(), 3);
    context.github.graphql(false);
    assert_eq!(context.succeed(&["release", "list", "-q"]).stdout.lines().count(), 250);
}

#[test]
fn an_unfinished_upload_is_seen_although_graphql_does_not_say_it() {
    let context = with_versions(2);
    repo(&context).add(version(3).asset(AssetSpec::new("late", b"x".to_vec()).open()));
    repo(&context).add(version(4).asset(AssetSpec::new("old", b"x".to_vec()).digest(Digest::Absent)));
    context.github.clear_log();
    let output = context.succeed(&["release", "prune", "--keep", "1", "--dry-run", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let reasons: Vec<_> = document["plan"]["keep"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| (row["name"].as_str().expect("a name"), row["code"].as_str().expect("a code")))
        .collect();
    assert_eq!(reasons, [("v1.4.0", "among-newest"), ("v1.3.0", "unfinished-upload")]);
    assert_eq!(context.github.requests().len(), 2, "a query, and one look at the assets");
}

#[test]
fn lost_answers_are_asked_for_again() {
    let context = with_versions(3);
    context.github.fault(Matcher::graphql().times(2), Fault::status(502));
    let output = context.succeed(&["release", "list", "-q"]);
    assert_eq!(output.stdout, "v1.3.0\nv1.2.0\nv1.1.0\n");
}

#[test]
fn a_repository_has_to_be_named() {
    let mut context = pruning();
    context.set("GITHUB_REPOSITORY", "");
    insta::assert_snapshot!(context.shown(&["release", "list"]));
    assert!(context.github.requests().is_empty());
}

#[test]
fn the_remote_of_the_checkout_names_it() {
    let mut context = with_versions(2);
    context.set("GITHUB_REPOSITORY", "");
    let url = format!("{}/acme/tool.git", context.github.web_url());
    for arguments in [&["init", "-q"][..], &["remote", "add", "origin", &url]] {
        let status = std::process::Command::new("git")
            .args(arguments)
            .current_dir(context.project())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status();
        assert!(status.expect("git runs").success());
    }
    assert_eq!(context.succeed(&["release", "list", "-q"]).stdout, "v1.2.0\nv1.1.0\n");
    std::fs::write(context.project().join("pyproject.toml"), "[tool.reproq.release]\nrepository = \"acme/other\"\n")
        .expect("written");
    let output = context.run(&["release", "list"]);
    assert_eq!(output.code, 4, "the settings come before the remote: {output:#?}");
}
