//! Failing system calls, one at a time: as on a file system without locks, with fixed modes, or with errors.

use std::fs;
use std::path::Path;

use super::INSTALL;
use super::NEW;
use super::OLD;
use super::files;
use super::project;
use super::recovers;
use super::whole;
use crate::support::Context;
use crate::support::Output;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::fault_table::skipped;
use crate::support::strace;
use crate::support::strace::STRACE;
use crate::support::workers;

fn run(context: &Context, inject: &str, arguments: &[&str]) -> Output {
    context.output(strace::refusing(context, inject, arguments))
}

/// The old binary and lockfile are in place, and the next run succeeds.
fn nothing_placed(name: &str, context: &Context, lock: &[u8], output: &Output) {
    assert!(output.stderr.contains("error: ") && output.stderr.contains("hint: "), "{name}: {output:#?}");
    assert_eq!(fs::read(context.binary()).expect("there"), workers::bytes(OLD), "{name}");
    assert_eq!(fs::read(context.lockfile()).expect("there"), lock, "{name}");
    let left = left(context, Some(&workers::bytes(OLD)), &workers::bytes(NEW));
    record(Part::Machine, name, context, output, &left);
    recovers(context, INSTALL);
}

#[test]
fn a_file_system_without_locks() {
    for error in ["ENOLCK", "ENOSYS", "EOPNOTSUPP"] {
        let name = format!("refused: a lock, with {error}");
        if !strace::is_there() {
            skipped(Part::Machine, &name, STRACE);
            continue;
        }
        let context = project();
        let lock = fs::read(context.lockfile()).expect("a lock");
        let output = run(&context, &format!("flock:error={error}"), INSTALL);
        assert_eq!(output.code, 1, "{name}: {output:#?}");
        assert!(output.stderr.contains("failed to lock"), "{name}: {output:#?}");
        nothing_placed(&name, &context, &lock, &output);
    }
}

/// If the rename fails for any reason, the old binary and lockfile are kept.
#[test]
fn a_binary_that_cannot_be_placed() {
    let names = ["EBUSY", "EDQUOT", "EIO", "ELOOP", "ENAMETOOLONG", "ENOSPC", "EPERM", "EROFS", "ESTALE", "ETXTBSY"];
    if !strace::is_there() {
        return names.iter().for_each(|error| {
            skipped(Part::Machine, &format!("refused: placing the binary, with {error}"), STRACE);
        });
    }
    let (call, nth) = strace::rename_to(&project(), INSTALL, "bin/reproq");
    for error in names {
        let name = format!("refused: placing the binary, with {error}");
        let context = project();
        let lock = fs::read(context.lockfile()).expect("a lock");
        let output = run(&context, &format!("{call}:error={error}:when={nth}"), INSTALL);
        assert_eq!(output.code, if ["EPERM", "EROFS"].contains(&error) { 9 } else { 1 }, "{name}: {output:#?}");
        assert!(output.stderr.contains("failed to place `"), "{name}: {output:#?}");
        nothing_placed(&name, &context, &lock, &output);
    }
}

/// Once the binary is in place it is installed, even if records cannot be written.
#[test]
fn what_fails_after_the_binary_is_in_place_does_not_fail_the_installation() {
    let names = ["refused: recording the state, with EIO", "refused: waiting for names on the disk, with EIO"];
    if !strace::is_there() {
        return names.iter().for_each(|name| skipped(Part::Machine, name, STRACE));
    }
    let (call, nth) = strace::rename_to(&project(), INSTALL, "state.json");
    let injected = [format!("{call}:error=EIO:when={nth}"), "fsync:error=EIO:when=4+".to_owned()];
    for (name, inject) in names.into_iter().zip(injected) {
        let context = project();
        let output = run(&context, &inject, INSTALL);
        assert_eq!(output.code, 0, "{name}: {output:#?}");
        assert!(output.stdout.contains("Installed v0.0.144"), "{name}: {output:#?}");
        assert_eq!(fs::read(context.binary()).expect("there"), workers::bytes(NEW), "{name}");
        let lock = fs::read_to_string(context.lockfile()).expect("there");
        assert!(lock.contains("v0.0.144"), "{name}: the lock names what is installed");
        record(Part::Machine, name, &context, &output, "the new binary; the next run records it");
        context.succeed(&["verify"]);
        recovers(&context, INSTALL);
        context.succeed(&["rollback"]);
        assert_eq!(fs::read(context.binary()).expect("there"), workers::bytes(OLD), "{name}");
    }
}

/// Some mounted file systems have fixed modes and refuse to change them, although the program can run.
#[test]
fn a_file_system_with_modes_of_its_own() {
    let name = "refused: changing modes, although the program can be run";
    if !strace::is_there() {
        return skipped(Part::Machine, name, STRACE);
    }
    let mut context = Context::new();
    context.with_go();
    let checkout = context.sibling_checkout();
    let build = ["install", "--build", "--source", checkout.to_str().expect("UTF-8")];
    // The compiler makes its output executable.
    let output = run(&context, "chmod,fchmod,fchmodat:error=EPERM", &build);
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(context.run(&["which", "--no-django"]).code, 0);
    record(Part::Machine, name, &context, &output, "the new binary, nothing in staging");
}

/// A file system without hard links.
#[test]
fn a_file_system_without_hard_links() {
    let name = "refused: a second name for the previous binary, with EPERM";
    if !strace::is_there() {
        return skipped(Part::Machine, name, STRACE);
    }
    let context = project();
    let output = run(&context, "link,linkat:error=EPERM", INSTALL);
    assert_eq!(output.code, 0, "{output:#?}");
    whole(&context);
    let kept: Vec<_> = files(&context.project().join(".reproq/previous")).into_values().collect();
    assert_eq!(kept, [workers::bytes(OLD)]);
    record(Part::Machine, name, &context, &output, "the new binary, the old one kept as a copy");
    context.succeed(&["rollback"]);
    assert_eq!(fs::read(Path::new(&context.binary())).expect("there"), workers::bytes(OLD));
}
