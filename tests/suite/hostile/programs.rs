//! Assets that are not the worker, and workers that misbehave when started for their version.

use std::fs;
use std::os::unix::process::CommandExt;
use std::thread;
use std::time::Duration;

use super::Scene;
use super::quiet;
use super::same_world;
use super::world;
use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::context::wait;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::fault_table::record_as;
use crate::support::workers;

fn refused(scene: &Scene, fault: &str, program: Vec<u8>, says: &str) {
    scene.publish(&asset_name(), program);
    let output = scene.refused(&format!("program: {fault}"));
    assert!(output.stderr.contains(says), "{fault} should say {says:?}: {output:#?}");
}

#[test]
fn a_file_that_is_not_a_program_is_refused_by_what_it_is() {
    let scene = Scene::new();
    let cases: [(&str, &[u8], &str); 8] = [
        ("nothing", b"", "an empty file"),
        ("a script", b"#!/bin/sh\necho reproq-worker version 0.0.144\n", "a script for `/bin/sh`"),
        ("a script with escape codes", b"#!/bin/sh \x1b[2J\xe2\x80\xae\n", "a script for `/bin/sh \\u{1b}[2J"),
        ("a JSON document", b"{\"message\": \"Not Found\"}", "a JSON document"),
        ("a text", b"Not Found\n\x1b[2J", "a text file that starts with `Not Found`"),
        ("a Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        ("an archive where a program belongs", b"PK\x03\x04\x14\0", "a zip archive"),
        ("noise", &[0x13, 0x37, 0, 0xff, 0xfe], "data that starts with"),
    ];
    for (fault, bytes, says) in cases {
        refused(&scene, fault, bytes.to_vec(), says);
    }
    scene.publish(&asset_name(), b"<html><body>sign in</body></html>".to_vec());
    scene.refused_with("program: a web page", 6);
    for machine in ["darwin-arm64", "windows-amd64"] {
        let other = workers::bytes_for("0.0.144", machine);
        refused(&scene, &format!("for {machine}"), other, "tell the maintainers");
    }
}

/// Changes one field of the header at a time to its maximum.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn extreme_header_values_are_refused_or_harmless() {
    let scene = Scene::new();
    let honest = workers::bytes("0.0.144");
    let with_absurd = |at: usize, width: usize| {
        let mut program = honest.clone();
        program[at..at + width].fill(0xff);
        program
    };
    for (field, at, width) in [
        ("the place of the program headers", 0x20, 8),
        ("the size of a program header", 0x36, 2),
        ("the number of program headers", 0x38, 2),
    ] {
        scene.publish(&asset_name(), with_absurd(at, width));
        scene.refused(&format!("program: absurd ELF header, {field}"));
    }
    for (number, length) in [5, 63, 64, 200, 4096, honest.len() / 2].into_iter().enumerate() {
        scene.publish(&asset_name(), honest[..length].to_vec());
        scene.refused(&format!("program: truncated, position {} of 6", number + 1));
    }
    // Sections are for debuggers; a worker runs without them.
    for (field, at, width) in [
        ("the place of the sections", 0x28, 8),
        ("the size of a section header", 0x3a, 2),
        ("the number of sections", 0x3c, 2),
        ("the section with the names", 0x3e, 2),
    ] {
        // The lockfile pins the bytes of a tag, so each case has its own project.
        let scene = Scene::new();
        let program = with_absurd(at, width);
        scene.publish(&asset_name(), program.clone());
        let output = scene.install();
        assert_eq!(output.code, 0, "{field}: {output:#?}");
        let fault = format!("program: absurd ELF header, {field}");
        record(Part::Hostile, &fault, &scene.context, &output, &left(&scene.context, None, &program));
    }
}

#[test]
fn a_worker_that_misbehaves_is_refused() {
    let scene = Scene::new();
    for (behaviour, fault, says) in [
        ("flood", "prints without end", "printed more than 16 MiB"),
        ("kill-own-group", "kills its process group", "signal: 9"),
        ("lie", "says another version than its tag", "the program reports version 9.9.9, but the tag is v0.0.144"),
        (
            "escape",
            "says its version with escape codes",
            "it printed `reproq-worker version 0.0.144\\u{1b}[31m\\u{202e}",
        ),
        ("escape-and-fail", "fails with escape codes", "it printed `\\u{1b}]0;owned"),
    ] {
        refused(&scene, fault, workers::hostile(behaviour), says);
    }
}

#[test]
fn a_worker_that_hangs_is_stopped() {
    let scene = Scene::new();
    refused(&scene, "does not end", workers::hostile("hang"), "did not finish within 10 s");
}

/// The version is right, so the worker is installed, but not the files that it left behind.
#[test]
fn processes_of_a_worker_end_with_it() {
    let scene = Scene::new();
    scene.publish(&asset_name(), workers::hostile("leave-a-child"));
    let output = scene.install();
    assert_eq!(output.code, 0, "{output:#?}");
    let child = fs::read_to_string(scene.context.project().join("child")).expect("the worker wrote its number");
    let is_gone = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(10));
        !is_running(child.trim())
    });
    assert!(is_gone, "process {child} is still running");
    let left = left(&scene.context, None, &workers::hostile("leave-a-child"));
    record(Part::Hostile, "program: leaves a process behind", &scene.context, &output, &format!("{left}, no process"));
}

/// A program of the user can kill the user's processes; no more is lost than at any other moment of an install.
#[test]
fn a_worker_that_kills_its_parent_leaves_the_old_one() {
    let scene = Scene::new();
    scene.publish(&asset_name(), workers::hostile("kill-parents-group"));
    let mut command = scene.context.command(&["install", "--no-django", "--tag", "v0.0.144"]);
    // A separate process group, or it would kill the tests.
    command.process_group(0);
    let output = wait(command.spawn().expect("it starts"));
    assert_eq!(output.code, 128 + 9, "{output:#?}");
    assert_eq!(fs::read(scene.context.binary()).expect("there"), Scene::old());
    let (seen, left) = ("nothing: it was killed", "the old binary; the next run removes what lies in staging");
    record_as(Part::Hostile, "program: kills the installer", "137", seen, left);
    scene.publish(&asset_name(), workers::bytes("0.0.144"));
    scene.context.succeed(&["install", "--no-django", "--tag", "v0.0.144"]);
    assert!(scene.context.staged().is_empty(), "{:?}", scene.context.staged());
}

/// `which` reads candidates and runs none of them.
#[test]
fn which_runs_nothing_it_finds() {
    let mut context = Context::new();
    let directory = context.root().join("on-path");
    fs::create_dir_all(&directory).expect("a directory");
    let program = directory.join("reproq");
    fs::write(&program, workers::hostile("tell")).expect("written");
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    context.set("PATH", format!("{}:/usr/bin:/bin", directory.display()));
    let before = world(context.root());
    let output = context.run(&["which", "--all"]);
    assert_eq!(output.code, 0, "{output:#?}");
    quiet(&output);
    same_world("which", &before, &world(context.root()));
}

/// A zombie does not count as running.
fn is_running(pid: &str) -> bool {
    let state = std::process::Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps runs").stdout;
    !state.is_empty() && !state.starts_with(b"Z")
}
