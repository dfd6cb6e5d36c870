//! Valid attestations: verified at install, recorded in the lockfile, and verified again from the kept copies.

use std::fs;

use fake_github::BundleDelivery;
use fake_github::Matcher;
use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::provenance;
use serde_json::Value;

use super::World;
use super::digests;
use super::proof_file;
use crate::support::context::REPOSITORY;
use crate::support::context::asset_name;
use crate::support::workers;

#[test]
fn the_builder_is_verified_and_reported() {
    let world = World::attested();
    let output = world.context.succeed(&["install"]);
    insta::assert_snapshot!(world.context.redact(&output));
    assert_eq!(world.questions(), 1, "one bundle proves every machine's asset");
    insta::assert_snapshot!(
        "the_lock_records_the_signer",
        crate::support::redact::redact(&world.lock(), &world.context)
    );
    // Up to date, without a request.
    world.context.github.clear_log();
    let again = world.context.succeed(&["install"]);
    assert!(again.stdout.contains("(`attested`)"), "{again:#?}");
    assert!(world.context.github.requests().is_empty());
}

#[test]
fn the_document_names_every_claim() {
    let world = World::attested();
    let output = world.context.succeed(&["install", "--json"]);
    let document: Value = serde_json::from_str(&output.stdout).expect("one document");
    let receipt = &document["receipt"];
    assert_eq!(receipt["verdict"], "attested");
    let proof = &receipt["attestations"][0];
    for (field, value) in [
        ("kind", "build"),
        ("repository", REPOSITORY),
        ("workflow", &format!("{REPOSITORY}/.github/workflows/release.yml")),
        ("ref", "refs/tags/v0.0.144"),
        ("runner", "github-hosted"),
        ("issuer", "https://token.actions.githubusercontent.com"),
    ] {
        assert_eq!(proof[field], value, "{proof:#}");
    }
    assert_eq!((&proof["repository_id"], &proof["owner_id"]), (&7.into(), &70.into()));
}

#[test]
fn an_attestation_next_to_the_asset_needs_no_api() {
    let world = World::new();
    world.release("v0.0.144");
    let id = world.context.repo().snapshot().releases[0].id;
    let bundle = world.bundle("v0.0.144", &Claims::build_of(REPOSITORY, "v0.0.144"));
    world.context.repo().add_asset(id, proof_file(&asset_name(), &bundle));
    let output = world.context.succeed(&["install", "--require", "attested"]);
    assert!(output.stdout.contains("verdict     attested"), "{output:#?}");
    assert_eq!(world.questions(), 0);
    assert!(world.lock().matches("verdict = \"attested\"").count() == 4, "{}", world.lock());
    // A locked install needs one more file, and no API call.
    world.forget_all_but_the_lock();
    let locked = world.context.succeed(&["install", "--locked"]);
    assert!(locked.stdout.contains("verdict     attested"), "{locked:#?}");
    assert!(world.context.github.requests_to(&Matcher::api()).is_empty());
}

#[test]
fn compressed_bundles_from_another_url_are_verified() {
    let world = World::attested();
    world.context.github.bundle_delivery(BundleDelivery::Address);
    let output = world.context.succeed(&["install", "--require", "attested"]);
    assert!(output.stdout.contains("verdict     attested"), "{output:#?}");
}

#[test]
fn a_locked_install_verifies_again_and_a_cached_one_makes_no_request() {
    let world = World::attested();
    world.context.succeed(&["lock"]);
    world.forget_all_but_the_lock();
    let first = world.context.succeed(&["install", "--locked"]);
    assert!(first.stdout.contains("verdict     attested"), "{first:#?}");
    assert_eq!(world.questions(), 1);
    assert_eq!(world.context.github.requests_to(&Matcher::api()).len(), 1, "no request is made to find the release");
    fs::remove_dir_all(world.context.project().join(".reproq")).expect("removed");
    world.context.github.clear_log();
    let cached = world.context.succeed(&["install", "--locked", "--offline"]);
    assert!(cached.stdout.contains("verdict     attested"), "{cached:#?}");
    assert!(world.context.github.requests().is_empty());
    // The cache has the bytes but not the attestations: only those are fetched.
    for entry in fs::read_dir(world.context.root().join("home/.cache/reproq/assets")).expect("a cache").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "proofs") {
            fs::write(entry.path(), "{\"attestations\":[]}").expect("written");
        }
    }
    fs::remove_dir_all(world.context.project().join(".reproq")).expect("removed");
    let proven = world.context.succeed(&["install", "--locked"]);
    assert!(proven.stdout.contains("verdict     attested"), "{proven:#?}");
    assert_eq!(world.questions(), 1);
    assert!(world.context.github.requests_to(&Matcher::objects()).is_empty(), "the bytes came from the cache");
}

#[test]
fn every_platform_may_have_its_own_attestation() {
    let world = World::new();
    world.release("v0.0.144");
    let claims = Claims::build_of(REPOSITORY, "v0.0.144");
    for (name, sha256) in digests("v0.0.144") {
        let bundle = world.acme.bundle(&claims, &provenance(&name, &sha256), How::default());
        world.context.repo().attest(&sha256, bundle);
    }
    world.context.succeed(&["lock"]);
    assert_eq!(world.lock().matches("verdict = \"attested\"").count(), 4, "{}", world.lock());
    assert_eq!(world.questions(), 3);
}

#[test]
fn released_is_weaker_than_attested() {
    let world = World::new();
    world.release("v0.0.144");
    world.attest_release("v0.0.144");
    let output = world.context.succeed(&["install"]);
    insta::assert_snapshot!(world.context.redact(&output));
    assert!(world.lock().contains("verdict = \"released\""), "{}", world.lock());
    let refused = world.refused(5, &["install", "--require", "attested", "--force"]);
    assert!(refused.stderr.contains("verified as `released`, but `attested` is required"), "{refused:#?}");
    world.context.succeed(&["install", "--require", "released"]);
    // Both together, if neither is cached.
    fs::remove_dir_all(world.context.root().join("home/.cache")).expect("there was a cache");
    world.attest("v0.0.144", &Claims::build_of(REPOSITORY, "v0.0.144"));
    let both = world.context.succeed(&["install", "--force", "--json"]);
    let document: Value = serde_json::from_str(&both.stdout).expect("a document");
    assert_eq!(document["receipt"]["attestations"].as_array().expect("proofs").len(), 2, "{document:#}");
    assert_eq!(document["receipt"]["verdict"], "attested");
}

#[test]
fn an_installed_worker_is_verified_from_the_kept_attestations() {
    let world = World::attested();
    world.context.succeed(&["install"]);
    fs::remove_dir_all(world.context.root().join("home/.cache")).expect("there was a cache");
    world.context.repo().forget_attestations();
    world.context.github.clear_log();
    let output = world.context.succeed(&["verify", "--offline"]);
    insta::assert_snapshot!(world.context.redact(&output));
    assert!(world.context.github.requests().is_empty());
    // Also with `verify FILE` and the same file.
    let receipts = world.context.project().join(".reproq/receipts");
    let proofs = fs::read_dir(&receipts).expect("receipts").flatten().map(|entry| entry.path());
    let proofs = proofs.into_iter().find(|path| path.extension().is_some_and(|it| it == "proofs")).expect("proofs");
    let binary = world.context.binary();
    let (binary, proofs) = (binary.to_str().expect("UTF-8"), proofs.to_str().expect("UTF-8"));
    world.context.succeed(&["verify", binary, "--bundle", proofs, "--repo", REPOSITORY, "--tag", "v0.0.144"]);

    fs::write(proofs, fs::read_to_string(proofs).expect("proofs").replace("rawBytes\":\"MII", "rawBytes\":\"MIJ"))
        .expect("written");
    let altered = world.context.run(&["verify"]);
    assert_eq!(altered.code, 5, "{altered:#?}");
    assert!(altered.stdout.contains("are not valid"), "{altered:#?}");
    fs::remove_file(proofs).expect("removed");
    insta::assert_snapshot!("proofs_that_are_gone", world.context.shown(&["verify"]));
}

#[test]
fn a_rollback_restores_the_attestations() {
    let world = World::attested();
    world.context.succeed(&["install"]);
    world.release("v0.0.145");
    world.attest("v0.0.145", &Claims::build_of(REPOSITORY, "v0.0.145"));
    world.context.succeed(&["upgrade"]);
    world.context.succeed(&["verify", "--offline"]);
    world.context.succeed(&["rollback"]);
    assert_eq!(fs::read(world.context.binary()).expect("installed"), workers::bytes("0.0.144"));
    let output = world.context.succeed(&["verify", "--offline"]);
    assert!(output.stdout.contains("verified again"), "{output:#?}");
    assert!(world.lock().contains("version = 2"), "{}", world.lock());
}

#[test]
fn an_archive_is_verified_together_with_its_executable() {
    let world = World::new();
    let name = format!("{}.tar.gz", asset_name());
    let archive = crate::support::samples::tar_gz("reproq", &workers::bytes("0.0.144"));
    let sha256 = workers::sha256(&archive);
    world.context.repo().add(fake_github::ReleaseSpec::new("v0.0.144").file(&name, archive));
    let claims = Claims::build_of(REPOSITORY, "v0.0.144");
    let bundle = world.acme.bundle(&claims, &provenance(&name, &sha256), How::default());
    world.context.repo().attest(&sha256, bundle);
    let output = world.context.succeed(&["install", "--require", "attested"]);
    assert!(output.stdout.contains("verdict     attested"), "{output:#?}");
    world.context.succeed(&["verify", "--offline"]);
}

#[test]
fn a_lockfile_records_the_signer() {
    let world = World::attested();
    let output = world.context.succeed(&["lock"]);
    assert!(output.stdout.contains("Attested by adpena/reproq-worker/.github/workflows/release.yml"), "{output:#?}");
    let output = world.context.succeed(&["lock", "--json"]);
    let document: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(document["signer"]["verdict"], "attested", "{document:#}");
    assert_eq!(document["signer"]["workflow"], "adpena/reproq-worker/.github/workflows/release.yml");
    let unsigned = World::new();
    unsigned.release("v0.0.144");
    let output = unsigned.context.succeed(&["lock"]);
    assert!(output.stdout.contains("No attestation was found"), "{output:#?}");
}
