//! Bundles contain the attestations; the receiver verifies them with its own trusted roots.

use std::fs;

use super::World;
use crate::support::Machine;

#[test]
fn a_bundle_contains_the_attestations_for_an_offline_machine() {
    let world = World::attested();
    let file = world.context.root().join("worker.tar");
    let file = file.to_str().expect("UTF-8");
    world.context.succeed(&["bundle", "create", "--target", "all", "-o", file]);
    let inspected = world.context.succeed(&["bundle", "inspect", file]);
    assert!(inspected.stdout.contains("was `attested`"), "{inspected:#?}");
    let first = fs::read(file).expect("a bundle");
    // From a lockfile and the cache, or without the cache: the same bytes.
    world.context.succeed(&["lock"]);
    world.context.succeed(&["bundle", "create", "--target", "all", "--locked", "-o", file]);
    let again = fs::read(file).expect("a bundle");
    world.context.succeed(&["cache", "clean"]);
    world.context.succeed(&["bundle", "create", "--target", "all", "--locked", "-o", file]);
    assert!(fs::read(file).expect("a bundle") == again, "with the cache and without it");
    assert!(first == again, "looked up or locked");

    let machine = Machine::new();
    let bundle = machine.bring(std::path::Path::new(file));
    let bundle = bundle.to_str().expect("UTF-8").to_owned();
    // A machine that does not trust the authority accepts none of it.
    let refused = machine.run(&["install", "--from", &bundle]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert!(!machine.binary().exists());
    let root = machine.bring(&world.context.root().join("root.json"));
    machine.succeed_in_silence(&["trust", "accept", root.to_str().expect("UTF-8")]);
    let output = machine.succeed_in_silence(&["install", "--from", &bundle]);
    assert!(output.stdout.contains("verdict     attested"), "{output:#?}");
    machine.succeed_in_silence(&["verify"]);
    machine.succeed_in_silence(&["install", "--from", &bundle, "--locked", "--force", "--require", "attested"]);
    let lock = fs::read_to_string(machine.project().join("reproq.lock")).expect("a lock");
    assert_eq!(lock, world.lock(), "the team's lock, signer and all");
}

#[test]
fn a_bundle_without_attestations_does_not_satisfy_its_lockfile() {
    let world = World::attested();
    world.context.succeed(&["lock"]);
    let file = world.context.root().join("worker.tar");
    let file = file.to_str().expect("UTF-8").to_owned();
    // Created without requesting attestations, from a lockfile that names a signer.
    world.context.repo().forget_attestations();
    world.context.succeed(&["cache", "clean"]);
    let refused = world.context.run(&["bundle", "create", "--locked", "-o", &file]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert!(!std::path::Path::new(&file).exists());
}

#[test]
fn a_mirror_stores_attestations_that_only_the_api_has() {
    let world = World::attested();
    let directory = world.context.root().join("mirror");
    let mirror = directory.to_str().expect("UTF-8").to_owned();
    world.context.succeed(&["mirror", "sync", &mirror]);
    let proofs = directory
        .join("adpena/reproq-worker/releases/download/v0.0.144")
        .join(format!("{}.sigstore.json", crate::support::context::asset_name()));
    assert!(proofs.is_file());
    // A second run finds everything and requests no attestation.
    let asked = world.questions();
    let again = world.context.succeed(&["mirror", "sync", &mirror]);
    assert_eq!(world.questions(), asked, "{again:#?}");
    // Without GitHub, the files in the directory are sufficient.
    world.context.repo().forget_attestations();
    world.context.github.clear_log();
    let output = world.context.succeed(&["install", "--mirror", &mirror, "--offline", "--require", "attested"]);
    assert!(output.stdout.contains("verdict     attested"), "{output:#?}");
    assert!(world.context.github.requests().is_empty());
    world.forget_all_but_the_lock();
    let locked = world.context.succeed(&["install", "--mirror", &mirror, "--offline", "--locked"]);
    assert!(locked.stdout.contains("verdict     attested"), "{locked:#?}");
    // If the attestations in the directory were changed, verification fails and nothing is installed.
    let text = fs::read_to_string(&proofs).expect("proofs");
    fs::write(&proofs, text.replacen("MII", "MIJ", 1)).expect("written");
    world.forget_all_but_the_lock();
    let refused = world.context.run(&["install", "--mirror", &mirror, "--offline", "--locked"]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert!(!world.context.binary().exists());
    // A sync that cannot fetch them reports this, and one that can restores them.
    let lacking = world.context.run(&["mirror", "sync", &mirror]);
    assert!(lacking.code == 5 && lacking.stdout.contains(".sigstore.json is damaged"), "{lacking:#?}");
    world.attest("v0.0.144", &fake_sigstore::Claims::build_of(crate::support::context::REPOSITORY, "v0.0.144"));
    world.context.succeed(&["mirror", "sync", &mirror]);
    world.context.succeed(&["install", "--mirror", &mirror, "--offline", "--locked"]);
}
