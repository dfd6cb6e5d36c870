//! `doctor`: every area is checked, each finding that is not ok has a hint, and only problems fail.

use std::fs;

use fake_github::FakeGitHub;
use fake_github::TokenKind;
use serde_json::Value;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::program_under_test;

fn report(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).expect("a document")
}

/// The findings of one area, with their severity.
fn findings(output: &Output, area: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let report = report(output);
    let findings = report["findings"].as_array().expect("a list").iter();
    let of_area = findings.filter(|finding| finding["area"] == area);
    of_area.map(|finding| (text(&finding["grade"]), text(&finding["sentence"]))).collect()
}

fn every_flaw_has_a_hint(output: &Output) {
    for finding in report(output)["findings"].as_array().expect("a list") {
        assert!(
            finding["grade"] == "fine" || finding["hint"].as_str().is_some_and(|hint| !hint.is_empty()),
            "{finding}"
        );
    }
}

#[test]
fn a_whole_project_has_no_problem_and_nothing_is_written() {
    let context = Context::released();
    context.succeed(&["install"]);
    let before = context.inventory();
    context.github.clear_log();
    let output = context.succeed(&["doctor", "--json"]);
    assert_eq!(context.inventory(), before);
    assert!(context.github.requests().is_empty(), "without --network no request is made");
    assert_eq!(
        findings(&output, "installed")[0].1,
        "v0.0.144 (`digest`): the binary, its receipt and the lockfile agree"
    );
    assert!(findings(&output, "which")[0].1.contains("will run"), "{output:#?}");
    assert!(
        findings(&output, "settings").iter().any(|(_, line)| line.contains("from the variable REPROQ_GITHUB_API_URL"))
    );
    let human = context.succeed(&["doctor"]);
    assert!(human.stdout.ends_with("No problems.\n"), "{human:#?}");
    assert_eq!(context.succeed(&["doctor", "-q"]).stdout, "");
}

#[test]
fn problems_are_counted_and_fail() {
    let context = Context::released();
    let empty = context.run(&["doctor", "--json"]);
    assert_eq!(empty.code, 1, "{empty:#?}");
    assert_eq!(findings(&empty, "installed")[0].0, "warning");
    assert_eq!(findings(&empty, "which")[0], ("problem".to_owned(), "no worker will run".to_owned()));
    let human = context.run(&["doctor"]);
    assert!(human.stdout.ends_with("1 problem, 1 warning.\n"), "{human:#?}");
    context.succeed(&["install"]);
    fs::write(context.binary(), "something else").expect("written");
    let output = context.run(&["doctor", "--json"]);
    assert_eq!(output.code, 1, "{output:#?}");
    assert_eq!(findings(&output, "installed")[0].0, "problem");
    every_flaw_has_a_hint(&output);
    fs::write(context.lockfile(), "version = 9\n").expect("written");
    let output = context.run(&["doctor", "--json"]);
    assert!(findings(&output, "installed")[0].1.contains("its format is 9"), "{output:#?}");
    every_flaw_has_a_hint(&output);
}

#[test]
fn settings_that_keep_every_request_from_being_made_are_problems() {
    let mut context = Context::released();
    context.succeed(&["install"]);
    let broken = context.root().join("broken.pem");
    fs::write(&broken, "no certificate\n").expect("written");
    for (variable, value) in [
        ("SSL_CERT_FILE", context.root().join("nowhere.pem").to_str().expect("UTF-8")),
        ("SSL_CERT_FILE", broken.to_str().expect("UTF-8")),
        ("SSL_CERT_DIR", context.root().join("nowhere").to_str().expect("UTF-8")),
        ("HTTPS_PROXY", "http://u:hunter2 x@proxy:3128"),
        ("ALL_PROXY", "gopher://u:hunter2@proxy:3128"),
    ] {
        context.set(variable, value);
        for arguments in
            [&["doctor", "--json"][..], &["doctor", "--json", "--network"], &["doctor", "--json", "--offline"]]
        {
            let output = context.run(arguments);
            assert_eq!(output.code, 1, "{output:#?}");
            let found = findings(&output, "network");
            assert_eq!(found.len(), 1, "{output:#?}");
            assert!(found[0].1.starts_with(&format!("the variable {variable} is invalid: ")), "{output:#?}");
            assert!(!output.stdout.contains("hunter2"), "{output:#?}");
            every_flaw_has_a_hint(&output);
        }
        let human = context.run(&["doctor"]);
        assert!(human.stdout.ends_with("1 problem.\n"), "{human:#?}");
        context.set(variable, "");
    }
    context.succeed(&["doctor"]);
}

#[test]
fn a_repository_without_release_pages_is_a_problem() {
    let mut context = Context::released();
    context.succeed(&["install"]);
    context.set("REPROQ_REPOSITORY", "acme/misspelt");
    let output = context.run(&["doctor", "--json", "--network"]);
    assert_eq!(output.code, 1, "{output:#?}");
    let pages = &findings(&output, "network")[1];
    assert_eq!(pages.0, "problem", "{output:#?}");
    assert!(pages.1.contains("/acme/misspelt/releases/latest returned HTTP 404"), "{output:#?}");
    every_flaw_has_a_hint(&output);
    // A private repository is visible with the token.
    context.repo().private();
    context.github.token("ghp_read_token", TokenKind::Read);
    context.set("REPROQ_REPOSITORY", "").set("GH_TOKEN", "ghp_read_token");
    let output = context.succeed(&["doctor", "--json", "--network"]);
    assert!(findings(&output, "network")[1].1.contains("is private"), "{output:#?}");
}

#[test]
fn each_token_is_checked() {
    let mut context = Context::released();
    context.succeed(&["install"]);
    context.github.token("ghp_read_token", TokenKind::Read);
    context.set("REPROQ_GITHUB_TOKEN", "this is none").set("GH_TOKEN", "ghp_expired_token");
    context.set("GITHUB_TOKEN", "ghp_read_token");
    let output = context.run(&["doctor", "--json", "--network"]);
    assert_eq!(output.code, 1, "{output:#?}");
    let tokens = findings(&output, "token");
    let starts = [
        "the variable REPROQ_GITHUB_TOKEN is invalid",
        "GitHub refused the token from GH_TOKEN (HTTP 401)",
        "the token from GITHUB_TOKEN is valid",
    ];
    for start in starts {
        assert!(tokens.iter().any(|(_, line)| line.starts_with(start)), "{start}: {output:#?}");
    }
    every_flaw_has_a_hint(&output);
}

#[test]
fn each_host_is_checked_separately() {
    let mut context = Context::released();
    context.succeed(&["install"]);
    context.github.clear_log();
    context.github.token("ghp_read_token", TokenKind::Read);
    context.set("GH_TOKEN", "ghp_read_token");
    let output = context.succeed(&["doctor", "--network", "--json"]);
    let hosts = findings(&output, "network");
    let roles: Vec<&str> = hosts.iter().map(|(_, line)| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(roles, ["API", "release pages", "files"], "{output:#?}");
    assert!(hosts.iter().all(|(grade, _)| grade == "fine"), "{output:#?}");
    let token = findings(&output, "token");
    assert!(token[0].1.contains("the token from GH_TOKEN is valid"), "{output:#?}");
    assert!(token[1].1.contains("requests per hour left"), "{output:#?}");
    assert!(!output.stdout.contains("ghp_read_token"));
    let files = context.github.requests_to(&fake_github::Matcher::objects());
    assert_eq!(files[0].header("range"), Some("bytes=0-0"), "no asset is downloaded");
}

#[test]
fn a_blocking_file_is_named() {
    let mut context = Context::released();
    context.set("GH_TOKEN", "ghp_expired_token");
    let output = context.run(&["doctor", "--network", "--json"]);
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(findings(&output, "token")[0].1.contains("GitHub refused the token from GH_TOKEN"), "{output:#?}");

    context.set("GH_TOKEN", "").set("REPROQ_GITHUB_API_URL", "http://127.0.0.1:9");
    let output = context.run(&["doctor", "--network", "--json"]);
    assert_eq!(output.code, 1, "{output:#?}");
    let hosts = findings(&output, "network");
    assert_eq!((hosts[0].0.as_str(), hosts[1].0.as_str()), ("problem", "fine"), "{output:#?}");
    every_flaw_has_a_hint(&output);

    context.set("REPROQ_GITHUB_API_URL", "https://no-such-host.invalid");
    let output = context.run(&["doctor", "--network", "--json"]);
    assert!(findings(&output, "network")[0].1.contains("could not resolve"), "{output:#?}");
    assert_eq!(context.run(&["doctor", "--network", "--offline"]).code, 2);
}

#[test]
fn the_issuer_of_a_certificate_is_shown_and_an_untrusted_one_is_a_problem() {
    let mut context = Context::with(FakeGitHub::start_tls());
    context.release("v0.0.144");
    let output = context.run(&["doctor", "--network", "--json"]);
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(findings(&output, "network")[0].1.contains("certificate"), "{output:#?}");
    let authority = context.root().join("authority.pem");
    fs::write(&authority, context.github.ca_pem()).expect("written");
    context.set("SSL_CERT_FILE", authority.to_str().expect("UTF-8"));
    context.succeed(&["install"]);
    let output = context.succeed(&["doctor", "--network", "--json"]);
    assert!(findings(&output, "network")[0].1.contains("certificate by "), "{output:#?}");
}

/// A wheel puts this command on the project's `PATH`, which is the last location where Django looks for the worker.
#[test]
fn this_command_on_path_is_explained_before_and_after_an_install() {
    let mut context = Context::released();
    let directory = std::path::Path::new(program_under_test()).parent().expect("a directory");
    context.set("PATH", format!("{}:/usr/bin:/bin", directory.display()));
    let before = context.run(&["doctor", "--no-django"]);
    assert_eq!(before.code, 1);
    assert!(before.stdout.contains("from PATH, which is this command, not the worker"), "{}", before.stdout);
    assert!(
        before.stdout.contains("run `reproq install`: the project's own worker takes precedence"),
        "{}",
        before.stdout
    );

    let order =
        "in this order: settings.REPROQ_WORKER_BIN, the variable REPROQ_WORKER_BIN, ./.reproq/bin/reproq, the package";
    let installed = context.succeed(&["install", "--no-django"]).stdout;
    assert!(installed.contains(order) && installed.contains("On PATH, `reproq` is this command ("), "{installed}");
    let after = context.succeed(&["doctor", "--no-django"]).stdout;
    assert!(after.contains(order) && after.contains("on PATH, `reproq` is this command ("), "{after}");

    // A worker that is found from every directory needs no explanation; neither does a PATH without this command.
    context.set("REPROQ_WORKER_BIN", context.binary().to_str().expect("UTF-8").to_owned());
    assert!(!context.succeed(&["doctor", "--no-django"]).stdout.contains("this command ("));
    context.set("REPROQ_WORKER_BIN", "").set("PATH", "/usr/bin:/bin");
    assert!(!context.succeed(&["doctor", "--no-django"]).stdout.contains("this command ("));
}
