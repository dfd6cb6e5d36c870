//! Verification: published evidence must match and be readable, and at least one must exist.

use std::fs;

use fake_github::AssetSpec;
use fake_github::Digest;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::workers;
use crate::support::workers::sha256;

/// A release whose asset states this digest, with these other files.
fn released(digest: Digest, files: &[(&str, String)]) -> Context {
    let context = Context::new();
    let asset = AssetSpec::new(&asset_name(), workers::bytes("0.0.144")).digest(digest);
    let release = files.iter().fold(ReleaseSpec::new("v0.0.144").asset(asset), |release, (name, text)| {
        release.file(name, text.clone().into_bytes())
    });
    context.repo().add(release);
    context
}

/// Runs an install that must be refused over an older one, and checks that the older one is unchanged.
fn refused(context: &Context, arguments: &[&str]) -> String {
    let binary = context.binary();
    fs::create_dir_all(binary.parent().expect("a directory")).expect("made");
    fs::write(&binary, "the old binary").expect("written");
    context.sibling_checkout();
    let shown = context.shown(arguments);
    assert_eq!(fs::read_to_string(&binary).expect("there"), "the old binary");
    assert!(context.staged().is_empty(), "nothing is left in staging");
    assert!(!shown.contains("building"), "no build after a refusal: {shown}");
    shown
}

#[test]
fn changed_bytes_are_refused() {
    let context = released(Digest::Wrong(format!("sha256:{}", "0".repeat(63) + "1")), &[]);
    insta::assert_snapshot!(refused(&context, &["install"]));
    insta::assert_snapshot!(refused(&context, &["install", "--json"]));
}

#[test]
fn bytes_changed_on_the_way_are_refused() {
    let context = released(Digest::Right, &[]);
    let other = vec![b'x'; workers::bytes("0.0.144").len()];
    context.github.fault(Matcher::objects().always(), Fault::ChangedBytes(other.into()));
    let shown = refused(&context, &["install"]);
    assert!(shown.contains("exit code: 5"), "{shown}");
    // Refused for their digest, not because they are not a program.
    assert!(shown.contains("but GitHub's asset digest states"), "{shown}");
}

#[test]
fn an_asset_without_evidence_needs_the_option() {
    let context = released(Digest::Absent, &[]);
    insta::assert_snapshot!(refused(&context, &["install"]));
    assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 0, "what cannot be accepted is not downloaded");
    let context = released(Digest::Absent, &[]);
    insta::assert_snapshot!(context.shown(&["install", "--allow-unverified"]));
}

#[test]
fn a_checksum_file_verifies_what_it_lists() {
    let worker = sha256(&workers::bytes("0.0.144"));
    for (name, text) in [
        ("SHA256SUMS", format!("{worker}  {}\n", asset_name())),
        ("checksums.txt", format!("{}  other\r\n{worker} *dist/{}\r\n", "a".repeat(64), asset_name())),
        ("checksums.sha256", format!("\u{feff}SHA256 ({}) = {}\n", asset_name(), worker.to_uppercase())),
    ] {
        let context = released(Digest::Absent, &[(name, text)]);
        let output = context.succeed(&["install", "--json"]);
        assert!(output.stdout.contains("\"verdict\": \"checksum\""), "{output:#?}");
    }
    let sidecar = format!("{}.sha256", asset_name());
    let context = released(Digest::Absent, &[(&sidecar, format!("{worker}\n"))]);
    insta::assert_snapshot!(context.shown(&["install"]));
}

#[test]
fn sources_that_agree_give_the_strongest_verdict() {
    let worker = sha256(&workers::bytes("0.0.144"));
    let context = released(Digest::Right, &[("SHA256SUMS", format!("{worker}  {}\n", asset_name()))]);
    insta::assert_snapshot!(context.shown(&["install"]));
}

#[test]
fn sources_that_disagree_refuse_the_bytes() {
    let context = released(Digest::Right, &[("SHA256SUMS", format!("{}  {}\n", "b".repeat(64), asset_name()))]);
    insta::assert_snapshot!(refused(&context, &["install"]));
}

#[test]
fn a_checksum_file_that_cannot_be_read_is_not_a_missing_one() {
    let context = released(Digest::Absent, &[("SHA256SUMS", "Algorithm Hash Path\n".to_owned())]);
    insta::assert_snapshot!(refused(&context, &["install"]));
    let context = released(Digest::Right, &[("SHA256SUMS", "x".to_owned())]);
    context.github.fault(Matcher::any().path("/SHA256SUMS").always(), Fault::status(500));
    insta::assert_snapshot!(refused(&context, &["install"]));
}

/// A file in an unknown format is ignored, and does not override a matching digest.
#[test]
fn a_checksum_file_in_an_unknown_format_is_reported() {
    let worker = sha256(&workers::bytes("0.0.144"));
    for (name, text) in [
        ("checksum file: in a format that is not known", "Algorithm Hash Path\n".to_owned()),
        ("checksum file: of other algorithms alone", format!("{}  {}\n", "a".repeat(128), asset_name())),
    ] {
        let context = released(Digest::Right, &[("SHA256SUMS", text)]);
        let output = context.succeed(&["install"]);
        assert!(output.stderr.contains("warning: SHA256SUMS could not be read"), "{output:#?}");
        record(Part::Network, name, &context, &output, "the new binary");
        assert_eq!(context.run(&["lock", "--check"]).code, 0);
    }
    // A valid line counts, regardless of the others.
    let wrong = format!("Algorithm Hash Path\n{}  {}\n", "b".repeat(64), asset_name());
    let context = released(Digest::Right, &[("SHA256SUMS", wrong)]);
    let shown = refused(&context, &["install"]);
    assert!(shown.contains("exit code: 5") && shown.contains("the sources disagree"), "{shown}");
    let right = format!("Algorithm Hash Path\n{worker}  {}\n", asset_name());
    released(Digest::Absent, &[("SHA256SUMS", right)]).succeed(&["install"]);
}

#[test]
fn checksum_files_are_found_under_common_names() {
    let worker = sha256(&workers::bytes("0.0.144"));
    let listed = format!("{worker}  {}\n", asset_name());
    for name in [
        "SHA256SUMS.txt",
        "sha256sums.txt",
        "SHA256SUM",
        "reproq-worker_0.0.144_checksums.txt",
        "SHA256SUMS",
        "checksums.txt",
        "checksums.sha256",
    ] {
        let output = released(Digest::Absent, &[(name, listed.clone())]).succeed(&["install", "--json"]);
        assert!(output.stdout.contains("\"verdict\": \"checksum\""), "{name}: {output:#?}");
        let context = released(Digest::Absent, &[(name, listed.clone())]);
        context.github.rest_budget(fake_github::BudgetSpec::remaining(0));
        context.succeed(&["install"]);
        // It also counts if it contradicts.
        let context = released(Digest::Right, &[(name, format!("{}  {}\n", "b".repeat(64), asset_name()))]);
        assert_eq!(context.run(&["install"]).code, 5, "{name}");
    }
    for suffix in [".sha256", ".sha256sum", ".sha256.txt"] {
        for text in [format!("{worker}\n"), format!("sha256:{worker}\n"), listed.clone()] {
            let name = format!("{}{suffix}", asset_name());
            released(Digest::Absent, &[(&name, text)]).succeed(&["install"]);
        }
    }
    let of_another_version = released(Digest::Absent, &[("reproq-worker_0.0.143_checksums.txt", listed)]);
    assert_eq!(of_another_version.run(&["install"]).code, 5);
}

/// Evidence other than digests does not change the lockfile.
#[test]
fn a_lock_is_up_to_date_right_after_it_was_written() {
    let context = Context::new();
    for version in ["0.0.144", "0.0.145"] {
        let worker = workers::bytes(version);
        let beside = format!("{}\n", sha256(&worker));
        let release = ReleaseSpec::new(&format!("v{version}")).file(&asset_name(), worker);
        context.repo().add(release.file(&format!("{}.sha256", asset_name()), beside.into_bytes()));
    }
    let unchanged = |after: &str| {
        let output = context.run(&["lock", "--check"]);
        assert_eq!(output.code, 0, "after {after}: {output:#?}");
    };
    context.succeed(&["install", "--tag", "v0.0.144"]);
    unchanged("install");
    context.succeed(&["upgrade"]);
    unchanged("upgrade");
    context.succeed(&["rollback"]);
    unchanged("rollback");
    fs::remove_dir_all(context.project().join(".reproq/previous")).expect("removed");
    context.succeed(&["upgrade"]);
    unchanged("another upgrade");
    // A lockfile of an earlier version of this program, which also recorded the asset's own checksum file.
    let text = fs::read_to_string(context.lockfile()).expect("a lock");
    let both = format!("[\"GitHub's asset digest\", \"{}.sha256\"]", asset_name());
    fs::write(context.lockfile(), text.replace("[\"GitHub's asset digest\"]", &both)).expect("written");
    assert!(fs::read_to_string(context.lockfile()).expect("a lock").contains(".sha256\"]"), "{text}");
    unchanged("an earlier version");
    let output = context.succeed(&["lock", "--check"]);
    record(
        Part::Machine,
        "lock --check: directly after an installation, with ASSET.sha256",
        &context,
        &output,
        "the lock",
    );
}

#[test]
fn a_mirrors_index_is_not_called_a_missing_checksum_file() {
    let context = Context::released();
    context.succeed(&["mirror", "sync", "m"]);
    let output = context.succeed(&["install", "--mirror", "m"]);
    assert!(output.stdout.contains("verdict   checksum"), "{output:#?}");
    assert!(!output.stdout.contains("a checksum file absent"), "{output:#?}");
}

#[test]
fn a_checksum_file_without_the_asset_verifies_nothing() {
    let context = released(Digest::Absent, &[("SHA256SUMS", format!("{}  other\n", "a".repeat(64)))]);
    insta::assert_snapshot!(refused(&context, &["install"]));
}

#[test]
fn an_unknown_digest_algorithm_is_an_error() {
    let context = released(Digest::Wrong(format!("sha512:{}", "a".repeat(128))), &[]);
    insta::assert_snapshot!(refused(&context, &["install"]));
}

#[test]
fn a_verdict_below_the_required_one_is_refused() {
    let worker = sha256(&workers::bytes("0.0.144"));
    let context = released(Digest::Absent, &[("SHA256SUMS", format!("{worker}  {}\n", asset_name()))]);
    insta::assert_snapshot!(refused(&context, &["install", "--require", "digest"]));
    let nonsense = context.shown(&["install", "--require", "perfect"]);
    insta::assert_snapshot!(nonsense);
}

#[test]
fn the_version_must_be_the_tags() {
    let context = Context::new();
    context.repo().add(ReleaseSpec::new("v0.0.145").file(&asset_name(), workers::bytes("0.0.144")));
    insta::assert_snapshot!(refused(&context, &["install"]));
}

#[test]
fn another_platforms_binary_is_refused() {
    let context = Context::new();
    context.repo().add(ReleaseSpec::new("v0.0.144").file(&asset_name(), workers::bytes_for("0.0.144", "darwin-arm64")));
    insta::assert_snapshot!(refused(&context, &["install"]));
}

#[test]
fn a_file_that_is_not_a_program_is_refused() {
    let context = Context::new();
    context.repo().add(
        ReleaseSpec::new("v0.0.144").file(&asset_name(), b"#!/bin/sh\necho reproq-worker version 0.0.144\n".to_vec()),
    );
    insta::assert_snapshot!(refused(&context, &["install"]));
    let context = Context::new();
    context.repo().add(ReleaseSpec::new("v0.0.144").file(&asset_name(), Vec::new()));
    insta::assert_snapshot!(refused(&context, &["install"]));
}

#[test]
fn a_hostile_archive_is_refused_by_the_name_of_its_entry() {
    let context = Context::new();
    let archive = crate::support::samples::gzip_tar(&[
        crate::support::samples::executable("reproq", &workers::bytes("0.0.144")),
        crate::support::samples::file("../../evil", b"x"),
    ]);
    context.repo().add(ReleaseSpec::new("v0.0.144").file(&format!("{}.tar.gz", asset_name()), archive));
    insta::assert_snapshot!(refused(&context, &["install"]));
    assert!(!context.root().join("work/evil").exists());
}

/// A native program that is not the worker.
#[cfg(target_os = "linux")]
fn program(name: &str) -> Vec<u8> {
    fs::read(format!("/bin/{name}")).expect("coreutils are here")
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_missing_loader_is_explained_instead_of_no_such_file() {
    let context = Context::new();
    let loader = b"/lib64/ld-linux-x86-64.so.2";
    let mut worker = program("true");
    let at = worker.windows(loader.len()).position(|part| part == loader).expect("it names its loader");
    worker[at + loader.len() - 1] = b'9';
    context.repo().add(ReleaseSpec::new("v0.0.144").file(&asset_name(), worker));
    let shown = refused(&context, &["install"]);
    assert!(shown.contains("needs /lib64/ld-linux-x86-64.so.9, which does not exist here"), "{shown}");
    assert!(shown.contains("reproq install --build") && shown.contains("exit code: 5"), "{shown}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_is_not_the_worker_is_refused_when_started() {
    for (name, says) in [("true", "did not print `reproq-worker version X.Y.Z`"), ("false", "--version")] {
        let context = Context::new();
        context.repo().add(ReleaseSpec::new("v0.0.144").file(&asset_name(), program(name)));
        let shown = refused(&context, &["install"]);
        assert!(shown.contains(says) && shown.contains("does not run"), "{shown}");
        assert!(shown.contains("exit code: 5"), "{shown}");
    }
}
