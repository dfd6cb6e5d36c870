//! The commands that operate the queue.

use clap::Args;
use clap::Subcommand;

use crate::cli::DatabaseArgs;
use crate::cli::PeriodicListArgs;
use crate::cli::TaskArgs;
use crate::cli::TaskListArgs;
use crate::cli::TaskLogsArgs;
use crate::cli::examples;

/// The commands of `reproq periodic`.
#[derive(Debug, Subcommand)]
pub(crate) enum PeriodicCommand {
    /// Show when a schedule runs next, without a database
    #[command(after_long_help = examples::PERIODIC_NEXT)]
    Next(PeriodicNextArgs),
    /// List the schedules
    #[command(after_long_help = examples::PERIODIC_LIST)]
    List(PeriodicListArgs),
    /// Find schedules that fail, never run, or are late; exit with 1 if there are any
    #[command(after_long_help = examples::PERIODIC_CHECK)]
    Check(DatabaseArgs),
}

/// Options of `periodic next`.
#[derive(Debug, Args)]
pub(crate) struct PeriodicNextArgs {
    /// `MINUTE HOUR DAY MONTH WEEKDAY`, optionally after `TZ=ZONE `; without a zone, the clock is UTC
    #[arg(value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub expression: String,
    /// Show runs after this time, such as 2026-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Show this many runs, at most 1000
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub count: u16,
    /// Show local times of this zone, such as Europe/Berlin [default: the zone of the schedule]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
}

/// The commands of `reproq task`.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Compute the hash that identifies equal tasks, without a database
    #[command(after_long_help = examples::TASK_HASH)]
    Hash(TaskHashArgs),
    /// List tasks, newest first
    #[command(after_long_help = examples::TASK_LIST)]
    List(TaskListArgs),
    /// Show everything about a task
    #[command(after_long_help = examples::TASK_SHOW)]
    Show(TaskArgs),
    /// Explain why a task does not run, or how it ended
    #[command(after_long_help = examples::TASK_WHY)]
    Why(TaskArgs),
    /// Print the end of a task's log file
    #[command(after_long_help = examples::TASK_LOGS)]
    Logs(TaskLogsArgs),
}

/// Options of `task hash`. The defaults are Django's.
#[derive(Debug, Args)]
pub(crate) struct TaskHashArgs {
    /// The dotted path of the task's function, such as myapp.tasks.add
    #[arg(long, value_name = "PATH", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub task: String,
    /// The positional arguments: a JSON array
    #[arg(long, value_name = "JSON", default_value = "[]")]
    pub args: String,
    /// The keyword arguments: a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub kwargs: String,
    /// The queue
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub queue: String,
    /// The priority
    #[arg(long, value_name = "N", default_value_t = 0, allow_hyphen_values = true)]
    pub priority: i32,
    /// The time before which the task does not run, with its offset, such as 2026-03-29T01:30:00+02:00
    #[arg(long, value_name = "TIME")]
    pub run_after: Option<String>,
    /// Run at most one task with this key at a time
    #[arg(long, value_name = "KEY")]
    pub lock_key: Option<String>,
    /// Run at most --concurrency-limit tasks with this key at a time
    #[arg(long, value_name = "KEY")]
    pub concurrency_key: Option<String>,
    /// The limit of --concurrency-key; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 0, allow_hyphen_values = true)]
    pub concurrency_limit: i32,
    /// The function receives the task's context
    #[arg(long)]
    pub takes_context: bool,
    /// The setting TIMEOUT_SECONDS of the backend
    #[arg(long, value_name = "N", default_value_t = 900)]
    pub timeout_seconds: i32,
    /// The setting MAX_ATTEMPTS of the backend
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub max_attempts: i32,
    /// The setting CODE_REF of the backend
    #[arg(long, value_name = "TEXT")]
    pub code_ref: Option<String>,
    /// The setting PIP_LOCK_HASH of the backend
    #[arg(long, value_name = "TEXT")]
    pub pip_lock_hash: Option<String>,
}
