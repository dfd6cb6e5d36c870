//! Property tests: a written bundle reads back unchanged, has one encoding, and nothing else is accepted.
#![expect(clippy::disallowed_methods, reason = "bundles and what goes into them are files")]

use std::fs;
use std::path::Path;

use chrono::DateTime;
use proptest::prelude::*;

use crate::io::fs::OutputFile;
use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::hash_file;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::model::Sha256Digest;
use crate::model::Target;
use crate::model::Tool;
use crate::model::progress::NoProgress;
use crate::sources::bundle::Bundle;
use crate::sources::bundle::BundleError;
use crate::sources::bundle::BundlePlan;
use crate::sources::bundle::Manifest;
use crate::sources::bundle::ManifestError;
use crate::sources::bundle::Parts;
use crate::sources::bundle::SourceParts;
use crate::sources::bundle::measured;
use crate::sources::bundle::write;
use crate::trust::Level;
use crate::worker::archive::ArchiveError;

/// What a bundle is built from: assets by target index, files of the release, files of the source.
#[derive(Debug, Clone)]
struct Recipe {
    assets: Vec<(usize, Vec<u8>)>,
    files: Vec<(String, Vec<u8>)>,
    source: Option<Vec<(String, Vec<u8>, bool)>>,
}

fn simple() -> Recipe {
    Recipe {
        assets: vec![(0, b"for one machine".to_vec()), (3, vec![7; 5000])],
        files: vec![("SHA256SUMS".to_owned(), b"sums".to_vec())],
        source: Some(vec![
            ("go.mod".to_owned(), b"module reproq-worker\n".to_vec(), false),
            ("script.sh".to_owned(), b"#!/bin/sh\n".to_vec(), true),
        ]),
    }
}

impl Recipe {
    fn parts(&self, directory: &Path) -> Parts {
        let targets: Vec<Target> = Target::all().collect();
        let assets = self.assets.iter().map(|(index, bytes)| {
            let name = Tool::WORKER.asset_names(targets[*index])[0].0.clone();
            let file = directory.join(&name);
            fs::write(&file, bytes).expect("written");
            let sha256 = hash_file(&file).expect("readable");
            let size = bytes.len() as u64;
            let locked = LockedAsset {
                target: targets[*index],
                name,
                size: Some(size),
                sha256,
                evidence: vec!["SHA256SUMS".to_owned()],
                verdict: Level::Checksum,
            };
            (locked, Written { path: file, size, sha256, id: None })
        });
        let assets: Vec<(LockedAsset, Written)> = assets.collect();
        let locked = assets.iter().map(|(locked, _)| locked.clone()).collect();
        let (repository, tag) = ("adpena/reproq-worker".parse(), "v0.0.144".parse());
        let published = DateTime::from_timestamp(1_700_000_000, 0);
        let lockfile = Lockfile::new(repository.expect("a repository"), tag.expect("a tag"), published, locked);
        let source = self.source.as_ref().map(|files| {
            let files = files.iter().enumerate().map(|(number, (path, bytes, executable))| {
                let file = directory.join(format!("source-{number}"));
                fs::write(&file, bytes).expect("written");
                (path.clone(), file, *executable)
            });
            let files = measured(files.collect::<Vec<_>>()).expect("readable");
            SourceParts { version: Some("0.0.144".to_owned()), commit: None, dirty: None, vendored: false, files }
        });
        Parts { tool: Tool::WORKER, lockfile, assets, files: self.files.clone(), source }
    }

    /// Writes the bundle to a directory and returns its bytes.
    fn made(&self, directory: &Path) -> Result<Vec<u8>, ArchiveError> {
        let plan = BundlePlan::compute(self.parts(directory))?;
        let file = directory.join("made.tar");
        let written = write(&plan, OutputFile::create(&file).expect("begun"), &NoProgress).expect("written");
        let bytes = fs::read(&file).expect("readable");
        assert_eq!((written.size, written.sha256), (bytes.len() as u64, hash_file(&file).expect("readable")));
        Ok(bytes)
    }
}

fn open(directory: &Path, bytes: &[u8]) -> Result<Bundle, BundleError> {
    let path = directory.join("bundle.tar");
    fs::write(&path, bytes).expect("written");
    Bundle::open(&path, "bundle.tar", &Tool::WORKER)
}

/// Whether bytes are a valid bundle. If so, extraction returns the files that went in; if not, it leaves nothing behind.
fn accepted(bytes: &[u8], recipe: &Recipe) -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    let Ok(bundle) = open(directory.path(), bytes) else { return false };
    let is_good = matches!(bundle.check(&NoProgress).as_deref(), Ok([]));
    let out = directory.path().join("out");
    fs::create_dir(&out).expect("created");
    for (asset, (_, content)) in bundle.manifest().assets.clone().iter().zip(&sorted(recipe).assets) {
        let destination = out.join(&asset.name);
        let taken = bundle.extract_asset(&asset.name, &destination, &NoProgress);
        assert_eq!(taken.is_ok(), is_good, "{taken:?}");
        match taken {
            Ok(written) => assert!(&fs::read(written.path).expect("readable") == content),
            Err(_) => assert!(!destination.exists(), "a refused file is removed"),
        }
    }
    if let Some(files) = recipe.source.as_ref().filter(|_| is_good) {
        bundle.extract_source(&out.join("source"), &NoProgress).expect("a good bundle");
        for (path, content, _) in files {
            assert!(&fs::read(out.join("source").join(path)).expect("readable") == content);
        }
    }
    is_good
}

fn sorted(recipe: &Recipe) -> Recipe {
    let targets: Vec<Target> = Target::all().collect();
    let mut recipe = recipe.clone();
    recipe.assets.sort_by_key(|(index, _)| targets[*index].to_string());
    recipe
}

#[test]
fn long_names_and_empty_files_are_carried() {
    let directory = tempfile::tempdir().expect("a directory");
    let deep = format!("vendor/{}/x.go", "a".repeat(120));
    let deeper = format!("vendor/{}/{}.go", vec!["directory"; 60].join("/"), "b".repeat(90));
    let recipe = Recipe {
        source: Some(vec![
            (deep, b"package a".to_vec(), false),
            (deeper, Vec::new(), true),
            ("x".to_owned(), Vec::new(), false),
        ]),
        ..simple()
    };
    let bytes = recipe.made(directory.path()).expect("made");
    assert!(accepted(&bytes, &recipe));
}

#[test]
fn a_name_no_reader_would_accept_is_refused_before_anything_is_written() {
    for name in ["../x", "/x", "a\\b", "a//b", "é", "a\nb", "README.md\0"] {
        let directory = tempfile::tempdir().expect("a directory");
        let recipe = Recipe { source: Some(vec![(name.to_owned(), b"x".to_vec(), false)]), ..simple() };
        assert!(recipe.made(directory.path()).is_err(), "{name:?}");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let files = ["README", "readme"].map(|name| (name.to_owned(), b"x".to_vec(), false));
    let recipe = Recipe { source: Some(files.into()), ..simple() };
    assert!(matches!(recipe.made(directory.path()), Err(ArchiveError::CaseCollision(..))));
}

#[test]
fn a_manifest_of_another_schema_or_tool_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let plan = BundlePlan::compute(simple().parts(directory.path())).expect("a plan");
    let text = String::from_utf8(plan.manifest.render()).expect("text");
    let parsed = |text: &str| Manifest::parse(text.as_bytes(), &Tool::WORKER);
    assert_eq!(parsed(&text), Ok(plan.manifest.clone()));
    let later = text.replacen('{', "{\n  \"later\": {\"a\": 1},", 1);
    assert_eq!(parsed(&later), Ok(plan.manifest), "unknown keys are ignored");
    let newer = text.replace("reproq.bundle/1", "reproq.bundle/2");
    assert_eq!(parsed(&newer), Err(ManifestError::Newer { found: "reproq.bundle/2".to_owned() }));
    assert_eq!(parsed("{\"schema\": \"reproq.receipt/1\"}"), Err(ManifestError::NotOurs));
    assert_eq!(parsed("[]"), Err(ManifestError::NotOurs));
    for (from, to) in [
        ("reproq-worker\",\n  \"repo", "another\",\n  \"repo"),
        ("reproq-linux-amd64", "../evil"),
        ("\"script.sh\"", "\"a.sh\""),
        ("\"executable\": true", "\"executable\": false"),
        ("\"name\": \"SHA256SUMS\"", "\"name\": \"a/b\""),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(matches!(parsed(&changed), Err(ManifestError::Content(_))), "{from}: {:?}", parsed(&changed));
    }
}

#[test]
fn the_lockfile_must_list_what_the_manifest_lists() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut parts = simple().parts(directory.path());
    parts.lockfile.assets[0].sha256 = Sha256Digest::from_bytes([9; 32]);
    let file = directory.path().join("made.tar");
    let plan = BundlePlan::compute(parts).expect("a plan");
    write(&plan, OutputFile::create(&file).expect("begun"), &NoProgress).expect("written");
    let refused = open(directory.path(), &fs::read(file).expect("readable")).expect_err("it contradicts itself");
    assert!(matches!(&refused, BundleError::Lock(reason) if reason.contains("does not list")), "{refused}");
}

#[test]
fn a_file_that_changes_while_it_is_bundled_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("made.tar");
    for content in ["short", "for one machinE", "for one machine, and more"] {
        let plan = BundlePlan::compute(simple().parts(directory.path())).expect("a plan");
        let asset = plan.manifest.assets.iter().find(|asset| asset.size == 15).expect("the first of the recipe");
        fs::write(directory.path().join(&asset.name), content).expect("written");
        let refused = write(&plan, OutputFile::create(&file).expect("begun"), &NoProgress).expect_err("it changed");
        assert!(refused.to_string().contains("changed while"), "{refused}");
        assert!(!file.exists(), "an incomplete bundle is removed");
    }
    // The bundle itself changes between reading its first members and reading all of it.
    let [one, other] = ["module reproq-worker\n", "module reproq-workeR\n"].map(|text| {
        let directory = tempfile::tempdir().expect("a directory");
        let source = vec![("go.mod".to_owned(), text.as_bytes().to_vec(), false)];
        Recipe { source: Some(source), ..simple() }.made(directory.path()).expect("made")
    });
    let bundle = open(directory.path(), &one).expect("a bundle");
    fs::write(directory.path().join("bundle.tar"), other).expect("written");
    assert!(matches!(bundle.check(&NoProgress), Err(BundleError::ChangedMeanwhile)));
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..1500);
    let path = "[a-z]{1,8}(/[a-zA-Z0-9_.-]{1,40}[a-z]){0,4}/f[a-z]{1,8}\\.go";
    (
        prop::collection::btree_map(0usize..6, bytes(), 0..6),
        prop::collection::btree_map("x[a-z]{1,8}", bytes(), 0..3),
        prop::option::of(prop::collection::btree_map(path, (bytes(), any::<bool>()), 0..6)),
    )
        .prop_map(|(assets, files, source)| Recipe {
            assets: assets.into_iter().collect(),
            files: files.into_iter().collect(),
            source: source
                .map(|files| files.into_iter().map(|(path, (bytes, executable))| (path, bytes, executable)).collect()),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(recipe in recipes()) {
        let directory = tempfile::tempdir().expect("a directory");
        // Names that differ only in case, or are both a file and a directory, are refused.
        if let Ok(bytes) = recipe.made(directory.path()) {
            prop_assert!(accepted(&bytes, &recipe));
            let mut turned = recipe;
            turned.assets.reverse();
            turned.files.reverse();
            turned.source.iter_mut().for_each(|files| files.reverse());
            prop_assert!(turned.made(directory.path()).expect("made") == bytes, "the order of the parts does not matter");
        }
    }

    #[test]
    fn no_truncated_bundle_is_accepted(at in any::<prop::sample::Index>()) {
        let directory = tempfile::tempdir().expect("a directory");
        let bytes = simple().made(directory.path()).expect("made");
        prop_assert!(!accepted(&bytes[..at.index(bytes.len())], &simple()));
    }

    #[test]
    fn a_changed_bundle_never_yields_other_bytes(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut bytes = simple().made(directory.path()).expect("made");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        accepted(&bytes, &simple());
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert!(!accepted(&bytes, &simple()));
        prop_assert!(Manifest::parse(&bytes, &Tool::WORKER).is_err());
    }

    #[test]
    fn any_members_behind_a_good_head_are_refused(
        members in prop::collection::vec(("[a-z./\\\\]{1,30}", prop::collection::vec(any::<u8>(), 0..40), 0u8..8), 0..6),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let bytes = simple().made(directory.path()).expect("made");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut builder = tar::Builder::new(Vec::new());
        for entry in archive.entries().expect("an archive").take(3) {
            let entry = entry.expect("an entry");
            let header = entry.header().clone();
            builder.append(&header, entry).expect("copied");
        }
        for (name, content, kind) in members {
            let mut header = tar::Header::new_ustar();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(tar::EntryType::new(b'0' + kind));
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_slice()).expect("appended");
        }
        prop_assert!(!accepted(&builder.into_inner().expect("an archive"), &simple()));
    }

    #[test]
    fn manifests_round_trip(recipe in recipes()) {
        let directory = tempfile::tempdir().expect("a directory");
        if let Ok(plan) = BundlePlan::compute(recipe.parts(directory.path())) {
            let text = plan.manifest.render();
            prop_assert_eq!(Manifest::parse(&text, &Tool::WORKER), Ok(plan.manifest.clone()));
            prop_assert_eq!(plan.manifest.render(), text);
        }
    }
}
