//! Several rows at once: what was asked for, what was found, and what follows for each.

use std::collections::BTreeMap;

use super::ChangeRefusal;
use super::ObservedTask;
use super::TaskChange;
use super::TaskStep;
use super::decide;
use crate::state::TaskStatus;

/// A task that was shown before its change was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedTask {
    /// Its id.
    pub id: i64,
    /// The status that was shown; `None` if the user named the task.
    pub shown: Option<(TaskStatus, i32)>,
}

/// A task and its step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskToChange {
    /// The row.
    pub task: ObservedTask,
    /// What is written to it.
    pub step: TaskStep,
}

/// A task that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedTask {
    /// Its id.
    pub id: i64,
    /// The row, if it was read.
    pub task: Option<ObservedTask>,
    /// Why.
    pub refusal: ChangeRefusal,
}

/// What becomes of the rows of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchPlan {
    /// The steps, by id.
    pub steps: Vec<TaskToChange>,
    /// What is left as it is, by id.
    pub refused: Vec<RefusedTask>,
    /// What was asked for and is not among the rows.
    pub absent: Vec<i64>,
}

impl PlannedTask {
    /// A task that the user named.
    pub const fn named(id: i64) -> Self {
        Self { id, shown: None }
    }
}

/// Decides about the rows that were found.
pub fn plan_batch(change: TaskChange, planned: &[PlannedTask], found: Vec<ObservedTask>) -> BatchPlan {
    let mut rows: BTreeMap<i64, ObservedTask> = found.into_iter().map(|task| (task.result_id, task)).collect();
    let mut plan = BatchPlan::default();
    for wanted in planned {
        let Some(task) = rows.remove(&wanted.id) else {
            // A task that is named twice is changed once.
            if plan.steps.iter().all(|it| it.task.result_id != wanted.id)
                && plan.refused.iter().all(|it| it.id != wanted.id)
            {
                plan.absent.push(wanted.id);
            }
            continue;
        };
        let is_as_shown = wanted.shown.is_none_or(|shown| shown == (task.status, task.attempts));
        let decided = if is_as_shown { decide(change, &task) } else { Err(ChangeRefusal::Changed) };
        match decided {
            Ok(step) => plan.steps.push(TaskToChange { task, step }),
            Err(refusal) => plan.refused.push(RefusedTask { id: wanted.id, task: Some(task), refusal }),
        }
    }
    if change == TaskChange::Retry {
        plan.keep_one_of_each_specification();
    }
    plan
}

impl BatchPlan {
    /// Only one task with the same specification can be active: the newest.
    pub(crate) fn keep_one_of_each_specification(&mut self) {
        let mut newest: BTreeMap<String, i64> = BTreeMap::new();
        for TaskToChange { task, .. } in &self.steps {
            let id = newest.entry(task.spec_hash.clone()).or_insert(task.result_id);
            *id = (*id).max(task.result_id);
        }
        for TaskToChange { task, step } in std::mem::take(&mut self.steps) {
            match newest.get(&task.spec_hash) {
                Some(other) if *other != task.result_id => {
                    let refusal = ChangeRefusal::SameSpecificationRetried { other: *other };
                    self.refused.push(RefusedTask { id: task.result_id, task: Some(task), refusal });
                }
                Some(_) | None => self.steps.push(TaskToChange { task, step }),
            }
        }
    }

    /// Removes steps for a reason that was found later.
    pub fn refuse(&mut self, refuse: impl Fn(&TaskToChange) -> Option<ChangeRefusal>) {
        for it in std::mem::take(&mut self.steps) {
            match refuse(&it) {
                Some(refusal) => {
                    self.refused.push(RefusedTask { id: it.task.result_id, task: Some(it.task), refusal });
                }
                None => self.steps.push(it),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decide::tests::task;
    use super::*;

    fn row(id: i64, hash: &str, attempts: i32) -> ObservedTask {
        ObservedTask { result_id: id, spec_hash: hash.to_owned(), attempts, ..task(TaskStatus::Failed) }
    }

    #[test]
    fn each_task_is_settled_once() {
        let shown = |id, attempts| PlannedTask { id, shown: Some((TaskStatus::Failed, attempts)) };
        let planned =
            [shown(1, 1), shown(2, 1), shown(3, 1), shown(4, 1), PlannedTask::named(5), PlannedTask::named(5)];
        let running = ObservedTask { result_id: 5, ..task(TaskStatus::Running) };
        let plan = plan_batch(
            TaskChange::Retry,
            &planned,
            vec![row(1, "same", 1), row(2, "same", 1), row(3, "other", 2), running],
        );
        let steps: Vec<i64> = plan.steps.iter().map(|it| it.task.result_id).collect();
        let refused: Vec<(i64, &ChangeRefusal)> = plan.refused.iter().map(|it| (it.id, &it.refusal)).collect();
        assert_eq!(steps, [2]);
        assert_eq!(
            refused,
            [
                (3, &ChangeRefusal::Changed),
                (5, &ChangeRefusal::WrongStatus { status: "RUNNING" }),
                (1, &ChangeRefusal::SameSpecificationRetried { other: 2 }),
            ]
        );
        assert_eq!(plan.absent, [4]);
    }

    #[test]
    fn a_task_that_is_named_twice_is_changed_once() {
        let planned = [PlannedTask::named(1), PlannedTask::named(1)];
        let plan = plan_batch(TaskChange::Discard, &planned, vec![row(1, "h", 1)]);
        assert_eq!((plan.steps.len(), plan.refused.len(), plan.absent.len()), (1, 0, 0));
    }
}
