//! Tokens and passwords never appear in a stream, a file or a child's environment, in success or failure.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::Proxy;
use fake_github::ReleaseSpec;
use fake_github::TokenKind;
use serde_json::json;

use super::quiet;
use super::world;
use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::fault_table::record_as;
use crate::support::releases::repo;
use crate::support::releases::version;
use crate::support::releases::with_versions;
use crate::support::workers;

const TOKEN: &str = "ghp_0secret0of0reproq";

/// Every secret in the environment; none is part of another.
const SECRETS: [&str; 5] =
    [TOKEN, "ghp_1secret1of1gh", "ghs_2secret2of2actions", "ghe_3secret3of3enterprise", "s3cret-of-the-proxy"];

/// A context whose environment contains every secret, some of them several times.
fn with_secrets(mut context: Context) -> Context {
    context.github.token(TOKEN, TokenKind::Write);
    context.github.token("ghp_1secret1of1gh", TokenKind::Write);
    let api = context.github.api_url();
    let variables = [
        ("REPROQ_GITHUB_TOKEN", SECRETS[0].to_owned()),
        ("GH_TOKEN", SECRETS[1].to_owned()),
        ("GITHUB_TOKEN", SECRETS[2].to_owned()),
        ("GH_ENTERPRISE_TOKEN", SECRETS[3].to_owned()),
        ("INPUT_TOKEN", SECRETS[0].to_owned()),
        ("MIRROR", format!("https://x:{}@mirror.test/", SECRETS[1])),
        ("HTTPS_PROXY", format!("http://builder:{}@127.0.0.1:1", SECRETS[4])),
        ("NO_PROXY", "127.0.0.1".to_owned()),
        ("REPROQ_GITHUB_API_URL", api.clone()),
        ("GITHUB_API_URL", api),
        ("GITHUB_STEP_SUMMARY", context.root().join("summary").display().to_string()),
        ("GITHUB_OUTPUT", context.root().join("outputs").display().to_string()),
        ("RUST_BACKTRACE", "1".to_owned()),
    ];
    for (name, value) in variables {
        context.set(name, value);
    }
    context
}

/// Runs a command with verbose output and with `--json`, and searches its output for every secret.
fn say(context: &Context, arguments: &[&str]) -> Vec<i32> {
    let mut codes = Vec::new();
    for voice in ["-v", "--json"] {
        let output = context.run(&[arguments, &[voice]].concat());
        quiet(&output);
        for secret in SECRETS {
            assert!(!format!("{output:?}").contains(secret), "{secret}: {output:#?}");
        }
        codes.push(output.code);
    }
    codes
}

/// Searches every file of the test for every secret, except those in `except`.
fn nothing_is_kept(context: &Context, except: &[&str]) {
    for (path, (_, contents)) in world(context.root()) {
        for secret in SECRETS.iter().filter(|secret| !except.contains(*secret)) {
            let is_there = contents.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!is_there, "{secret} is in {}", path.display());
        }
    }
}

fn stand_in(context: &Context, name: &str, script: &str) {
    let path = context.root().join(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
}

#[test]
fn the_worker_under_test_has_no_environment() {
    let context = with_secrets(Context::new());
    context.repo().add(ReleaseSpec::new("v0.0.144").file(&asset_name(), workers::hostile("tell")));
    assert_eq!(say(&context, &["install", "--force"]), [0; 2]);
    assert_eq!(fs::read_to_string(context.project().join("environment")).expect("it told"), "");
    nothing_is_kept(&context, &[]);
    record_as(Part::Hostile, "secrets: a worker that prints its environment", "0", "nothing of it", "the new binary");
}

/// Go needs the proxy's own password to fetch modules, and the project's Python has it anyway.
#[test]
fn children_see_no_token_under_any_name() {
    let mut context = with_secrets(Context::new());
    context.sibling_checkout();
    fs::write(
        context.project().join("manage.py"),
        "import django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x')\n",
    )
    .expect("written");
    let dump = |name: &str| format!("env >> '{}'", context.root().join(name).display());
    let (go, git, python) = (dump("of-go"), dump("of-git"), dump("of-python"));
    stand_in(
        &context,
        "tools/go",
        &format!("{go}; case \"$*\" in *env*) echo go1.99.0; exit 0;; esac; env >&2; exit 1"),
    );
    stand_in(&context, "tools/git", &format!("{git}; env >&2; exit 1"));
    stand_in(&context, "work/project/.venv/bin/python", &format!("{python}; env >&2; exit 1"));
    context.set("PATH", format!("{}:/usr/bin:/bin", context.root().join("tools").display()));
    assert_eq!(say(&context, &["install", "--build"]), [1; 2]);
    assert_eq!(say(&context, &["which", "--all"]), [4; 2]);
    assert_eq!(say(&context, &["release", "list"]), [2; 2]);
    for (name, sees_the_proxy) in [("of-go", true), ("of-git", false), ("of-python", true)] {
        let seen = fs::read_to_string(context.root().join(name)).expect("it was started");
        assert!(seen.contains("PATH="), "{name}: {seen}");
        assert_eq!(seen.contains(SECRETS[4]), sees_the_proxy, "{name}: {seen}");
        for name in ["TOKEN", "MIRROR"] {
            assert!(!seen.contains(name), "{name}: {seen}");
        }
        fs::write(context.root().join(name), seen.replace(SECRETS[4], "")).expect("written");
    }
    nothing_is_kept(&context, &[]);
    let seen = "no token, by whatever name; Go and the project's Python see HTTPS_PROXY";
    record_as(Part::Hostile, "secrets: go, git and Python that print their environment", "1", seen, "no binary");
}

/// Servers, proxies and debugging tools may echo requests.
#[test]
fn a_response_that_echoes_the_token_is_redacted() {
    let echo = format!("you sent Authorization: Bearer {TOKEN}, and {TOKEN} is bad");
    let headers = vec![
        ("X-GitHub-Request-Id".to_owned(), TOKEN.to_owned()),
        ("X-Accepted-GitHub-Permissions".to_owned(), format!("contents={TOKEN}")),
    ];
    for code in [401, 403, 404, 422, 500] {
        let mut context = with_secrets(with_versions(3));
        context.set("REPROQ_HTTP_TIMEOUT", "1");
        let body = json!({ "message": echo }).to_string();
        let refuse = || Fault::Status { code, headers: headers.clone(), body: body.clone() };
        context.github.fault(Matcher::any().method("DELETE").always(), refuse());
        let output = context.run(&["release", "prune", "--keep", "1", "--max-wait", "1s", "--json"]);
        assert_ne!(output.code, 0, "{code}: {output:#?}");
        nothing_is_kept(&context, &[]);
        if code == 403 {
            record(
                Part::Hostile,
                "secrets: an answer repeats the token, prune",
                &context,
                &output,
                "a record without it",
            );
        }
        context.github.clear_faults();
        if code < 500 {
            context.github.fault(Matcher::api().always(), refuse());
            say(&context, &["install", "--no-build"]);
            say(&context, &["release", "list"]);
            say(&context, &["release", "check"]);
            nothing_is_kept(&context, &[]);
        }
    }
}

#[test]
fn no_successful_command_prints_the_token() {
    let context = with_secrets(with_versions(4));
    context.release("v0.0.144");
    repo(&context).add(version(9));
    assert_eq!(say(&context, &["install", "--no-django"]), [0; 2]);
    assert_eq!(say(&context, &["install", "--no-django", "--force"]), [0; 2]);
    assert_eq!(say(&context, &["install", "--no-django", "--dry-run", "--tag", "latest"]), [0; 2]);
    assert_eq!(say(&context, &["which", "--no-django"]), [0; 2]);
    for command in
        [&["lock"][..], &["verify"], &["versions"], &["upgrade"], &["cache", "dir"], &["cache", "list"], &["doctor"]]
    {
        say(&context, command);
    }
    say(&context, &["rollback"]);
    assert_eq!(say(&context, &["release", "list"]), [0; 2]);
    assert_eq!(say(&context, &["release", "check"]), [1; 2]);
    assert_eq!(say(&context, &["release", "prune", "--keep", "3", "--dry-run", "--plan-out", "plan.json"]), [0; 2]);
    assert_eq!(
        say(&context, &["release", "prune", "--keep", "3", "--audit", "audit.jsonl", "--archive", "saved"]),
        [0; 2]
    );
    assert_eq!(say(&context, &["release", "restore", "--from", "audit.jsonl", "--tags-only"]), [0; 2]);
    assert_eq!(say(&context, &["release", "checksums", "saved"])[0], 4);
    for name in ["summary", "outputs", "work/project/audit.jsonl", "work/project/plan.json"] {
        assert!(context.root().join(name).is_file(), "{name} was written and looked into");
    }
    nothing_is_kept(&context, &[]);
    let of_prune = context.github.requests_to(&Matcher::web());
    assert!(of_prune.iter().all(|request| request.header("authorization").is_none()), "{of_prune:#?}");
}

/// URLs with credentials: refused, and not printed.
#[test]
fn urls_with_a_password_are_not_printed() {
    let secret = SECRETS[1];
    for (fault, name, value) in [
        ("the API's address", "REPROQ_GITHUB_API_URL", format!("https://x:{secret}@git.test")),
        ("an unencrypted address", "REPROQ_GITHUB_API_URL", format!("http://{secret}@git.test")),
        ("an address that is none", "REPROQ_GITHUB_SERVER_URL", format!("https://x:{secret}@git.test:port")),
        ("a repository's address", "REPROQ_REPOSITORY", format!("https://x:{secret}@github.com/acme/tool")),
        ("another repository's address", "GITHUB_REPOSITORY", format!("https://x:{secret}@github.com/acme/tool")),
        ("a token with a line feed in it", "REPROQ_GITHUB_TOKEN", format!("{secret}\nx")),
        ("a checkout's address", "REPROQ_WORKER_SOURCE", format!("https://x:{secret}@github.com/acme/tool")),
    ] {
        let mut context = with_secrets(Context::released());
        context.set(name, value.clone()).set("GH_TOKEN", "ghp_another0one");
        for arguments in [&["install", "--offline", "--force"][..], &["release", "list"], &["which"]] {
            say(&context, arguments);
        }
        nothing_is_kept(&context, &[]);
        // Each command checks only the variables that it reads.
        let command = if name.starts_with("REPROQ_GITHUB") { &["install"][..] } else { &["release", "list"] };
        let output = context.run(command);
        if name != "REPROQ_WORKER_SOURCE" {
            record(Part::Hostile, &format!("secrets: {fault} with a password"), &context, &output, "nothing");
        }
    }
    for option in ["--github-api-url", "--github-server-url", "--repo", "--source", "--tag", "--target", "--require"] {
        let mut context = with_secrets(Context::released());
        context.set("GH_TOKEN", "ghp_another0one");
        say(&context, &["install", option, &format!("https://x:{secret}@git.test/acme/tool")]);
        nothing_is_kept(&context, &[]);
    }
    let context = with_secrets(Context::released());
    let project = context.project();
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command
            .args(arguments)
            .current_dir(&project)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", "/nonexistent");
        command.status().is_ok_and(|status| status.success())
    };
    if git(&["init", "-q"]) {
        assert!(git(&["config", "remote.origin.url", &format!("https://x:{secret}@gitlab.test/acme/tool.git")]));
        assert_eq!(say(&context, &["release", "list"]), [2; 2]);
    }
}

/// The proxy's refusal does not repeat the credentials.
#[test]
fn a_proxys_password_is_sent_only_to_the_proxy() {
    let mut context = Context::with(FakeGitHub::start_tls());
    context.release("v0.0.144");
    let mut context = {
        let authority = context.root().join("ca.pem");
        fs::write(&authority, context.github.ca_pem()).expect("written");
        context.set("SSL_CERT_FILE", authority.to_str().expect("UTF-8"));
        with_secrets(context)
    };
    let proxy = Proxy::start();
    // Loopback is never requested through a proxy.
    let named = |url: String| url.replace("127.0.0.1", "github.test");
    let (api, web) = (named(context.github.api_url()), named(context.github.web_url()));
    context.set("REPROQ_GITHUB_API_URL", api).set("REPROQ_GITHUB_SERVER_URL", web);
    let address = proxy.url().replace("http://", &format!("http://builder:{}@", SECRETS[4]));
    context.set("HTTPS_PROXY", address).set("NO_PROXY", "").set("REPROQ_CACHE_SIZE", "0");
    assert_eq!(say(&context, &["install", "--no-django", "--force"]), [0; 2]);
    assert!(!proxy.asked().is_empty());
    proxy.refuse(Some(407));
    assert_eq!(say(&context, &["install", "--no-django", "--force", "--no-build"]), [6; 2]);
    let output = context.run(&["install", "--no-django", "--force", "--no-build"]);
    record(
        Part::Hostile,
        "secrets: a proxy that refuses its password",
        &context,
        &output,
        "the new binary, nothing in staging",
    );
    nothing_is_kept(&context, &[]);
}

/// A project names the server; the token is not sent unless the user names it, too.
#[test]
fn a_project_cannot_have_the_token_sent_to_its_server() {
    let mut context = with_secrets(Context::released());
    let api = context.github.api_url();
    fs::write(context.project().join("pyproject.toml"), format!("[tool.reproq]\ngithub-api-url = \"{api}\"\n"))
        .expect("written");
    context.set("GITHUB_API_URL", "").set("GITHUB_SERVER_URL", "").set("GITHUB_REPOSITORY", "adpena/reproq-worker");
    let output = context.run(&["release", "list"]);
    assert_eq!(output.code, 0, "{output:#?}");
    assert!(output.stderr.contains("the token from REPROQ_GITHUB_TOKEN is not sent to 127.0.0.1"), "{output:#?}");
    let requests = context.github.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| request.header("authorization").is_none()));
    record(Part::Hostile, "secrets: a project that names another server", &context, &output, "nothing");
    context.set("GITHUB_API_URL", api);
    context.github.clear_log();
    context.succeed(&["release", "list"]);
    assert!(context.github.requests().iter().any(|request| request.header("authorization").is_some()));
}
