//! Which finished tasks are deleted.

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::state::Actor;
use crate::state::TaskEvent;
use crate::state::TaskStatus;

/// Which finished tasks are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneRule {
    /// Finished before this time of the database.
    pub before: DateTime<Utc>,
    /// With one of these.
    statuses: Vec<TaskStatus>,
    /// In this queue.
    pub queue: Option<String>,
    /// With this path, or a path that matches this pattern.
    pub task: Option<String>,
}

/// What a part of the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PruneCounts {
    /// Successful tasks that can be deleted.
    pub successful: u64,
    /// Failed ones.
    pub failed: u64,
    /// Cancelled ones.
    pub cancelled: u64,
    /// Those that another task waits for.
    pub awaited: u64,
    /// Those whose workflow is not finished.
    pub in_live_workflow: u64,
}

impl PruneRule {
    /// A rule for tasks that have finished; an error names a status that cannot be deleted.
    pub fn new(before: DateTime<Utc>, statuses: &[TaskStatus]) -> Result<Self, TaskStatus> {
        let is_deletable = |status: TaskStatus| TaskEvent::Delete.apply(Actor::Operator, status).is_ok();
        if let Some(live) = statuses.iter().find(|status| !is_deletable(**status)) {
            return Err(*live);
        }
        let all = TaskStatus::ALL.into_iter().filter(|status| is_deletable(*status));
        let statuses = if statuses.is_empty() { all.collect() } else { statuses.to_vec() };
        Ok(Self { before, statuses, queue: None, task: None })
    }

    /// The statuses, as in the database.
    pub fn statuses(&self) -> Vec<String> {
        self.statuses.iter().map(ToString::to_string).collect()
    }
}

impl PruneCounts {
    /// Everything that can be deleted.
    pub const fn deletable(&self) -> u64 {
        self.successful + self.failed + self.cancelled
    }

    /// Adds the counts of another part.
    pub const fn add(&mut self, other: Self) {
        self.successful += other.successful;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.awaited += other.awaited;
        self.in_live_workflow += other.in_live_workflow;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_deletes_a_live_task() {
        let now = DateTime::UNIX_EPOCH;
        for status in TaskStatus::ALL {
            assert_eq!(PruneRule::new(now, &[TaskStatus::Failed, status]).is_ok(), !status.is_live(), "{status}");
        }
        let all = PruneRule::new(now, &[]).expect("a rule").statuses();
        assert_eq!(all, ["SUCCESSFUL", "FAILED", "CANCELLED"]);
    }
}
