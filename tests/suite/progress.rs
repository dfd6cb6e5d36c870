//! `--progress` and `REPROQ_PROGRESS`: what is on stderr in each style, and that the report on stdout is the same.

use serde_json::Value;

use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::schemas;

/// Each line of stderr, as the object it must be.
fn events(stderr: &str) -> Vec<Value> {
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(schemas::check(line).as_deref(), Some("progress-1"), "{line}");
        event
    };
    stderr.lines().map(event).collect()
}

fn of<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

#[test]
fn every_step_is_a_pair_of_json_lines_and_stdout_is_the_report() {
    let context = Context::released();
    let output = context.succeed(&["install", "--no-django", "--progress", "json", "--json"]);
    let report: Value = serde_json::from_str(&output.stdout).expect("one document");
    assert_eq!(report["schema"], "reproq.install/2");
    let events = events(&output.stderr);
    let (begun, ended) = (of(&events, "begin"), of(&events, "end"));
    assert_eq!(begun.len(), 1, "{events:#?}");
    assert_eq!(begun[0]["label"], format!("Downloading {} v0.0.144", asset_name()));
    assert_eq!((ended.len(), &ended[0]["step"]), (1, &begun[0]["step"]));
    assert_eq!(ended[0]["done"], begun[0]["total"]);
}

#[test]
fn failures_and_usage_errors_are_json_lines_too() {
    let mut context = Context::new();
    context.set("REPROQ_PROGRESS", "json");
    for arguments in [&["install"][..], &["install", "--bogus"], &["instal"], &["worker"]] {
        let output = context.run(arguments);
        assert_ne!(output.code, 0, "{output:#?}");
        let events = events(&output.stderr);
        let kinds: Vec<&Value> = of(&events, "message").into_iter().map(|event| &event["kind"]).collect();
        assert!(kinds.iter().any(|kind| **kind == "error"), "{arguments:?}: {output:#?}");
    }
    let output = context.run(&["install", "--progress", "plain"]);
    assert!(output.stderr.starts_with("error: "), "the option takes precedence: {output:#?}");
}

#[test]
fn json_lines_contain_no_secret_and_no_control_sequence() {
    let mut context = Context::released();
    context.github.token("ghp_abcdefghij", fake_github::TokenKind::Read);
    context.set("GH_TOKEN", "ghp_abcdefghij");
    let output = context.run(&["install", "--tag", "ghp_abcdefghij", "-v", "--progress", "json"]);
    let events = events(&output.stderr);
    assert!(of(&events, "message").iter().any(|event| event["kind"] == "debug"), "{output:#?}");
    assert!(!output.stderr.contains("ghp_abcdefghij") && !output.stderr.contains('\u{1b}'), "{output:#?}");
}

#[test]
fn none_prints_only_warnings_and_errors() {
    let mut context = Context::released();
    std::fs::write(context.project().join("pyproject.toml"), "[tool.reproq]\nunheard-of = 1\n").expect("written");
    let output = context.succeed(&["install", "--no-django", "--progress", "none"]);
    assert_eq!(output.stderr, "warning: unknown key `unheard-of` in [tool.reproq]\n");
    assert!(output.stdout.starts_with("Installed v0.0.144"), "{output:#?}");
    context.set("REPROQ_PROGRESS", "none");
    let output = context.run(&["install", "--tag", "v9.9.9"]);
    assert!(output.stderr.contains("error: ") && output.stderr.contains("hint: "), "{output:#?}");
}

#[test]
fn plain_is_one_line_for_each_step() {
    let context = Context::released();
    let output = context.succeed(&["install", "--no-django", "--progress", "plain"]);
    assert_eq!(output.stderr.lines().count(), 1, "{output:#?}");
    assert!(output.stderr.starts_with(&format!("Downloading {} v0.0.144 (", asset_name())), "{output:#?}");
}

#[test]
fn an_unknown_style_is_refused_with_its_source() {
    let mut context = Context::released();
    assert_eq!(context.run(&["install", "--progress", "bars"]).code, 2);
    context.set("REPROQ_PROGRESS", "bars");
    let output = context.run(&["install"]);
    assert_eq!(output.code, 2, "{output:#?}");
    let expected = "the variable REPROQ_PROGRESS is invalid: it must be auto, plain, json or none; found `bars`";
    assert!(output.stderr.contains(expected), "{output:#?}");
    assert_eq!(context.github.requests().len(), 0);
}
