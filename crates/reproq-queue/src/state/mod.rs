//! The states of a task, and who may change one into which.
//!
//! The worker, Django and this program write the same rows. `table` lists what each of them does; what is not in the table
//! does not happen. Each write repeats the state it read as its condition, so a row that changed in the meantime is not
//! modified.

mod reclaim;
mod table;

pub use reclaim::LeaseState;
pub use reclaim::ReclaimRefusal;
pub use reclaim::RunningTask;
pub use table::TRANSITIONS;
pub use table::Transition;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The column `status` of `task_runs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskStatus {
    /// May be claimed by a worker.
    Ready,
    /// Claimed by a worker, which holds a lease.
    Running,
    /// Waits for another task of its workflow.
    Waiting,
    /// Finished without an error.
    Successful,
    /// Finished with an error, and not attempted again.
    Failed,
    /// Cancelled before it ran, or discarded after it failed.
    Cancelled,
}

/// Who changes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The worker, including its `triage` and `prune` commands.
    Worker,
    /// Django: `enqueue`, the admin, `manage.py reproq`.
    Django,
    /// This program, for the person who operates the queue.
    Operator,
}

/// What happens to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskEvent {
    /// A worker takes it.
    Claim,
    /// It returned.
    Succeed,
    /// It failed, and is attempted again later.
    RetryLater,
    /// It failed for the last time.
    Fail,
    /// Its lease expired, and it has attempts left.
    Requeue,
    /// Its lease expired, and it has no attempts left.
    GiveUp,
    /// What it waited for has succeeded.
    Release,
    /// What it waited for has failed.
    FailWithWorkflow,
    /// It had failed with its workflow, and what failed is retried.
    WaitAgain,
    /// It is not to run.
    Cancel,
    /// It is to stop; its worker sees the request at its next heartbeat.
    RequestCancel,
    /// Its failure is accepted.
    Discard,
    /// It is to run again.
    Retry,
    /// Its row is deleted.
    Delete,
    /// It was not claimed in time, and its row is deleted.
    Expire,
}

/// The text is not a status.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a status; expected READY, RUNNING, WAITING, SUCCESSFUL, FAILED or CANCELLED")]
pub struct StatusError(String);

/// The event does not happen in this state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the task is {status}")]
pub struct NotAllowed {
    /// The state of the task.
    pub status: TaskStatus,
    /// The states in which it would be allowed.
    pub allowed_from: Vec<TaskStatus>,
}

impl TaskStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Ready, Self::Running, Self::Waiting, Self::Successful, Self::Failed, Self::Cancelled];

    /// As in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::Running => "RUNNING",
            Self::Waiting => "WAITING",
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether work remains to be done. Such a row is never deleted by this program.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Ready | Self::Running | Self::Waiting)
    }

    /// Whether a task with the same hash is not enqueued again. A task that waits is not compared.
    pub const fn is_deduplicated(self) -> bool {
        matches!(self, Self::Ready | Self::Running)
    }
}

impl TaskEvent {
    /// What becomes of a task: its next state, or `None` if its row is deleted.
    pub fn apply(self, actor: Actor, status: TaskStatus) -> Result<Option<TaskStatus>, NotAllowed> {
        let by_actor = TRANSITIONS.iter().filter(|row| row.event == self && row.actors.contains(&actor));
        let found = by_actor.clone().find(|row| row.from == status);
        found
            .map(|row| row.to)
            .ok_or_else(|| NotAllowed { status, allowed_from: by_actor.map(|row| row.from).collect() })
    }
}

impl FromStr for TaskStatus {
    type Err = StatusError;

    /// In upper or lower case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| StatusError(text.to_owned()))
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_is_written() {
        for status in TaskStatus::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
            assert_eq!(status.as_str().to_lowercase().parse(), Ok(status));
        }
        // A status of workflows.
        assert!("WAITING_CALLBACK".parse::<TaskStatus>().is_err());
    }

    /// What this program must never do, whatever the table grows into.
    #[test]
    fn the_operator_neither_retries_a_running_task_nor_deletes_a_live_one() {
        let operator = |event: TaskEvent, status| event.apply(Actor::Operator, status);
        for status in TaskStatus::ALL {
            assert_eq!(operator(TaskEvent::Retry, status).is_ok(), status == TaskStatus::Failed, "{status}");
            assert_eq!(operator(TaskEvent::Delete, status).is_ok(), !status.is_live(), "{status}");
            for event in
                [TaskEvent::Claim, TaskEvent::Succeed, TaskEvent::RetryLater, TaskEvent::Fail, TaskEvent::Expire]
            {
                assert!(operator(event, status).is_err(), "{event:?} {status}");
            }
        }
        assert_eq!(operator(TaskEvent::Cancel, TaskStatus::Ready), Ok(Some(TaskStatus::Cancelled)));
        assert_eq!(operator(TaskEvent::RequestCancel, TaskStatus::Running), Ok(Some(TaskStatus::Running)));
        let refused = operator(TaskEvent::Cancel, TaskStatus::Successful).expect_err("finished");
        assert_eq!(
            (refused.to_string(), refused.allowed_from),
            ("the task is SUCCESSFUL".to_owned(), vec![TaskStatus::Ready])
        );
    }
}
