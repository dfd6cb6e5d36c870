//! Bundles carry the proofs along; verifying them is the same code with the receiver's own trusted roots.

use std::fs;

use super::World;
use crate::support::Machine;

#[test]
fn a_bundle_brings_the_proofs_to_a_machine_without_a_network() {
    let world = World::attested();
    let file = world.context.root().join("worker.tar");
    let file = file.to_str().expect("UTF-8");
    world.context.succeed(&["bundle", "create", "--target", "all", "-o", file]);
    let inspected = world.context.succeed(&["bundle", "inspect", file]);
    assert!(inspected.stdout.contains("was `attested`"), "{inspected:#?}");
    let first = fs::read(file).expect("a bundle");
    // From a lock and the cache, or without it: the same bytes.
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
    // A machine that does not trust the authority believes none of it.
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
fn a_bundle_without_its_proofs_is_less_than_its_lock_claims() {
    let world = World::attested();
    world.context.succeed(&["lock"]);
    let file = world.context.root().join("worker.tar");
    let file = file.to_str().expect("UTF-8").to_owned();
    // Made where nobody asks for proofs, of a lock that names a signer.
    world.context.repo().forget_attestations();
    world.context.succeed(&["cache", "clean"]);
    let refused = world.context.run(&["bundle", "create", "--locked", "-o", &file]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert!(!std::path::Path::new(&file).exists());
}
