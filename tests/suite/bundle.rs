//! Bundles: created on a machine with a network, installed on one without.

use std::fs;
use std::path::PathBuf;

use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::Machine;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::redact::narrow;
use crate::support::workers;

/// A release with assets for three platforms, two of which cannot run here.
pub fn release(context: &Context, tag: &str) {
    let version = tag.trim_start_matches('v');
    let worker = workers::bytes(version);
    let sums = format!("{}  {}\n", workers::sha256(&worker), asset_name());
    let spec = ReleaseSpec::new(tag)
        .file(&asset_name(), worker)
        .file("reproq-darwin-arm64", format!("mach-o {version}").into_bytes())
        .file("reproq-windows-amd64.exe", format!("pe {version}").into_bytes())
        .file("SHA256SUMS", sums.into_bytes());
    context.repo().add(spec);
}

/// A bundle of a release for every platform.
fn bundled(context: &Context, tag: &str) -> PathBuf {
    let file = context.root().join(format!("worker-{tag}.tar"));
    context.succeed(&["bundle", "create", "--tag", tag, "--target", "all", "-o", file.to_str().expect("UTF-8")]);
    file
}

fn two_releases() -> Context {
    let context = Context::new();
    release(&context, "v0.0.144");
    release(&context, "v0.0.145");
    context
}

#[test]
fn a_bundle_carries_a_release_to_a_machine_without_a_network() {
    let context = two_releases();
    context.succeed(&["lock", "--tag", "v0.0.144"]);
    let (first, second) = (bundled(&context, "v0.0.144"), bundled(&context, "v0.0.145"));
    let machine = Machine::new();
    let [first, second] = [first, second].map(|file| machine.bring(&file).to_str().expect("UTF-8").to_owned());
    machine.succeed_in_silence(&["bundle", "inspect", &first]);
    let output = machine.succeed_in_silence(&["install", "--from", &first]);
    assert!(output.stdout.contains("Installed v0.0.144") && output.stdout.contains("checksum: equals"), "{output:#?}");
    assert_eq!(fs::read(machine.binary()).expect("installed"), workers::bytes("0.0.144"));
    // The lockfile is the team's, for every platform.
    let lock = fs::read_to_string(machine.project().join("reproq.lock")).expect("a lock");
    assert_eq!(lock, fs::read_to_string(context.lockfile()).expect("a lock"));
    assert!(lock.contains("darwin-arm64") && lock.contains("windows-amd64"), "{lock}");
    let which = machine.succeed_in_silence(&["which", "-q"]);
    assert_eq!(which.stdout.trim(), fs::canonicalize(machine.binary()).expect("there").to_str().expect("UTF-8"));
    machine.succeed_in_silence(&["verify"]);
    // Again, and from the filled cache.
    machine.succeed_in_silence(&["install", "--from", &first, "--locked"]);
    fs::remove_dir_all(machine.project().join(".reproq")).expect("removed");
    let cached = machine.succeed_in_silence(&["install", "--locked", "--offline"]);
    assert!(cached.stdout.contains("pinned: equals the digest in reproq.lock"), "{cached:#?}");
    // Upgrades to the next release, and rolls back.
    machine.succeed_in_silence(&["install", "--from", &second, "--tag", "v0.0.145", "--offline"]);
    assert_eq!(fs::read(machine.binary()).expect("installed"), workers::bytes("0.0.145"));
    machine.succeed_in_silence(&["rollback"]);
    assert_eq!(fs::read(machine.binary()).expect("installed"), workers::bytes("0.0.144"));
    assert_eq!(fs::read_to_string(machine.project().join("reproq.lock")).expect("a lock"), lock);
    machine.succeed_in_silence(&["verify"]);
}

/// The commands of one of the guides, without comments.
pub fn guide(name: &str) -> Vec<Vec<String>> {
    let guides = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides.md")).expect("docs/guides.md");
    let (_, guide) = guides.split_once(&format!("<!-- guide: {name} -->\n```console\n")).expect("the guide exists");
    let (commands, _) = guide.split_once("```").expect("the block ends");
    let words = |line: &str| {
        let command = line.split(" #").next().unwrap_or_default();
        let command = command.strip_prefix("reproq ").expect("a command of this program");
        command.split_whitespace().map(str::to_owned).collect()
    };
    commands.lines().map(words).collect()
}

#[test]
fn the_offline_guide_works_as_documented() {
    let context = two_releases();
    for command in guide("offline, online machine") {
        context.succeed(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let machine = Machine::new();
    machine.bring_to(&context.project().join("worker.tar"), &machine.project());
    for command in guide("offline, offline machine") {
        machine.succeed_in_silence(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert_eq!(fs::read(machine.binary()).expect("installed"), workers::bytes("0.0.145"));
}

#[test]
fn a_locked_project_gets_the_locked_bytes_from_a_bundle() {
    let context = two_releases();
    context.succeed(&["lock", "--tag", "v0.0.144"]);
    let bundle = context.root().join("bundle.tar");
    let bundle = bundle.to_str().expect("UTF-8");
    // The lockfile determines the release, not the newest one.
    context.succeed(&["bundle", "create", "--locked", "-o", bundle]);
    let calls = context.github.requests_to(&Matcher::api()).len();
    assert_eq!(calls, 4, "the lock's: the release, and who signed for each asset; the bundle needed none");
    let output = context.succeed(&["install", "--from", bundle, "--locked"]);
    assert!(output.stdout.contains("pinned: equals the digest in reproq.lock"), "{output:#?}");
    insta::assert_snapshot!(context.redact(&output));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let mut context = two_releases();
    let create = |context: &Context, name: &str, more: &[&str]| {
        let file = context.root().join(name);
        let arguments = [&["bundle", "create", "-o", file.to_str().expect("UTF-8")], more].concat();
        context.succeed(&arguments);
        fs::read(file).expect("a bundle")
    };
    let all = ["--target", "all"];
    let first = create(&context, "one.tar", &all);
    // Another name, another time, and now from the cache.
    assert!(create(&context, "two.tar", &all) == first);
    context.without_cache();
    assert!(create(&context, "three.tar", &all) == first, "without the cache");
    assert!(create(&context, "one.tar", &all) == first, "over the old one");
    let [linux, darwin] = [asset_name().replace("reproq-", ""), "darwin-arm64".to_owned()];
    let some = create(&context, "some.tar", &["--target", &linux, &darwin]);
    assert!(create(&context, "some.tar", &["--target", &format!("{darwin},{linux}")]) == some, "in another order");
    assert!(some != first);
    let left: Vec<_> =
        fs::read_dir(context.root()).expect("readable").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "nothing is left beside it: {left:?}");
}

#[test]
fn other_programs_can_read_a_bundle() {
    let context = two_releases();
    let bundle = bundled(&context, "v0.0.145");
    let directory = context.root().join("unpacked");
    fs::create_dir(&directory).expect("created");
    let run = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).current_dir(&directory).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let names = run("tar", &["xvf", bundle.to_str().expect("UTF-8")]);
    insta::assert_snapshot!(names.replace(&workers::host(), "[TARGET]"), @r"
    bundle.json
    reproq.lock
    SHA256SUMS
    assets/reproq-darwin-arm64
    assets/reproq-[TARGET]
    assets/reproq-windows-amd64.exe
    release/SHA256SUMS
    ");
    run("sha256sum", &["--check", "--strict", "SHA256SUMS"]);
    assert_eq!(fs::read(directory.join("assets").join(asset_name())).expect("there"), workers::bytes("0.0.145"));
}

#[test]
fn bundle_create_and_its_dry_run_are_shown() {
    let context = two_releases();
    let create = ["bundle", "create", "--target", "all", "-o", "worker.tar"];
    insta::assert_snapshot!(narrow(&context.shown(&[&create[..], &["--dry-run"]].concat())));
    assert!(!context.project().join("worker.tar").exists());
    assert_eq!(
        context.github.requests_to(&Matcher::objects()).len(),
        2,
        "the checksum file: what it says, and it itself"
    );
    insta::assert_snapshot!(narrow(&redacted_sizes(&context.shown(&create))));
    insta::assert_snapshot!(narrow(&redacted_sizes(&context.shown(&["bundle", "inspect", "worker.tar"]))));
    let json = context.succeed(&["bundle", "inspect", "worker.tar", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).expect("one document");
    assert_eq!((&document["schema"], &document["ok"]), (&"reproq.bundle-inspect/1".into(), &true.into()));
    assert_eq!(document["manifest"]["schema"], "reproq.bundle/1");
    assert_eq!(document["manifest"]["assets"].as_array().expect("assets").len(), 3);
    assert!(!context.project().join("reproq.lock").exists(), "a bundle is not the project's business");
    insta::assert_snapshot!(redacted_sizes(&context.shown(&["install", "--from", "worker.tar", "--dry-run"])));
    assert!(!context.project().join(".reproq").exists());
}

/// How large a bundle is depends on the Go that built the sample worker.
fn redacted_sizes(text: &str) -> String {
    text.lines()
        .map(|line| if line.trim_start().starts_with("size  ") { "  size    [SIZE]" } else { line }.to_owned() + "\n")
        .collect()
}

#[test]
fn a_bundle_is_compared_with_the_lockfile() {
    let context = two_releases();
    bundled(&context, "v0.0.145");
    let bundle = "../../worker-v0.0.145.tar";
    let other = workers::bytes("0.0.144");
    context.succeed(&["lock", "--tag", "v0.0.144"]);
    let lock = fs::read_to_string(context.lockfile()).expect("a lock");
    // Another release.
    insta::assert_snapshot!(context.shown(&["install", "--from", bundle]));
    assert_eq!(context.run(&["install", "--from", bundle, "--locked", "--tag", "v0.0.145"]).code, 8);
    assert_eq!(fs::read_to_string(context.lockfile()).expect("a lock"), lock);
    // Another tag.
    let output = context.run(&["install", "--from", bundle, "--tag", "v0.0.144"]);
    assert_eq!(output.code, 4, "{output:#?}");
    // The same release with other bytes.
    fs::write(context.lockfile(), lock.replace("0.0.144", "0.0.145")).expect("written");
    insta::assert_snapshot!(context.shown(&["install", "--from", bundle]));
    assert_eq!(context.run(&["install", "--from", bundle, "--tag", "v0.0.145"]).code, 5);
    assert!(!context.binary().exists() && other != workers::bytes("0.0.145"));
    // Another repository.
    let output = context.run(&["install", "--from", bundle, "--repo", "some/fork"]);
    assert_eq!(output.code, 2, "{output:#?}");
    assert!(output.stderr.contains("adpena/reproq-worker") && output.stderr.contains("some/fork"), "{output:#?}");
    // With an explicit tag it is installed, and the lockfile changes.
    fs::write(context.lockfile(), &lock).expect("written");
    context.succeed(&["install", "--from", bundle, "--tag", "v0.0.145"]);
    assert!(fs::read_to_string(context.lockfile()).expect("a lock").contains("v0.0.145"));
}

#[test]
fn a_bundle_counts_as_a_checksum_file() {
    let context = two_releases();
    bundled(&context, "v0.0.145");
    let arguments = ["install", "--from", "../../worker-v0.0.145.tar", "--require", "digest"];
    let output = context.run(&arguments);
    assert_eq!(output.code, 5, "{output:#?}");
    assert!(output.stderr.contains("verified as `checksum`, but `digest` is required"), "{output:#?}");
    assert!(!context.binary().exists());
    // With a lockfile that names the same bytes the verdict is the lockfile's.
    context.succeed(&["lock", "--tag", "v0.0.145"]);
    context.succeed(&arguments);
}

#[test]
fn a_bundle_without_this_platform_lists_its_platforms() {
    let context = Context::new();
    let worker = workers::bytes_for("0.0.144", "darwin-arm64");
    context.repo().add(ReleaseSpec::new("v0.0.144").file("reproq-darwin-arm64", worker));
    context.succeed(&["bundle", "create", "--target", "darwin-arm64", "-o", "mac.tar"]);
    insta::assert_snapshot!(context.shown(&["install", "--from", "mac.tar"]));
    context.succeed(&["install", "--from", "mac.tar", "--target", "darwin-arm64", "--to", "mac/"]);
    assert!(!context.lockfile().exists(), "what goes elsewhere leaves the lock");
}

#[test]
fn a_bundle_is_fetched_from_a_url() {
    let mut context = two_releases();
    let bundle = fs::read(bundled(&context, "v0.0.145")).expect("a bundle");
    context.github.repo("team/files").add(ReleaseSpec::new("v1.0.0").file("worker.tar", bundle));
    let url = format!("{}/team/files/releases/download/v1.0.0/worker.tar", context.github.web_url());
    context.set("GH_TOKEN", "ghp_a_secret_token");
    context.github.clear_log();
    context.succeed(&["install", "--from", &url]);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.145"));
    assert!(context.github.requests_to(&Matcher::api()).is_empty());
    assert!(!format!("{:?}", context.github.requests()).contains("ghp_a_secret_token"));
    let receipts = fs::read_dir(context.project().join(".reproq/receipts")).expect("receipts").flatten();
    let receipt =
        receipts.map(|entry| fs::read_to_string(entry.path()).expect("text")).find(|text| text.contains("url"));
    assert!(receipt.expect("a receipt").contains(&format!("{url}#{}", asset_name())));
    let aside: Vec<_> = fs::read_dir(context.root().join("tmp")).expect("readable").collect();
    assert!(aside.is_empty(), "the download is gone: {aside:?}");
    // URLs that must not be fetched.
    let output = context.run(&["install", "--from", &url, "--offline"]);
    assert!(output.code == 2 && output.stderr.contains("--offline forbids it"), "{output:#?}");
    let output = context.run(&["install", "--from", "http://example.com/worker.tar"]);
    assert!(output.code == 2 && output.stderr.contains("only https:"), "{output:#?}");
    let missing = context.run(&["install", "--force", "--from", &url.replace("worker.tar", "none.tar")]);
    assert_eq!(missing.code, 4, "{missing:#?}");
    let page = context.run(&["install", "--force", "--from", "http://127.0.0.1:1/x.tar"]);
    assert_eq!(page.code, 6, "{page:#?}");
}

#[test]
fn offline_every_source_is_named_with_a_remedy() {
    let context = two_releases();
    insta::assert_snapshot!(context.shown(&["install", "--offline"]));
    context.succeed(&["lock", "--tag", "v0.0.144"]);
    insta::assert_snapshot!(context.shown(&["install", "--offline"]));
    insta::assert_snapshot!(context.shown(&["bundle", "create", "--offline", "-o", "worker.tar"]));
    assert!(!context.project().join("worker.tar").exists());
    // And each remedy works.
    context.succeed(&["bundle", "create", "-o", "worker.tar"]);
    context.succeed(&["bundle", "create", "--offline", "-o", "again.tar"]);
    context.github.clear_log();
    context.succeed(&["install", "--offline", "--from", "worker.tar"]);
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    context.succeed(&["install", "--offline"]);
    assert!(context.github.requests().is_empty());
}

#[test]
fn a_bundle_is_not_created_from_unverified_assets() {
    let context = Context::new();
    let spec = ReleaseSpec::new("v0.0.144").file(&asset_name(), workers::bytes("0.0.144"));
    let sums = format!("{}  {}\n", "0".repeat(64), asset_name());
    context.repo().add(spec.file("SHA256SUMS", sums.into_bytes()));
    let output = context.run(&["bundle", "create", "-o", "worker.tar"]);
    assert_eq!(output.code, 5, "{output:#?}");
    assert!(output.stderr.contains("the sources disagree"), "{output:#?}");
    assert!(!context.project().join("worker.tar").exists());
    assert!(context.github.requests_to(&Matcher::objects()).len() <= 1, "the checksum file alone");
    for (arguments, code) in [
        (&["bundle", "create", "-o", "nowhere/worker.tar"][..], 2),
        (&["bundle", "create", "-o", "."], 8),
        (&["bundle", "create", "-o", "w.tar", "--locked"], 2),
        (&["bundle", "create", "-o", "w.tar", "--target", "all", "linux-amd64"], 2),
        (&["bundle", "create", "-o", "w.tar", "--target", "darwin-amd64"], 4),
        (&["bundle", "create", "-o", "w.tar", "--tag", "v9.9.9"], 4),
    ] {
        let output = context.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {output:#?}");
    }
}

#[test]
fn a_bundle_is_the_only_source() {
    let context = Context::released();
    context.succeed(&["bundle", "create", "-o", "worker.tar"]);
    context.github.clear_log();
    let output = context.run(&["install", "--from", "worker.tar", "--target", "plan9-mips"]);
    assert_eq!(output.code, 4, "{output:#?}");
    assert!(output.stderr.contains("the bundle worker.tar has reproq-"), "{output:#?}");
    assert!(context.github.requests().is_empty(), "{:#?}", context.github.requests());
    record(Part::Machine, "bundle: for a platform that has no name", &context, &output, "no binary");
}
