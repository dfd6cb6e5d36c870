//! The commands of `reproq workflow`.

use clap::ArgGroup;
use clap::Args;
use clap::Subcommand;

use crate::cli::DatabaseArgs;
use crate::cli::examples;
use crate::cli::groups::PlanArgs;

/// The commands of `reproq workflow`.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// List live workflows and the newest with a callback
    #[command(after_long_help = examples::WORKFLOW_LIST)]
    List(WorkflowListArgs),
    /// Show the tasks of a workflow, and whether its counters are right
    #[command(after_long_help = examples::WORKFLOW_SHOW)]
    Show(WorkflowShowArgs),
    /// Put workflows right that wait for something that never happens
    #[command(after_long_help = examples::WORKFLOW_REPAIR)]
    Repair(WorkflowRepairArgs),
}

/// Options of `workflow repair`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["workflow", "all"])))]
pub(crate) struct WorkflowRepairArgs {
    /// The id of the workflow, or of one of its tasks
    #[arg(value_name = "WORKFLOW|ID")]
    pub workflow: Option<String>,
    /// Repair every workflow with a task that waits
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub plan: PlanArgs,
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
