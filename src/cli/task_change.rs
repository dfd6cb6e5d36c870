//! The commands that change tasks.

use std::time::Duration;

use clap::Args;
use reproq_queue::state::TaskStatus;
use reproq_queue::task_ref::TaskRef;

use crate::cli::DatabaseArgs;
use crate::cli::groups::ConfirmArgs;
use crate::cli::groups::PlanArgs;
use crate::cli::task::TaskFilterArgs;
use crate::model::units::parse_duration;

/// Options of `task retry` and `task discard`.
#[derive(Debug, Args)]
pub(crate) struct TaskChangeArgs {
    #[command(flatten)]
    pub selection: TaskSelectionArgs,
    #[command(flatten)]
    pub bulk: BulkChangeArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `task cancel`.
#[derive(Debug, Args)]
pub(crate) struct TaskCancelArgs {
    #[command(flatten)]
    pub change: TaskChangeArgs,
    /// Wait this long until the workers have stopped the tasks that run
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "dry_run")]
    pub wait: Option<Duration>,
}

/// Options of `task reclaim`.
#[derive(Debug, Args)]
pub(crate) struct TaskReclaimArgs {
    #[command(flatten)]
    pub change: TaskChangeArgs,
    /// Also reclaim tasks without a lease: make sure that no worker runs them
    #[arg(long)]
    pub include_missing: bool,
}

/// Options of `task prune`.
#[derive(Debug, Args)]
pub(crate) struct TaskPruneArgs {
    /// Delete tasks that finished at least this long ago
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub older_than: Duration,
    /// Delete tasks with this status; can be repeated [default: SUCCESSFUL, FAILED and CANCELLED]
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<TaskStatus>,
    /// Delete tasks of this queue
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// Delete tasks with this dotted path, or a pattern such as 'myapp.*'
    #[arg(long, value_name = "PATTERN")]
    pub task: Option<String>,
    /// Pause this long after each batch of 1000 tasks
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = parse_pause)]
    pub pause: Duration,
    #[command(flatten)]
    pub bulk: BulkChangeArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Which tasks are changed: some by their ids, or all that match.
#[derive(Debug, Args)]
pub(crate) struct TaskSelectionArgs {
    /// The tasks, as ID or ALIAS:ID; they are changed without confirmation
    #[arg(value_name = "ID", conflicts_with_all = ["status", "queue", "task", "older_than", "newer_than", "error", "workflow", "all", "limit", "max"])]
    pub ids: Vec<TaskRef>,
    #[command(flatten)]
    pub filter: TaskFilterArgs,
    /// Change every task to which the command applies
    #[arg(long)]
    pub all: bool,
}

/// How many tasks are changed at once.
#[derive(Debug, Args)]
pub(crate) struct BulkChangeArgs {
    /// Change at most this many, oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    #[command(flatten)]
    pub plan: PlanArgs,
}

impl TaskChangeArgs {
    /// As on the command line with this id alone.
    pub(crate) fn of_task(id: i64) -> Self {
        let confirm = ConfirmArgs { yes: false, dry_run: false, exit_code: false };
        Self {
            selection: TaskSelectionArgs { ids: vec![TaskRef::new(id)], filter: TaskFilterArgs::default(), all: false },
            bulk: BulkChangeArgs { limit: None, plan: PlanArgs { max: None, confirm, audit: None } },
            database: DatabaseArgs { database: None },
        }
    }
}

/// A duration, or milliseconds.
fn parse_pause(text: &str) -> Result<Duration, String> {
    let milliseconds = text.strip_suffix("ms").and_then(|digits| digits.parse::<u32>().ok());
    milliseconds.map_or_else(|| parse_duration(text), |number| Ok(Duration::from_millis(u64::from(number))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_may_be_shorter_than_a_second() {
        assert_eq!(parse_pause("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(parse_pause("2s"), Ok(Duration::from_secs(2)));
        assert!(parse_pause("-1ms").is_err() && parse_pause("ms").is_err());
    }
}
