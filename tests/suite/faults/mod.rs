//! Faults of networks, systems and signals during an install. Each has an exit code, a message, an unchanged store, a row in
//! `docs/faults.md`, and a subsequent plain run that succeeds and leaves no files behind.

mod api;
mod body;
mod connection;
mod disk;
mod inside;
mod limits;
mod places;
mod refused;
mod signals;
mod surroundings;
mod tls;
mod users;
mod volume;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use fake_github::Fault;
use fake_github::Hold;
use fake_github::Matcher;

use crate::support::Context;
use crate::support::Output;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::workers;

/// What is installed before the fault.
pub const OLD: &str = "0.0.143";
/// What the faulty run should install.
pub const NEW: &str = "0.0.144";
/// The command of nearly every case.
pub const INSTALL: &[&str] = &["install", "--tag", "latest"];
/// The same without a local build as fallback for an unreachable GitHub.
pub const NO_BUILD: &[&str] = &["install", "--tag", "latest", "--no-build"];
/// A stall longer than any timeout.
pub const FOR_EVER: Hold = Hold::UntilDropped;

/// The number of concurrent cases. They mostly wait.
const AT_ONCE: usize = 16;

/// One fault, and its expected result.
pub struct Case {
    /// The row's name.
    pub name: &'static str,
    /// The fake's faults, in order.
    pub faults: Vec<(Matcher, Fault)>,
    /// The exit code.
    pub code: i32,
    /// Required parts of the output.
    pub says: &'static str,
    arguments: &'static [&'static str],
    variables: Vec<(&'static str, &'static str)>,
}

impl Case {
    /// A fault that makes the run fail.
    pub fn fails(name: &'static str, matcher: Matcher, fault: Fault, code: i32, says: &'static str) -> Self {
        Self { name, faults: vec![(matcher, fault)], code, says, arguments: INSTALL, variables: Vec::new() }
    }

    /// A fault despite which the run succeeds.
    pub fn survived(name: &'static str, matcher: Matcher, fault: Fault, says: &'static str) -> Self {
        Self::fails(name, matcher, fault, 0, says)
    }

    /// Adds a fault.
    pub fn then(mut self, matcher: Matcher, fault: Fault) -> Self {
        self.faults.push((matcher, fault));
        self
    }

    /// Without a local build as fallback for an unreachable GitHub.
    pub fn without_build(mut self) -> Self {
        self.arguments = NO_BUILD;
        self
    }

    /// With this variable.
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// With the shortest timeout that the settings allow. Only for stalls: a busy machine may be slower.
    pub fn impatient(self) -> Self {
        self.with("REPROQ_HTTP_TIMEOUT", "1")
    }
}

/// Runs a table of cases, several at once, and reports every failed one.
pub fn run_all(part: Part, cases: Vec<Case>) {
    let (total, queue) = (cases.len(), Mutex::new(cases));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let failed: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = 0;
                    while let Some(case) = next() {
                        let outcome = std::panic::catch_unwind(|| run(part, &case));
                        if outcome.is_err() {
                            eprintln!("FAILED: {}", case.name);
                            failed += 1;
                        }
                    }
                    failed
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("panics are caught")).sum()
    });
    assert_eq!(failed, 0, "of {total} cases");
}

fn run(part: Part, case: &Case) {
    let mut context = project();
    for (name, value) in &case.variables {
        context.set(name, *value);
    }
    for (matcher, fault) in &case.faults {
        context.github.fault(matcher.clone(), fault.clone());
    }
    let output = under_fault(part, case.name, &context, context.command(case.arguments), case.code, case.says);
    assert!(!output.stderr.contains("building"), "a fault is no reason to build: {output:#?}");
    context.github.clear_faults();
    recovers(&context, case.arguments);
}

/// A project with [`OLD`] installed, a checkout beside it that must not be built, and [`NEW`] to install.
pub fn project() -> Context {
    with_old(Context::new())
}

/// As [`project`], with this project's directory and GitHub.
pub fn with_old(context: Context) -> Context {
    context.release(&format!("v{NEW}"));
    context.sibling_checkout();
    for (path, bytes) in old_store() {
        let path = context.project().join(path);
        fs::create_dir_all(path.parent().expect("it lies in a directory")).expect("made");
        fs::write(&path, bytes).expect("written");
        if path.ends_with("bin/reproq") {
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
        }
    }
    fs::create_dir_all(context.project().join(".reproq/staging")).expect("made");
    context
}

/// What an installation of [`OLD`] leaves below the project, made once.
fn old_store() -> &'static BTreeMap<PathBuf, Vec<u8>> {
    static STORE: OnceLock<BTreeMap<PathBuf, Vec<u8>>> = OnceLock::new();
    STORE.get_or_init(|| {
        let context = Context::new();
        context.release(&format!("v{OLD}"));
        context.succeed(&["install"]);
        files(&context.project())
    })
}

/// Every file below a directory with its content; for a link, its target.
pub fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("readable").flatten() {
            let path = entry.path();
            let kind = entry.file_type().expect("a type");
            if kind.is_dir() {
                directories.push(path);
                continue;
            }
            let content = if kind.is_symlink() {
                fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).expect("readable")
            };
            found.insert(path.strip_prefix(root).expect("below").to_owned(), content);
        }
    }
    found
}

/// A command of the context, started by another program: its arguments follow the other's, in the same environment.
pub fn started_by(mut other: Command, plain: &Command) -> Command {
    other.arg(plain.get_program()).args(plain.get_args());
    if let Some(directory) = plain.get_current_dir() {
        other.current_dir(directory);
    }
    other.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    other
}

/// A command of the context, after this line of a shell.
pub fn after_shell(line: &str, plain: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("{line}; exec \"$0\" \"$@\""));
    started_by(shell, plain)
}

/// Runs a command under a fault. Checks its output and exit code and records them as the fault's row; a failure leaves every
/// file unchanged, a success leaves the same files as an undisturbed run.
pub fn under_fault(part: Part, name: &str, context: &Context, command: Command, code: i32, says: &str) -> Output {
    let before = files(&context.project());
    let output = context.output(command);
    judge(part, name, context, &output, &before, code, says);
    output
}

/// As [`under_fault`], for a finished run.
pub fn judge(
    part: Part,
    name: &str,
    context: &Context,
    output: &Output,
    before: &BTreeMap<PathBuf, Vec<u8>>,
    code: i32,
    says: &str,
) {
    assert_eq!(output.code, code, "{name}: {output:#?}");
    let said = output.stderr.contains(says) || output.stdout.contains(says);
    assert!(said, "{name}: should say {says:?}: {output:#?}");
    if code == 0 {
        whole(context);
    } else {
        assert!(output.stderr.contains("error: "), "{name}: {output:#?}");
        assert!(code == 130 || output.stderr.contains("hint: "), "{name}: no way out: {output:#?}");
        let after = files(&context.project());
        // An interrupted process leaves its ID in the lock file; the lock itself ended with the process.
        let is_kept = |path: &Path| code == 130 && path.ends_with(".reproq/lock");
        let differs = |path: &Path, bytes| before.get(path) != Some(bytes) && !is_kept(path);
        let changed: Vec<_> = after.iter().filter(|(path, bytes)| differs(path, bytes)).collect();
        let paths: Vec<_> = changed.iter().map(|(path, _)| path).collect();
        assert!(paths.is_empty(), "{name}: changed or new: {paths:?}");
        assert_eq!(before.len(), after.len(), "{name}: files are missing");
    }
    record(part, name, context, output, &left(context, Some(&workers::bytes(OLD)), &workers::bytes(NEW)));
}

/// Without the fault the same command succeeds, and leaves no trace of it.
pub fn recovers(context: &Context, arguments: &[&str]) {
    context.succeed(arguments);
    whole(context);
}

/// The new binary, the previous one, a receipt for each, and no other file.
pub fn whole(context: &Context) {
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes(NEW));
    let found = files(&context.project().join(".reproq"));
    // Next to a receipt may be the lockfile of its binary, depending on how it was installed.
    let is_lock = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "lock");
    let paths = found.keys().filter(|path| !is_lock(path));
    let directories: Vec<String> =
        paths.map(|path| path.iter().next().expect("a name").to_string_lossy().into_owned()).collect();
    let expected = [".gitignore", "bin", "lock", "previous", "receipts", "receipts", "state.json"];
    assert_eq!(directories, expected, "{:?}", found.keys());
    assert!(found.values().any(|bytes| *bytes == workers::bytes(OLD)), "the old one is kept");
}

/// Records a run whose project path is too long to show.
fn record_as_short(context: &Context, name: &str, output: &Output, left: &str) {
    let long = context.project().to_string_lossy().into_owned();
    let short = Output {
        code: output.code,
        stdout: output.stdout.replace(&long, "[PROJECT]"),
        stderr: output.stderr.replace(&long, "[PROJECT]"),
    };
    record(Part::Machine, name, context, &short, left);
}
