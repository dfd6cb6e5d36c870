//! The result: every candidate, and whether and why it won or lost. Plain values, serialized for `--json`.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use serde::Serializer;

use crate::worker::which::CandidateIdentity;
use crate::worker::which::Likeness;
use crate::worker::which::Warning;

/// Why Django's settings are not queried without a Django project.
pub(super) const NO_PROJECT: &str = "no Django project here";

/// The answer to "which worker will run": every candidate, in Django's search order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Resolution {
    /// Every candidate, in order.
    pub candidates: Vec<Candidate>,
    /// The index of the winner. `None` if there is no worker.
    pub winner: Option<usize>,
    /// What Django starts. Differs from the winner's path only if the first entry on `PATH` is this command or a program that is not
    /// the worker. `None` if Django reports that it found no worker.
    #[serde(serialize_with = "lossy_option")]
    pub django_takes: Option<PathBuf>,
    /// Warnings with hints.
    pub warnings: Vec<Warning>,
}

impl Resolution {
    /// The candidate that will be used, whether it can run or not.
    pub fn winner(&self) -> Option<&Candidate> {
        self.winner.and_then(|index| self.candidates.get(index))
    }

    /// The worker that will run: the winner's path, unless it has a fault.
    pub fn runnable(&self) -> Option<&Path> {
        self.winner().filter(|winner| winner.fault.is_none()).and_then(|winner| winner.path.as_deref())
    }

    /// The path of this command, if Django starts it wherever the selected worker is not found: the worker is the project's,
    /// which Django looks for below the directory it is started in, and the first `reproq` on `PATH` is this command.
    pub fn command_behind_worker(&self) -> Option<&Path> {
        self.winner().filter(|winner| winner.fault.is_none() && winner.source == CandidateSource::Project)?;
        let is_on_path = |it: &&Candidate| matches!(it.source, CandidateSource::Path { .. }) && it.executable;
        let first = self.candidates.iter().find(is_on_path)?;
        matches!(first.verdict, Verdict::Ourselves { .. }).then_some(first.path.as_deref()?)
    }

    /// Why it is unknown whether Django's settings specify another worker; `None` if they do not, or there are none.
    pub fn django_not_queried(&self) -> Option<&str> {
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

    /// The candidate that takes precedence over a binary just installed at the canonical path `placed`, if there is one.
    pub fn wins_over(&self, placed: &Path) -> Option<&Candidate> {
        self.winner()
            .filter(|winner| winner.real_path.as_deref() != Some(placed) && winner.path.as_deref() != Some(placed))
    }
}

/// A possible location of the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Which location it is.
    #[serde(flatten)]
    pub source: CandidateSource,
    /// The value as written, if the location is configured.
    pub written: Option<String>,
    #[serde(serialize_with = "lossy_option")]
    pub path: Option<PathBuf>,
    /// Its canonical path, if there is a file.
    #[serde(serialize_with = "lossy_option")]
    pub real_path: Option<PathBuf>,
    /// Whether anything exists there.
    pub found: bool,
    /// Whether it is a file that this user may execute.
    pub executable: bool,
    /// The file's size in bytes.
    pub size: Option<u64>,
    /// Whether the file is the worker. `None` if there is no file, or it is this command.
    pub identity: Option<CandidateIdentity>,
    /// Whether it won, or why not.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why it will not run, if it is the winner or shadowed.
    pub fault: Option<Fault>,
    /// Notes, as sentences.
    pub notes: Vec<String>,
    /// For the winner only: the paths that would be used instead, in order.
    #[serde(serialize_with = "lossy_list")]
    pub shadows: Vec<PathBuf>,
}

/// The candidates, in Django's search order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum CandidateSource {
    /// `settings.REPROQ_WORKER_BIN`.
    Setting,
    /// The environment variable `REPROQ_WORKER_BIN`.
    Environment,
    /// `.reproq/bin/reproq` of the project.
    Project,
    /// `bin/reproq` in `reproq_django`: documented, but not used by Django.
    PackageBin,
    /// `management/bin/reproq` in `reproq_django`, which Django uses.
    PackageManagementBin,
    /// A directory of `PATH`.
    Path {
        /// The position of the directory on `PATH`, from 0. `None` if no directory has an entry.
        index: Option<usize>,
        #[serde(serialize_with = "lossy_option")]
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
    /// It would be used if an earlier candidate were not.
    Shadowed {
        /// The index of the winner.
        by: usize,
    },
    /// The setting or variable is unset.
    NotSet,
    /// It does not exist.
    Missing,
    /// It is on `PATH`, but is not a file.
    NotAFile,
    /// It is on `PATH`, but is not executable.
    NotExecutable,
    /// It is on `PATH`, but is this command.
    Ourselves {
        /// How this was determined.
        how: Likeness,
    },
    /// It is on `PATH`, but is another program.
    NotTheWorker {
        /// What it is.
        reason: String,
    },
    Skipped {
        reason: String,
    },
    /// The query failed; it may win after all.
    Unusable {
        reason: String,
    },
}

/// Why a candidate that is used will not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// It does not exist.
    Missing,
    /// It is not a file.
    NotAFile,
    NotExecutable,
    /// It is this command, which is not the worker.
    Ourselves {
        /// How this was determined.
        how: Likeness,
    },
    /// The value is not a path, so Django fails with a `TypeError`.
    WrongType {
        /// The name of its Python type.
        found: String,
    },
}

// Serde refuses paths that are not UTF-8, but a report must not fail because of one.
fn lossy_option<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

fn lossy_list<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}
