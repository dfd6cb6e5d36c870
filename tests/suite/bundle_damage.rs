//! Damaged and hostile bundles: each is detected and named, and nothing from it is placed.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use crate::bundle::release;
use crate::support::Context;
use crate::support::Output;
use crate::support::context::asset_name;
use crate::support::workers;

/// A project and a bundle for every platform, with a source.
fn bundled() -> (Context, PathBuf) {
    let context = Context::new();
    release(&context, "v0.0.144");
    let checkout = context.root().join("checkout");
    workers::copy_checkout(&checkout, "0.0.144");
    let file = context.root().join("worker.tar");
    let arguments =
        ["bundle", "create", "--target", "all", "--with-source", "../../checkout", "-o", "../../worker.tar"];
    context.succeed(&arguments);
    // From here on, installs can only use the bundle.
    fs::remove_dir_all(context.root().join("home/.cache")).expect("removed");
    (context, file)
}

/// A member: name, mode, bytes.
type Entry = (String, u32, Vec<u8>);

/// Where each member's bytes are: name, first byte, size.
fn members(bundle: &[u8]) -> Vec<(String, usize, usize)> {
    let mut archive = tar::Archive::new(bundle);
    let entries = archive.entries().expect("an archive").map(|entry| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").to_string_lossy().into_owned();
        let (start, mut bytes) = (entry.raw_file_position() as usize, Vec::new());
        entry.read_to_end(&mut bytes).expect("readable");
        (name, start, bytes.len())
    });
    entries.collect()
}

/// Installs from a bundle of these bytes, which must fail.
fn refused(context: &Context, bundle: &[u8], arguments: &[&str]) -> Output {
    fs::write(context.root().join("changed.tar"), bundle).expect("written");
    let inspected = context.run(&["bundle", "inspect", "../../changed.tar"]);
    assert_eq!(inspected.code, 5, "{inspected:#?}");
    let output = context.run(&[&["install", "--from", "../../changed.tar"], arguments].concat());
    assert_eq!(output.code, 5, "{output:#?}");
    assert!(!context.binary().exists() && !context.lockfile().exists(), "{output:#?}");
    assert!(context.staged().is_empty(), "everything extracted from it was removed");
    output
}

#[test]
fn a_changed_byte_in_any_member_is_caught_and_named() {
    let (context, file) = bundled();
    let honest = fs::read(file).expect("a bundle");
    let members = members(&honest);
    assert!(members.len() >= 10, "{members:?}");
    for (name, start, size) in members {
        for at in [start, start + size / 2, start + size - 1] {
            let mut changed = honest.clone();
            changed[at] ^= 1;
            let output = refused(&context, &changed, &[]);
            assert!(output.stderr.contains(&name), "{name}: {output:#?}");
        }
    }
    // An available checkout does not replace refused bytes.
    context.sibling_checkout();
    let mut changed = honest;
    let asset = members_of(&changed, &format!("assets/{}", asset_name()));
    changed[asset] ^= 1;
    let output = refused(&context, &changed, &[]);
    assert!(!output.stderr.contains("building"), "{output:#?}");
}

fn members_of(bundle: &[u8], wanted: &str) -> usize {
    members(bundle).into_iter().find(|(name, ..)| name == wanted).expect("it is there").1
}

#[test]
fn a_bundle_cut_anywhere_is_refused() {
    let (context, file) = bundled();
    let honest = fs::read(file).expect("a bundle");
    let edges = members(&honest).into_iter().flat_map(|(_, start, size)| [start - 512, start, start + size / 2]);
    let last = honest.len();
    for length in edges.chain([0, 1, 511, last - 1, last - 512, last - 1024, last - 1025]) {
        refused(&context, &honest[..length], &[]);
    }
    let output = refused(&context, &[honest.clone(), b"more".to_vec()].concat(), &[]);
    assert!(output.stderr.contains("followed by extra bytes"), "{output:#?}");
    let output = refused(&context, &[honest.clone(), honest].concat(), &[]);
    assert!(output.stderr.contains("followed by extra bytes"), "{output:#?}");
}

#[test]
fn a_bundle_that_was_packed_again_is_refused_for_what_differs() {
    let (context, file) = bundled();
    let honest = fs::read(file).expect("a bundle");
    let mut archive = tar::Archive::new(honest.as_slice());
    let entries = archive.entries().expect("an archive").map(|entry| {
        let mut entry = entry.expect("an entry");
        let (name, mode) = (entry.path().expect("a name").to_string_lossy().into_owned(), entry.header().mode());
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("readable");
        (name, mode.expect("a mode"), bytes)
    });
    let entries: Vec<Entry> = entries.collect();
    let packed = |entries: &[Entry]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, mode, bytes) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_mode(*mode);
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes.as_slice()).expect("packed");
        }
        builder.into_inner().expect("packed")
    };
    let with = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut changed = entries.clone();
        change(&mut changed);
        let output = refused(&context, &packed(&changed), &[]);
        let why = output.stderr.lines().find_map(|line| line.trim().strip_prefix("caused by: "));
        why.or(output.stderr.lines().next()).expect("a reason").to_owned()
    };
    let said = [
        with(&|entries| drop(entries.remove(5))),
        with(&|entries| drop(entries.pop())),
        with(&|entries| entries.push(("assets/evil".to_owned(), 0o644, b"x".to_vec()))),
        with(&|entries| entries.insert(4, ("evil".to_owned(), 0o644, b"x".to_vec()))),
        with(&|entries| entries.swap(3, 4)),
        with(&|entries| entries.push(entries[3].clone())),
        with(&|entries| entries[3].1 = 0o755),
        with(&|entries| entries[3].1 = 0o4755),
        with(&|entries| entries[4].2.push(0)),
        with(&|entries| entries.swap(0, 1)),
    ];
    let size = workers::bytes("0.0.144").len();
    let said = said.join("\n").replace(&asset_name(), "[ASSET]");
    insta::assert_snapshot!(said.replace(&size.to_string(), "[SIZE]").replace(&(size + 1).to_string(), "[SIZE + 1]"));
    // Only the order and the bytes matter, not the tool that packed it.
    fs::write(context.root().join("changed.tar"), packed(&entries)).expect("written");
    context.succeed(&["bundle", "inspect", "../../changed.tar"]);
}

#[test]
fn a_file_that_is_not_a_bundle_is_named_by_what_it_is() {
    let context = Context::new();
    let root = context.root().to_owned();
    let gzip = crate::support::samples::tar_gz("reproq", b"worker");
    let tar = {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(1);
        header.set_mode(0o755);
        builder.append_data(&mut header, "reproq", &b"x"[..]).expect("packed");
        builder.into_inner().expect("packed")
    };
    for (name, bytes) in [
        ("worker", workers::bytes("0.0.144")),
        ("worker.tar.gz", gzip),
        ("other.tar", tar),
        ("notes.txt", b"read me first\n".to_vec()),
        ("empty", Vec::new()),
        ("page.html", b"<!doctype html><title>Log in</title>".repeat(40)),
    ] {
        fs::write(root.join("work/project").join(name), bytes).expect("written");
        let output = context.run(&["install", "--from", name]);
        assert_eq!(output.code, 5, "{name}: {output:#?}");
        assert_eq!(context.run(&["bundle", "inspect", name]).code, 5, "{name}");
        insta::assert_snapshot!(format!("no_bundle_{}", name.replace('.', "_")), context.redact(&output));
    }
    fs::create_dir(context.project().join("directory")).expect("created");
    for (name, code, says) in [("directory", 2, "is a directory"), ("nothing.tar", 4, "nothing.tar")] {
        let output = context.run(&["install", "--from", name]);
        assert!(output.code == code && output.stderr.contains(says), "{output:#?}");
    }
    assert!(!context.project().join(".reproq").exists());
}
