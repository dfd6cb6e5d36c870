//! The input of the decision, as plain values.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;

use crate::django::DjangoAnswer;
use crate::model::Target;

/// The facts about the project. [`crate::worker::which::survey`] collects them, [`crate::worker::which::decide`] reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhichFacts {
    /// The platform, for the name of the executable.
    pub target: Target,
    /// The project's root, from which Django is assumed to be started: relative values are relative to it.
    pub root: PathBuf,
    /// The current directory of this command.
    pub cwd: PathBuf,
    /// The user's home, to explain an unexpanded `~`.
    pub home: Option<PathBuf>,
    /// Django's response.
    pub django: DjangoAnswer,
    /// The path of `settings.REPROQ_WORKER_BIN`; present only if it is [`Setting::Set`].
    pub setting: Option<Override>,
    /// The environment variable `REPROQ_WORKER_BIN`.
    pub environment: EnvironmentValue,
    /// Whether the project's settings or `manage.py` changed that variable.
    pub environment_changed_by_project: bool,
    /// `.reproq/bin/reproq` below the project's root.
    pub project: PathProbe,
    /// The two candidates in the installed `reproq_django`, if its location is known.
    pub packaged: Option<Packaged>,
    /// The number of different directories on `PATH`.
    pub path_directories: usize,
    /// The entries named `reproq` in these directories, in order.
    pub on_path: Vec<PathHit>,
}

/// The value of the environment variable `REPROQ_WORKER_BIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentValue {
    /// Not set.
    Unset,
    /// An empty string, which Django treats as unset.
    Empty,
    /// A path.
    Set(Override),
}

/// A configured value, and the file it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The value as written.
    pub written: OsString,
    /// How Django interprets it.
    pub aim: Aim,
    /// What is at that path. `None` for a bare name that is not on `PATH`.
    pub probe: Option<PathProbe>,
}

/// How Django interprets a configured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// An absolute path.
    Absolute,
    /// A path with a directory, relative to where Django is started.
    Relative,
    /// A name without a directory, looked up on `PATH`.
    Bare,
}

/// The candidates in the installed `reproq_django` package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packaged {
    /// `bin/reproq`, the documented path, which Django does not use.
    pub documented: PathProbe,
    /// `management/bin/reproq`, which it does use.
    pub management: PathProbe,
}

/// An entry in a directory of `PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathHit {
    /// The position of the directory on `PATH`, from 0.
    pub index: usize,
    pub directory: PathBuf,
    /// What is at that path.
    pub probe: PathProbe,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathProbe {
    pub path: PathBuf,
    /// What is there.
    pub found: Found,
}

impl PathProbe {
    /// Whether it is a file that this user may execute.
    pub fn executable(&self) -> bool {
        matches!(&self.found, Found::File(file) if file.executable)
    }
}

/// What is at a path, after following links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A link to a path that does not exist.
    DanglingLink {
        /// The target of the link.
        target: PathBuf,
    },
    /// It cannot be read; Django treats that as missing.
    Unreadable {
        /// The system's error.
        reason: String,
    },
    /// A directory, a socket, a device.
    NotAFile,
    File(Box<FileFacts>),
}

/// The facts about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Whether this user may execute it.
    pub executable: bool,
    /// Its size in bytes.
    pub size: u64,
    /// Its canonical path.
    pub real_path: PathBuf,
    /// Whether it is this command.
    pub likeness: Likeness,
    /// Whether it is the worker.
    pub identity: CandidateIdentity,
}

/// A file compared with this command's own executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// Another program.
    Different,
    /// The same file, possibly under another name.
    SameFile,
    /// A copy: the same bytes.
    SameHash,
}

/// The identity of an executable, read from its bytes without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CandidateIdentity {
    Worker {
        /// Its version, if recorded in the file.
        version: Option<String>,
    },
    /// Definitely another program.
    NotWorker {
        /// What it is.
        reason: String,
    },
    /// It may be the worker; undetermined, as for a wrapper script.
    Unknown {
        /// Why it is undetermined.
        reason: String,
    },
}
