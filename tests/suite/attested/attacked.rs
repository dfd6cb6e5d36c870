//! Attempts to bypass the signer: forged records, a lockfile or bundle with a weaker or different signer, rate limits.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use fake_github::Fault;
use fake_github::Matcher;
use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::provenance;
use fake_sigstore::released_of;
use serde_json::Value;
use serde_json::json;

use super::World;
use super::digests;
use super::proof_file;
use crate::support::context::REPOSITORY;
use crate::support::context::asset_name;
use crate::support::workers;

/// A release whose assets are attested one by one, if their names contain one of these.
fn signed_one_by_one(world: &World, tag: &str, names: &[&str]) {
    world.release(tag);
    for (name, sha256) in digests(tag).iter().filter(|(name, _)| names.iter().any(|part| name.contains(part))) {
        let claims = Claims::build_of(REPOSITORY, tag);
        let bundle = world.acme.bundle(&claims, &provenance(name, sha256), How::default());
        world.context.repo().attest(sha256, bundle);
    }
}

const EVERYBODY: [&str; 3] = ["linux", "darwin", "windows"];

/// Requests for the attestations of this asset fail.
fn forbid(world: &World, tag: &str, number: usize) {
    let (_, sha256) = digests(tag).remove(number);
    let question = Matcher::api().path(&format!("/attestations/sha256:{sha256}")).always();
    world.context.github.fault(question, Fault::status(403));
}

fn records(world: &World, extension: &str) -> Vec<PathBuf> {
    let directory = world.context.project().join(".reproq/receipts");
    let paths = fs::read_dir(directory).expect("receipts").flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    found.sort();
    found
}

#[test]
fn a_receipt_with_other_bytes_than_the_assets_is_invalid() {
    let world = World::attested();
    world.context.succeed(&["install"]);
    let evil = workers::hostile("honest");
    let sha256 = workers::sha256(&evil);
    let (receipt, proofs) = (records(&world, "json").remove(0), records(&world, "proofs").remove(0));
    let mut document: Value = serde_json::from_slice(&fs::read(&receipt).expect("a receipt")).expect("JSON");
    document["sha256"] = json!(sha256);
    document["size"] = json!(evil.len());
    fs::copy(proofs, receipt.with_file_name(format!("{sha256}.proofs"))).expect("copied");
    fs::write(world.context.binary(), &evil).expect("written");
    // As a plain asset, and as if extracted from an archive.
    for member in [None, Some("reproq")] {
        document["origin"]["asset"]["member"] = json!(member);
        fs::write(receipt.with_file_name(format!("{sha256}.json")), document.to_string()).expect("written");
        let output = world.context.run(&["verify", "--offline"]);
        assert_eq!(output.code, 5, "{output:#?}");
    }
    world.context.succeed(&["install", "--locked"]);
    assert_eq!(fs::read(world.context.binary()).expect("repaired"), workers::bytes("0.0.144"));
}

#[test]
fn the_reported_signer_is_the_verified_one() {
    let world = World::attested();
    world.context.succeed(&["install"]);
    let receipt = records(&world, "json").remove(0);
    let text = fs::read_to_string(&receipt).expect("a receipt").replace("release.yml", "forged.yml");
    fs::write(&receipt, &text).expect("written");
    let output = world.context.succeed(&["verify", "--offline"]);
    assert!(output.stdout.contains("release.yml") && !output.stdout.contains("forged"), "{output:#?}");
    // Anything else in place of the attestations verifies nothing and blocks nothing.
    let proofs = records(&world, "proofs").remove(0);
    fs::remove_file(&proofs).expect("removed");
    fs::create_dir(&proofs).expect("created");
    let output = world.context.run(&["verify", "--offline"]);
    assert!(output.code == 5 && output.stdout.contains("are not valid"), "{output:#?}");
}

#[test]
fn kept_attestations_weaker_than_the_receipt_fail() {
    let world = World::attested();
    world.context.succeed(&["install"]);
    let sha256 = workers::sha256(&workers::bytes("0.0.144"));
    let statement = released_of(REPOSITORY, "v0.0.144", &asset_name(), &sha256);
    let released = world.acme.bundle(&Claims::release(), &statement, How::default());
    fs::write(records(&world, "proofs").remove(0), released.to_string()).expect("written");
    let output = world.context.run(&["verify", "--offline"]);
    assert!(output.code == 5 && output.stdout.contains("are not valid"), "{output:#?}");
    // Also if no lockfile records the signer anymore.
    world.context.forget_lock();
    let output = world.context.run(&["verify", "--offline"]);
    assert!(output.code == 5 && output.stdout.contains("they only support a lower level"), "{output:#?}");
    // Nor do they restore it.
    world.release("v0.0.145");
    world.attest("v0.0.145", &Claims::build_of(REPOSITORY, "v0.0.145"));
    world.context.succeed(&["upgrade"]);
    world.refused(5, &["rollback"]);
}

#[test]
fn a_rollback_never_drops_the_signer() {
    // The restored release was attested: its lockfile is readable, even if the kept one is missing.
    let world = World::attested();
    world.context.succeed(&["install"]);
    let (kept, signed) = (records(&world, "lock"), world.lock());
    world.release("v0.0.145");
    world.attest("v0.0.145", &Claims::build_of(REPOSITORY, "v0.0.145"));
    world.context.succeed(&["upgrade"]);
    kept.iter().for_each(|path| fs::remove_file(path).expect("removed"));
    world.context.succeed(&["rollback"]);
    assert!(world.lock().contains("release.yml"), "{}", world.lock());
    for command in [&["install", "--locked"][..], &["lock"], &["verify"]] {
        world.context.succeed(command);
    }
    // The same if the kept lockfile records no signer or another one than the current lockfile.
    for change in [unsigned, of_evil] {
        world.context.succeed(&["upgrade"]);
        let path = kept.first().expect("a kept lock");
        fs::write(path, change(signed.clone())).expect("written");
        world.context.succeed(&["rollback"]);
        assert!(world.lock().contains("release.yml") && !world.lock().contains("evil"), "{}", world.lock());
        assert_eq!(fs::read(world.context.binary()).expect("back"), workers::bytes("0.0.144"));
    }
    // The restored release was not attested: this needs the option.
    let world = World::new();
    world.release("v0.0.144");
    world.context.succeed(&["install"]);
    world.release("v0.0.145");
    world.attest("v0.0.145", &Claims::build_of(REPOSITORY, "v0.0.145"));
    world.context.succeed(&["upgrade"]);
    let refused = world.refused(5, &["rollback"]);
    insta::assert_snapshot!(world.context.redact(&refused));
    world.context.succeed(&["rollback", "--accept-signer-change"]);
    assert_eq!(fs::read(world.context.binary()).expect("back"), workers::bytes("0.0.144"));
    assert!(!world.lock().contains("signer"), "{}", world.lock());
    world.context.succeed(&["verify"]);
}

#[test]
fn one_unattested_asset_does_not_weaken_the_lockfile() {
    let world = World::new();
    signed_one_by_one(&world, "v0.0.144", &["linux", "darwin"]);
    world.context.succeed(&["lock"]);
    let lock = world.lock();
    assert!(lock.contains("signer") && lock.contains("verdict = \"digest\""), "{lock}");
    // The exception applies only to the bytes that were locked.
    world.release("v0.0.145");
    world.refused(5, &["install", "--tag", "v0.0.145", "--target", "windows-amd64", "--to", "windows/"]);
    world.refused(5, &["lock", "--tag", "v0.0.145"]);
    world.refused(5, &["upgrade"]);
    world.context.succeed(&["lock"]);
    assert_eq!(world.lock(), lock, "what was locked can be locked again");
    // The order of the platforms does not matter.
    let world = World::new();
    signed_one_by_one(&world, "v0.0.144", &["linux", "windows"]);
    world.context.succeed(&["lock"]);
    assert_eq!(world.lock().matches("verdict = \"attested\"").count(), 3, "{}", world.lock());
}

#[test]
fn a_failed_request_does_not_weaken_the_lockfile() {
    for number in 0..3 {
        let world = World::new();
        signed_one_by_one(&world, "v0.0.144", &EVERYBODY);
        forbid(&world, "v0.0.144", number);
        let output = world.refused(5, &["lock"]);
        assert!(output.stderr.contains("could not determine"), "{output:#?}");
    }
    // An upgrade keeps the other platforms, and so does an install for another platform.
    let world = World::new();
    signed_one_by_one(&world, "v0.0.144", &EVERYBODY);
    world.context.succeed(&["install"]);
    signed_one_by_one(&world, "v0.0.145", &EVERYBODY);
    forbid(&world, "v0.0.145", 1);
    world.refused(5, &["upgrade"]);
    world.context.github.clear_faults();
    world.context.succeed(&["upgrade"]);
    assert_eq!(world.lock().matches("[[worker.asset]]").count(), 3, "{}", world.lock());
}

#[test]
fn the_same_release_keeps_its_verified_signer() {
    let world = World::new();
    signed_one_by_one(&world, "v0.0.144", &EVERYBODY);
    world.context.succeed(&["lock"]);
    let whole = world.lock();
    let at = whole.find("[[worker.asset]]\ntarget = \"linux").expect("this machine's");
    let end = whole[at + 2..].find("[[worker.asset]]").map_or(whole.len(), |next| at + 2 + next);
    fs::write(world.context.lockfile(), format!("{}{}", &whole[..at], &whole[end..])).expect("written");
    world.context.repo().forget_attestations();
    let (name, sha256) = digests("v0.0.144").remove(0);
    let claims = Claims::build_of(REPOSITORY, "v0.0.144");
    world.context.repo().attest(&sha256, world.acme.bundle(&claims, &provenance(&name, &sha256), How::default()));
    world.context.succeed(&["install"]);
    assert_eq!(world.lock(), whole);
}

#[test]
fn a_release_that_is_signed_in_two_ways_can_be_locked_again() {
    let world = World::new();
    signed_one_by_one(&world, "v0.0.144", &["linux", "darwin"]);
    world.attest_release("v0.0.144");
    world.context.succeed(&["lock"]);
    let lock = world.lock();
    assert!(lock.contains("verdict = \"released\"") && lock.contains("release.yml"), "{lock}");
    world.context.succeed(&["lock"]);
    // Other findings may be reported, but the required signer stays.
    let without_evidence =
        |lock: &str| lock.lines().filter(|line| !line.starts_with("evidence")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_evidence(&world.lock()), without_evidence(&lock));
    world.context.succeed(&["install", "--locked"]);
}

#[test]
fn settings_and_lock_must_name_one_workflow() {
    let world = World::attested();
    world.context.succeed(&["lock"]);
    let output = world.refused(2, &["install", "--workflow", ".github/workflows/other.yml"]);
    assert!(output.stderr.contains("release.yml") && output.stderr.contains("other.yml"), "{output:#?}");
    world.context.succeed(&["install", "--workflow", ".github/workflows/release.yml"]);
}

#[test]
fn accepting_a_change_does_not_accept_a_failed_request() {
    let world = World::attested();
    world.context.succeed(&["install"]);
    world.release("v0.0.145");
    world.attest("v0.0.145", &Claims::build_of(REPOSITORY, "v0.0.145"));
    world.context.github.fault(Matcher::api().path("/attestations/").always(), Fault::status(500));
    let output = world.refused(6, &["upgrade"]);
    assert!(!output.stderr.contains("--accept-signer-change"), "{output:#?}");
    world.refused(6, &["upgrade", "--accept-signer-change"]);
}

#[test]
fn the_hint_resolves_the_error() {
    let world = World::attested();
    world.context.succeed(&["install"]);
    world.context.repo().forget_attestations();
    world.forget_all_but_the_lock();
    let output = world.refused(5, &["install"]);
    assert!(output.stderr.contains("`reproq lock --tag v0.0.144 --accept-signer-change`"), "{output:#?}");
    world.context.succeed(&["lock", "--tag", "v0.0.144", "--accept-signer-change"]);
    for command in [&["install"][..], &["install", "--locked"], &["verify"]] {
        world.context.succeed(command);
    }
    // Or at once.
    let world = World::attested();
    world.context.succeed(&["install"]);
    world.context.repo().forget_attestations();
    world.forget_all_but_the_lock();
    world.context.succeed(&["install", "--accept-signer-change"]);
    assert!(!world.lock().contains("signer"), "{}", world.lock());
    world.context.succeed(&["verify"]);
}

#[test]
fn a_file_that_attests_something_else_does_not_hide_the_api() {
    for statement in [json!({"attestations": []}), Value::Null] {
        let world = World::attested();
        let (name, sha256) = digests("v0.0.144").remove(0);
        let beside = if statement.is_null() {
            // An SBOM, signed by the right workflow.
            let mut statement = provenance(&name, &sha256);
            statement["predicateType"] = json!("https://cyclonedx.org/bom");
            world.acme.bundle(&Claims::build_of(REPOSITORY, "v0.0.144"), &statement, How::default())
        } else {
            statement
        };
        let id = world.context.repo().snapshot().releases[0].id;
        world.context.repo().add_asset(id, proof_file(&asset_name(), &beside));
        let output = world.context.succeed(&["install", "--require", "attested"]);
        assert!(output.stdout.contains("verdict     attested"), "{output:#?}");
    }
}

#[test]
fn an_invalid_entry_hides_no_attestation() {
    let world = World::attested();
    let (_, sha256) = digests("v0.0.144").remove(0);
    world.context.repo().attest(&sha256, json!({"base64Signature": ""}));
    let output = world.context.succeed(&["install", "--require", "attested"]);
    assert!(output.stdout.contains("verdict     attested"), "{output:#?}");
}

#[test]
fn a_full_page_of_statements_is_not_final() {
    let world = World::attested();
    let (name, sha256) = digests("v0.0.144").remove(0);
    let mut statement = provenance(&name, &sha256);
    statement["predicateType"] = json!("https://cyclonedx.org/bom");
    let other = world.acme.bundle(&Claims::build_of(REPOSITORY, "v0.0.144"), &statement, How::default());
    for _ in 0..100 {
        world.context.repo().attest(&sha256, other.clone());
    }
    let output = world.context.succeed(&["install"]);
    assert!(output.stdout.contains("not attested: it has more than 100 attestations"), "{output:#?}");
    world.refused(5, &["install", "--force", "--require", "attested"]);
}

#[test]
fn an_installed_worker_of_another_signer_is_not_accepted() {
    let world = World::attested();
    world.context.succeed(&["install"]);
    let lock = world.lock().replace("release.yml", "other.yml");
    fs::write(world.context.lockfile(), lock).expect("written");
    let output = world.context.run(&["install", "--locked"]);
    assert_eq!(output.code, 5, "{output:#?}");
}

#[test]
fn two_signers_are_not_bundled_under_one() {
    let world = World::new();
    world.release("v0.0.144");
    for (index, (name, sha256)) in digests("v0.0.144").into_iter().enumerate() {
        let workflow = if index == 0 { "release.yml" } else { "other.yml" };
        let signer = format!("https://github.com/{REPOSITORY}/.github/workflows/{workflow}@refs/tags/v0.0.144");
        let claims = Claims::build_of(REPOSITORY, "v0.0.144").signed_by(&signer);
        world.context.repo().attest(&sha256, world.acme.bundle(&claims, &provenance(&name, &sha256), How::default()));
    }
    let file = world.context.root().join("worker.tar");
    let output = world.refused(5, &["bundle", "create", "--target", "all", "-o", file.to_str().expect("UTF-8")]);
    assert!(output.stderr.contains("a lockfile has one signer") && !file.exists(), "{output:#?}");
    world.refused(5, &["lock"]);
}

/// The members of a bundle.
fn members(path: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let bytes = fs::read(path).expect("a bundle");
    let mut archive = tar::Archive::new(bytes.as_slice());
    let entries = archive.entries().expect("an archive").map(|entry| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").to_string_lossy().into_owned();
        let mode = entry.header().mode().expect("a mode");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("readable");
        (name, mode, content)
    });
    entries.collect()
}

/// The same bundle with another lockfile, and correct checksums.
fn with_lock(path: &Path, change: impl Fn(String) -> String) {
    let mut members = members(path);
    let lock = change(String::from_utf8(members[1].2.clone()).expect("text")).into_bytes();
    let (old_manifest, old_lock) = (workers::sha256(&members[0].2), workers::sha256(&members[1].2));
    let mut manifest: Value = serde_json::from_slice(&members[0].2).expect("JSON");
    manifest["lock"] = json!({"size": lock.len(), "sha256": workers::sha256(&lock)});
    let manifest = serde_json::to_vec_pretty(&manifest).expect("JSON");
    let sums = String::from_utf8(members[2].2.clone()).expect("text");
    let sums = sums.replace(&old_manifest, &workers::sha256(&manifest)).replace(&old_lock, &workers::sha256(&lock));
    (members[0].2, members[1].2, members[2].2) = (manifest, lock, sums.into_bytes());
    let mut builder = tar::Builder::new(Vec::new());
    for (name, mode, bytes) in &members {
        let mut header = tar::Header::new_ustar();
        header.set_mode(*mode);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes.as_slice()).expect("appended");
    }
    fs::write(path, builder.into_inner().expect("an archive")).expect("written");
}

/// A lockfile of the same bytes without a signer.
#[expect(clippy::needless_pass_by_value, reason = "it is one of several changes")]
fn unsigned(lock: String) -> String {
    let (head, rest) = lock.split_once("[worker.signer]").expect("a signer");
    let (_, assets) = rest.split_once("[[worker.asset]]").expect("assets");
    let lock = format!("{head}[[worker.asset]]{assets}");
    lock.replace("version = 2", "version = 1").replace("verdict = \"attested\"", "verdict = \"digest\"")
}

#[expect(clippy::needless_pass_by_value, reason = "it is one of several changes")]
fn of_evil(lock: String) -> String {
    lock.replace(
        "workflow = \"adpena/reproq-worker/.github/workflows/release.yml\"",
        "workflow = \"evil/x/.github/workflows/x.yml\"",
    )
}

#[test]
fn a_bundles_lock_does_not_replace_the_signer() {
    for change in [unsigned, of_evil] {
        let world = World::attested();
        world.context.succeed(&["install"]);
        let own = fs::read(world.context.lockfile()).expect("a lock");
        world.release("v0.0.145");
        world.attest("v0.0.145", &Claims::build_of(REPOSITORY, "v0.0.145"));
        let file = world.context.root().join("worker.tar");
        let bundle = file.to_str().expect("UTF-8");
        world.context.forget_lock();
        world.context.succeed(&["bundle", "create", "--target", "all", "--tag", "v0.0.145", "-o", bundle]);
        fs::write(world.context.lockfile(), own).expect("written");
        with_lock(&file, change);
        world.context.succeed(&["install", "--from", bundle, "--tag", "v0.0.145"]);
        assert!(world.lock().contains("release.yml") && !world.lock().contains("evil"), "{}", world.lock());
        assert_eq!(world.lock().matches("verdict = \"attested\"").count(), 4, "{}", world.lock());
        world.release("v0.0.146");
        world.refused(5, &["upgrade"]);
    }
}

#[test]
fn a_bundle_adds_no_unverified_bytes_for_other_platforms_to_the_lockfile() {
    let world = World::attested();
    let file = world.context.root().join("worker.tar");
    let bundle = file.to_str().expect("UTF-8");
    world.context.succeed(&["bundle", "create", "--target", "all", "-o", bundle]);
    world.context.succeed(&["lock"]);
    // A lockfile for this platform only, with its signer.
    let whole = world.lock();
    let at = whole.find("[[worker.asset]]").expect("assets");
    let here = whole[at..].split("[[worker.asset]]").find(|part| part.contains(&asset_name())).expect("this machine's");
    fs::write(world.context.lockfile(), format!("{}[[worker.asset]]{here}", &whole[..at])).expect("written");
    // The bundle's lockfile names unattested bytes for another platform.
    let (_, other) = digests("v0.0.144").remove(2);
    with_lock(&file, |lock| {
        let (before, after) = lock.split_once(&other).expect("the other machine's digest");
        let after = after.replacen("verdict = \"attested\"", "verdict = \"digest\"", 1);
        format!("{before}{}{after}", "0".repeat(64))
    });
    let _ = world.context.run(&["install", "--from", bundle, "--force"]);
    assert!(!world.lock().contains(&"0".repeat(64)), "{}", world.lock());
}
