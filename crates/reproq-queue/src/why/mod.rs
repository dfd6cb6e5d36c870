//! Why a task does not run, or why it is where it is. Pure: everything is in the facts.

mod cause;
mod decide;

pub use cause::Cause;
pub use cause::LeaseHolder;
pub(crate) use decide::COUNTED;
pub use decide::causes;
pub(crate) use decide::rate_limit_keys;

use chrono::DateTime;
use chrono::Utc;

use crate::stats::QueueControl;
use crate::stats::RateLimitRow;
use crate::stats::WorkerRow;
use crate::tasks::ActiveTask;
use crate::workflow::WorkflowRun;

/// The columns of a task that decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFacts {
    /// Its id.
    pub result_id: i64,
    /// Its status.
    pub status: String,
    /// The queue.
    pub queue_name: String,
    /// What it runs.
    pub task_path: String,
    /// Before this it does not run.
    pub run_after: Option<DateTime<Utc>>,
    /// How often it was claimed.
    pub attempts: i32,
    /// How often it may be.
    pub max_attempts: i32,
    /// Of all tasks with this key, one runs at a time.
    pub lock_key: Option<String>,
    /// Of all tasks with this key, so many run at a time.
    pub concurrency_key: Option<String>,
    /// How many.
    pub concurrency_limit: i32,
    /// The worker that runs it.
    pub leased_by: Option<String>,
    /// How long it holds it.
    pub leased_until: Option<DateTime<Utc>>,
    /// Its last attempt.
    pub last_attempted_at: Option<DateTime<Utc>>,
    /// Its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether its cancellation was requested.
    pub cancel_requested: bool,
    /// When it may be deleted.
    pub expires_at: Option<DateTime<Utc>>,
    /// The task it waits for.
    pub parent_id: Option<i64>,
    /// Its workflow.
    pub workflow_id: Option<String>,
    /// The message of its last error.
    pub error: Option<String>,
    /// The kind of its last error.
    pub error_kind: Option<String>,
}

/// Everything that decides.
#[derive(Debug, Clone, PartialEq)]
pub struct WhyFacts {
    /// The time of the database.
    pub now: DateTime<Utc>,
    /// The task.
    pub task: TaskFacts,
    /// What was set for its queue.
    pub control: Option<QueueControl>,
    /// Running tasks with the same lock key.
    pub lock_holders: Vec<ActiveTask>,
    /// The number of running tasks with the same concurrency key.
    pub concurrent: i64,
    /// The limits that may apply to it.
    pub limits: Vec<RateLimitRow>,
    /// The workers.
    pub workers: Vec<WorkerRow>,
    /// The status of its parent; `None` if there is no such row.
    pub parent_status: Option<String>,
    /// The workflow whose callback it is.
    pub callback_of: Option<WorkflowRun>,
    /// Other tasks with the same hash that are READY or RUNNING.
    pub duplicates: Vec<ActiveTask>,
    /// How many due tasks of its queue are claimed first.
    pub ahead: i64,
    /// The modules that workers with this environment may run; `None` if the environment does not say.
    pub allowed_modules: Option<Vec<String>>,
}
