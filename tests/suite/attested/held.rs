//! Once the lockfile records a signer, a weaker release is never accepted silently.

use std::fs;

use fake_sigstore::Claims;

use super::World;
use super::files;
use crate::support::context::REPOSITORY;
use crate::support::context::asset_name;
use crate::support::workers;

/// An attested release that is installed and locked, and a newer one.
fn upgradable() -> World {
    let world = World::attested();
    world.context.succeed(&["install"]);
    world.release("v0.0.145");
    world
}

#[test]
fn a_later_unattested_release_is_refused() {
    let world = upgradable();
    insta::assert_snapshot!(world.context.shown(&["upgrade"]));
    for arguments in [
        &["upgrade"][..],
        &["install", "--tag", "latest"],
        &["install", "--tag", "v0.0.145"],
        &["install", "--tag", "v0.0.145", "--allow-unverified"],
        &["install", "--tag", "v0.0.145", "--require", "digest"],
        &["install", "--tag", "v0.0.145", "--no-build"],
        &["lock", "--tag", "v0.0.145"],
    ] {
        let output = world.refused(5, arguments);
        assert!(output.stderr.contains("--accept-signer-change"), "{output:#?}");
    }
    // Unless the user accepts the change; then no signer is recorded.
    world.context.succeed(&["upgrade", "--accept-signer-change"]);
    assert_eq!(fs::read(world.context.binary()).expect("installed"), workers::bytes("0.0.145"));
    assert!(world.lock().contains("version = 1") && !world.lock().contains("signer"), "{}", world.lock());
    world.context.succeed(&["install", "--locked"]);
}

#[test]
fn a_release_attestation_is_weaker_than_build_provenance() {
    let world = upgradable();
    world.attest_release("v0.0.145");
    world.refused(5, &["upgrade"]);
    // The other direction is stronger.
    let world = World::new();
    world.release("v0.0.144");
    world.attest_release("v0.0.144");
    world.context.succeed(&["install"]);
    world.release("v0.0.145");
    world.refused(5, &["upgrade"]);
    world.attest("v0.0.145", &Claims::build_of(REPOSITORY, "v0.0.145"));
    world.context.succeed(&["upgrade"]);
    assert!(world.lock().contains("workflow = "), "{}", world.lock());
}

#[test]
fn another_signer_is_refused_and_named() {
    let claims = || Claims::build_of(REPOSITORY, "v0.0.145");
    let other = format!("https://github.com/{REPOSITORY}/.github/workflows/other.yml@refs/tags/v0.0.145");
    for (claims, named) in [
        (
            claims().signed_by(&other),
            "release.yml, found https://github.com/adpena/reproq-worker/.github/workflows/other.yml",
        ),
        (claims().with(15, "8"), "repository ID: expected 7, found 8"),
        (claims().with(17, "71"), "owner ID: expected 70, found 71"),
        (claims().with(8, "https://token.actions.githubusercontent.com/evil"), "issuer: expected"),
    ] {
        let world = upgradable();
        world.attest("v0.0.145", &claims);
        let output = world.refused(5, &["upgrade"]);
        assert!(output.stderr.contains("is not the one recorded in reproq.lock for v0.0.144"), "{output:#?}");
        assert!(output.stderr.contains(named), "{output:#?}");
    }
    let world = upgradable();
    world.attest("v0.0.145", &claims().signed_by(&other));
    insta::assert_snapshot!(world.context.shown(&["upgrade"]));
    world.context.succeed(&["upgrade", "--accept-signer-change"]);
    assert!(world.lock().contains("other.yml"), "{}", world.lock());
    // From now on the other signer is required.
    world.release("v0.0.146");
    world.attest("v0.0.146", &Claims::build_of(REPOSITORY, "v0.0.146"));
    world.refused(5, &["upgrade"]);
}

#[test]
fn a_lockfile_with_another_digest_needs_the_signers_attestation() {
    let world = World::attested();
    world.context.succeed(&["lock"]);
    let honest = workers::sha256(&files("v0.0.144").remove(0).1);
    let evil = workers::hostile("honest");
    world.context.repo().replace_bytes("v0.0.144", &asset_name(), evil.clone());
    let size = format!("size = {}", files("v0.0.144").remove(0).1.len());
    let lock = world.lock().replace(&honest, &workers::sha256(&evil)).replace(&size, &format!("size = {}", evil.len()));
    fs::write(world.context.lockfile(), lock).expect("written");
    world.forget_all_but_the_lock();
    let output = world.refused(5, &["install", "--locked"]);
    assert!(output.stderr.contains("is not attested by"), "{output:#?}");
    // If the signer is removed as well, the lockfile is inconsistent with its verdicts.
    let unsigned: String = world.lock().replace("version = 2", "version = 1");
    fs::write(world.context.lockfile(), unsigned).expect("written");
    world.refused(2, &["install", "--locked"]);
}

#[test]
fn missing_attestations_are_detected() {
    let world = World::attested();
    world.context.succeed(&["lock"]);
    world.context.repo().forget_attestations();
    world.forget_all_but_the_lock();
    let output = world.refused(5, &["install", "--locked"]);
    assert!(output.stderr.contains("GitHub has no attestation for it"), "{output:#?}");
    let output = world.context.succeed(&["install", "--locked", "--accept-signer-change"]);
    assert!(output.stdout.contains("pinned: equals the digest in reproq.lock"), "{output:#?}");
    assert!(world.lock().contains("signer"), "the lock is obeyed and not changed");
}

#[test]
fn a_build_does_not_replace_an_attested_release() {
    let mut world = World::attested();
    world.context.succeed(&["lock"]);
    world.forget_all_but_the_lock();
    world.context.with_go().sibling_checkout();
    let output = world.refused(6, &["install", "--offline"]);
    assert!(output.stderr.contains("has no attestation, but reproq.lock records a signer"), "{output:#?}");
    let built = world.context.succeed(&["install", "--offline", "--build"]);
    assert!(built.stdout.contains("built: built locally"), "{built:#?}");
    // The next plain install restores the locked release.
    let back = world.context.succeed(&["install"]);
    assert!(back.stdout.contains("verdict     attested"), "{back:#?}");
}

#[test]
fn an_unattested_binary_is_replaced_once_the_lockfile_records_a_signer() {
    let world = World::new();
    world.release("v0.0.144");
    world.context.succeed(&["install"]);
    assert!(!world.lock().contains("signer"));
    world.attest("v0.0.144", &Claims::build_of(REPOSITORY, "v0.0.144"));
    world.context.succeed(&["lock"]);
    assert!(world.lock().contains("signer"), "{}", world.lock());
    let verified = world.context.run(&["verify"]);
    assert_eq!(verified.code, 5, "{verified:#?}");
    let output = world.context.succeed(&["install"]);
    assert!(output.stdout.contains("verdict     attested"), "{output:#?}");
    world.context.succeed(&["verify"]);
}
