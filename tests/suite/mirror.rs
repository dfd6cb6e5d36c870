//! Mirrors: created online, and used as a directory, on a real web server, and before GitHub.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use fake_github::Matcher;
use fake_github::ReleaseSpec;
use serde_json::Value;

use crate::bundle::guide;
use crate::bundle::release;
use crate::support::Context;
use crate::support::Machine;
use crate::support::Nginx;
use crate::support::context::REPOSITORY;
use crate::support::context::asset_name;
use crate::support::workers;

/// GitHub with two releases, and a mirror of both in a directory next to the project.
pub fn mirrored() -> (Context, PathBuf) {
    let context = two_releases();
    let mirror = context.root().join("mirror");
    sync(&context, &[]);
    context.github.clear_log();
    (context, mirror)
}

fn two_releases() -> Context {
    let context = Context::new();
    release(&context, "v0.0.144");
    release(&context, "v0.0.145");
    context
}

/// Synchronizes the mirror and returns the report.
pub fn sync(context: &Context, more: &[&str]) -> Value {
    let output = context.succeed(&[&["mirror", "sync", "../../mirror", "--json"], more].concat());
    serde_json::from_str(&output.stdout).expect("one document")
}

/// The report's entry for each release.
pub fn outcomes(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let releases = report["releases"].as_array().expect("releases");
    releases.iter().map(|release| (text(&release["tag"]), text(&release["outcome"]))).collect()
}

pub fn said(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(tag, outcome)| ((*tag).to_owned(), (*outcome).to_owned())).collect()
}

/// The asset for this platform in the mirror.
pub fn asset(mirror: &Path, tag: &str) -> PathBuf {
    mirror.join(REPOSITORY).join("releases/download").join(tag).join(asset_name())
}

pub fn index(mirror: &Path) -> PathBuf {
    mirror.join(REPOSITORY).join("releases/index.json")
}

/// Changes the last byte of a file.
pub fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("readable");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(path, bytes).expect("written");
}

/// Removes a release from GitHub, as a prune does.
fn prune(context: &Context, tag: &str) {
    let snapshot = context.repo().snapshot();
    let release = snapshot.releases.iter().find(|release| release.tag == tag).expect("a release");
    context.repo().delete_release(release.id);
    context.repo().delete_tag(tag);
}

/// Removes the installed worker and the lockfile.
pub fn forget(context: &Context) {
    let _ = fs::remove_dir_all(context.project().join(".reproq"));
    let _ = fs::remove_file(context.lockfile());
}

#[test]
fn the_mirror_guide_works_as_documented() {
    let context = two_releases();
    for command in guide("mirror, online machine") {
        context.succeed(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let machine = Machine::new();
    machine.bring_directory(&context.project().join("releases"), &machine.project().join("releases"));
    for command in guide("mirror, offline machine") {
        machine.succeed_in_silence(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert_eq!(fs::read(machine.binary()).expect("installed"), workers::bytes("0.0.145"));
    // Without --offline no other source is requested either, and the mirror has an older release, too.
    machine.succeed_in_silence(&["install", "--mirror", "releases", "--tag", "v0.0.144"]);
    assert_eq!(fs::read(machine.binary()).expect("installed"), workers::bytes("0.0.144"));
}

#[test]
fn sync_and_its_dry_run_are_shown() {
    let context = two_releases();
    insta::assert_snapshot!(context.shown(&["mirror", "sync", "../../mirror", "--dry-run"]));
    assert!(!context.root().join("mirror").exists(), "nothing is written");
    insta::assert_snapshot!(context.shown(&["mirror", "sync", "../../mirror"]));
    let text = fs::read_to_string(index(&context.root().join("mirror"))).expect("an index");
    let text = text.replace(&workers::sha256(&workers::bytes("0.0.144")), "[SHA256]");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&document["schema"], &document["repository"]), (&"reproq.mirror/1".into(), &REPOSITORY.into()));
    assert_eq!(document["releases"][0]["tag"], "v0.0.145");
    assert_eq!(document["releases"][1]["assets"].as_array().expect("assets").len(), 3);
    assert_eq!(document["releases"][1]["files"][0]["name"], "SHA256SUMS");
    assert!(!context.project().join(".reproq").exists(), "a mirror is not the project's business");
    #[cfg(unix)]
    for file in [index(&context.root().join("mirror")), asset(&context.root().join("mirror"), "v0.0.144")] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(file).expect("there").permissions().mode() & 0o777, 0o644, "a server can read it");
    }
}

#[test]
fn a_second_time_there_is_one_listing_and_nothing_to_fetch() {
    let (context, mirror) = mirrored();
    let before = fs::read(index(&mirror)).expect("an index");
    let report = sync(&context, &[]);
    assert_eq!(outcomes(&report), said(&[("v0.0.145", "complete"), ("v0.0.144", "complete")]));
    let requests = context.github.requests();
    assert_eq!(requests.len(), 1, "{requests:#?}");
    assert!(requests[0].path.contains("/releases?"), "{requests:#?}");
    assert_eq!(fs::read(index(&mirror)).expect("an index"), before);
    let report = sync(&context, &["--tag", "v0.0.144", "--target", "linux-amd64,darwin-arm64"]);
    assert_eq!(outcomes(&report), said(&[("v0.0.145", "complete"), ("v0.0.144", "complete")]));
}

#[test]
fn a_mirror_counts_as_a_checksum_file_or_as_pinned_with_a_lockfile() {
    let (mut context, mirror) = mirrored();
    context.without_cache();
    let output = context.succeed(&["install", "--mirror", "../../mirror", "--tag", "v0.0.144"]);
    assert!(output.stdout.contains("checksum: equals"), "{output:#?}");
    let refused = context.run(&["install", "--mirror", "../../mirror", "--tag", "v0.0.145", "--require", "digest"]);
    assert!(refused.code == 5 && refused.stderr.contains("verified as `checksum`"), "{refused:#?}");
    // The lockfile names every platform, and makes the index unnecessary.
    let lock = fs::read_to_string(context.lockfile()).expect("a lock");
    assert!(lock.contains("windows-amd64") && lock.contains("the mirror's index"), "{lock}");
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    fs::remove_file(index(&mirror)).expect("removed");
    let address = format!("file://{}", mirror.display());
    let output = context.succeed(&["install", "--mirror", &address, "--locked", "--offline"]);
    assert!(output.stdout.contains("pinned: equals the digest in reproq.lock"), "{output:#?}");
    insta::assert_snapshot!(context.redact(&output));
    assert!(context.github.requests().is_empty());
}

#[test]
fn a_real_web_server_is_all_a_mirror_needs() {
    let (mut context, mirror) = mirrored();
    let Some(nginx) = Nginx::serving(&mirror) else { return };
    context.without_cache().set("GH_TOKEN", "ghp_a_secret_token").set("REPROQ_MIRROR", nginx.url());
    context.succeed(&["install"]);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.145"));
    let requests = nginx.requests();
    assert!(requests[0].contains("/releases/index.json") && requests.len() >= 3, "{requests:#?}");
    let doctor = context.succeed(&["doctor", "--network", "--no-django"]);
    assert!(doctor.stdout.contains("mirror: 127.0.0.1") && !doctor.stdout.contains("API: "), "{doctor:#?}");
    let requests = nginx.requests();
    // With a lockfile it is one request.
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    context.succeed(&["install", "--locked"]);
    let new = &nginx.requests()[requests.len()..];
    assert_eq!(new.len(), 1, "{new:#?}");
    assert!(new[0].contains(&format!("/releases/download/v0.0.145/{} ", asset_name())), "{new:#?}");
    let receipts = fs::read_dir(context.project().join(".reproq/receipts")).expect("receipts").flatten();
    let mut receipts = receipts.map(|entry| fs::read_to_string(entry.path()).expect("text"));
    assert!(
        receipts.any(|text| text.contains(&format!("{}/{REPOSITORY}/releases/", nginx.url()))),
        "the address is told"
    );
    // Every command that requests releases uses the mirror.
    context.succeed(&["install", "--tag", "v0.0.144"]);
    assert_eq!(context.run(&["upgrade", "--check"]).code, 3);
    context.succeed(&["upgrade"]);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.145"));
    context.succeed(&["lock", "--tag", "v0.0.144"]);
    context.succeed(&["bundle", "create", "--target", "all", "-o", "worker.tar"]);
    let missing = context.run(&["install", "--tag", "v0.0.150"]);
    assert!(missing.code == 4 && missing.stderr.contains("has no release v0.0.150"), "{missing:#?}");
    assert_eq!(context.run(&["install", "--repo", "some/fork", "--to", "fork/"]).code, 4);
    assert!(context.github.requests().is_empty(), "GitHub was never asked");
    let all = nginx.requests().join("\n");
    assert!(!all.contains("ghp_a_secret_token"), "{all}");
    assert!(nginx.requests().iter().all(|request| request.ends_with("[-] [-]")), "{all}");
    // A stopped server is unreachable; no other source is requested.
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    drop(nginx);
    let output = context.run(&["install", "--locked"]);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(context.github.requests().is_empty());
}

#[test]
fn no_token_goes_to_a_mirror() {
    let mut context = two_releases();
    context.without_cache().succeed(&["lock"]);
    context.set("GH_TOKEN", "ghp_a_secret_token");
    context.github.clear_log();
    // With a lockfile, GitHub's own web server works as a mirror.
    let web = context.github.web_url();
    context.succeed(&["install", "--locked", "--mirror", &web]);
    assert!(context.github.requests_to(&Matcher::api()).is_empty());
    let asked = format!("{:?}", context.github.requests());
    assert!(asked.contains(&asset_name()) && !asked.contains("ghp_a_secret_token"), "{asked}");
}

#[test]
fn a_release_pruned_on_github_is_still_in_the_mirror() {
    let (mut context, _) = mirrored();
    context.succeed(&["lock", "--tag", "v0.0.144"]);
    prune(&context, "v0.0.144");
    context.without_cache();
    let gone = context.run(&["install", "--locked"]);
    assert_eq!(gone.code, 4, "{gone:#?}");
    assert!(gone.stderr.contains("reproq install --mirror SOURCE"), "{gone:#?}");
    context.succeed(&["install", "--locked", "--mirror", "github", "--mirror", "../../mirror"]);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
    let report = sync(&context, &[]);
    assert_eq!(outcomes(&report), said(&[("v0.0.145", "complete"), ("v0.0.144", "complete")]));
}

#[test]
fn the_next_source_is_tried_and_a_list_without_github_never_requests_it() {
    let (mut context, mirror) = mirrored();
    release(&context, "v0.0.146");
    context.without_cache();
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&["install", "--mirror", "../../mirror", "--tag", "v0.0.146"]));
    assert!(context.github.requests().is_empty(), "GitHub is not in the list");
    let both = ["install", "--mirror", "../../mirror", "--mirror", "github", "--tag", "v0.0.146"];
    let output = context.succeed(&both);
    assert!(output.stderr.contains("has no release v0.0.146; trying GitHub"), "{output:#?}");
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.146"));
    // Nothing at all is there.
    forget(&context);
    insta::assert_snapshot!(context.shown(&["install", "--mirror", "nowhere"]));
    insta::assert_snapshot!(context.shown(&["install", "--mirror", "nowhere", "--offline"]));
    insta::assert_snapshot!(context.shown(&["install", "--mirror", "nowhere", "--mirror", "../../mirror/none"]));
    context.succeed(&["lock", "--mirror", "../../mirror", "--tag", "v0.0.144"]);
    fs::remove_file(asset(&mirror, "v0.0.144")).expect("removed");
    let address = format!("https://127.0.0.1:1/m,{}", mirror.display());
    context.set("REPROQ_MIRROR", address);
    insta::assert_snapshot!(context.shown(&["install", "--offline"]));
    insta::assert_snapshot!(context.shown(&["install", "--locked", "--mirror", "../../mirror"]));
}

#[test]
fn offline_a_build_replaces_what_a_mirror_lacks() {
    let (mut context, _) = mirrored();
    context.with_go().sibling_checkout();
    let output = context.succeed(&["install", "--offline", "--mirror", "nowhere"]);
    assert!(output.stdout.contains("built"), "{output:#?}");
    let refused = context.run(&["install", "--force", "--mirror", "nowhere", "--tag", "v0.0.144"]);
    assert_eq!(refused.code, 4, "with a network it is a mistake: {refused:#?}");
}

#[test]
fn sources_come_from_flag_variable_and_file_and_are_reported() {
    let (mut context, _) = mirrored();
    let pyproject = context.project().join("pyproject.toml");
    fs::write(&pyproject, "[tool.reproq]\nmirror = [\"../../mirror\", \"github\"]\n").expect("written");
    let output = context.succeed(&["install", "-v"]);
    assert!(output.stderr.contains("mirror, then github from [tool.reproq] of"), "{output:#?}");
    assert!(context.github.requests().is_empty());
    let doctor = context.succeed(&["doctor", "--no-django"]);
    assert!(doctor.stdout.contains("mirror, then github from"), "{doctor:#?}");
    context.succeed(&["cache", "clean"]);
    let dry = context.succeed(&["install", "--force", "--dry-run"]);
    assert!(dry.stdout.contains("/mirror/adpena/reproq-worker/releases/download/v0.0.145/"), "{dry:#?}");
    context.set("REPROQ_MIRROR", "nowhere github");
    let output = context.succeed(&["lock", "-v", "--tag", "v0.0.144"]);
    assert!(output.stderr.contains("nowhere, then github from the variable REPROQ_MIRROR"), "{output:#?}");
    assert_eq!(context.github.requests_to(&Matcher::api()).len(), 4, "the release, and who signed for each asset");
}

#[test]
fn an_invalid_source_is_refused_and_no_password_printed() {
    let mut context = Context::released();
    let secret = "https://user:hunter2-secret@mirror.example.com/releases";
    for place in [secret, "http://user:hunter2-secret@127.0.0.1/", "https://m.example.com/?sig=hunter2-secret"] {
        let outputs = [
            context.run(&["install", "--mirror", place]),
            context.run(&["install", "-v", "--json", "--mirror", place]),
            {
                context.set("REPROQ_MIRROR", place);
                let output = context.run(&["install"]);
                context.set("REPROQ_MIRROR", "");
                output
            },
            {
                let pyproject = context.project().join("pyproject.toml");
                fs::write(&pyproject, format!("[tool.reproq]\nmirror = \"{place}\"\n")).expect("written");
                let output = context.run(&["install"]);
                fs::remove_file(pyproject).expect("removed");
                output
            },
        ];
        for output in outputs {
            assert_eq!(output.code, 2, "{output:#?}");
            assert!(!format!("{output:?}").contains("hunter2-secret"), "{output:#?}");
        }
    }
    insta::assert_snapshot!(context.shown(&["install", "--mirror", secret]));
    insta::assert_snapshot!(context.shown(&["install", "--mirror", "http://mirror.example.com"]));
    assert_eq!(context.run(&["install", "--mirror", "x", "--from", "y"]).code, 2);
    assert!(context.github.requests().is_empty());
}

#[test]
fn only_versions_that_are_released_are_mirrored() {
    let context = two_releases();
    let spec = |tag: &str| ReleaseSpec::new(tag).file(&asset_name(), workers::bytes("0.0.146"));
    context.repo().add(spec("v0.0.146").draft());
    context.repo().add(spec("v0.0.147").prerelease());
    context.repo().add(spec("v0.0.146-rc.1"));
    context.repo().add(spec("nightly"));
    context.repo().add(ReleaseSpec::new("v0.0.143").file("notes.txt", b"no asset".to_vec()));
    let report = sync(&context, &[]);
    let expected = [("v0.0.145", "added"), ("v0.0.144", "added"), ("v0.0.143", "empty")];
    assert_eq!(outcomes(&report), said(&expected));
    let report = sync(&context, &["--tag", "v0.0.147", "--tag", "v0.0.146-rc.1"]);
    let expected =
        [("v0.0.147", "added"), ("v0.0.146-rc.1", "added"), ("v0.0.145", "complete"), ("v0.0.144", "complete")];
    assert_eq!(outcomes(&report), said(&expected));
    // Neither is the newest without an explicit request.
    context.succeed(&["install", "--mirror", "../../mirror"]);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.145"));
    insta::assert_snapshot!(context.shown(&["mirror", "sync", "../../mirror", "--tag", "v0.0.150"]));
}

#[test]
fn only_the_newest_are_kept_if_requested() {
    let (context, mirror) = mirrored();
    for tag in ["v0.0.146", "v0.0.147"] {
        release(&context, tag);
    }
    let mine = asset(&mirror, "v0.0.144").with_file_name("notes.txt");
    fs::write(&mine, "mine").expect("written");
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&["mirror", "sync", "../../mirror", "--keep", "2", "--dry-run"]));
    let report = sync(&context, &["--keep", "2"]);
    let expected = [("v0.0.147", "added"), ("v0.0.146", "added"), ("v0.0.145", "removed"), ("v0.0.144", "removed")];
    assert_eq!(outcomes(&report), said(&expected));
    assert!(asset(&mirror, "v0.0.146").exists() && !asset(&mirror, "v0.0.145").exists());
    assert!(mine.exists() && !asset(&mirror, "v0.0.144").exists(), "what is not ours stays");
    assert!(!asset(&mirror, "v0.0.145").parent().expect("a directory").exists());
    // A release that would be removed immediately is not fetched.
    let report = sync(&context, &["--keep", "2"]);
    assert_eq!(outcomes(&report), said(&[("v0.0.147", "complete"), ("v0.0.146", "complete")]));
    context.succeed(&["install", "--mirror", "../../mirror"]);
}

#[test]
fn mistakes_are_refused_before_any_request() {
    let context = two_releases();
    for arguments in [
        &["mirror", "sync", "m", "--offline"][..],
        &["mirror", "sync", "m", "--keep", "0"],
        &["mirror", "sync", "m", "--keep", "-1"],
        &["mirror", "sync", "m", "--keep", "few"],
        &["mirror", "sync", "m", "--tag", "latest"],
        &["mirror", "sync", "m", "--tag", "nightly"],
        &["mirror", "sync", "m", "--target", "plan9-mips"],
        &["mirror", "sync"],
    ] {
        let output = context.run(arguments);
        assert_eq!(output.code, 2, "{output:#?}");
    }
    insta::assert_snapshot!(context.shown(&["mirror", "sync", "m", "--offline"]));
    assert!(context.github.requests().is_empty() && !context.project().join("m").exists());
}
