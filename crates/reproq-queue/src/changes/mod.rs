//! What may be done to a task, decided from its row as it was read. Pure.
//!
//! A change is applied to rows that are locked and compared with what was shown, and each statement repeats what it saw as its
//! condition. A row that another session changed in between is left as it is, and reported.

mod batch;
mod decide;
mod prune;

pub use batch::BatchPlan;
pub use batch::PlannedTask;
pub use batch::RefusedTask;
pub use batch::TaskToChange;
pub use batch::plan_batch;
pub use decide::decide;
pub use prune::PruneCounts;
pub use prune::PruneRule;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;
use thiserror::Error;

use crate::state::TaskStatus;

/// What the operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskChange {
    /// Failed tasks run again.
    Retry,
    /// Tasks that wait do not run, and those that run are asked to stop.
    Cancel,
    /// Failures are accepted.
    Discard,
    /// Tasks whose worker has lost its lease run again, or fail if no attempt is left.
    Reclaim {
        /// Also those that have no lease.
        include_missing: bool,
    },
}

/// What is written to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStep {
    /// FAILED becomes READY.
    Retry,
    /// READY becomes CANCELLED.
    Cancel,
    /// RUNNING is asked to stop.
    RequestCancel,
    /// FAILED becomes CANCELLED.
    Discard,
    /// RUNNING without a valid lease becomes READY.
    Requeue,
    /// RUNNING without a valid lease becomes FAILED.
    GiveUp,
}

/// What a change of a task means to its workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowEffect {
    /// A failure is taken back: what failed with it waits again.
    TakeBack,
    /// It failed, and can be retried. A chain stops there, a group with a callback fails.
    Fail,
    /// It will never succeed: what waits for it fails too.
    FailForGood,
}

/// A row, as far as decisions depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTask {
    /// The time of the transaction.
    pub now: DateTime<Utc>,
    /// Its id.
    pub result_id: i64,
    /// The queue.
    pub queue_name: String,
    /// What it runs.
    pub task_path: String,
    /// Its status.
    pub status: TaskStatus,
    /// How often it was claimed.
    pub attempts: i32,
    /// How often it may be.
    pub max_attempts: i32,
    /// The worker that runs it.
    pub leased_by: Option<String>,
    /// How long it holds it.
    pub leased_until: Option<DateTime<Utc>>,
    /// Whether its cancellation was requested.
    pub cancel_requested: bool,
    /// The hash of its specification.
    pub spec_hash: String,
    /// Its workflow.
    pub workflow_id: Option<String>,
    /// The kind of its last error.
    pub error_kind: Option<String>,
    /// Whether the table of workflows exists.
    pub has_workflows: bool,
}

/// Why a row is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum ChangeRefusal {
    /// The row does not exist.
    #[error("it does not exist")]
    Missing,
    /// The change does not apply to this status.
    #[error("it is {status}")]
    WrongStatus {
        /// The status.
        status: &'static str,
    },
    /// It waits for other tasks, which would release it.
    #[error("it waits for other tasks, which would release it; cancel those")]
    Waits,
    /// A worker holds it.
    #[error("its lease has not expired")]
    LeaseHeld,
    /// It has no lease.
    #[error("it has no lease, so that it cannot be told whether it runs")]
    LeaseMissing,
    /// It never ran: another task of its workflow failed.
    #[error("it failed with its workflow, and waits again when the task that failed is retried")]
    FailedWithWorkflow,
    /// Its cancellation was already requested.
    #[error("its cancellation was already requested")]
    AlreadyRequested,
    /// Another task with the same specification is active.
    #[error("task {other} with the same specification is READY or RUNNING")]
    SameSpecification {
        /// That task.
        other: i64,
    },
    /// Another task with the same specification is retried.
    #[error("task {other} with the same specification is retried")]
    SameSpecificationRetried {
        /// That task.
        other: i64,
    },
    /// It is not what was shown or read.
    #[error("it changed in the meantime")]
    Changed,
    /// Another session holds the row.
    #[error("another session is changing it")]
    Locked,
}

/// The kind of error of a task that failed because another task of its workflow did.
pub const WORKFLOW_FAILED: &str = "workflow_failed";

impl TaskStep {
    /// The status after it.
    pub const fn result(self) -> TaskStatus {
        match self {
            Self::Retry | Self::Requeue => TaskStatus::Ready,
            Self::Cancel | Self::Discard => TaskStatus::Cancelled,
            Self::RequestCancel => TaskStatus::Running,
            Self::GiveUp => TaskStatus::Failed,
        }
    }

    /// What it means to the workflow of the task.
    pub const fn workflow_effect(self) -> Option<WorkflowEffect> {
        match self {
            Self::Retry => Some(WorkflowEffect::TakeBack),
            Self::Cancel | Self::Discard => Some(WorkflowEffect::FailForGood),
            Self::GiveUp => Some(WorkflowEffect::Fail),
            Self::RequestCancel | Self::Requeue => None,
        }
    }

    /// What has happened to the task.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Retry => "retried",
            Self::Cancel => "cancelled",
            Self::RequestCancel => "asked to stop",
            Self::Discard => "discarded",
            Self::Requeue => "requeued",
            Self::GiveUp => "failed",
        }
    }
}

impl ObservedTask {
    /// How often it may be claimed after a retry. The worker decides about the next attempt only when one ends: without an
    /// attempt left, a worker that is killed would leave the task FAILED, and one that reports an error would never try again.
    pub fn max_attempts_of_retry(&self) -> i32 {
        self.max_attempts.max(self.attempts.saturating_add(1))
    }

    /// The message that is recorded if its lease is taken away.
    pub fn lease_message(&self) -> String {
        let by = self.leased_by.as_deref().unwrap_or("an unknown worker");
        let lease = match self.leased_until {
            Some(until) => format!("the lease of {by} expired at {}", until.format("%Y-%m-%dT%H:%M:%SZ")),
            None => format!("{by} had no lease"),
        };
        let cancelled = if self.cancel_requested { ", and its cancellation was requested" } else { "" };
        format!("{lease}{cancelled}; reclaimed by reproq")
    }
}

impl ChangeRefusal {
    /// Whether a change by filters leaves such tasks out without reporting that something is wrong: nothing would be done about
    /// them, or another option selects them.
    pub const fn is_expected_in_bulk(&self) -> bool {
        match self {
            Self::LeaseMissing | Self::FailedWithWorkflow | Self::AlreadyRequested | Self::Waits => true,
            Self::Missing
            | Self::WrongStatus { .. }
            | Self::LeaseHeld
            | Self::SameSpecification { .. }
            | Self::SameSpecificationRetried { .. }
            | Self::Changed
            | Self::Locked => false,
        }
    }

    /// The same sentence without the id of another task.
    pub fn in_general(&self) -> String {
        match self {
            Self::SameSpecification { .. } => "another task with the same specification is READY or RUNNING".to_owned(),
            Self::SameSpecificationRetried { .. } => "another task with the same specification is retried".to_owned(),
            Self::Missing
            | Self::WrongStatus { .. }
            | Self::Waits
            | Self::LeaseHeld
            | Self::LeaseMissing
            | Self::FailedWithWorkflow
            | Self::AlreadyRequested
            | Self::Changed
            | Self::Locked => self.to_string(),
        }
    }
}
