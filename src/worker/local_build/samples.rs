//! Shared fixtures for build tests: checkouts, a stage to build on, and a progress listener.
#![expect(clippy::disallowed_methods, reason = "tests make checkouts and programs, and run in the real environment")]

use std::cell::RefCell;
use std::env::consts::ARCH;
use std::env::consts::EXE_SUFFIX;
use std::env::consts::OS;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
#[cfg(unix)]
use std::process::Command;

use crate::model::Target;
use crate::model::Tool;
use crate::model::progress::Progress;
use crate::worker::local_build::BuildError;
use crate::worker::local_build::BuildRefusal;
use crate::worker::local_build::BuildRequest;
use crate::worker::local_build::Built;
use crate::worker::local_build::PrepareError;
use crate::worker::local_build::apply;
use crate::worker::local_build::environment::is_variable;
use crate::worker::local_build::prepare;

/// A directory with a home and a checkout of the worker.
pub(super) fn checkout() -> (tempfile::TempDir, PathBuf, Vec<(OsString, OsString)>) {
    let root = tempfile::tempdir().expect("a directory");
    let directory = root.path().join("reproq-worker");
    write(&directory.join("go.mod"), "module reproq-worker\ngo 1.21\n");
    write(&directory.join("cmd/reproq/main.go"), "package main\nconst Version = \"0.0.144\"\nfunc main() {}\n");
    let environment = environment(root.path());
    (root, directory, environment)
}

/// This process's environment with a separate home, so that no user's git settings matter.
fn environment(home: &Path) -> Vec<(OsString, OsString)> {
    let own = |name: &OsStr| ["HOME", "XDG_CONFIG_HOME", "GIT_DIR"].iter().any(|known| is_variable(name, known));
    let mut variables: Vec<_> = std::env::vars_os().filter(|(name, _)| !own(name)).collect();
    variables.push(("HOME".into(), home.into()));
    variables
}

pub(super) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("created");
    fs::write(path, text).expect("written");
}

/// Puts a script named `go` into a directory. Written by a separate shell: a file open for writing in this process could be
/// inherited by a child that another test starts at that moment, and executing it would fail as busy.
#[cfg(unix)]
pub(super) fn fake_go(directory: &Path, script: &str) {
    fs::create_dir_all(directory).expect("created");
    let write = "printf '%s' \"$1\" > \"$2/go\" && chmod 755 \"$2/go\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", write, "sh", &format!("#!/bin/sh\n{script}\n")]).arg(directory);
    assert!(shell.status().expect("sh runs").success());
}

/// A project next to a copy of the sample worker, and the environment for builds.
pub(super) struct Stage {
    pub(super) root: tempfile::TempDir,
    pub(super) environment: Vec<(OsString, OsString)>,
}

impl Stage {
    pub(super) fn new(path: OsString) -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reproq-worker");
        copy(&fixture, &root.path().join("reproq-worker"));
        let mut environment: Vec<_> = std::env::vars_os().filter(|(name, _)| !is_variable(name, "PATH")).collect();
        environment.push(("PATH".into(), path));
        Self { root, environment }
    }

    /// With the installed Go; `None` if there is none and none was promised.
    pub(super) fn with_go() -> Option<Self> {
        let given = std::env::var_os("REPROQ_TEST_GO").map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let directories = given.iter().filter_map(|go| go.parent().map(Path::to_owned));
        let directories: Vec<PathBuf> = directories.chain(std::env::split_paths(&path)).collect();
        if directories.iter().any(|directory| directory.join(format!("go{EXE_SUFFIX}")).is_file()) {
            return Some(Self::new(std::env::join_paths(directories).expect("a PATH")));
        }
        assert!(std::env::var_os("CI").is_none(), "CI needs Go on PATH or in REPROQ_TEST_GO to test local builds");
        crate::skip::record("builds with a real Go", "put `go` on PATH or name it in REPROQ_TEST_GO");
        None
    }

    pub(super) fn source(&self) -> PathBuf {
        self.root.path().join("reproq-worker")
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        let path = self.source().join(file);
        fs::create_dir_all(path.parent().expect("a directory")).expect("created");
        fs::write(path, text).expect("written");
    }

    pub(super) fn set(&mut self, variables: &[(&str, &str)]) {
        self.environment.retain(|(known, _)| variables.iter().all(|(name, _)| known != name));
        self.environment.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
    }

    pub(super) fn request(&self) -> BuildRequest {
        BuildRequest {
            source: self.source(),
            tool: Tool::WORKER,
            target: Target::from_names(OS, ARCH).expect("a target the worker is released for"),
            offline: true,
            wanted_tag: None,
            output: self.root.path().join("out"),
        }
    }

    pub(super) fn build(&self, request: &BuildRequest) -> Result<Built, BuildError> {
        let plan = prepare(request, &self.environment).expect("a plan");
        apply(&plan, &self.environment, &Listener::default(), &|| false)
    }

    pub(super) fn refused(&self, request: &BuildRequest) -> BuildRefusal {
        match prepare(request, &self.environment) {
            Err(PrepareError::Refused(refusal)) => refusal,
            other => panic!("expected a refusal, found {other:?}"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::write(&target, fs::read(&path).expect("readable")).expect("written");
        }
    }
}

#[derive(Default)]
pub(super) struct Listener(pub(super) RefCell<Vec<String>>);

impl Progress for Listener {
    fn begin(&self, label: &str, _total: Option<u64>) {
        self.0.borrow_mut().push(format!("begin {label}"));
    }
    fn advance(&self, _bytes: u64) {}
    fn restart(&self) {}
    fn end(&self) {
        self.0.borrow_mut().push("end".to_owned());
    }
    fn note(&self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}
