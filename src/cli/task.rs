//! The commands that read tasks.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reproq_queue::state::TaskStatus;
use reproq_queue::task_ref::TaskRef;

use crate::cli::DatabaseArgs;
use crate::model::units::parse_duration;

/// One task.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// The id of the task, or ALIAS:ID
    #[arg(value_name = "ID")]
    pub task: TaskRef,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `task list`.
#[derive(Debug, Args)]
pub(crate) struct TaskListArgs {
    /// List tasks with this status; can be repeated
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<TaskStatus>,
    /// List tasks of this queue
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// List tasks with this dotted path, or a pattern such as 'myapp.*'
    #[arg(long, value_name = "PATTERN")]
    pub task: Option<String>,
    /// List tasks enqueued at least this long ago
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
    /// List tasks enqueued at most this long ago
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub newer_than: Option<Duration>,
    /// List tasks with this in the message of their last error
    #[arg(long, value_name = "TEXT")]
    pub error: Option<String>,
    /// List tasks of this workflow
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    pub workflow: Option<String>,
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

/// Accepts a UUID with or without hyphens.
pub(crate) fn parse_uuid(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("expected a UUID, such as 123e4567-e89b-12d3-a456-426614174000".to_owned())
    }
}
