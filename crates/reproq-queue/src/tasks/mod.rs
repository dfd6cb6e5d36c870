//! Tasks as they are listed, shown and inserted. Pure; `read` fills these values, `write` inserts them.

mod filter;
mod new;
mod watched;

pub use filter::TaskFilter;
pub use filter::regex_of_pattern;
pub use new::NewTask;
pub use watched::ClaimableTask;
pub use watched::KnownTask;
pub use watched::TaskObservation;
pub use watched::WatchedTask;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;
use serde_json::value::RawValue;

/// A task in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskSummary {
    /// Its id.
    #[serde(rename = "id")]
    pub result_id: i64,
    /// The queue.
    pub queue_name: String,
    /// What it runs.
    pub task_path: String,
    /// Its status.
    pub status: String,
    /// The priority.
    pub priority: i32,
    /// How often it was claimed.
    pub attempts: i32,
    /// How often it may be.
    pub max_attempts: i32,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// Before this it does not run.
    pub run_after: Option<DateTime<Utc>>,
    /// Its first attempt.
    pub started_at: Option<DateTime<Utc>>,
    /// Its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it failed for the last time.
    pub failed_at: Option<DateTime<Utc>>,
    /// The worker that runs it.
    pub leased_by: Option<String>,
    /// How long it holds it.
    pub leased_until: Option<DateTime<Utc>>,
    /// Its workflow.
    pub workflow_id: Option<String>,
    /// Whether its cancellation was requested.
    pub cancel_requested: bool,
    /// Its last error, cut off after 500 characters.
    pub error: Option<String>,
}

/// A JSON value, unless it is too large.
#[derive(Debug, Clone, Serialize)]
pub struct StoredJson {
    /// Its size in bytes.
    pub bytes: i64,
    /// The value, with every number as it was written; `None` if it is too large.
    pub value: Option<Box<RawValue>>,
}

/// Everything about a task.
#[derive(Debug, Clone, Serialize)]
pub struct TaskDetail {
    /// The time of the transaction.
    pub now: DateTime<Utc>,
    /// Its id.
    #[serde(rename = "id")]
    pub result_id: i64,
    /// Its status.
    pub status: String,
    /// What it runs.
    pub task_path: String,
    /// The queue.
    pub queue_name: String,
    /// The alias of Django's task backend.
    pub backend_alias: String,
    /// The priority.
    pub priority: i32,
    /// Before this it does not run.
    pub run_after: Option<DateTime<Utc>>,
    /// The hash of its specification.
    pub spec_hash: String,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// Its first attempt.
    pub started_at: Option<DateTime<Utc>>,
    /// Its last attempt.
    pub last_attempted_at: Option<DateTime<Utc>>,
    /// Its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it failed for the last time.
    pub failed_at: Option<DateTime<Utc>>,
    /// How often it was claimed.
    pub attempts: i32,
    /// How often it may be.
    pub max_attempts: i32,
    /// The time limit in its row.
    pub timeout_seconds: i32,
    /// Of all tasks with this key, one runs at a time.
    pub lock_key: Option<String>,
    /// Of all tasks with this key, so many run at a time.
    pub concurrency_key: Option<String>,
    /// How many.
    pub concurrency_limit: i32,
    /// The worker of each attempt.
    pub worker_ids: Vec<String>,
    /// The worker that runs it.
    pub leased_by: Option<String>,
    /// How long it holds it.
    pub leased_until: Option<DateTime<Utc>>,
    /// Whether its cancellation was requested.
    pub cancel_requested: bool,
    /// Its last error, cut off after 4096 characters.
    pub last_error: Option<String>,
    /// The number of errors that are recorded.
    pub errors_total: i64,
    /// The last of them.
    pub errors: StoredJson,
    /// Its specification.
    pub spec: StoredJson,
    /// What the task itself wrote, such as its progress.
    pub metadata: StoredJson,
    /// What it returned; `None` if nothing is stored.
    #[serde(rename = "return")]
    pub returned: Option<StoredJson>,
    /// The file of its output.
    pub logs_uri: Option<String>,
    /// Not written by any worker yet.
    pub artifacts_uri: Option<String>,
    /// When it may be deleted.
    pub expires_at: Option<DateTime<Utc>>,
    /// The task it waits for, or waited for.
    pub parent_id: Option<i64>,
    /// Its workflow.
    pub workflow_id: Option<String>,
    /// For how many tasks it waits.
    pub wait_count: i32,
    /// When the row was written.
    pub created_at: DateTime<Utc>,
    /// When the row was changed.
    pub updated_at: DateTime<Utc>,
}

/// A task that is READY or RUNNING.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActiveTask {
    /// Its id.
    #[serde(rename = "id")]
    pub result_id: i64,
    /// Its status.
    pub status: String,
    /// The worker that runs it.
    pub leased_by: Option<String>,
    /// How long it holds it.
    pub leased_until: Option<DateTime<Utc>>,
    /// Whether its lease has expired; `None` if it has none.
    pub expired: Option<bool>,
}

/// A task that waits for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChildTask {
    /// Its id.
    #[serde(rename = "id")]
    pub result_id: i64,
    /// What it runs.
    pub task_path: String,
    /// Its status.
    pub status: String,
}
