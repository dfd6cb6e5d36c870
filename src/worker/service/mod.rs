//! Files that let a supervisor run the worker: units of systemd, a Procfile, a Compose file, and a file with its variables. Pure.
//!
//! Each format has its own rules for special characters, so each has one writer. No secret is in a unit: a unit can be read by
//! every user. Secrets are in the file of variables, or in a credential of systemd.

mod compose;
mod environment_file;
mod procfile;
mod systemd;

use std::path::PathBuf;

use thiserror::Error;

pub(crate) use compose::compose;
pub(crate) use environment_file::environment_file;
pub(crate) use procfile::procfile;
pub(crate) use systemd::units;

/// The programs to run, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServicePlan {
    /// The name in the names of the units.
    pub name: String,
    /// The root of the project.
    pub directory: PathBuf,
    /// This program.
    pub program: PathBuf,
    /// Our options for each command, such as `--no-django`.
    pub options: Vec<String>,
    /// The flags of the worker, without secrets.
    pub arguments: Vec<String>,
    /// Whether a fork server runs the tasks.
    pub has_fork_server: bool,
    pub user: Option<String>,
    pub group: Option<String>,
    pub secrets: ServiceSecrets,
    pub periodic: PeriodicService,
}

/// Where the worker's secrets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServiceSecrets {
    /// A file with variables.
    EnvironmentFile(PathBuf),
    /// A file with the URL of the database.
    Credential(PathBuf),
}

/// What enqueues periodic tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PeriodicService {
    /// A beat that runs all the time.
    Beat,
    /// A timer, with these times.
    Timer(String),
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceFile {
    pub name: String,
    pub text: String,
}

/// Why a file cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ServiceError {
    #[error("{what} `{}` contains a character that {format} cannot express", .value.escape_debug())]
    Unwritable { what: &'static str, value: String, format: &'static str },
}

/// The words after the program's name.
fn words(plan: &ServicePlan, command: &str, is_worker: bool) -> Vec<String> {
    let mut words = vec![command.to_owned()];
    words.extend(plan.options.iter().cloned());
    words.extend((is_worker && plan.has_fork_server).then(|| "--prefork".to_owned()));
    if is_worker && !plan.arguments.is_empty() {
        words.push("--".to_owned());
        words.extend(plan.arguments.iter().cloned());
    }
    words
}
