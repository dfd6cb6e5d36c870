//! Everything the decision needs to know, read beforehand, as plain values.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::model::Target;

/// What was found around the project. [`crate::worker::which::survey`] makes it, [`crate::worker::which::decide`] reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhichFacts {
    /// The machine, for the name of the executable.
    pub target: Target,
    /// The project's root, where the Django side is taken to be started: relative values mean this directory.
    pub root: PathBuf,
    /// Where this command was started.
    pub cwd: PathBuf,
    /// The user's home, to say what a `~` was meant to be.
    pub home: Option<PathBuf>,
    /// What Django said.
    pub django: DjangoAnswer,
    /// What `settings.REPROQ_WORKER_BIN` leads to; there only when Django said [`Setting::Set`].
    pub setting: Option<Override>,
    /// What the environment variable `REPROQ_WORKER_BIN` leads to.
    pub environment: EnvironmentValue,
    /// The project's settings (or its `manage.py`) gave the environment variable another value than this command sees.
    pub environment_changed_by_project: bool,
    /// `.reproq/bin/reproq` below the project's root.
    pub project: PathProbe,
    /// The two places inside the installed `reproq_django`, where that is known.
    pub packaged: Option<Packaged>,
    /// How many different directories `PATH` names.
    pub path_directories: usize,
    /// What is called `reproq` in these directories, in their order.
    pub on_path: Vec<PathHit>,
}

/// What came of asking Django.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DjangoAnswer {
    /// It was not asked, because the user said so.
    Skipped {
        /// Who said so, as `--no-django was given`.
        reason: String,
    },
    /// There is no Django project here, so nothing was run.
    NoProject,
    /// Django loaded the project's settings.
    Answered(Box<DjangoFacts>),
    /// Django could not be asked, or could not load the settings.
    Failed {
        /// Why, as a lowercase sentence.
        reason: String,
        /// The last lines the project's Python wrote to stderr, made printable.
        stderr: Vec<String>,
        /// What to do, where neither the project nor its Python is the reason.
        hint: Option<String>,
    },
    /// The project's Python was still busy when the time was over, and was ended.
    TimedOut {
        /// How long it had.
        limit: Duration,
        /// The last lines it wrote to stderr, made printable.
        stderr: Vec<String>,
    },
}

/// What Django said once it had loaded the project's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DjangoFacts {
    /// The interpreter that was asked.
    pub python: PathBuf,
    /// Its version, as `3.12.1`.
    pub python_version: String,
    /// Django's version, as `6.0.1`.
    pub django_version: String,
    /// The settings module that was loaded.
    pub settings_module: String,
    /// `settings.REPROQ_WORKER_BIN`.
    pub setting: DjangoSetting,
    /// The environment variable `REPROQ_WORKER_BIN` after the settings were loaded: settings often load a `.env` file.
    pub environment: Option<OsString>,
    /// The directory of the installed `reproq_django` package, if there is one.
    pub package: Option<PathBuf>,
    /// Why `manage.py` was not what led to the settings, though it does more than the one Django generates.
    pub manage_problem: Option<String>,
}

/// The value of `settings.REPROQ_WORKER_BIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DjangoSetting {
    /// There is none, or it is `None`.
    Unset,
    /// It is something empty, which the Django side takes for not set.
    Empty,
    /// A path, as written.
    Set(OsString),
    /// Something that is no path, on which the Django side stops with a `TypeError`; with the name of its type.
    WrongType(String),
}

/// The value of the environment variable `REPROQ_WORKER_BIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentValue {
    /// There is none.
    Unset,
    /// It is the empty text, which the Django side takes for not set.
    Empty,
    /// A path.
    Set(Override),
}

/// A value that names the worker, and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The value as written.
    pub written: OsString,
    /// How the Django side reads it.
    pub aim: Aim,
    /// What is there. `None` for a bare name that is not on `PATH`.
    pub probe: Option<PathProbe>,
}

/// How the Django side reads a value that names the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// An absolute path, used as it is.
    Absolute,
    /// A path with a directory in it, relative to where the Django side is started.
    Relative,
    /// A name without a directory, looked up on `PATH`.
    Bare,
}

/// The places inside the installed `reproq_django` package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packaged {
    /// `bin/reproq`, the documented place, where the Django side never looks.
    pub documented: PathProbe,
    /// `management/bin/reproq`, where it does look.
    pub management: PathProbe,
}

/// Something of the right name in a directory of `PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathHit {
    /// The directory's place in the search, from 0.
    pub index: usize,
    /// The directory.
    pub directory: PathBuf,
    /// What is there.
    pub probe: PathProbe,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathProbe {
    /// The path.
    pub path: PathBuf,
    /// What is there.
    pub found: Found,
}

impl PathProbe {
    /// A file is there, and this user may execute it.
    pub fn executable(&self) -> bool {
        matches!(&self.found, Found::File(file) if file.executable)
    }
}

/// What is at a path, links followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A link to something that does not exist.
    DanglingLink {
        /// What the link says.
        target: PathBuf,
    },
    /// It cannot be looked at; the Django side takes that for nothing.
    Unreadable {
        /// The system's reason.
        reason: String,
    },
    /// A directory, a socket, a device.
    NotAFile,
    /// A file.
    File(Box<FileFacts>),
}

/// What is known about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// This user may execute it.
    pub executable: bool,
    /// Its size in bytes.
    pub size: u64,
    /// Its path with all links followed.
    pub real_path: PathBuf,
    /// Whether it is this very command.
    pub likeness: Likeness,
    /// Whether it is the worker.
    pub identity: CandidateIdentity,
}

/// How a file compares with this command's own executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// Another program.
    Different,
    /// The same file, by whatever name.
    SameFile,
    /// A copy: the same bytes.
    SameHash,
}

/// What an executable turned out to be, read from its bytes. Nothing is run to find out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CandidateIdentity {
    /// The worker.
    Worker {
        /// Its version, where the file tells it.
        version: Option<String>,
    },
    /// Surely something else.
    NotWorker {
        /// What it is instead.
        reason: String,
    },
    /// It may be the worker; the file does not tell, as with a wrapper script.
    Unknown {
        /// Why it cannot be told.
        reason: String,
    },
}
