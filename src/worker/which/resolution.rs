//! The answer in words: every candidate, whether it won or why not. Plain values, serialised for `--json`.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use serde::Serializer;

use crate::worker::which::CandidateIdentity;
use crate::worker::which::Likeness;
use crate::worker::which::Warning;

/// Why the settings of Django are not looked at where there is no project of Django's.
pub(super) const NO_PROJECT: &str = "no Django project here";

/// The answer to "which worker will run": every candidate in the order in which the Django side looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Resolution {
    /// Every candidate, in order.
    pub candidates: Vec<Candidate>,
    /// The place of the winner among the candidates. `None`: there is no worker.
    pub winner: Option<usize>,
    /// What the Django side starts. It differs from the winner's path only where `PATH` leads it to this command or to a
    /// program that is not the worker. `None`: it says that it found no worker.
    #[serde(serialize_with = "lossy_option")]
    pub django_takes: Option<PathBuf>,
    /// What the user should know and can do something about.
    pub warnings: Vec<Warning>,
}

impl Resolution {
    /// The candidate that will be used, whether it can run or not.
    pub fn winner(&self) -> Option<&Candidate> {
        self.winner.and_then(|index| self.candidates.get(index))
    }

    /// The worker that will run: the winner's path, if nothing keeps it from running.
    pub fn runnable(&self) -> Option<&Path> {
        self.winner().filter(|winner| winner.fault.is_none()).and_then(|winner| winner.path.as_deref())
    }

    /// Why it is not known whether Django's settings name another worker; nothing where they do not, or there are none.
    pub fn django_not_asked(&self) -> Option<&str> {
        let setting = self.candidates.iter().find(|candidate| candidate.source == CandidateSource::Setting)?;
        match &setting.verdict {
            Verdict::Skipped { reason } if reason == NO_PROJECT => None,
            Verdict::Skipped { reason } | Verdict::Unusable { reason } => Some(reason),
            Verdict::Winner
            | Verdict::Shadowed { .. }
            | Verdict::NotSet
            | Verdict::Missing
            | Verdict::NotAFile
            | Verdict::NotExecutable
            | Verdict::Ourselves { .. }
            | Verdict::NotTheWorker { .. } => None,
        }
    }

    /// The candidate that wins over a binary just placed at `placed` (a path with all links followed), if one does.
    pub fn wins_over(&self, placed: &Path) -> Option<&Candidate> {
        self.winner()
            .filter(|winner| winner.real_path.as_deref() != Some(placed) && winner.path.as_deref() != Some(placed))
    }
}

/// One place where the worker may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Which place it is.
    #[serde(flatten)]
    pub source: CandidateSource,
    /// The value as written, where a value names the place.
    pub written: Option<String>,
    /// The path it leads to.
    #[serde(serialize_with = "lossy_option")]
    pub path: Option<PathBuf>,
    /// That path with all links followed, if a file is there.
    #[serde(serialize_with = "lossy_option")]
    pub real_path: Option<PathBuf>,
    /// Something is there.
    pub found: bool,
    /// A file is there, and this user may execute it.
    pub executable: bool,
    /// The file's size in bytes.
    pub size: Option<u64>,
    /// Whether the file is the worker. `None` where there is no file, or it is this command.
    pub identity: Option<CandidateIdentity>,
    /// Whether it won, or why not.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why it will not run, should it be its turn: of the winner and of what is shadowed.
    pub fault: Option<Fault>,
    /// What else there is to say, in sentences.
    pub notes: Vec<String>,
    /// The winner's alone: the paths that would be used in its stead, next one first.
    #[serde(serialize_with = "lossy_list")]
    pub shadows: Vec<PathBuf>,
}

/// The places, in the order in which the Django side looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum CandidateSource {
    /// `settings.REPROQ_WORKER_BIN`.
    Setting,
    /// The environment variable `REPROQ_WORKER_BIN`.
    Environment,
    /// `.reproq/bin/reproq` of the project.
    Project,
    /// `bin/reproq` inside `reproq_django`: documented, but the Django side does not look there.
    PackageBin,
    /// `management/bin/reproq` inside `reproq_django`, where the Django side looks.
    PackageManagementBin,
    /// A directory of `PATH`.
    Path {
        /// The directory's place in the search, from 0. `None` when no directory has anything.
        index: Option<usize>,
        /// The directory.
        #[serde(serialize_with = "lossy_option")]
        #[serde(rename = "folder")]
        directory: Option<PathBuf>,
    },
}

impl fmt::Display for CandidateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting => "settings.REPROQ_WORKER_BIN",
            Self::Environment => "the environment variable REPROQ_WORKER_BIN",
            Self::Project => "the project's .reproq/bin",
            Self::PackageBin => "bin inside reproq_django",
            Self::PackageManagementBin => "management/bin inside reproq_django",
            Self::Path { .. } => "PATH",
        })
    }
}

/// Whether a candidate won, or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It is used.
    Winner,
    /// It would be used, if an earlier one were not.
    Shadowed {
        /// The place of the winner among the candidates.
        by: usize,
    },
    /// The setting or variable has no value.
    NotSet,
    /// Nothing is there.
    Missing,
    /// It is on `PATH`, but a directory or the like.
    NotAFile,
    /// It is on `PATH`, but may not be executed.
    NotExecutable,
    /// It is on `PATH`, but is this very command.
    Ourselves {
        /// How that shows.
        how: Likeness,
    },
    /// It is on `PATH`, but is another program.
    NotTheWorker {
        /// What it is.
        reason: String,
    },
    /// It was not looked at.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It was asked for, without an answer; it may win in truth.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// Why something that is used will not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Nothing is there.
    Missing,
    /// It is a directory or the like.
    NotAFile,
    /// It may not be executed.
    NotExecutable,
    /// It is this very command, which cannot do the worker's work.
    Ourselves {
        /// How that shows.
        how: Likeness,
    },
    /// The value is not a path; the Django side stops with a `TypeError`.
    WrongType {
        /// The name of its type in Python.
        found: String,
    },
}

// Serde refuses paths that are not UTF-8; a report must never fail for that.
fn lossy_option<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

fn lossy_list<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}
