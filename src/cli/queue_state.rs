//! The commands that read queues, workers, schedules, limits and workflows.

use clap::Args;
use clap::Subcommand;

use crate::cli::DatabaseArgs;
use crate::cli::examples;

/// The commands of `reproq queue`.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List the queues: depth, age, workers, pauses
    #[command(after_long_help = examples::QUEUE_LIST)]
    List(DatabaseArgs),
}

/// The commands of `reproq workers`.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkersCommand {
    /// List the workers, alive or stale, and what they run
    #[command(after_long_help = examples::WORKERS_LIST)]
    List(DatabaseArgs),
}

/// The commands of `reproq limit`.
#[derive(Debug, Subcommand)]
pub(crate) enum LimitCommand {
    /// List the rate limits, and what is left of each
    #[command(after_long_help = examples::LIMIT_LIST)]
    List(DatabaseArgs),
}

/// The commands of `reproq workflow`.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// List live workflows and the newest with a callback
    #[command(after_long_help = examples::WORKFLOW_LIST)]
    List(WorkflowListArgs),
    /// Show the tasks of a workflow, and whether its counters are right
    #[command(after_long_help = examples::WORKFLOW_SHOW)]
    Show(WorkflowShowArgs),
}

/// Options of `periodic list`.
#[derive(Debug, Args)]
pub(crate) struct PeriodicListArgs {
    /// List schedules after this name: the next page
    #[arg(long, value_name = "NAME")]
    pub after: Option<String>,
    /// List at most this many, up to 1000
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `workflow list`.
#[derive(Debug, Args)]
pub(crate) struct WorkflowListArgs {
    /// List at most this many of each kind, up to 500
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub limit: u16,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `workflow show`.
#[derive(Debug, Args)]
pub(crate) struct WorkflowShowArgs {
    /// The id of the workflow, or of one of its tasks
    #[arg(value_name = "WORKFLOW|ID")]
    pub workflow: String,
    /// Show at most this many tasks, up to 1000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    #[command(flatten)]
    pub database: DatabaseArgs,
}
