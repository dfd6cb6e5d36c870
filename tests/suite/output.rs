//! What every command has in common: help, versions, wrong usage, pipes that close, secrets that stay secret.

use std::fs;
use std::io::Read;

use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::workers;

#[test]
fn the_version_cannot_be_taken_for_the_workers() {
    let context = Context::new();
    let output = context.succeed(&["--version"]);
    assert!(output.stdout.starts_with(concat!("reproq-cli ", env!("CARGO_PKG_VERSION"), " (")), "{output:#?}");
}

#[test]
fn help_is_data() {
    let context = Context::new();
    insta::assert_snapshot!(context.shown(&["--help"]));
    insta::assert_snapshot!(context.shown(&["install", "-h"]));
}

#[test]
fn wrong_usage_is_2() {
    let context = Context::new();
    insta::assert_snapshot!(context.shown(&["instal"]));
    insta::assert_snapshot!(context.shown(&["install", "--tag", "a b"]));
    insta::assert_snapshot!(context.shown(&["install", "--bogus", "--json"]));
    insta::assert_snapshot!(context.shown(&["-C", "/nowhere", "which"]));
    assert_eq!(context.github.requests().len(), 0);
}

/// A log has one line per fact; an empty one has none.
#[test]
fn a_failure_leaves_no_empty_line() {
    let context = Context::new();
    for arguments in [&["install"][..], &["which"], &["install", "--tag", "v9.9.9"]] {
        let output = context.run(arguments);
        assert!(output.code != 0 && output.stderr.contains("hint: "), "{output:#?}");
        assert!(output.stderr.lines().all(|line| !line.is_empty()), "{output:#?}");
    }
}

/// Where the cells of a row begin: at its first character and wherever two blanks end.
fn starts(line: &str) -> Vec<usize> {
    let indent = line.len() - line.trim_start().len();
    let begins = (indent + 2..line.len()).filter(|&at| line[..at].ends_with("  ") && !line[at..].starts_with(' '));
    [indent].into_iter().chain(begins).collect()
}

#[test]
fn columns_begin_under_each_other_in_every_listing() {
    let context = Context::new();
    for tag in ["v0.0.9", "v0.0.144"] {
        let release = fake_github::ReleaseSpec::new(tag)
            .file(&asset_name(), workers::bytes(tag.trim_start_matches('v')))
            .file("reproq-darwin-arm64", vec![b'x'; 5])
            .file("reproq-windows-amd64.exe", vec![b'x'; 5000]);
        context.repo().add(release);
    }
    context.succeed(&["install", "--tag", "v0.0.9"]);
    context.succeed(&["upgrade"]);
    for (arguments, rows) in [
        (&["lock", "--tag", "v0.0.9"][..], &["  darwin-arm64", "  linux-", "  windows-amd64"][..]),
        (&["bundle", "create", "--target", "all", "-o", "worker.tar"], &["  reproq-"]),
        (&["bundle", "inspect", "worker.tar"], &["  reproq-"]),
        (&["mirror", "sync", "releases"], &["  v0.0."]),
        (&["versions"], &["v0.0."]),
        (&["cache", "list"], &["adpena/reproq-worker"]),
    ] {
        let output = context.succeed(arguments);
        let part = output.stdout.lines().take_while(|line| !line.is_empty());
        let rows = part.filter(|line| rows.iter().any(|row| line.starts_with(row)));
        let starts: Vec<Vec<usize>> = rows.map(starts).collect();
        assert!(starts.len() > 1 && starts[0].len() > 1, "{output:#?}");
        for row in &starts {
            let both = row.len().min(starts[0].len());
            assert_eq!(row[..both], starts[0][..both], "{arguments:?}: {output:#?}");
        }
    }
}

#[test]
fn broken_settings_are_2_and_name_their_place() {
    let mut context = Context::new();
    fs::write(context.project().join("pyproject.toml"), "[tool.reproq]\nrequire = 3\n").expect("written");
    insta::assert_snapshot!(context.shown(&["install"]));
    fs::write(context.project().join("pyproject.toml"), "[tool.reproq\n").expect("written");
    insta::assert_snapshot!(context.shown(&["which", "--json"]));
    fs::remove_file(context.project().join("pyproject.toml")).expect("removed");
    context.set("REPROQ_GITHUB_API_URL", "http://example.org");
    insta::assert_snapshot!(context.shown(&["install"]));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let context = Context::released();
    context.succeed(&["install"]);
    let mut child = context.spawn(&["which", "--all"]);
    drop(child.stdout.take());
    assert!(child.wait().expect("ended").success());
}

#[test]
fn colours_are_for_those_who_want_them() {
    let context = Context::released();
    let plain = context.succeed(&["install"]);
    assert!(!plain.stdout.contains('\u{1b}') && !plain.stderr.contains('\u{1b}'));
    let colored = context.succeed(&["which", "--color", "always"]);
    assert!(colored.stdout.contains('\u{1b}'));
    let json = context.succeed(&["which", "--color", "always", "--json"]);
    assert!(!json.stdout.contains('\u{1b}'));
}

#[test]
fn escape_codes_of_others_do_not_reach_the_terminal() {
    let context = Context::new();
    let evil = "reproq-\u{1b}[31mevil";
    context.repo().add(fake_github::ReleaseSpec::new("v0.0.144").file(evil, b"x".to_vec()));
    let output = context.run(&["install"]);
    assert_eq!(output.code, 4, "{output:#?}");
    assert!(!output.stderr.contains('\u{1b}') && output.stderr.contains("\\x1b[31mevil"), "{output:#?}");
}

#[test]
fn a_token_in_a_message_is_redacted() {
    let mut context = Context::released();
    context.github.token("ghp_abcdefghij", fake_github::TokenKind::Read);
    context.set("GH_TOKEN", "ghp_abcdefghij");
    let output = context.run(&["install", "--tag", "ghp_abcdefghij", "--json"]);
    assert!(!output.stdout.contains("ghp_abcdefghij") && !output.stderr.contains("ghp_abcdefghij"), "{output:#?}");
    assert!(output.stdout.contains("[redacted]"), "{output:#?}");
}

#[test]
fn a_terminal_sees_one_line_per_step_through_a_pipe() {
    let context = Context::released();
    let mut child = context.spawn(&["install"]);
    let mut text = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut text).expect("text");
    assert!(child.wait().expect("ended").success());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].starts_with("Downloading reproq-"), "{text}");
}
