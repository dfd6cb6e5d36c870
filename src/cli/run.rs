//! The options of the commands that run the worker.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;

use crate::cli::database::DatabaseArgs;
use crate::cli::examples;
use crate::cli::groups::DjangoArgs;
use crate::cli::groups::DryRunArgs;
use crate::model::units::parse_duration;

/// Options of `worker`, and of all commands that can become the worker.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    pub change: DryRunArgs,
    #[command(flatten)]
    pub django: DjangoArgs,
    /// Wait this long for Django
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub django_timeout: Duration,
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Pass on this variable, although it contains a token or credentials; can be repeated
    #[arg(long, value_name = "NAME")]
    pub pass_env: Vec<String>,
    /// Flags of the worker, such as `--concurrency 4`; known flags may also come before `--`
    #[arg(last = true, value_name = "WORKER ARGS")]
    pub arguments: Vec<String>,
}

/// Options of `worker`.
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub prefork: PreforkArgs,
    #[command(flatten)]
    pub start: StartArgs,
}

/// Whether tasks run in children of a process that has imported Django.
#[derive(Debug, Args)]
pub(crate) struct PreforkArgs {
    /// Import Django once, and run each task in a child of that process
    #[arg(long)]
    pub prefork: bool,
    /// Wait this long until Django is imported, then let plain Python run the tasks until it is
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration, requires = "prefork")]
    pub prefork_timeout: Duration,
}

/// `reproq prefork`.
#[derive(Debug, Subcommand)]
pub(crate) enum PreforkCommand {
    /// Show the fork servers of this project
    #[command(after_long_help = examples::PREFORK_STATUS)]
    Status(PreforkSelection),
    /// Import the code again; the old process serves until the new one is ready
    #[command(after_long_help = examples::PREFORK_RELOAD)]
    Reload(PreforkSelection),
}

/// Which fork servers a command is for.
#[derive(Debug, Args)]
pub(crate) struct PreforkSelection {
    /// Only the one with this private directory
    #[arg(long, value_name = "DIR")]
    pub at: Option<PathBuf>,
}
