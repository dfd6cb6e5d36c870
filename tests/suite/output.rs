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

/// Log output has no empty lines.
#[test]
fn a_failure_leaves_no_empty_line() {
    let context = Context::new();
    for arguments in [&["install"][..], &["which"], &["install", "--tag", "v9.9.9"]] {
        let output = context.run(arguments);
        assert!(output.code != 0 && output.stderr.contains("hint: "), "{output:#?}");
        assert!(output.stderr.lines().all(|line| !line.is_empty()), "{output:#?}");
    }
}

/// The start positions of a row's cells: its first character and after every two spaces.
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
fn a_closed_pipe_is_not_a_failure() {
    let context = Context::released();
    context.succeed(&["install"]);
    let mut child = context.spawn(&["which", "--all"]);
    drop(child.stdout.take());
    assert!(child.wait().expect("ended").success());
}

#[test]
fn colors_are_optional() {
    let context = Context::released();
    let plain = context.succeed(&["install"]);
    assert!(!plain.stdout.contains('\u{1b}') && !plain.stderr.contains('\u{1b}'));
    let colored = context.succeed(&["which", "--color", "always"]);
    assert!(colored.stdout.contains('\u{1b}'));
    let json = context.succeed(&["which", "--color", "always", "--json"]);
    assert!(!json.stdout.contains('\u{1b}'));
}

#[test]
fn external_escape_codes_do_not_reach_the_terminal() {
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

/// Upstream's own `manage.py reproq worker` may find this program on PATH, and users may type its commands here.
fn answers_with_hint(context: &Context, word: &str, arguments: &[&str]) {
    let output = context.run(arguments);
    assert_eq!(output.code, 2, "{output:#?}");
    let says = format!("error: `{word}` is a command of `manage.py reproq`");
    assert!(output.stderr.starts_with(&says) && output.stderr.contains("\nhint: "), "{output:#?}");
}

#[test]
fn commands_of_manage_py_get_a_hint() {
    let context = Context::new();
    // These do the same as ours, with the right options.
    for word in [
        "migrate-worker",
        "status",
        "pause-queue",
        "resume-queue",
        "logs",
        "cancel",
        "reclaim",
        "prune-workers",
        "prune-successful",
        "sync-recurring",
    ] {
        answers_with_hint(&context, word, &["-v", word, "--dsn", "postgres://x", "42"]);
    }
    for word in ["pg-cron", "check", "stress-test", "allowlist", "prune"] {
        answers_with_hint(&context, word, &[word]);
        answers_with_hint(&context, word, &["-v", word, "--dsn", "postgres://x", "42"]);
        let output = context.run(&["--json", word]);
        let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("a document");
        assert_eq!((document["exit_code"].as_u64(), output.code), (Some(2), 2));
        assert!(document["hints"][0].as_str().is_some_and(|hint| hint.contains('`')), "{document}");
    }
    insta::assert_snapshot!("upstream_pg_cron", context.shown(&["pg-cron", "--install"]));
    insta::assert_snapshot!("upstream_translated", context.shown(&["pause-queue", "mail", "--reason", "down"]));
    insta::assert_snapshot!(context.shown(&["check", "--strict"]));
    // Any other unknown command is a usage error.
    assert!(context.run(&["wroker"]).stderr.contains("unrecognized subcommand"));
}

#[test]
fn help_is_also_a_command() {
    let context = Context::new();
    let output = context.succeed(&["help", "release", "prune"]);
    assert!(output.stdout.contains("--keep"), "{output:#?}");
    assert_eq!(context.succeed(&["help"]).stdout, context.succeed(&["--help"]).stdout);
}

#[test]
fn durations_sizes_and_levels_have_one_syntax() {
    let mut context = Context::released();
    for timeout in ["0", "5m", "24h", "90s"] {
        context.succeed(&["install", "--no-django", "--lock-timeout", timeout]);
        context.succeed(&["which", "--no-django", "--django-timeout", timeout]);
    }
    for size in ["512", "512MiB", "1GiB"] {
        context.succeed(&["cache", "prune", "--max-size", size]);
        context.set("REPROQ_CACHE_SIZE", size);
        context.succeed(&["cache", "list"]);
    }
    context.set("REPROQ_CACHE_SIZE", "").set("REPROQ_HTTP_TIMEOUT", "1m");
    context.succeed(&["install", "--no-django", "--force", "--tag", "latest"]);
    for (arguments, says) in [
        (&["install", "--lock-timeout", "5min"][..], "5m or 24h"),
        (&["which", "--django-timeout", "1.5s"], "5m or 24h"),
        (&["cache", "prune", "--max-size", "2GB"], "2GiB"),
        (
            &["install", "--require", "perfect"],
            "[possible values: attested, released, pinned, digest, checksum, built]",
        ),
        (&["release", "prune", "--keep", "3", "--order", "newest"], "[possible values: both, semver, published]"),
        (&["release", "prune", "--keep", "3", "--max-wait", "soon"], "5m or 24h"),
        (&["release", "prune", "--keep", "3", "--min-age", "24"], "24h"),
    ] {
        let output = context.run(arguments);
        assert_eq!(output.code, 2, "{output:#?}");
        assert!(output.stderr.contains(says), "{says}: {output:#?}");
    }
    for value in ["soon", "0", "2h"] {
        context.set("REPROQ_HTTP_TIMEOUT", value);
        let output = context.run(&["versions"]);
        assert!(output.code == 2 && output.stderr.contains("REPROQ_HTTP_TIMEOUT"), "{output:#?}");
    }
}

/// One line for each request with its cost; only with `-v`.
#[test]
fn verbose_output_shows_each_request() {
    let mut context = Context::released();
    let token = "ghp_0123456789secret";
    context.github.token(token, fake_github::TokenKind::Read);
    context.set("GH_TOKEN", token).set("REPROQ_CACHE_SIZE", "0");
    let output = context.succeed(&["-v", "install", "--no-django"]);
    let shown: Vec<&str> = output.stderr.lines().filter(|line| line.starts_with("debug: GET ")).collect();
    assert_eq!(shown.len(), context.github.requests().len(), "{output:#?}");
    let worker = workers::bytes("0.0.144").len();
    let has = |start: &str, end: &str| {
        shown.iter().any(|line| line.starts_with(&format!("debug: GET {start}")) && line.ends_with(end))
    };
    let (api, web) = (context.github.api_url(), context.github.web_url());
    assert!(has(&format!("{api}/repos/adpena/reproq-worker/releases/latest: HTTP 200, "), " bytes"), "{shown:#?}");
    assert!(has(&format!("{web}/adpena/reproq-worker/releases/download/v0.0.144/"), " ms, 0 bytes"), "{shown:#?}");
    assert!(has("http://127.0.0.1:", &format!(" ms, {worker} bytes")), "{shown:#?}");
    // The asset host's URL is signed.
    assert!(shown.iter().any(|line| line.contains("?…: HTTP 200")), "{shown:#?}");
    assert!(!output.stderr.contains(token) && !output.stderr.contains("sig="), "{output:#?}");
    let plain = context.succeed(&["install", "--no-django", "--force", "--tag", "latest"]);
    assert!(!plain.stderr.contains("GET "), "{plain:#?}");
    context.set("REPROQ_GITHUB_API_URL", "http://127.0.0.1:9").set("REPROQ_MIRROR", "");
    let output = context.run(&["-v", "install", "--no-django", "--no-build", "--force", "--tag", "latest"]);
    assert!(output.stderr.contains("debug: GET http://127.0.0.1:9/repos/"), "{output:#?}");
    assert!(output.stderr.contains(": no response, "), "{output:#?}");
}
