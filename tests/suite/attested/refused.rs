//! An attestation that fails verification is fatal, regardless of other evidence; a failed request does not mean that none
//! exists.

use fake_github::BudgetSpec;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::NoAttestations;
use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::Instance;
use fake_sigstore::provenance;

use super::World;
use super::digests;
use super::proof_file;
use crate::support::context::REPOSITORY;
use crate::support::context::asset_name;

/// A release without attestations.
fn released() -> World {
    let world = World::new();
    world.release("v0.0.144");
    world
}

#[test]
fn a_forged_signature_is_refused_although_the_digest_is_right() {
    let world = released();
    let evil = Instance::new("evil", "evil authority");
    for (name, sha256) in digests("v0.0.144") {
        let claims = Claims::build_of(REPOSITORY, "v0.0.144");
        world.context.repo().attest(&sha256, evil.bundle(&claims, &provenance(&name, &sha256), How::default()));
    }
    insta::assert_snapshot!(world.context.shown(&["install"]));
    world.refused(5, &["install"]);
    world.refused(5, &["lock"]);
    world.refused(5, &["install", "--allow-unverified"]);
    world.refused(5, &["install", "--accept-signer-change"]);
    assert!(world.context.github.requests_to(&Matcher::objects()).is_empty(), "it was not even downloaded");
}

#[test]
fn a_genuine_signature_of_something_else_is_refused_by_what_differs() {
    let claims = || Claims::build_of(REPOSITORY, "v0.0.144");
    let other_workflow = "https://github.com/org/shared/.github/workflows/build.yml@refs/tags/v3";
    for (claims, named, hint) in [
        (Claims::build_of("evil/worker", "v0.0.144"), "repository: expected", "for a different release or asset"),
        (
            claims().with(14, "refs/tags/v0.0.143"),
            "expected refs/tags/v0.0.144, found refs/tags/v0.0.143",
            "allow-branch",
        ),
        (claims().with(14, "refs/heads/main"), "found refs/heads/main", "allow-branch"),
        (claims().with(11, "self-hosted"), "runner: expected github-hosted", "allow-self-hosted"),
        (claims().signed_by(other_workflow), "workflow: expected a workflow of adpena/reproq-worker", "--workflow"),
    ] {
        let world = released();
        world.attest("v0.0.144", &claims);
        let output = world.refused(5, &["install"]);
        assert!(output.stderr.contains(named) && output.stderr.contains(hint), "{output:#?}");
    }
}

#[test]
fn what_the_settings_allow_is_accepted() {
    let claims = || Claims::build_of(REPOSITORY, "v0.0.144");
    let other = "https://github.com/org/shared/.github/workflows/build.yml@refs/tags/v3";
    for (claims, setting) in [
        (claims().with(14, "refs/heads/main"), "allow-branch = true"),
        (claims().with(11, "self-hosted"), "allow-self-hosted = true"),
        (claims().signed_by(other), "workflow = \"org/shared/.github/workflows/build.yml\""),
        (claims(), "workflow = \".github/workflows/release.yml\""),
    ] {
        let world = released();
        world.attest("v0.0.144", &claims);
        let file = world.context.project().join("pyproject.toml");
        std::fs::write(file, format!("[tool.reproq]\n{setting}\n")).expect("written");
        let output = world.context.succeed(&["install", "--require", "attested"]);
        assert!(output.stderr.is_empty() || !output.stderr.contains("unknown key"), "{output:#?}");
    }
    let world = released();
    world.attest("v0.0.144", &Claims::build_of(REPOSITORY, "v0.0.144"));
    world.refused(5, &["install", "--workflow", ".github/workflows/other.yml"]);
    world.refused(2, &["install", "--workflow", "other.yml"]);
}

#[test]
fn another_assets_attestation_verifies_nothing() {
    let world = released();
    let id = world.context.repo().snapshot().releases[0].id;
    let other = digests("v0.0.144").remove(1);
    let claims = Claims::build_of(REPOSITORY, "v0.0.144");
    let bundle = world.acme.bundle(&claims, &provenance(&other.0, &other.1), How::default());
    world.context.repo().add_asset(id, proof_file(&asset_name(), &bundle));
    let output = world.refused(5, &["install"]);
    assert!(output.stderr.contains("genuine, but for other bytes"), "{output:#?}");
}

#[test]
fn a_file_that_is_not_an_attestation_is_refused() {
    for text in ["<html>", "{}", "{\"base64Signature\": \"\"}"] {
        let world = released();
        let id = world.context.repo().snapshot().releases[0].id;
        world.context.repo().add_asset(
            id,
            fake_github::AssetSpec::new(&format!("{}.sigstore.json", asset_name()), text.as_bytes().to_vec()),
        );
        let output = world.refused(5, &["install"]);
        assert!(output.stderr.contains("malformed"), "{output:#?}");
    }
}

#[test]
fn an_unattested_release_is_reported_and_refused_only_if_required() {
    let world = released();
    let output = world.context.succeed(&["install"]);
    assert!(output.stdout.contains("not attested: GitHub has no attestation for it"), "{output:#?}");
    assert_eq!(world.questions(), 1, "no request is made about the other platforms");
    insta::assert_snapshot!(world.context.shown(&["install", "--force", "--require", "attested"]));
    world.refused(5, &["install", "--force", "--require", "released"]);
    world.refused(5, &["verify", "--require", "attested"]);
    world.context.github.no_attestations(NoAttestations::EmptyList);
    world.refused(5, &["install", "--force", "--require", "attested"]);
}

#[test]
fn a_failed_request_is_not_treated_as_missing() {
    for fault in [Fault::status(403), Fault::status(500), Fault::status(401)] {
        let world = World::attested();
        world.context.github.fault(Matcher::api().path("/attestations/").always(), fault);
        // Without a requirement, other evidence suffices, and the failed request is reported.
        let output = world.context.succeed(&["install"]);
        assert!(output.stdout.contains("built by  not attested: "), "{output:#?}");
        assert!(!output.stdout.contains("has no attestation"), "{output:#?}");
        assert!(!world.lock().contains("signer"), "{}", world.lock());
        let refused = world.context.run(&["install", "--force", "--require", "attested"]);
        assert!(matches!(refused.code, 5 | 6), "{refused:#?}");
        assert!(refused.stderr.contains("build provenance could not be read"), "{refused:#?}");
    }
    // While the API limits requests, attestations cannot be requested; this is temporary.
    let world = World::attested();
    world.context.succeed(&["install"]);
    world.forget_all_but_the_lock();
    world.context.github.rest_budget(BudgetSpec::remaining(0));
    let limited = world.refused(6, &["install"]);
    insta::assert_snapshot!(world.context.redact(&limited));
}
