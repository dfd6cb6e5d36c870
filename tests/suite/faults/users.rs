//! File ownership: directories without write permission, and one user over another's install.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use super::INSTALL;
use super::NEW;
use super::OLD;
use super::files;
use super::project;
use super::started_by;
use crate::support::Context;
use crate::support::Output;
use crate::support::context::program_under_test;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::fault_table::skipped;
use crate::support::workers;

/// The IDs of the user and group nobody.
const NOBODY: u32 = 65534;

/// A project of an unprivileged user: the current one, or nobody if the suite runs as root.
pub struct Person {
    pub context: Context,
    program: PathBuf,
    is_nobody: bool,
}

impl Person {
    /// `None` if root cannot switch to another user.
    pub fn new() -> Option<Self> {
        let context = project();
        let is_nobody = rustix::process::geteuid().is_root();
        if is_nobody && Command::new("setpriv").arg("--version").stdout(Stdio::null()).status().is_err() {
            return None;
        }
        // The program's own directory may be inaccessible to others.
        let program = context.root().join("program");
        fs::copy(program_under_test(), &program).expect("copied");
        fs::set_permissions(context.root(), fs::Permissions::from_mode(0o755)).expect("opened");
        let person = Self { context, program, is_nobody };
        person.give(&person.context.root().join("work"));
        Some(person)
    }

    /// Makes this user the owner of everything below a directory.
    fn give(&self, path: &Path) {
        if !self.is_nobody {
            return;
        }
        chown(path, Some(NOBODY), Some(NOBODY)).expect("the superuser gives");
        if fs::symlink_metadata(path).expect("there").is_dir() {
            for entry in fs::read_dir(path).expect("readable").flatten() {
                self.give(&entry.path());
            }
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_below(&[], arguments)
    }

    /// Runs the program below another one, such as `prlimit`.
    pub fn run_below(&self, above: &[&str], arguments: &[&str]) -> Output {
        let program = self.program.to_str().expect("UTF-8");
        let words: Vec<&str> = above.iter().copied().chain([program]).chain(arguments.iter().copied()).collect();
        let mut own = Command::new(words[0]);
        let plain = self.context.command(arguments);
        own.args(&words[1..]).current_dir(self.context.project()).env_clear();
        own.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if !self.is_nobody {
            return self.context.output(own);
        }
        let id = NOBODY.to_string();
        let mut somebody_else = Command::new("setpriv");
        somebody_else.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        self.context.output(started_by(somebody_else, &own))
    }

    fn close(&self, path: &str, mode: u32) {
        fs::set_permissions(self.context.project().join(path), fs::Permissions::from_mode(mode)).expect("changed");
    }

    /// The run is refused with 9 and a hint; all files are unchanged.
    fn is_refused(&self, name: &str, arguments: &[&str]) {
        let before = files(&self.context.project());
        let output = self.run(arguments);
        assert_eq!(output.code, 9, "{name}: {output:#?}");
        assert!(output.stderr.contains("hint: run as the user who owns"), "{name}: {output:#?}");
        let after = files(&self.context.project());
        for (path, bytes) in &before {
            assert_eq!(after.get(path), Some(bytes), "{name}: {}", path.display());
        }
        let (old, new) = (workers::bytes(OLD), workers::bytes(NEW));
        record(Part::Machine, name, &self.context, &output, &left(&self.context, Some(&old), &new));
    }

    fn recovers(&self) {
        let output = self.run(INSTALL);
        assert_eq!(output.code, 0, "{output:#?}");
        super::whole(&self.context);
    }
}

pub const NOBODY_HERE: &str = "install setpriv (util-linux), or run as an ordinary user";

#[test]
fn directories_that_may_not_be_written() {
    for (name, directory) in [
        ("permission: none to write in `.reproq`", ".reproq"),
        ("permission: none to write in `.reproq/staging`", ".reproq/staging"),
        ("permission: none to write in `.reproq/receipts`", ".reproq/receipts"),
        ("permission: none to write in `.reproq/bin`", ".reproq/bin"),
    ] {
        let Some(person) = Person::new() else {
            skipped(Part::Machine, name, NOBODY_HERE);
            continue;
        };
        person.close(directory, 0o555);
        // The content of the directories below may still be readable.
        person.is_refused(name, INSTALL);
        person.close(directory, 0o755);
        person.recovers();
    }
}

#[test]
fn a_project_that_may_not_be_written() {
    let name = "permission: none to write in a project without a store";
    let Some(person) = Person::new() else { return skipped(Part::Machine, name, NOBODY_HERE) };
    let store = person.context.project().join(".reproq");
    fs::remove_dir_all(&store).expect("removed");
    person.close("", 0o555);
    let output = person.run(INSTALL);
    assert_eq!(output.code, 9, "{output:#?}");
    assert!(output.stderr.contains("hint: run as the user who owns"), "{output:#?}");
    assert!(!store.exists());
    record(Part::Machine, name, &person.context, &output, "no binary, no store");
    person.close("", 0o755);
    let again = person.run(INSTALL);
    assert_eq!(again.code, 0, "{again:#?}");
}

#[test]
fn files_that_may_not_be_read() {
    let name = "permission: none to read the binary in place";
    let Some(person) = Person::new() else { return skipped(Part::Machine, name, NOBODY_HERE) };
    person.close(".reproq/bin/reproq", 0o000);
    let output = person.run(INSTALL);
    assert_eq!(output.code, 9, "{output:#?}");
    assert!(output.stderr.contains("hint: "), "{output:#?}");
    person.close(".reproq/bin/reproq", 0o755);
    let (old, new) = (workers::bytes(OLD), workers::bytes(NEW));
    record(Part::Machine, name, &person.context, &output, &left(&person.context, Some(&old), &new));
    person.recovers();
}

/// Another user's install can be used, but not changed.
#[test]
fn another_users_installation() {
    let names = ["user: over another user's installation", "user: another user's installation, and nothing to do"];
    let Some(person) = Person::new().filter(|person| person.is_nobody) else {
        return names.iter().for_each(|name| skipped(Part::Machine, name, "run as root"));
    };
    let project = person.context.project();
    give_all(&project, 0);
    person.is_refused(names[0], INSTALL);
    let output = person.run(&["install"]);
    assert_eq!(output.code, 0, "{output:#?}");
    let (old, new) = (workers::bytes(OLD), workers::bytes(NEW));
    record(Part::Machine, names[1], &person.context, &output, &left(&person.context, Some(&old), &new));
    give_all(&project, NOBODY);
    person.recovers();
}

/// `sudo reproq install` in a user's project: root's files do not block the user afterwards.
#[test]
fn root_over_a_users_installation() {
    let name = "user: the superuser installs, then the owner again";
    let Some(person) = Person::new().filter(|person| person.is_nobody) else {
        return skipped(Part::Machine, name, "run as root");
    };
    super::recovers(&person.context, INSTALL);
    let output = person.run(&["install", "--force"]);
    assert_eq!(output.code, 0, "{output:#?}");
    super::whole(&person.context);
    let (old, new) = (workers::bytes(OLD), workers::bytes(NEW));
    record(Part::Machine, name, &person.context, &output, &left(&person.context, Some(&old), &new));
}

fn give_all(path: &Path, to: u32) {
    chown(path, Some(to), Some(to)).expect("the superuser gives");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("readable").flatten() {
            give_all(&entry.path(), to);
        }
    }
}

/// A user who may search and write a directory can install there, even without read permission.
#[test]
fn a_directory_that_may_not_be_read() {
    let name = "permission: none to read in `.reproq/bin` (mode 311)";
    let Some(person) = Person::new() else { return skipped(Part::Machine, name, NOBODY_HERE) };
    person.close(".reproq/bin", 0o311);
    let output = person.run(INSTALL);
    assert_eq!(output.code, 0, "{output:#?}");
    person.close(".reproq/bin", 0o755);
    super::whole(&person.context);
    let (old, new) = (workers::bytes(OLD), workers::bytes(NEW));
    record(Part::Machine, name, &person.context, &output, &left(&person.context, Some(&old), &new));
}

/// Users who do not trust each other share such a directory, and one may have prepared a store for another.
#[test]
fn a_store_of_another_user_is_refused() {
    let names =
        ["user: a store that another user prepared", "user: a store that another user prepared, and nothing to do"];
    if !rustix::process::geteuid().is_root() {
        return names.iter().for_each(|name| skipped(Part::Machine, name, "run as root"));
    }
    let context = Context::released();
    let shared = context.root().join("shared");
    let (binary, store) = (shared.join("reproq"), shared.join(".reproq.reproq"));
    fs::create_dir(&shared).expect("made");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("shared");
    let install = ["install", "--to", binary.to_str().expect("UTF-8")];
    let refused = |name: &str, left: &str| {
        let before = files(&shared);
        let output = context.run(&install);
        assert_eq!(output.code, 9, "{name}: {output:#?}");
        assert!(output.stderr.contains("belongs to another user"), "{name}: {output:#?}");
        assert!(output.stderr.contains("hint: run as the user who owns"), "{name}: {output:#?}");
        assert_eq!(files(&shared), before, "{name}");
        record(Part::Machine, name, &context, &output, left);
    };
    fs::create_dir(&store).expect("made");
    give_all(&store, NOBODY);
    refused(names[0], "no binary");
    fs::remove_dir(&store).expect("removed");
    context.succeed(&install);
    give_all(&store, NOBODY);
    give_all(&binary, NOBODY);
    refused(names[1], "what the other user prepared, as it was");
}

#[test]
fn a_store_that_others_may_write_is_refused() {
    for directory in [".reproq", ".reproq/staging", ".reproq/receipts", ".reproq/bin"] {
        let name = format!("permission: everybody may write in `{directory}`");
        let context = project();
        fs::set_permissions(context.project().join(directory), fs::Permissions::from_mode(0o777)).expect("opened");
        let before = files(&context.project());
        let output = context.run(INSTALL);
        assert_eq!(output.code, 8, "{name}: {output:#?}");
        assert!(output.stderr.contains("hint: remove the permission (`chmod go-w "), "{name}: {output:#?}");
        assert_eq!(files(&context.project()), before, "{name}");
        let (old, new) = (workers::bytes(OLD), workers::bytes(NEW));
        record(Part::Machine, &name, &context, &output, &left(&context, Some(&old), &new));
        fs::set_permissions(context.project().join(directory), fs::Permissions::from_mode(0o755)).expect("closed");
        super::recovers(&context, INSTALL);
    }
}

#[test]
fn doctor_finds_a_cache_of_root() {
    let name = "doctor: a cache that root owns";
    let Some(mut person) = Person::new() else { return skipped(Part::Machine, name, NOBODY_HERE) };
    let cache = person.context.root().join("cache-of-root");
    fs::create_dir(&cache).expect("made");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o555)).expect("closed");
    for directory in [cache.clone(), cache.join("not/yet/there")] {
        person.context.set("REPROQ_CACHE_DIR", directory.to_str().expect("UTF-8"));
        let output = person.run(&["doctor", "--no-django"]);
        assert!(output.stdout.contains("is not writable by this user, so nothing is cached"), "{output:#?}");
        assert!(!output.stdout.contains("No problems."), "{output:#?}");
    }
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).expect("opened again");
}
