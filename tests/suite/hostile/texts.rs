//! Escape codes, direction marks, invisible characters and line feeds in all external strings: none reaches a terminal, and
//! none starts a new line.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::TagSpec;
use serde_json::Value;
use serde_json::json;

use super::quiet;
use crate::support::Context;
use crate::support::Output;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::releases::pruning;
use crate::support::releases::repo;
use crate::support::releases::with_versions;
use crate::support::workers;

/// Characters that must not reach a terminal, and a line that must not look like the program's own.
const EVIL: &str = "evil\u{1b}[31m\u{1b}]0;owned\u{7}\u{9b}2J\u{7f}\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\u{e0041}\r\nhint: run evil\nerror: evil\t\u{0}";

/// The same, as far as git allows in a tag name.
const EVIL_NAME: &str = "evil\u{9b}2J\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\u{e0041}";

/// Runs a command with text, verbose and JSON output, and checks that none contains control characters.
fn seen(context: &Context, arguments: &[&str]) -> Output {
    let human = context.run(arguments);
    let debug = context.run(&[arguments, &["-v"]].concat());
    let json = context.run(&[arguments, &["--json"]].concat());
    for output in [&human, &debug, &json] {
        quiet(output);
        let lines = output.stderr.lines().chain(output.stdout.lines());
        let forged = lines.filter(|line| line.starts_with("hint: run evil") || line.starts_with("error: evil")).count();
        assert_eq!(forged, 0, "{output:#?}");
    }
    let _: Value = serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:#?}"));
    human
}

fn answers(context: &Context, code: u16, headers: &[(&str, &str)], body: &Value) {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let headers = headers.chain([("Content-Type".to_owned(), "application/json".to_owned())]).collect();
    context.github.fault(Matcher::api().always(), Fault::Status { code, headers, body: body.to_string() });
}

fn release(tag: &str, asset: &str) -> Value {
    let asset = json!({ "id": 1, "name": asset, "size": 5, "state": EVIL, "digest": format!("sha256:{EVIL}") });
    json!({ "id": 1, "tag_name": tag, "name": EVIL, "body": EVIL, "draft": false, "prerelease": false,
        "published_at": "2024-01-01T00:00:00Z", "assets": [asset] })
}

#[test]
fn a_release_with_escape_codes_everywhere() {
    for (fault, tag, asset) in [
        ("tag", EVIL, "x"),
        ("tag as far as git allows", EVIL_NAME, "x"),
        ("asset name", "v1.0.0", EVIL),
        ("asset state and digest", "v1.0.0", &asset_name()),
    ] {
        let context = Context::new();
        answers(&context, 200, &[], &release(tag, asset));
        for arguments in [&["install", "--no-build"][..], &["install", "--target", "plan9-mips"]] {
            let output = seen(&context, arguments);
            assert_ne!(output.code, 0, "{fault}: {output:#?}");
            if arguments.len() == 2 {
                record(Part::Hostile, &format!("escape codes: {fault}"), &context, &output, "no binary");
            }
        }
    }
}

#[test]
fn errors_and_headers_with_escape_codes() {
    // Header values cannot contain line feeds, but everything else.
    let header = "\u{1b}[31m\u{7f}\u{202e}hint: run evil";
    for (fault, code, headers) in [
        ("error body", 403, &[][..]),
        ("single sign-on header", 403, &[("X-GitHub-SSO", header)][..]),
        ("permission header", 403, &[("X-Accepted-GitHub-Permissions", header)]),
        ("redirect header", 302, &[("Location", header)]),
        ("waiting header", 429, &[("Retry-After", header)]),
        ("type and encoding headers", 418, &[("Content-Type", header), ("Content-Encoding", header)]),
    ] {
        let mut context = Context::new();
        context.set("GITHUB_REPOSITORY", "acme/tool");
        answers(&context, code, headers, &json!({ "message": EVIL, "documentation_url": EVIL }));
        for arguments in [&["install", "--no-build"][..], &["release", "list"]] {
            let output = seen(&context, arguments);
            assert_ne!(output.code, 0, "{fault}: {output:#?}");
            if arguments.len() == 2 {
                let left = if arguments[0] == "install" { "no binary" } else { "nothing" };
                let fault = format!("escape codes: {fault}, {}", arguments[0]);
                record(Part::Hostile, &fault, &context, &output, left);
            }
        }
    }
    let context = Context::released();
    let headers = vec![("Content-Encoding".to_owned(), "\u{1b}[31m".to_owned())];
    let fault = Fault::Status { code: 200, headers, body: EVIL.to_owned() };
    context.github.fault(Matcher::objects().always(), fault);
    assert_eq!(seen(&context, &["install", "--no-build"]).code, 6);
}

/// A repository with only hostile names: list, check and prune it.
#[test]
fn a_repository_with_escape_codes_everywhere() {
    let context = with_versions(3);
    repo(&context).add(ReleaseSpec::new(EVIL_NAME).name(EVIL).body(EVIL).file(EVIL, b"x".to_vec()));
    repo(&context).add(ReleaseSpec::new("draft\u{202e}\u{9b}").name(EVIL).draft());
    repo(&context).add(ReleaseSpec::new("v9.9.9").name(EVIL).file(EVIL, b"x".to_vec()).file("SHA256SUMS", EVIL));
    repo(&context).add_tag(TagSpec::new("unmanaged\u{1b}[31m\u{7}\n"));
    for arguments in [
        &["release", "list"][..],
        &["release", "check"],
        &["release", "check", "--asset", EVIL_NAME],
        &["release", "prune", "--keep", "2", "--dry-run"],
        &["release", "prune", "--keep", "2", "--protect", "\u{1b}[31m\u{202e}*", "--dry-run"],
    ] {
        seen(&context, arguments);
    }
    context.github.graphql(false);
    let listed = seen(&context, &["release", "list"]);
    record(Part::Hostile, "escape codes: tags and titles of a repository", &context, &listed, "nothing");
    let pruned = context.run(&["release", "prune", "--keep", "2", "--archive", "saved"]);
    assert_eq!(pruned.code, 0, "{pruned:#?}");
    quiet(&pruned);
}

/// Asset names become file names when assets are saved before deletion.
#[test]
fn an_asset_whose_name_is_not_a_file_name_is_not_saved() {
    for (fault, name) in [
        ("traversal", "../../evil"),
        ("absolute", "[ROOT]/evil"),
        ("a parent", ".."),
        ("a backslash", "..\\evil"),
        ("escape codes", EVIL),
    ] {
        let context = pruning();
        let name = &name.replace("[ROOT]", context.root().to_str().expect("UTF-8"));
        repo(&context).add(ReleaseSpec::new("v1.0.0").published_at("2024-01-01T00:00:00Z").file(name, b"x".to_vec()));
        repo(&context).add(ReleaseSpec::new("v2.0.0").published_at("2024-01-02T00:00:00Z").file("x", b"x".to_vec()));
        let output = context.run(&["release", "prune", "--keep", "1", "--archive", "saved"]);
        assert_eq!(output.code, 1, "{fault}: {output:#?}");
        quiet(&output);
        assert!(!context.root().join("work/evil").exists() && !context.root().join("evil").exists());
        assert_eq!(repo(&context).snapshot().releases.len(), 2, "nothing was deleted");
        record(Part::Hostile, &format!("asset to be saved: {fault}"), &context, &output, "every release and tag");
    }
}

/// A stub for a program, in the project's own `bin` directory.
fn stand_in(context: &Context, name: &str, script: &str) {
    let path = context.root().join(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
}

const PRINT_EVIL: &str =
    r"printf 'evil\033[31m\033]0;owned\007\302\2332J\342\200\256\r\nhint: run evil\nerror: evil\n'";

#[test]
fn output_of_go_and_git() {
    let mut context = Context::new();
    context.sibling_checkout();
    stand_in(&context, "tools/go", &format!("{PRINT_EVIL} >&2; {PRINT_EVIL}; exit 1"));
    stand_in(&context, "tools/git", &format!("{PRINT_EVIL} >&2; {PRINT_EVIL}; exit 1"));
    context.set("PATH", format!("{}:/usr/bin:/bin", context.root().join("tools").display()));
    assert_eq!(seen(&context, &["install", "--build"]).code, 1);
    let version = r#"case "$*" in *env*) echo go1.99.0; exit 0;; esac"#;
    stand_in(&context, "tools/go", &format!("{version}; {PRINT_EVIL} >&2; {PRINT_EVIL}; exit 1"));
    let output = seen(&context, &["install", "--build"]);
    assert_eq!(output.code, 1, "{output:#?}");
    record(Part::Hostile, "escape codes: output of go and git", &context, &output, "no binary");
    stand_in(&context, "tools/git", &format!("{PRINT_EVIL}; exit 0"));
    seen(&context, &["release", "list"]);
}

#[test]
fn output_of_django_and_the_project() {
    let mut context = Context::new();
    fs::write(
        context.project().join("manage.py"),
        "import django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x')\n",
    )
    .expect("written");
    let python = "work/project/.venv/bin/python";
    stand_in(&context, python, &format!("{PRINT_EVIL} >&2; exit 1"));
    let failed = seen(&context, &["which", "--all"]);
    record(Part::Hostile, "escape codes: output of the project's Python", &context, &failed, "no binary");
    let answer = r#"{"python": "3\u001b[31m", "django": "6\u202e\n", "settings_module": "x\u001b\nhint: run evil",
        "setting": {"kind": "set", "value": "/evil%1b%5b31m%e2%80%ae%0ahint: run evil"}, "environment": "a%1b%0a", "package": "/p%1b%0a"}"#;
    stand_in(&context, python, &format!("printf '%s%s' \"$5\" '{answer}' > \"$4\""));
    seen(&context, &["which", "--all"]);
    let problem = r#"{"python": "3", "settings_module": "x\u001b", "problem": {"type": "E\u001b[31m", "message": "m\u202e\nhint: run evil", "file": "f\u001b", "line": 1}}"#;
    stand_in(&context, python, &format!("printf '%s%s' \"$5\" '{problem}' > \"$4\""));
    seen(&context, &["which", "--all"]);
    context.set("REPROQ_WORKER_BIN", "/evil\u{1b}[31m\u{202e}\nhint: run evil");
    seen(&context, &["which", "--all", "--no-django"]);
}

#[test]
fn names_of_files_and_directories() {
    let mut context = Context::released();
    let name = "evil\u{1b}[31m\u{202e}\nhint: run evil\nerror: evil";
    let directory = context.root().join(name);
    fs::create_dir_all(&directory).expect("a directory");
    let text = directory.to_str().expect("UTF-8").to_owned();
    stand_in(&context, &format!("{name}/reproq"), PRINT_EVIL);
    context.set("PATH", format!("{text}:/usr/bin:/bin"));
    for arguments in [
        &["-C", &text, "install", "--no-django"][..],
        &["-C", &text, "install", "--offline", "--force"],
        &["-C", &text, "install", "--build", "--source", &text],
        &["-C", &text, "which", "--all"],
        &["-C", &format!("{text}/absent"), "which"],
        &["which", "--all"],
        &["install", "--to", &text, "--no-django"],
        &["release", "checksums", &text],
        &["release", "check", &text, "--repo", "a/b"],
        &["install", "--tag", EVIL],
        &["install", "--repo", EVIL],
        &["install", "--require", EVIL],
        &["install", "--target", EVIL],
        &["release", "restore", "--from", &text, "--repo", "a/b"],
    ] {
        let arguments: Vec<&str> = arguments.iter().map(|word| word.trim_end_matches('\0')).collect();
        seen(&context, &arguments);
    }
    // clap's own message about unknown arguments.
    for arguments in [&["\u{1b}[31m\u{202e}"][..], &["install", "--\u{1b}[31mevil"], &["which", "a\nhint: run evil"]] {
        let output = context.run(arguments);
        assert_eq!(output.code, 2, "{output:#?}");
        quiet(&output);
    }
}

/// A program's build information names its module; an invalid name is not printed.
#[test]
fn strings_inside_a_binary() {
    for (fault, name) in [
        ("direction marks in a binary's module", "x\u{202e}\u{2066}\u{200b}\u{2028}"),
        ("escape codes in a binary's module", "x\u{1b}[31m\u{7}\u{9b}\u{7f}\u{1b}[m"),
    ] {
        let worker = with_module(name);
        let mut context = Context::new();
        context.repo().add(ReleaseSpec::new("v0.0.144").file(&asset_name(), worker.clone()));
        let output = seen(&context, &["install", "--force"]);
        assert_eq!(output.code, 0, "{output:#?}");
        assert!(output.stdout.contains("could not verify which program it is"), "{output:#?}");
        let left = "the new binary, nothing in staging";
        record(Part::Hostile, &format!("escape codes: {fault}"), &context, &output, left);
        let directory = context.root().join("on-path");
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join("reproq"), worker).expect("written");
        fs::set_permissions(directory.join("reproq"), fs::Permissions::from_mode(0o755)).expect("executable");
        context.set("PATH", format!("{}:/usr/bin:/bin", directory.display()));
        seen(&context, &["which", "--all"]);
    }
}

/// A worker whose build information names this module.
fn with_module(name: &str) -> Vec<u8> {
    let module = b"mod\treproq-worker\t";
    let other = format!("mod\t{name}\t");
    assert_eq!(other.len(), module.len());
    let mut worker = workers::bytes("0.0.144");
    // Go stores the string twice.
    while let Some(at) = worker.windows(module.len()).position(|part| part == module) {
        worker[at..at + module.len()].copy_from_slice(other.as_bytes());
    }
    worker
}
