//! One row and one wish: a step, or the reason why not.

use chrono::DateTime;
use chrono::Utc;
use jiff::Timestamp;

use super::ChangeRefusal;
use super::ObservedTask;
use super::TaskChange;
use super::TaskStep;
use super::WORKFLOW_FAILED;
use crate::state::Actor;
use crate::state::ReclaimRefusal;
use crate::state::RunningTask;
use crate::state::TaskEvent;
use crate::state::TaskStatus;

/// What the change does to the task.
pub fn decide(change: TaskChange, task: &ObservedTask) -> Result<TaskStep, ChangeRefusal> {
    match change {
        TaskChange::Retry => {
            permit(TaskEvent::Retry, task)?;
            // It never ran. To run it now would be to run it before what it waits for.
            if task.error_kind.as_deref() == Some(WORKFLOW_FAILED) {
                return Err(ChangeRefusal::FailedWithWorkflow);
            }
            Ok(TaskStep::Retry)
        }
        TaskChange::Cancel => cancel(task),
        TaskChange::Discard => permit(TaskEvent::Discard, task).map(|()| TaskStep::Discard),
        TaskChange::Reclaim { include_missing } => reclaim(task, include_missing),
    }
}

fn cancel(task: &ObservedTask) -> Result<TaskStep, ChangeRefusal> {
    if permit(TaskEvent::Cancel, task).is_ok() {
        return Ok(TaskStep::Cancel);
    }
    // The worker releases what waits without looking at more than its parent or its counters.
    if task.status == TaskStatus::Waiting {
        return Err(ChangeRefusal::Waits);
    }
    permit(TaskEvent::RequestCancel, task)?;
    if task.cancel_requested { Err(ChangeRefusal::AlreadyRequested) } else { Ok(TaskStep::RequestCancel) }
}

fn reclaim(task: &ObservedTask, include_missing: bool) -> Result<TaskStep, ChangeRefusal> {
    permit(TaskEvent::Requeue, task)?;
    let running = RunningTask {
        leased_until: task.leased_until.map(timestamp),
        attempts: task.attempts,
        max_attempts: task.max_attempts,
        cancel_requested: task.cancel_requested,
    };
    match running.reclaim(timestamp(task.now), include_missing) {
        Ok(TaskEvent::GiveUp) => Ok(TaskStep::GiveUp),
        Ok(_) => Ok(TaskStep::Requeue),
        Err(ReclaimRefusal::Held) => Err(ChangeRefusal::LeaseHeld),
        Err(ReclaimRefusal::NoLease) => Err(ChangeRefusal::LeaseMissing),
    }
}

fn permit(event: TaskEvent, task: &ObservedTask) -> Result<(), ChangeRefusal> {
    match event.apply(Actor::Operator, task.status) {
        Ok(_) => Ok(()),
        Err(_) => Err(ChangeRefusal::WrongStatus { status: task.status.as_str() }),
    }
}

/// Times of the database are within the years 1 to 9999.
fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_microsecond(at.timestamp_micros()).unwrap_or(if at.timestamp() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::changes) fn task(status: TaskStatus) -> ObservedTask {
        ObservedTask {
            now: "2026-01-01T12:00:00Z".parse().expect("a time"),
            result_id: 1,
            queue_name: "default".to_owned(),
            task_path: "shop.tasks.add".to_owned(),
            status,
            attempts: 1,
            max_attempts: 3,
            leased_by: None,
            leased_until: None,
            cancel_requested: false,
            spec_hash: "h".to_owned(),
            workflow_id: None,
            error_kind: None,
            has_workflows: true,
        }
    }

    #[test]
    fn each_change_applies_to_its_states_only() {
        use TaskStatus::Cancelled;
        use TaskStatus::Failed;
        use TaskStatus::Ready;
        use TaskStatus::Running;
        use TaskStatus::Successful;
        use TaskStatus::Waiting;
        let reclaim = TaskChange::Reclaim { include_missing: true };
        let allowed = [
            (TaskChange::Retry, Failed, TaskStep::Retry),
            (TaskChange::Cancel, Ready, TaskStep::Cancel),
            (TaskChange::Cancel, Running, TaskStep::RequestCancel),
            (TaskChange::Discard, Failed, TaskStep::Discard),
            (reclaim, Running, TaskStep::Requeue),
        ];
        for change in [TaskChange::Retry, TaskChange::Cancel, TaskChange::Discard, reclaim] {
            for status in [Ready, Running, Waiting, Successful, Failed, Cancelled] {
                let expected = allowed.iter().find(|(of, from, _)| *of == change && *from == status);
                let found = decide(change, &task(status));
                match expected {
                    Some((_, _, step)) => assert_eq!(found, Ok(*step), "{change:?} {status}"),
                    None if change == TaskChange::Cancel && status == Waiting => {
                        assert_eq!(found, Err(ChangeRefusal::Waits));
                    }
                    None => {
                        assert_eq!(
                            found,
                            Err(ChangeRefusal::WrongStatus { status: status.as_str() }),
                            "{change:?} {status}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_written_decides_too() {
        let at = |text: &str| Some(text.parse().expect("a time"));
        let running = task(TaskStatus::Running);
        let requested = ObservedTask { cancel_requested: true, ..running.clone() };
        assert_eq!(decide(TaskChange::Cancel, &requested), Err(ChangeRefusal::AlreadyRequested));
        let reclaim = TaskChange::Reclaim { include_missing: false };
        assert_eq!(decide(reclaim, &running), Err(ChangeRefusal::LeaseMissing));
        let held = ObservedTask { leased_until: at("2026-01-01T12:00:00.000001Z"), ..running.clone() };
        assert_eq!(decide(reclaim, &held), Err(ChangeRefusal::LeaseHeld));
        let expired = ObservedTask { leased_until: at("2026-01-01T11:59:59.999999Z"), ..running };
        assert_eq!(decide(reclaim, &expired), Ok(TaskStep::Requeue));
        let exhausted = ObservedTask { attempts: 3, ..expired.clone() };
        assert_eq!(decide(reclaim, &exhausted), Ok(TaskStep::GiveUp));
        let unwanted = ObservedTask { cancel_requested: true, ..expired };
        assert_eq!(decide(reclaim, &unwanted), Ok(TaskStep::GiveUp));
        let with_workflow = ObservedTask { error_kind: Some(WORKFLOW_FAILED.to_owned()), ..task(TaskStatus::Failed) };
        assert_eq!(decide(TaskChange::Retry, &with_workflow), Err(ChangeRefusal::FailedWithWorkflow));
        assert_eq!(decide(TaskChange::Discard, &with_workflow), Ok(TaskStep::Discard));
    }

    #[test]
    fn a_retry_leaves_at_least_one_attempt() {
        for (attempts, max_attempts, expected) in [(1, 3, 3), (3, 3, 4), (5, 3, 6), (i32::MAX, 3, i32::MAX)] {
            let failed = ObservedTask { attempts, max_attempts, ..task(TaskStatus::Failed) };
            assert_eq!(failed.max_attempts_of_retry(), expected);
        }
    }

    /// Every step is a transition that the table allows the operator.
    #[test]
    fn a_step_leads_where_the_table_says() {
        let steps = [
            (TaskStep::Retry, TaskEvent::Retry, TaskStatus::Failed),
            (TaskStep::Cancel, TaskEvent::Cancel, TaskStatus::Ready),
            (TaskStep::RequestCancel, TaskEvent::RequestCancel, TaskStatus::Running),
            (TaskStep::Discard, TaskEvent::Discard, TaskStatus::Failed),
            (TaskStep::Requeue, TaskEvent::Requeue, TaskStatus::Running),
            (TaskStep::GiveUp, TaskEvent::GiveUp, TaskStatus::Running),
        ];
        for (step, event, from) in steps {
            assert_eq!(event.apply(Actor::Operator, from), Ok(Some(step.result())), "{step:?}");
        }
    }
}
