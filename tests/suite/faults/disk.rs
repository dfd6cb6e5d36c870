//! Disks that are full at each write, too small, read-only or mounted noexec; and a limit on file size.

use std::fs;

use fake_github::ReleaseSpec;

use super::INSTALL;
use super::NEW;
use super::OLD;
use super::after_shell;
use super::files;
use super::project;
use super::recovers;
use super::under_fault;
use super::volume::Volume;
use super::whole;
use super::with_old;
use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::fault_table::skipped;
use crate::support::samples;
use crate::support::workers;

const NO_MOUNT: &str = "run as root, or where user namespaces may mount a tmpfs";

/// The number of 4 KiB blocks for this many bytes.
fn blocks(bytes: &[u8]) -> u64 {
    (bytes.len() as u64).div_ceil(4096)
}

/// Runs an install on a full volume, and again with free space.
fn without_room(name: &str, volume: &Volume, context: &Context, says: &str) {
    let before = files(&context.project());
    let output = context.output(volume.command(context, INSTALL));
    assert_eq!(output.code, 1, "{name}: {output:#?}");
    assert!(output.stderr.contains(says), "{name}: should say {says:?}: {output:#?}");
    assert!(output.stderr.contains("hint: free some space"), "{name}: {output:#?}");
    let after = files(&context.project());
    for (path, bytes) in before.iter().filter(|(path, _)| !path.ends_with("bin/reproq") && !path.ends_with("lock")) {
        assert_eq!(after.get(path), Some(bytes), "{name}: {}", path.display());
    }
    let litter: Vec<_> = after.keys().filter(|path| path.to_string_lossy().contains(".reproq-")).collect();
    assert!(litter.is_empty(), "{name}: {litter:?}");
    record(Part::Machine, name, context, &output, &left(context, Some(&workers::bytes(OLD)), &workers::bytes(NEW)));
    volume.free();
    let again = context.output(volume.command(context, INSTALL));
    assert_eq!(again.code, 0, "{name}: {again:#?}");
    whole(context);
}

#[test]
fn a_disk_that_is_full_at_each_write() {
    let binary = blocks(&workers::bytes(NEW));
    for (name, room, says) in [
        ("disk full: at the lock", 0, "failed to lock"),
        ("disk full: at the first byte of the download", 1, "failed to write the download"),
        ("disk full: in the middle of the download", binary / 2, "failed to write the download"),
        ("disk full: at the receipt", binary + 1, "receipts/"),
        ("disk full: at the lock that is kept", binary + 2, "receipts/"),
        ("disk full: at the project's lock", binary + 3, "reproq.lock"),
    ] {
        let Some((volume, context)) = Volume::project("size=32m") else {
            skipped(Part::Machine, name, NO_MOUNT);
            continue;
        };
        let context = with_old(context);
        volume.leave_blocks(room);
        without_room(name, &volume, &context, says);
    }
}

#[test]
fn a_disk_that_is_full_while_an_archive_is_unpacked() {
    let name = "disk full: in the middle of unpacking";
    let Some((volume, context)) = Volume::project("size=32m") else { return skipped(Part::Machine, name, NO_MOUNT) };
    let context = with_old(context);
    let archive = samples::tar_gz("reproq", &workers::bytes(NEW));
    let room = blocks(&archive) + blocks(&workers::bytes(NEW)) / 2;
    context.repo().add(ReleaseSpec::new("v0.0.144").file(&format!("{}.tar.gz", asset_name()), archive));
    volume.leave_blocks(room);
    without_room(name, &volume, &context, "failed to unpack");
}

#[test]
fn a_disk_without_room_for_one_more_file() {
    for (room, name, says) in [
        (0, "no room for files: at the staging directory", "staging"),
        (1, "no room for files: at the download", "failed to write the download"),
        (2, "no room for files: at the receipt", "receipts/"),
        (3, "no room for files: at the lock that is kept", "receipts/"),
        (4, "no room for files: at the directory for the previous binary", "previous"),
        (5, "no room for files: at the directory of the previous binary", "previous"),
        (6, "no room for files: at the previous binary", "previous"),
    ] {
        let Some((volume, context)) = Volume::project("size=32m,nr_inodes=60") else {
            skipped(Part::Machine, name, NO_MOUNT);
            continue;
        };
        let context = with_old(context);
        volume.leave_files(room);
        without_room(name, &volume, &context, says);
    }
}

#[test]
fn a_disk_that_is_full_before_anything_is_installed() {
    let name = "disk full: at the first file of a new project";
    let Some((volume, context)) = Volume::project("size=32m") else { return skipped(Part::Machine, name, NO_MOUNT) };
    context.release("v0.0.144");
    volume.leave_blocks(0);
    let output = context.output(volume.command(&context, &["install"]));
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(output.stderr.contains("hint: free some space"), "{output:#?}");
    record(Part::Machine, name, &context, &output, &left(&context, None, &[]));
    volume.free();
    let again = context.output(volume.command(&context, &["install"]));
    assert_eq!(again.code, 0, "{again:#?}");
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes(NEW));
    assert!(context.staged().is_empty());
}

#[test]
fn mounts_that_forbid() {
    for (name, options, undone, code, says) in
        [("mount: read-only", "ro", "rw", 9, "read-only file system"), ("mount: noexec", "noexec", "exec", 5, "noexec")]
    {
        let Some((volume, context)) = Volume::project("size=32m") else {
            skipped(Part::Machine, name, NO_MOUNT);
            continue;
        };
        let context = with_old(context);
        volume.remount(options);
        under_fault(Part::Machine, name, &context, volume.command(&context, INSTALL), code, says);
        volume.remount(undone);
        let again = context.output(volume.command(&context, INSTALL));
        assert_eq!(again.code, 0, "{again:#?}");
        whole(&context);
    }
}

/// A read-only project must not fail if there is nothing to do.
#[test]
fn nothing_to_do_on_a_mount_that_forbids_writing() {
    let name = "mount: read-only, and nothing to do";
    let Some((volume, context)) = Volume::project("size=32m") else { return skipped(Part::Machine, name, NO_MOUNT) };
    let context = with_old(context);
    let first = context.output(volume.command(&context, INSTALL));
    assert_eq!(first.code, 0, "{first:#?}");
    volume.remount("ro");
    under_fault(Part::Machine, name, &context, volume.command(&context, &["install"]), 0, "already installed");
}

#[test]
fn directories_for_temporary_files_are_not_needed() {
    let mut context = project();
    let directory = context.root().join("no-programs");
    fs::create_dir(&directory).expect("made");
    context.set("TMPDIR", directory.to_str().expect("UTF-8"));
    let name = "TMPDIR: forbids programs (noexec)";
    match Volume::mount(&directory, "size=1m,noexec") {
        None => skipped(Part::Machine, name, NO_MOUNT),
        Some(volume) => {
            let command = volume
                .command(&context, &["-C", context.project().to_str().expect("UTF-8"), "install", "--tag", "latest"]);
            under_fault(Part::Machine, name, &context, command, 0, "Installed");
        }
    }
    let mut context = project();
    context.set("TMPDIR", "/nonexistent");
    under_fault(Part::Machine, "TMPDIR: is not there", &context, context.command(INSTALL), 0, "Installed");
}

#[test]
fn a_limit_on_the_size_of_files() {
    // In the 512-byte blocks that POSIX uses for `ulimit -f`; shells that use 1024 only allow more.
    for (name, limit, says) in [
        ("file-size limit: nothing at all may be written", 0, "failed to lock"),
        ("file-size limit: smaller than the binary", 500, "failed to write the download"),
    ] {
        let context = project();
        let limited = after_shell(&format!("ulimit -f {limit}"), &context.command(INSTALL));
        let output = under_fault(Part::Machine, name, &context, limited, 1, says);
        assert!(output.stderr.contains("ulimit -f"), "{output:#?}");
        recovers(&context, INSTALL);
    }
}
