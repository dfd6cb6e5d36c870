//! What is observed of a task to notice its changes.

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

/// A task at the time of an observation, with its last error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchedTask {
    /// Its id.
    #[serde(rename = "id")]
    pub result_id: i64,
    /// Its status.
    pub status: String,
    /// The queue.
    pub queue_name: String,
    /// What it runs.
    pub task_path: String,
    /// How often it was claimed.
    pub attempts: i32,
    /// How often it may be.
    pub max_attempts: i32,
    /// The worker that runs it, or ran it last.
    pub worker_id: Option<String>,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// Before this it does not run.
    pub run_after: Option<DateTime<Utc>>,
    /// Its first attempt.
    pub started_at: Option<DateTime<Utc>>,
    /// Its last attempt.
    pub last_attempted_at: Option<DateTime<Utc>>,
    /// Its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it failed for the last time.
    pub failed_at: Option<DateTime<Utc>>,
    /// When the row was changed.
    pub updated_at: DateTime<Utc>,
    /// How long its worker holds it.
    pub leased_until: Option<DateTime<Utc>>,
    /// The kind of the last error.
    pub error_kind: Option<String>,
    /// The exception of the last error.
    pub exception_class: Option<String>,
    /// The last error, cut off after 500 characters.
    pub error: Option<String>,
}

/// What a task was when it was observed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTask {
    /// Its id.
    pub result_id: i64,
    /// How often it was claimed.
    pub attempts: i32,
    /// Whether it ran; otherwise it could be claimed.
    pub is_running: bool,
}

/// A task that can be claimed, or soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimableTask {
    /// Its id.
    pub result_id: i64,
    /// How often it was claimed.
    pub attempts: i32,
}

/// The tasks that can have changed since the last observation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskObservation {
    /// Tasks that run, bounded.
    pub running: Vec<WatchedTask>,
    /// Tasks that can be claimed, or soon, bounded.
    pub claimable: Vec<ClaimableTask>,
    /// Those of the last observation that are neither any more, or can be claimed again, as far as their rows exist.
    pub left: Vec<WatchedTask>,
    /// Tasks that are newer than the last observation, bounded, oldest first.
    pub newer: Vec<WatchedTask>,
    /// The newest id.
    pub newest_id: i64,
}
