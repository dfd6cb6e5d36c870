//! The commands of `reproq task`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use reproq_queue::state::TaskStatus;
use reproq_queue::task_ref::TaskRef;

use crate::cli::DatabaseArgs;
use crate::cli::TaskCancelArgs;
use crate::cli::TaskChangeArgs;
use crate::cli::TaskPruneArgs;
use crate::cli::TaskReclaimArgs;
use crate::cli::examples;
use crate::model::units::parse_duration;

/// The commands of `reproq task`.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Compute the hash that identifies equal tasks, without a database
    #[command(after_long_help = examples::TASK_HASH)]
    Hash(TaskSpecArgs),
    /// Enqueue a task, as Django would
    #[command(after_long_help = examples::TASK_ENQUEUE)]
    Enqueue(Box<TaskEnqueueArgs>),
    /// Enqueue a finished task again, as a new task
    #[command(after_long_help = examples::TASK_REPLAY)]
    Replay(TaskReplayArgs),
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
    /// Run failed tasks again
    #[command(after_long_help = examples::TASK_RETRY)]
    Retry(TaskChangeArgs),
    /// Cancel tasks that wait for a worker, and ask workers to stop those that run
    #[command(after_long_help = examples::TASK_CANCEL)]
    Cancel(TaskCancelArgs),
    /// Accept failures: failed tasks become CANCELLED
    #[command(after_long_help = examples::TASK_DISCARD)]
    Discard(TaskChangeArgs),
    /// Run tasks again whose worker has lost its lease
    #[command(after_long_help = examples::TASK_RECLAIM)]
    Reclaim(TaskReclaimArgs),
    /// Delete tasks that finished some time ago
    #[command(after_long_help = examples::TASK_PRUNE)]
    Prune(TaskPruneArgs),
}

/// One task.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// The id of the task, or ALIAS:ID
    #[arg(value_name = "ID")]
    pub task: TaskRef,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Which tasks: those that match all of these.
#[derive(Debug, Default, Args)]
pub(crate) struct TaskFilterArgs {
    /// Only tasks with this status; can be repeated
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<TaskStatus>,
    /// Only tasks of this queue
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// Only tasks with this dotted path, or a pattern such as 'myapp.*'
    #[arg(long, value_name = "PATTERN")]
    pub task: Option<String>,
    /// Only tasks enqueued at least this long ago
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
    /// Only tasks enqueued at most this long ago
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub newer_than: Option<Duration>,
    /// Only tasks with this in the message of their last error
    #[arg(long, value_name = "TEXT")]
    pub error: Option<String>,
    /// Only tasks of this workflow
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    pub workflow: Option<String>,
}

/// Options of `task list`.
#[derive(Debug, Args)]
pub(crate) struct TaskListArgs {
    #[command(flatten)]
    pub filter: TaskFilterArgs,
    /// List RUNNING tasks whose lease has expired or is missing
    #[arg(long)]
    pub expired: bool,
    /// List tasks with a smaller id: the next page
    #[arg(long, value_name = "ID")]
    pub after: Option<i64>,
    /// List at most this many, up to 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `task logs`.
#[derive(Debug, Args)]
pub(crate) struct TaskLogsArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// Print at most this many lines
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub tail: usize,
    /// Read at most this many bytes, from the end
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = crate::model::units::parse_size)]
    pub max_bytes: u64,
    /// Read only files below this directory [env: REPROQ_LOGS_DIR]
    #[arg(long, value_name = "DIR")]
    pub logs_dir: Option<PathBuf>,
    /// Read the file wherever it is: the database decides which file is read
    #[arg(long)]
    pub any_path: bool,
}

/// A task, as it is enqueued. What is not given has Django's default.
#[derive(Debug, Args)]
pub(crate) struct TaskSpecArgs {
    /// The dotted path of the task's function, such as myapp.tasks.add
    #[arg(long, value_name = "PATH", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub task: String,
    /// The positional arguments: a JSON array
    #[arg(long, value_name = "JSON", default_value = "[]")]
    pub args: String,
    /// The keyword arguments: a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub kwargs: String,
    /// The queue [default: default]
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// The priority [default: 0]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub priority: Option<i32>,
    /// The time before which the task does not run, with its offset, such as 2026-03-29T01:30:00+02:00
    #[arg(long, value_name = "TIME")]
    pub run_after: Option<String>,
    /// Run at most one task with this key at a time
    #[arg(long, value_name = "KEY")]
    pub lock_key: Option<String>,
    /// Run at most --concurrency-limit tasks with this key at a time
    #[arg(long, value_name = "KEY")]
    pub concurrency_key: Option<String>,
    /// The limit of --concurrency-key; 0 is no limit [default: 0]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub concurrency_limit: Option<i32>,
    /// The function receives the task's context
    #[arg(long)]
    pub takes_context: bool,
    /// The setting TIMEOUT_SECONDS of the backend [default: 900]
    #[arg(long, value_name = "N")]
    pub timeout_seconds: Option<i32>,
    /// The setting MAX_ATTEMPTS of the backend [default: 3]
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<i32>,
    /// The setting CODE_REF of the backend
    #[arg(long, value_name = "TEXT")]
    pub code_ref: Option<String>,
    /// The setting PIP_LOCK_HASH of the backend
    #[arg(long, value_name = "TEXT")]
    pub pip_lock_hash: Option<String>,
}

/// Options of `task enqueue`.
#[derive(Debug, Args)]
pub(crate) struct TaskEnqueueArgs {
    #[command(flatten)]
    pub spec: TaskSpecArgs,
    /// The alias of the backend in Django's TASKS [default: that of the task]
    #[arg(long, value_name = "ALIAS")]
    pub backend: Option<String>,
    /// Let the task expire if no worker has claimed it after this time [default: the setting EXPIRES_IN of the backend]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub expires_in: Option<Duration>,
    /// Do not ask Django whether the task exists and what its settings are
    #[arg(long)]
    pub unchecked: bool,
    /// Wait this long for Django
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub django_timeout: Duration,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `task replay`.
#[derive(Debug, Args)]
pub(crate) struct TaskReplayArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// Also replay a task of a workflow; the new task does not belong to the workflow
    #[arg(long)]
    pub from_workflow: bool,
}

/// Accepts a UUID with or without hyphens.
pub(crate) fn parse_uuid(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("expected a UUID, such as 123e4567-e89b-12d3-a456-426614174000".to_owned())
    }
}
