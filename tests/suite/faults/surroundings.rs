//! Unusual environments that must not fail: no home directory, any umask, odd and long paths, a running worker.

use std::ffi::OsStr;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::INSTALL;
use super::NEW;
use super::OLD;
use super::after_shell;
use super::project;
use super::recovers;
use super::under_fault;
use super::whole;
use super::with_old;
use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::workers;

#[test]
fn a_home_is_not_needed() {
    let context = project();
    let mut command = context.command(INSTALL);
    command.env_remove("HOME");
    under_fault(Part::Machine, "HOME: not set", &context, command, 0, "Installed");
    let context = project();
    let mut command = context.command(INSTALL);
    command.env("HOME", "/nonexistent");
    under_fault(Part::Machine, "HOME: is not there", &context, command, 0, "Installed");
}

/// The binary is executable and the records are readable for everyone, as far as the umask allows, and no other user can write
/// them.
#[test]
fn any_umask() {
    for (umask, directories, lock) in [("077", 0o700, 0o600), ("000", 0o755, 0o644), ("022", 0o755, 0o644)] {
        let context = Context::released();
        let output = context.output(after_shell(&format!("umask {umask}"), &context.command(&["install"])));
        assert_eq!(output.code, 0, "{output:#?}");
        let home = context.project().join(".reproq");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
        assert_eq!(mode(&context.binary()), 0o755, "umask {umask}");
        assert_eq!(mode(&home.join("state.json")), 0o644, "umask {umask}");
        assert_eq!(mode(&home.join("lock")), lock, "umask {umask}");
        for directory in ["", "bin", "receipts", "staging"] {
            assert_eq!(mode(&home.join(directory)), directories, "umask {umask}: {directory}");
        }
        let left = format!("the new binary (755), records 644, directories {directories:o}");
        record(Part::Machine, &format!("umask: {umask}"), &context, &output, &left);
        context.succeed(&["install"]);
    }
}

#[test]
fn a_project_whose_path_is_not_utf8() {
    let mut context = Context::new();
    let directory = context.root().join("work").join(OsStr::from_bytes(b"caf\xe9 \xff"));
    // Some file systems accept only UTF-8 names.
    if fs::create_dir(&directory).is_err() {
        return crate::support::fault_table::skipped(
            Part::Machine,
            "path: not UTF-8",
            "use a file system that takes any bytes as a name",
        );
    }
    context.move_project(directory);
    let context = with_old(context);
    under_fault(Part::Machine, "path: not UTF-8", &context, context.command(INSTALL), 0, "Installed");
    let json = context.succeed(&["install", "--json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&json.stdout).is_ok(), "{json:#?}");
    context.succeed(&["which"]);
}

/// A project below a path of this many bytes.
fn at_length(context: &mut Context, length: usize) {
    let mut path = context.root().join("work");
    while length - path.as_os_str().len() > 210 {
        path.push("d".repeat(200));
    }
    path.push("p".repeat(length - path.as_os_str().len() - 1));
    assert_eq!(path.as_os_str().len(), length);
    fs::create_dir_all(&path).expect("made");
    context.move_project(path);
}

/// A path may have 4095 bytes; the longest path below the store that is passed to a program takes 51 of them.
#[test]
#[cfg(target_os = "linux")]
fn a_project_whose_path_is_nearly_too_long() {
    let mut context = Context::new();
    at_length(&mut context, 4000);
    let context = with_old(context);
    let output = context.run(INSTALL);
    assert_eq!(output.code, 0, "{output:#?}");
    whole(&context);
    let left = "the new binary, nothing in staging";
    super::record_as_short(&context, "path: nearly as long as the system allows", &output, left);
}

#[test]
#[cfg(target_os = "linux")]
fn a_project_whose_path_is_too_long() {
    let mut context = Context::released();
    at_length(&mut context, 4070);
    let output = context.run(&["install"]);
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(output.stderr.contains("hint: the path is longer than the system allows"), "{output:#?}");
    assert!(!context.binary().exists() && context.staged().is_empty());
    super::record_as_short(&context, "path: too long for the store", &output, "no binary, nothing in staging");
    let short = context.root().join("work/short");
    fs::rename(context.project(), &short).expect("moved");
    context.move_project(short);
    context.succeed(&["install"]);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes(NEW));
}

#[test]
fn a_running_worker_keeps_its_file() {
    let context = project();
    let mut worker = workers::start(&context.binary(), "worker");
    let mut said = BufReader::new(worker.stdout.take().expect("piped")).lines();
    let started = said.next().expect("a line").expect("text");
    assert!(started.contains(OLD), "{started}");
    let inode = fs::metadata(context.binary()).expect("there").ino();
    let name = "target: the worker there is running";
    let output = context.run(INSTALL);
    assert_eq!(output.code, 0, "{output:#?}");
    whole(&context);
    assert_ne!(fs::metadata(context.binary()).expect("there").ino(), inode, "another file");
    assert!(worker.try_wait().expect("asked").is_none(), "it still runs");
    #[cfg(target_os = "linux")]
    assert_eq!(fs::metadata(format!("/proc/{}/exe", worker.id())).expect("it runs").ino(), inode);
    Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().expect("kill runs");
    let stopped = said.next().expect("a line").expect("text");
    assert!(stopped.contains("stopped") && stopped.contains(OLD), "{stopped}");
    worker.wait().expect("ended");
    let left = left(&context, Some(&workers::bytes(OLD)), &workers::bytes(NEW));
    record(Part::Machine, name, &context, &output, &format!("{left}; the old one runs on from its own file"));
    recovers(&context, INSTALL);
}
