//! Hostile archives as assets of a release: each is refused by the name of what is wrong with it, and nothing is unpacked.

use std::fs;

use super::Scene;
use super::same_world;
use super::world;
use crate::support::context::asset_name;
use crate::support::samples;
use crate::support::samples::Sample;
use crate::support::workers;

fn refuse_all(form: &str, samples: &[Sample]) {
    let scene = Scene::new();
    let body = samples::body(3000);
    for (name, build) in samples {
        scene.publish(&format!("{}.{form}", asset_name()), build("reproq", &body));
        let fault = format!("archive, {form}: {name}");
        if matches!(*name, "not gzip" | "not zip") {
            // It starts like the page of a captive portal, and is not recognized as an archive.
            scene.refused_with(&fault, 6);
            continue;
        }
        let output = scene.refused(&fault);
        assert!(output.stderr.contains("failed to unpack"), "{name}: {output:#?}");
    }
}

/// The samples name system paths; here the path can be checked: a directory next to the project.
#[test]
fn an_absolute_name_and_a_link_out_of_the_archive_write_nothing_outside() {
    let scene = Scene::new();
    let body = samples::body(3000);
    let outside = scene.context.root().join("outside");
    fs::create_dir(&outside).expect("made");
    for (form, archives) in
        [("tar.gz", samples::tar_gz_into(&outside, &body)), ("zip", samples::zip_into(&outside, &body))]
    {
        for (number, archive) in archives.into_iter().enumerate() {
            scene.publish(&format!("{}.{form}", asset_name()), archive);
            let before = world(scene.context.root());
            let output = scene.install();
            assert_eq!(output.code, 5, "{form} {number}: {output:#?}");
            same_world(form, &before, &world(scene.context.root()));
        }
    }
}

#[test]
fn hostile_tar_archives_are_refused() {
    refuse_all("tar.gz", &samples::hostile_tar_gz());
}

#[test]
fn hostile_zip_archives_are_refused() {
    refuse_all("zip", &samples::hostile_zip());
}

/// Truncated in every part of the format: the headers, the executable, the checksums, the directory, the last byte.
#[test]
fn an_archive_cut_anywhere_is_refused() {
    for (form, archive) in
        [("tar.gz", samples::tar_gz as fn(&str, &[u8]) -> Vec<u8>), ("zip", samples::zip as fn(&str, &[u8]) -> Vec<u8>)]
    {
        let scene = Scene::new();
        let archive = archive("reproq", &samples::body(3000));
        let step = archive.len() / 12;
        let last = [archive.len() - 21, archive.len() - 8, archive.len() - 1];
        for (number, length) in (1..archive.len()).step_by(step).chain(last).enumerate() {
            scene.publish(&format!("{}.{form}", asset_name()), archive[..length].to_vec());
            scene.refused(&format!("archive, {form}: truncated, position {:02} of 16", number + 1));
        }
    }
}

/// The samples would show nothing if every archive were refused.
#[test]
fn archives_of_real_tools_are_installed() {
    for (form, corpus) in [("tar.gz", samples::HONEST_TAR_GZ), ("zip", samples::HONEST_ZIP)] {
        let scene = Scene::new();
        let worker = workers::bytes("0.0.144");
        for (name, build) in corpus {
            scene.publish(&format!("{}.{form}", asset_name()), build("reproq", &worker));
            let output = scene.install();
            assert_eq!(output.code, 0, "{form}: {name}: {output:#?}");
            assert_eq!(fs::read(scene.context.binary()).expect("installed"), worker);
        }
    }
}
