//! Links planted by an attacker in the project: an install writes only to its own directory.

use std::fs;
use std::os::unix::fs::symlink;

use super::Scene;
use super::quiet;
use super::same_world;
use super::world;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::releases::mutations;
use crate::support::releases::with_versions;

const FORCED: [&str; 5] = ["install", "--no-django", "--tag", "v0.0.143", "--force"];

/// A clone may contain links, so `.reproq/staging` may point to the user's home, which must not be emptied.
#[test]
fn links_in_place_of_the_stores_directories_are_not_followed() {
    for name in [".reproq", ".reproq/bin", ".reproq/staging", ".reproq/receipts", ".reproq/previous", ".reproq/lock"] {
        let scene = Scene::new();
        let place = scene.context.project().join(name);
        let aside = scene.context.root().join("aside");
        let moved = fs::rename(&place, &aside);
        let elsewhere = scene.context.root().join("home/precious");
        fs::create_dir_all(elsewhere.join("staging/install-photos")).expect("directories");
        fs::create_dir_all(elsewhere.join("install-photos")).expect("directories");
        fs::write(elsewhere.join("install-photos/one"), "mine").expect("written");
        fs::write(elsewhere.join("state.json"), "mine").expect("written");
        symlink(if name == ".reproq/lock" { elsewhere.join("state.json") } else { elsewhere }, &place).expect("a link");
        let before = world(scene.context.root());
        let output = scene.context.run(&FORCED);
        assert_eq!(output.code, 8, "{name}: {output:#?}");
        assert!(output.stderr.contains("hint: move `"), "{name}: {output:#?}");
        quiet(&output);
        same_world(name, &before, &world(scene.context.root()));
        let left = "the old binary, and what the link leads to, as they were";
        record(Part::Hostile, &format!("project: {name} is a link"), &scene.context, &output, left);
        fs::remove_file(&place).expect("the link goes");
        if moved.is_ok() {
            fs::rename(&aside, &place).expect("back");
        }
        scene.context.succeed(&FORCED);
    }
}

#[test]
fn a_link_in_place_of_the_binary_is_replaced_and_its_target_left_alone() {
    let scene = Scene::new();
    let precious = scene.context.root().join("home/precious");
    fs::write(&precious, "mine").expect("written");
    fs::remove_file(scene.context.binary()).expect("removed");
    symlink(&precious, scene.context.binary()).expect("a link");
    let output = scene.context.run(&FORCED);
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(fs::read_to_string(&precious).expect("there"), "mine");
    assert!(!scene.context.binary().is_symlink());
    let left = format!("{}, the link's target as it was", left(&scene.context, None, &Scene::old()));
    record(Part::Hostile, "project: the binary is a link", &scene.context, &output, &left);
}

#[test]
fn the_record_of_a_prune_stays_in_the_project() {
    for name in [".reproq", ".reproq/audit"] {
        let context = with_versions(3);
        let elsewhere = context.root().join("home/elsewhere");
        fs::create_dir_all(&elsewhere).expect("a directory");
        let place = context.project().join(name);
        fs::create_dir_all(place.parent().expect("a directory")).expect("a directory");
        symlink(&elsewhere, &place).expect("a link");
        let before = world(context.root());
        let output = context.run(&["release", "prune", "--keep", "1"]);
        assert_eq!(output.code, 8, "{name}: {output:#?}");
        same_world(name, &before, &world(context.root()));
        assert!(mutations(&context).is_empty(), "nothing is deleted without a record");
        let left = "every release and tag, and what the link leads to";
        record(Part::Hostile, &format!("project: {name} is a link, prune"), &context, &output, left);
    }
}
