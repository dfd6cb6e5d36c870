//! The table of transitions.

use crate::state::Actor;
use crate::state::Actor::Django;
use crate::state::Actor::Operator;
use crate::state::Actor::Worker;
use crate::state::TaskEvent;
use crate::state::TaskEvent as Event;
use crate::state::TaskStatus;
use crate::state::TaskStatus as Status;

/// One way in which a task changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// What happens.
    pub event: TaskEvent,
    /// The state before.
    pub from: TaskStatus,
    /// The state after; `None` if the row is deleted.
    pub to: Option<TaskStatus>,
    /// Who does this.
    pub actors: &'static [Actor],
}

/// Every transition. The worker's admin may also retry a RUNNING row, which repeats work; this program does not.
pub const TRANSITIONS: &[Transition] = &[
    row(Event::Claim, Status::Ready, Some(Status::Running), &[Worker]),
    row(Event::Succeed, Status::Running, Some(Status::Successful), &[Worker]),
    row(Event::RetryLater, Status::Running, Some(Status::Ready), &[Worker]),
    row(Event::Fail, Status::Running, Some(Status::Failed), &[Worker]),
    // `manage.py reproq reclaim` does not look at the attempts.
    row(Event::Requeue, Status::Running, Some(Status::Ready), &[Worker, Django, Operator]),
    row(Event::GiveUp, Status::Running, Some(Status::Failed), &[Worker, Django, Operator]),
    row(Event::Release, Status::Waiting, Some(Status::Ready), &[Worker, Operator]),
    row(Event::FailWithWorkflow, Status::Waiting, Some(Status::Failed), &[Worker, Operator]),
    row(Event::FailWithWorkflow, Status::Ready, Some(Status::Failed), &[Worker]),
    row(Event::WaitAgain, Status::Failed, Some(Status::Waiting), &[Operator]),
    row(Event::Cancel, Status::Ready, Some(Status::Cancelled), &[Django, Operator]),
    row(Event::RequestCancel, Status::Running, Some(Status::Running), &[Django, Operator]),
    row(Event::Discard, Status::Failed, Some(Status::Cancelled), &[Django, Operator]),
    row(Event::Retry, Status::Failed, Some(Status::Ready), &[Worker, Django, Operator]),
    row(Event::Delete, Status::Successful, None, &[Django, Operator]),
    row(Event::Delete, Status::Failed, None, &[Django, Operator]),
    row(Event::Delete, Status::Cancelled, None, &[Django, Operator]),
    // `manage.py reproq prune --statuses` accepts any status.
    row(Event::Delete, Status::Ready, None, &[Django]),
    row(Event::Delete, Status::Running, None, &[Django]),
    row(Event::Delete, Status::Waiting, None, &[Django]),
    row(Event::Expire, Status::Ready, None, &[Worker]),
    row(Event::Expire, Status::Waiting, None, &[Worker]),
    row(Event::Expire, Status::Successful, None, &[Worker]),
    row(Event::Expire, Status::Failed, None, &[Worker]),
    row(Event::Expire, Status::Cancelled, None, &[Worker]),
];

const fn row(event: TaskEvent, from: TaskStatus, to: Option<TaskStatus>, actors: &'static [Actor]) -> Transition {
    Transition { event, from, to, actors }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_event_has_one_result_in_each_state() {
        let keys: BTreeSet<_> = TRANSITIONS.iter().map(|row| (row.event, row.from)).collect();
        assert_eq!(keys.len(), TRANSITIONS.len());
        assert!(TRANSITIONS.iter().all(|row| !row.actors.is_empty()));
    }

    #[test]
    fn only_a_failed_task_leaves_a_final_state() {
        for row in TRANSITIONS.iter().filter(|row| !row.from.is_live() && row.to.is_some()) {
            assert_eq!(row.from, Status::Failed, "{row:?}");
        }
    }

    #[test]
    fn every_state_is_reached_from_ready_or_waiting() {
        let mut reached = BTreeSet::from([Status::Ready, Status::Waiting]);
        for _ in TaskStatus::ALL {
            let next: Vec<_> =
                TRANSITIONS.iter().filter(|row| reached.contains(&row.from)).filter_map(|row| row.to).collect();
            reached.extend(next);
        }
        assert_eq!(reached, TaskStatus::ALL.into_iter().collect());
    }
}
