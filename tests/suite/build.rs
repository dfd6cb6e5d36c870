//! Local builds: when they replace a release, their output, and why they fail.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::workers;

/// A project with Go and a checkout next to it.
fn context() -> Context {
    let mut context = Context::released();
    context.with_go();
    context.sibling_checkout();
    context
}

/// As [`context`], with a checkout that builds other bytes than the release's.
fn changed() -> Context {
    let context = context();
    let more = context.root().join("work/reproq-worker/cmd/reproq/more.go");
    fs::write(more, "package main\n\nimport \"os\"\n\nfunc init() { os.Getenv(\"MORE\") }\n").expect("written");
    context
}

#[test]
fn a_build_takes_the_place_of_a_missing_asset() {
    let mut context = Context::new();
    context.with_go();
    context.sibling_checkout();
    context.repo().add(ReleaseSpec::new("v0.0.144").file("README", b"x".to_vec()));
    insta::assert_snapshot!(context.shown(&["install"]));
    let again = context.succeed(&["install"]);
    assert!(again.stdout.contains("0.0.144 (built here) is already installed"), "{again:#?}");
}

#[test]
fn without_a_network_the_checkout_is_built() {
    let mut context = context();
    context.set("REPROQ_GITHUB_API_URL", "http://127.0.0.1:1");
    let output = context.succeed(&["install", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("one document");
    assert_eq!(document["receipt"]["verdict"], "built");
    assert_eq!(document["receipt"]["version"], "0.0.144");
    assert!(document["receipt"]["origin"]["reason"].as_str().expect("a reason").contains("refused the connection"));
    assert!(document["receipt"]["origin"]["go_version"].as_str().expect("a version").starts_with("go1."));
}

#[test]
fn offline_builds_without_a_request() {
    let context = context();
    let output = context.succeed(&["install", "--offline"]);
    assert!(output.stdout.contains("built: built locally from a checkout"), "{output:#?}");
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn a_requested_build_is_made() {
    let context = context();
    insta::assert_snapshot!(context.shown(&["install", "--build"]));
    assert_eq!(context.github.requests().len(), 0);
    insta::assert_snapshot!(context.shown(&["install", "--build", "--dry-run"]));
}

#[test]
fn without_a_checkout_everything_tried_is_reported() {
    let context = Context::released();
    insta::assert_snapshot!(context.shown(&["install", "--offline"]));
    insta::assert_snapshot!(context.shown(&["install", "--offline", "--json"]));
}

#[test]
fn another_module_is_not_built() {
    let context = context();
    let checkout = context.root().join("work/reproq-worker");
    let text =
        fs::read_to_string(checkout.join("go.mod")).expect("there").replace("module reproq-worker", "module other");
    fs::write(checkout.join("go.mod"), text).expect("written");
    insta::assert_snapshot!(context.shown(&["install", "--build"]));
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let context = context();
    insta::assert_snapshot!(context.shown(&["install", "--build", "--source", "nowhere"]));
}

#[test]
fn a_missing_go_is_reported() {
    let mut context = context();
    context.set("PATH", "/nonexistent");
    insta::assert_snapshot!(context.shown(&["install", "--build"]));
}

#[test]
fn a_go_that_is_too_old_is_reported() {
    let mut context = context();
    let tools = context.root().join("tools");
    fs::create_dir(&tools).expect("made");
    let go = tools.join("go");
    fs::write(&go, "#!/bin/sh\ncase \"$1\" in env) case \"$*\" in *json*) echo '{\"GOVERSION\":\"go1.17.1\"}';; *) echo go1.17.1;; esac;; *) echo 'go version go1.17.1 linux/amd64';; esac\n")
        .expect("written");
    fs::set_permissions(&go, fs::Permissions::from_mode(0o755)).expect("executable");
    context.set("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    insta::assert_snapshot!(context.shown(&["install", "--build"]));
}

#[test]
fn a_build_that_fails_shows_gos_output() {
    let context = context();
    let main = context.root().join("work/reproq-worker/cmd/reproq/main.go");
    let text =
        fs::read_to_string(&main).expect("there").replace("func main() {", "func main() {\n\tthis does not compile\n");
    fs::write(&main, text).expect("written");
    let output = context.run(&["install", "--build"]);
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(output.stderr.contains("main.go:"), "{output:#?}");
    assert!(output.stderr.contains("hint: run the same build manual"), "{output:#?}");
    assert!(!context.binary().exists());
    assert!(context.staged().is_empty());
}

#[test]
fn offline_without_vendored_modules_is_explained() {
    let context = context();
    let checkout = context.root().join("work/reproq-worker");
    let text = fs::read_to_string(checkout.join("go.mod")).expect("there");
    fs::write(checkout.join("go.mod"), format!("{text}\nrequire example.com/missing v1.2.3\n")).expect("written");
    let sums = "example.com/missing v1.2.3 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nexample.com/missing v1.2.3/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    fs::write(checkout.join("go.sum"), sums).expect("written");
    let main = checkout.join("cmd/reproq/main.go");
    let source =
        fs::read_to_string(&main).expect("there").replacen("import (", "import (\n\t_ \"example.com/missing\"\n", 1);
    fs::write(&main, source).expect("written");
    let output = context.run(&["install", "--offline"]);
    assert_eq!(output.code, 4, "{output:#?}");
    assert!(output.stderr.contains("no vendor/ directory"), "{output:#?}");
    assert!(output.stderr.contains("go mod vendor"), "{output:#?}");
}

#[test]
fn a_tag_that_the_source_is_not_is_refused() {
    let mut context = context();
    context.set("REPROQ_GITHUB_API_URL", "http://127.0.0.1:1");
    insta::assert_snapshot!(context.shown(&["install", "--tag", "v0.0.150"]));
}

#[test]
fn a_build_is_weaker_than_a_release() {
    let context = context();
    insta::assert_snapshot!(context.shown(&["install", "--offline", "--require", "digest"]));
}

#[test]
fn inherited_settings_of_go_do_not_matter() {
    let mut context = context();
    context.set("GOFLAGS", "-bogus").set("GOOS", "plan9").set("GOARCH", "mips").set("GOWORK", "/nowhere/go.work");
    context.set("GH_TOKEN", "ghp_must_not_be_seen_by_go");
    context.succeed(&["install", "--build"]);
}

/// Locked bytes are never replaced by a build from the sibling checkout.
#[test]
fn a_lock_binds_builds_too() {
    let mut context = changed();
    context.succeed(&["lock"]);
    context.set("REPROQ_CACHE_SIZE", "0");
    for (name, arguments) in [
        ("lock: no network, and a checkout to build from", &["install", "--offline"][..]),
        ("lock: no network, a checkout, and another tag", &["install", "--offline", "--tag", "v0.0.145"]),
    ] {
        let output = context.run(arguments);
        assert_eq!(output.code, 6, "{output:#?}");
        assert!(output.stderr.contains("a local build would not match reproq.lock"), "{output:#?}");
        assert!(!context.binary().exists(), "{output:#?}");
        record(Part::Machine, name, &context, &output, "no binary");
    }
    // Only an explicit request builds, and the build is not the locked release.
    let output = context.succeed(&["install", "--offline", "--build"]);
    assert!(output.stdout.contains("built: built locally"), "{output:#?}");
    for arguments in [&["install", "--offline"][..], &["install", "--offline", "--require", "digest"]] {
        let output = context.run(arguments);
        assert_eq!(output.code, 6, "{output:#?}");
    }
    let output = context.succeed(&["install"]);
    assert!(output.stdout.contains("reproq.lock pins v0.0.144"), "{output:#?}");
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
    record(Part::Machine, "lock: a local build in place of what it names", &context, &output, "the locked binary");
}

#[test]
fn a_release_that_is_named_is_not_met_by_a_build_of_its_version() {
    let context = changed();
    context.succeed(&["bundle", "create", "--tag", "v0.0.144", "-o", "worker.tar"]);
    for (name, arguments) in [
        ("build: installed where a tag is asked for", &["install", "--tag", "v0.0.144"][..]),
        ("build: installed where a bundle is named", &["install", "--from", "worker.tar"]),
        ("build: installed where more is required", &["install", "--require", "digest"]),
    ] {
        let _ = fs::remove_file(context.lockfile());
        context.succeed(&["install", "--build"]);
        let built = fs::read(context.binary()).expect("built");
        let output = context.succeed(arguments);
        assert!(!output.stdout.contains("already installed"), "{output:#?}");
        assert!(fs::read(context.binary()).expect("installed") != built, "{name}");
        record(Part::Machine, name, &context, &output, "the release");
    }
}
