//! `reproq self version`: how to upgrade, a check that is asked for, kept for a day, and never made in CI.

use fake_github::ReleaseSpec;
use serde_json::Value;

use crate::support::Context;

fn report(context: &Context, code: i32, arguments: &[&str]) -> Value {
    let output = context.run(&[&["self", "version", "--json"], arguments].concat());
    assert_eq!(output.code, code, "{output:#?}");
    serde_json::from_str(&output.stdout).expect("one document")
}

#[test]
fn without_check_no_request_is_made() {
    let context = Context::new();
    let report = report(&context, 0, &[]);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["newest"], Value::Null);
    assert!(context.github.requests().is_empty());
    let shown = context.succeed(&["self", "version"]).stdout;
    assert!(shown.contains("to upgrade"), "{shown}");
}

#[test]
fn a_newer_version_is_found_once_a_day() {
    let mut context = Context::new();
    context.github.repo("adpena/reproq").add(ReleaseSpec::new("v999.0.0"));
    let found = report(&context, 3, &["--check"]);
    assert_eq!((found["newest"].as_str(), found["is_newest"].as_bool()), (Some("v999.0.0"), Some(false)));
    let requests = context.github.requests().len();
    assert_eq!(requests, 1, "the page of the newest release");
    report(&context, 3, &["--check"]);
    assert_eq!(context.github.requests().len(), requests, "the second check is answered by the first");

    context.set("CI", "true");
    let in_ci = report(&context, 0, &["--check"]);
    assert_eq!(in_ci["not_checked"], "versions are not checked in CI");
    let offline = report(&context, 0, &["--check", "--offline"]);
    assert_eq!(offline["newest"], Value::Null);
}

/// The server of the worker is not where this command is published.
#[test]
fn the_workers_own_server_is_not_queried() {
    let mut context = Context::new();
    context
        .set("REPROQ_GITHUB_SERVER_URL", "https://github.example")
        .set("REPROQ_GITHUB_API_URL", "https://github.example/api");
    let skipped = report(&context, 0, &["--check"]);
    assert!(skipped["not_checked"].as_str().is_some_and(|reason| reason.contains("github.com")), "{skipped}");
    assert!(context.github.requests().is_empty());
}

#[test]
fn this_version_is_the_newest_and_a_failure_is_told() {
    let context = Context::new();
    let unknown = context.run(&["self", "version", "--check"]);
    assert!(unknown.code != 0 && unknown.stderr.contains("error:"), "{unknown:#?}");
    context.github.repo("adpena/reproq").add(ReleaseSpec::new(concat!("v", env!("CARGO_PKG_VERSION"))));
    let newest = report(&context, 0, &["--check"]);
    assert_eq!(newest["is_newest"], true);
}
