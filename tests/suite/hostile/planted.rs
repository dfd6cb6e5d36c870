//! Objects planted at every name that the program uses below `.reproq`, as by a checkout or another user. No command changes
//! anything outside the store, and none hangs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use super::World;
use super::quiet;
use super::world;
use crate::faults::after_shell;
use crate::support::Context;
use crate::support::Output;
use crate::support::context;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::fault_table::record_as;
use crate::support::strace;
use crate::support::workers;

/// The time limit of any command with any planted object.
const LIMIT: Duration = Duration::from_secs(10);

/// The IDs of the user and group nobody.
const NOBODY: u32 = 65534;

/// The number of projects tested concurrently.
pub(super) const AT_ONCE: usize = 4;

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    LinkToFile,
    LinkToDirectory,
    DanglingLink,
    HardLink,
    Fifo,
    Socket,
    Directory,
    Sparse,
    EndlessDevice,
    FileOfAnother,
    DirectoryOfAnother,
    DirectoryForAll,
}

pub(super) const THINGS: [Thing; 12] = [
    Thing::LinkToFile,
    Thing::LinkToDirectory,
    Thing::DanglingLink,
    Thing::HardLink,
    Thing::Fifo,
    Thing::Socket,
    Thing::Directory,
    Thing::Sparse,
    Thing::EndlessDevice,
    Thing::FileOfAnother,
    Thing::DirectoryOfAnother,
    Thing::DirectoryForAll,
];

/// Each command, and its permitted exit codes besides 0, 1, 8 and 9 for a damaged binary.
const COMMANDS: &[(&[&str], &[i32])] = &[
    (&["which", "--no-django"], &[4]),
    (&["verify"], &[3, 4, 5]),
    (&["versions"], &[]),
    (&["doctor", "--no-django"], &[]),
    (&["install", "--no-django"], &[]),
    (&["install", "--no-django", "--tag", "v0.0.144"], &[]),
    (&["install", "--no-django", "--force", "--tag", "v0.0.143"], &[]),
    (&["rollback"], &[4, 5]),
    (&["upgrade", "--no-django"], &[]),
    (&["lock"], &[]),
];

/// A project with two versions installed in sequence, and a third one released.
fn project() -> Context {
    let context = Context::new();
    for version in ["v0.0.142", "v0.0.143", "v0.0.144"] {
        context.release(version);
    }
    context
}

fn installed() -> Context {
    let context = project();
    context.succeed(&["install", "--no-django", "--tag", "v0.0.142"]);
    context.succeed(&["install", "--no-django", "--tag", "v0.0.143"]);
    context
}

pub(super) fn outside(context: &Context) -> PathBuf {
    context.root().join("outside")
}

/// Foreign files with the names of a store's files.
pub(super) fn lay_out_outside(context: &Context) {
    let outside = outside(context);
    let _ = fs::remove_dir_all(&outside);
    for directory in ["bin", "staging/install-photos", "install-photos", "receipts", "previous"] {
        fs::create_dir_all(outside.join(directory)).expect("made");
    }
    for file in ["file", "bin/reproq", "state.json", "lock", ".gitignore", "install-photos/one"] {
        fs::write(outside.join(file), "somebody's").expect("written");
    }
}

pub(super) fn plant(thing: Thing, context: &Context, place: &Path) -> bool {
    remove(place);
    let parent = place.parent().expect("a directory");
    fs::create_dir_all(parent).expect("made");
    let outside = outside(context);
    match thing {
        Thing::LinkToFile => symlink(outside.join("file"), place).expect("a link"),
        Thing::LinkToDirectory => symlink(&outside, place).expect("a link"),
        Thing::DanglingLink => symlink(outside.join("nothing"), place).expect("a link"),
        Thing::HardLink => fs::hard_link(outside.join("file"), place).expect("a link"),
        Thing::Fifo => assert!(Command::new("mkfifo").arg(place).status().expect("mkfifo runs").success()),
        Thing::Socket => {
            // The path of a socket is limited to 107 bytes.
            let short = context.root().join("s");
            let _ = fs::remove_file(&short);
            drop(UnixListener::bind(&short).expect("a socket"));
            fs::rename(short, place).expect("moved");
        }
        Thing::Directory => {
            fs::create_dir(place).expect("made");
            fs::write(place.join("file"), "in the way").expect("written");
        }
        Thing::Sparse => fs::File::create(place).and_then(|file| file.set_len(1 << 40)).expect("a hole of 1 TiB"),
        Thing::EndlessDevice => {
            let made = Command::new("mknod").arg(place).args(["c", "1", "5"]).output();
            return made.is_ok_and(|made| made.status.success());
        }
        Thing::FileOfAnother => {
            fs::write(place, "another's").expect("written");
            return chown(place, Some(NOBODY), Some(NOBODY)).is_ok();
        }
        Thing::DirectoryOfAnother => {
            fs::create_dir(place).expect("made");
            return chown(place, Some(NOBODY), Some(NOBODY)).is_ok();
        }
        Thing::DirectoryForAll => {
            fs::create_dir(place).expect("made");
            fs::set_permissions(place, fs::Permissions::from_mode(0o777)).expect("opened");
        }
    }
    true
}

fn remove(place: &Path) {
    match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(place).expect("removed"),
        Ok(_) => fs::remove_file(place).expect("removed"),
        Err(_) => {}
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("readable").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().expect("a type").is_dir() {
            copy(&path, &to);
        } else {
            let _ = fs::copy(path, to).expect("copied");
        }
    }
}

/// Every name below `.reproq` that any of the commands uses, as traced; without the random names of staging directories.
fn names() -> BTreeSet<PathBuf> {
    let context = installed();
    let home = context.project().join(".reproq");
    let mut names: BTreeSet<PathBuf> = context.inventory().into_iter().map(|(path, _, _)| path).collect();
    names.extend([".gitignore", ".gitignore.new", ".reproq-new", "bin/.reproq-new"].map(|name| home.join(name)));
    if strace::is_there() {
        for (arguments, _) in COMMANDS {
            names.extend(strace::paths(&context, arguments));
        }
    }
    let made_up = |path: &PathBuf| path.to_string_lossy().contains("/staging/");
    let below = names.into_iter().filter(|path| path.starts_with(&home) && !made_up(path));
    below.map(|path| path.strip_prefix(context.project()).expect("below").to_owned()).collect()
}

/// Runs a command with a time limit.
pub(super) fn within_the_limit(context: &Context, arguments: &[&str]) -> Result<Output, String> {
    in_time(context.command(arguments))
}

fn in_time(mut command: Command) -> Result<Output, String> {
    let mut child = command.spawn().expect("the program starts");
    let began = std::time::Instant::now();
    while child.try_wait().expect("asked").is_none() {
        if began.elapsed() > LIMIT {
            child.kill().expect("killed");
            child.wait().expect("ended");
            return Err("hangs".to_owned());
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    Ok(context::wait(child))
}

/// The differences between two directory states, by name.
pub(super) fn changed(before: &World, after: &World) -> Vec<PathBuf> {
    let mut changed: Vec<PathBuf> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    changed.dedup();
    changed
}

/// Tests every command in a project with this object at this name; returns the errors.
///
/// Each time it is every second command, so that each is tested with every name and every object.
fn tried(context: &Context, template: &Path, name: &Path, thing: Thing, turn: usize) -> Vec<String> {
    let place = context.project().join(name);
    let mut problems = Vec::new();
    let mut planted = None;
    for (arguments, own) in COMMANDS.iter().skip(turn % 2).step_by(2) {
        if planted.is_none() || planted.as_ref() != Some(&context.inventory()) {
            remove(&context.project().join(".reproq"));
            copy(template, &context.project());
            lay_out_outside(context);
            if !plant(thing, context, &place) {
                return problems;
            }
            planted = Some(context.inventory());
        }
        let before = world(&outside(context));
        let case = format!("{thing:?} at {}: {}", name.display(), arguments.join(" "));
        match within_the_limit(context, arguments) {
            Err(problem) => problems.push(format!("{case}: {problem}")),
            Ok(output) => {
                if ![0, 1, 8, 9].contains(&output.code) && !own.contains(&output.code) {
                    problems.push(format!("{case}: exit {}: {}", output.code, output.stderr));
                }
                if output.code != 0 && !output.stderr.contains("hint: ") && !output.stdout.contains("hint: ") {
                    problems.push(format!("{case}: exit {}, and no way out: {}", output.code, output.stderr));
                }
                quiet(&output);
            }
        }
        let changed = changed(&before, &world(&outside(context)));
        if !changed.is_empty() {
            problems.push(format!("{case}: changed {changed:?}"));
            lay_out_outside(context);
            planted = None;
        }
    }
    problems
}

#[test]
fn whatever_is_planted_in_the_store_nothing_outside_changes_and_nothing_hangs() {
    let template = installed();
    let names: Vec<PathBuf> = names().into_iter().collect();
    assert!(names.len() > 12, "{names:#?}");
    let queue: Vec<(usize, (PathBuf, Thing))> = names
        .iter()
        .enumerate()
        .flat_map(|(turn, name)| {
            THINGS.iter().enumerate().map(move |(more, thing)| (turn + more, (name.clone(), *thing)))
        })
        .collect();
    let (total, queue, problems) = (queue.len(), Mutex::new(queue), Mutex::new(Vec::new()));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let context = project();
                while let Some((turn, (name, thing))) = next() {
                    let found = tried(&context, &template.project(), &name, thing, turn);
                    problems.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap_or_else(PoisonError::into_inner);
    eprintln!("{total} things planted at {} names, {} commands each", names.len(), COMMANDS.len() / 2);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    record_as(
        Part::Hostile,
        "project: a link, hard link, FIFO, socket, device, directory, hole of 1 TiB or another user's file at any name of the store",
        "0, 1, 8 or 9",
        "what is in the way, with a hint to move it away; or nothing, where it is replaced",
        "everything outside the store as it was",
    );
}

/// Runs one command with one planted object and records the output.
fn row(fault: &str, name: &str, thing: Thing, arguments: &[&str], code: i32) {
    let context = installed();
    lay_out_outside(&context);
    assert!(plant(thing, &context, &context.project().join(name)), "planted");
    let before = world(&outside(&context));
    let output = within_the_limit(&context, arguments).expect("it does not hang");
    assert_eq!(output.code, code, "{fault}: {output:#?}");
    assert_eq!(changed(&before, &world(&outside(&context))), Vec::<PathBuf>::new(), "{fault}");
    quiet(&output);
    let left = if name.ends_with("bin/reproq") {
        "what was planted".to_owned()
    } else {
        left(&context, Some(&workers::bytes("0.0.143")), &workers::bytes("0.0.144"))
    };
    record(Part::Hostile, fault, &context, &output, &format!("{left}; outside, everything as it was"));
}

const INSTALL: &[&str] = &["install", "--no-django", "--tag", "v0.0.144"];

#[test]
fn a_temporary_name_of_the_store_is_never_written_through() {
    // Without a `.gitignore` one is written, via this temporary name.
    for (fault, thing) in [
        ("project: .reproq/.gitignore.new is a link", Thing::LinkToFile),
        ("project: .reproq/.gitignore.new is a hard link", Thing::HardLink),
        ("project: .reproq/.gitignore.new is a FIFO", Thing::Fifo),
    ] {
        let context = installed();
        lay_out_outside(&context);
        fs::remove_file(context.project().join(".reproq/.gitignore")).expect("removed");
        assert!(plant(thing, &context, &context.project().join(".reproq/.gitignore.new")));
        let before = world(&outside(&context));
        let output = within_the_limit(&context, INSTALL).expect("it does not hang");
        assert_eq!(output.code, 0, "{fault}: {output:#?}");
        assert_eq!(changed(&before, &world(&outside(&context))), Vec::<PathBuf>::new(), "{fault}");
        let ignore = fs::symlink_metadata(context.project().join(".reproq/.gitignore")).expect("written");
        assert!(ignore.is_file(), "{fault}");
        let left = left(&context, Some(&workers::bytes("0.0.143")), &workers::bytes("0.0.144"));
        record(Part::Hostile, fault, &context, &output, &left);
    }
}

#[test]
fn a_binary_is_kept_in_the_store_and_nowhere_else() {
    let kept = format!(".reproq/previous/{}", workers::sha256(&workers::bytes("0.0.143")));
    row("project: .reproq/previous/SHA256 is a link", &kept, Thing::LinkToDirectory, INSTALL, 8);
}

#[test]
fn a_file_with_another_name_is_never_written_in_place() {
    row("project: .reproq/lock is a hard link", ".reproq/lock", Thing::HardLink, INSTALL, 0);
    row("project: .reproq/state.json is a hard link", ".reproq/state.json", Thing::HardLink, INSTALL, 0);
}

#[test]
fn a_fifo_in_place_of_the_previous_binary_is_not_waited_for() {
    let kept = format!(".reproq/previous/{}/reproq", workers::sha256(&workers::bytes("0.0.142")));
    row("project: the previous binary is a FIFO, rollback", &kept, Thing::Fifo, &["rollback"], 8);
    row("project: the previous binary has 1 TiB, rollback", &kept, Thing::Sparse, &["rollback"], 8);
}

#[test]
fn a_binary_of_a_tebibyte_is_not_hashed() {
    for arguments in [&["verify"][..], &["install", "--no-django"], &["rollback"]] {
        let fault = format!("project: the binary has 1 TiB, {}", arguments[0]);
        row(&fault, ".reproq/bin/reproq", Thing::Sparse, arguments, 8);
    }
    let context = installed();
    assert!(plant(Thing::Sparse, &context, &context.binary()));
    for arguments in [&["which", "--no-django"][..], &["versions"], &["doctor", "--no-django"], &["upgrade"]] {
        let output = within_the_limit(&context, arguments).expect("it does not hang");
        assert!([0, 1, 4, 8].contains(&output.code), "{arguments:?}: {output:#?}");
    }
}

/// Remains of a killed run are removed in any form.
#[test]
fn staging_is_emptied_however_deep_it_is() {
    let context = installed();
    let staging = context.project().join(".reproq/staging");
    let nested = Command::new("python3")
        .args(["-c", "import os, sys\nos.chdir(sys.argv[1])\nfor n in range(2000):\n    os.mkdir('d' * 100); os.chdir('d' * 100)\nopen('file', 'w').close()"])
        .arg(&staging)
        .status();
    assert!(nested.expect("python3 runs").success());
    let locked = staging.join("read-only");
    fs::create_dir_all(locked.join("below")).expect("made");
    fs::write(locked.join("below/file"), "left").expect("written");
    for path in [locked.join("below"), locked] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o555)).expect("closed");
    }
    // Fewer open files than directory levels.
    let limited = after_shell("ulimit -n 128", &context.command(INSTALL));
    let output = in_time(limited).expect("it does not hang");
    let fault = "project: 2,000 directories one in the other in .reproq/staging";
    assert_eq!(output.code, 0, "{output:#?}");
    let left = left(&context, Some(&workers::bytes("0.0.143")), &workers::bytes("0.0.144"));
    record(Part::Hostile, fault, &context, &output, &left);
}
