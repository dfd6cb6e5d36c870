//! The options of `systemd`.

use std::path::PathBuf;

use clap::Args;

/// Options of `systemd`.
#[derive(Debug, Args)]
pub(crate) struct SystemdArgs {
    /// Write a Procfile instead
    #[arg(long, conflicts_with_all = ["compose", "user", "group", "schedule", "credential", "env_file"])]
    pub procfile: bool,
    /// Write services for Compose instead
    #[arg(long, conflicts_with_all = ["user", "group", "schedule", "credential", "env_file"])]
    pub compose: bool,
    /// Write the files to this directory, instead of printing them
    #[arg(long, short = 'o', value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Replace files that differ; the environment file is never replaced
    #[arg(long, requires = "output")]
    pub force: bool,
    /// The name in the names of the units [default: the name of the project's directory]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The user that runs the worker [default: the current user]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The group that runs the worker [default: the user's]
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// The file with the worker's variables [default: /etc/reproq/NAME.env]
    #[arg(long, value_name = "FILE", conflicts_with = "credential")]
    pub env_file: Option<PathBuf>,
    /// Read the database URL from this file as a credential of systemd, instead of variables
    #[arg(long, value_name = "FILE")]
    pub credential: Option<PathBuf>,
    /// Enqueue periodic tasks with a timer instead of a beat, by default every minute
    #[arg(long, value_name = "TIMES", num_args = 0..=1, default_missing_value = "*-*-* *:*:00")]
    pub schedule: Option<String>,
    /// Do not read REPROQ_WORKER_BIN from the Django settings when the worker starts
    #[arg(long)]
    pub no_django: bool,
    /// Import Django once, and run each task in a child of that process
    #[arg(long)]
    pub prefork: bool,
    /// Flags of the worker, such as `--concurrency 4`; known flags may also come before `--`
    #[arg(last = true, value_name = "WORKER ARGS")]
    pub arguments: Vec<String>,
}
