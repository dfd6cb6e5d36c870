//! Foreign objects in the store's locations: directories, files, pipes, and links to other locations. A checkout may contain
//! any of them, so nothing outside the store is ever emptied, truncated or replaced because of one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use super::INSTALL;
use super::NEW;
use super::files;
use super::project;
use super::recovers;
use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::workers;

/// An object in a location.
#[derive(Clone, Copy)]
enum Thing {
    /// A regular foreign file.
    File,
    /// A directory with a foreign file.
    Directory,
    /// A pipe without a writer.
    Pipe,
    /// A link to nothing.
    DanglingLink,
    /// A link to a file outside the project.
    LinkToFile,
    /// A link to a directory outside the project.
    LinkToDirectory,
}

impl Thing {
    /// Replaces what is at the path.
    fn put(self, context: &Context, place: &Path) {
        if place.is_dir() {
            fs::remove_dir_all(place).expect("removed");
        } else {
            let _ = fs::remove_file(place);
        }
        fs::create_dir_all(place.parent().expect("a directory")).expect("made");
        match self {
            Self::File => fs::write(place, "somebody's").expect("written"),
            Self::Directory => {
                fs::create_dir(place).expect("made");
                fs::write(place.join("file"), "somebody's").expect("written");
            }
            Self::Pipe => {
                let made = std::process::Command::new("mkfifo").arg(place).status().expect("mkfifo runs");
                assert!(made.success());
            }
            Self::DanglingLink => symlink(outside(context).join("nothing"), place).expect("linked"),
            Self::LinkToFile => symlink(outside(context).join("file"), place).expect("linked"),
            Self::LinkToDirectory => symlink(outside(context), place).expect("linked"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Directory => "a directory",
            Self::Pipe => "a pipe",
            Self::DanglingLink => "a link to nothing",
            Self::LinkToFile => "a link to somebody's file",
            Self::LinkToDirectory => "a link to somebody's directory",
        }
    }
}

/// A directory outside the store.
fn outside(context: &Context) -> PathBuf {
    context.root().join("outside")
}

/// Plants an object in a location of the store, installs, and checks the exit code. Nothing outside has changed, and a refused
/// object is unchanged.
fn in_place_of(place: &str, thing: Thing, code: i32) {
    in_place_called(place, place, thing, code);
}

/// As [`in_place_of`], for a location whose name depends on the build of the sample worker.
fn in_place_called(called: &str, place: &str, thing: Thing, code: i32) {
    let context = project();
    fs::create_dir(outside(&context)).expect("made");
    fs::write(outside(&context).join("file"), "somebody's").expect("written");
    fs::create_dir(outside(&context).join("install-1")).expect("made");
    fs::write(outside(&context).join("install-1/file"), "somebody's").expect("written");
    let path = context.project().join(place);
    thing.put(&context, &path);
    let outside_before = files(&outside(&context));
    let store_before = (!matches!(thing, Thing::Pipe)).then(|| files(&context.project()));
    let output = context.run(INSTALL);
    let name = format!("in place of `{called}`: {}", thing.name());
    assert_eq!(output.code, code, "{name}: {output:#?}");
    assert_eq!(files(&outside(&context)), outside_before, "{name}: what is outside is as it was");
    let left = if code == 0 {
        assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes(NEW), "{name}");
        "the new binary, nothing in staging; what a link led to is as it was"
    } else {
        assert!(output.stderr.contains("hint: "), "{name}: {output:#?}");
        if let Some(before) = store_before {
            assert_eq!(files(&context.project()), before, "{name}");
        }
        "everything as it was"
    };
    record(Part::Machine, &name, &context, &output, left);
    // Removes the planted object.
    match fs::symlink_metadata(&path) {
        Ok(metadata) if code != 0 && metadata.is_dir() => fs::remove_dir_all(&path).expect("removed"),
        Ok(_) if code != 0 => fs::remove_file(&path).expect("removed"),
        Ok(_) | Err(_) => {}
    }
    context.succeed(INSTALL);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes(NEW), "{name}");
    assert!(context.staged().is_empty(), "{name}");
    assert_eq!(files(&outside(&context)), outside_before, "{name}");
    context.succeed(INSTALL);
}

#[test]
fn in_place_of_the_binary() {
    let binary = ".reproq/bin/reproq";
    in_place_of(binary, Thing::Directory, 8);
    in_place_of(binary, Thing::Pipe, 8);
    in_place_of(binary, Thing::DanglingLink, 0);
    in_place_of(binary, Thing::LinkToFile, 0);
    in_place_of(binary, Thing::LinkToDirectory, 0);
}

#[test]
fn in_place_of_the_stores_directories() {
    for directory in [".reproq", ".reproq/bin", ".reproq/staging", ".reproq/receipts", ".reproq/previous"] {
        for thing in [Thing::File, Thing::DanglingLink, Thing::LinkToDirectory] {
            in_place_of(directory, thing, 8);
        }
    }
}

#[test]
fn in_place_of_the_stores_files() {
    for thing in [Thing::Directory, Thing::Pipe, Thing::DanglingLink, Thing::LinkToFile] {
        in_place_of(".reproq/lock", thing, 8);
    }
    in_place_of(".reproq/state.json", Thing::Directory, 8);
    for thing in [Thing::Pipe, Thing::DanglingLink, Thing::LinkToFile] {
        in_place_of(".reproq/state.json", thing, 0);
    }
    for thing in [Thing::Directory, Thing::Pipe, Thing::DanglingLink, Thing::LinkToFile] {
        in_place_of(".reproq/.gitignore", thing, 0);
    }
}

/// The receipt's name depends on the binary.
#[test]
fn in_place_of_the_receipts() {
    let receipt = {
        let context = project();
        recovers(&context, INSTALL);
        let state = fs::read_to_string(context.project().join(".reproq/state.json")).expect("a state");
        let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
        format!(".reproq/receipts/{}.json", state["current"].as_str().expect("a digest"))
    };
    let called = ".reproq/receipts/SHA256.json";
    in_place_called(called, &receipt, Thing::Directory, 8);
    for thing in [Thing::Pipe, Thing::DanglingLink, Thing::LinkToFile] {
        in_place_called(called, &receipt, thing, 0);
    }
}
