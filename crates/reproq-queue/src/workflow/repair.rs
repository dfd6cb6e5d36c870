//! What a hanging workflow lacks, and the steps that put it right. Pure.
//!
//! A group with a callback hangs if the row of the workflow was not told how a task ended: because the task finished before that row
//! existed, or because the worker failed it when its lease expired. A chain hangs if a task succeeded before its successor existed.

use std::fmt;

use serde::Serialize;

use super::WorkflowKind;
use super::WorkflowRun;
use super::WorkflowSummary;

/// What the steps are decided from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowFacts {
    /// Its row and its counts.
    pub summary: WorkflowSummary,
    /// The first task that failed or was cancelled, without the callback.
    pub first_failed: Option<i64>,
    /// The tasks that wait and that nothing releases, among them the callback.
    pub stuck: Vec<StuckTask>,
}

/// A task that waits for a task that has succeeded, or for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckTask {
    /// The workflow.
    pub workflow_id: String,
    /// Its id.
    pub result_id: i64,
    /// The task that it waits for, if that exists.
    pub parent_id: Option<i64>,
}

/// The counters and the status in the row of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunCounters {
    /// How many tasks have succeeded.
    pub success_count: i32,
    /// How many have failed.
    pub failure_count: i32,
    /// The status of the workflow.
    pub status: String,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum RepairStep {
    /// Counts what the tasks are.
    Count {
        /// The row as it was read.
        from: RunCounters,
        /// The row as its tasks are.
        to: RunCounters,
    },
    /// All tasks have succeeded, so their callback may run.
    ReleaseCallback {
        /// The callback.
        id: i64,
    },
    /// A task failed, so the callback fails with it.
    FailCallback {
        /// The callback.
        id: i64,
        /// The task, if its row still exists.
        failed: Option<i64>,
    },
    /// The task before it has succeeded.
    ReleaseTask {
        /// The task.
        id: i64,
        /// The task before it.
        parent: i64,
    },
}

/// The steps for a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRepair {
    /// The workflow.
    pub workflow_id: String,
    /// What it is.
    pub kind: WorkflowKind,
    /// What is changed, in this order.
    pub steps: Vec<RepairStep>,
    /// Why something else that hangs is left as it is.
    pub unclear: Vec<String>,
}

impl WorkflowRepair {
    /// Decides. A callback that is not WAITING has been released or failed already, and its workflow is left as it is.
    pub fn plan(facts: &WorkflowFacts) -> Self {
        let summary = &facts.summary;
        let mut repair = Self {
            workflow_id: summary.workflow_id.clone(),
            kind: summary.kind,
            steps: Vec::new(),
            unclear: Vec::new(),
        };
        if let Some(run) = &summary.run {
            repair.callback(run, facts);
        }
        let callback = summary.run.as_ref().and_then(|run| run.callback_result_id);
        for task in facts.stuck.iter().filter(|task| Some(task.result_id) != callback) {
            let id = task.result_id;
            match task.parent_id {
                Some(parent) => repair.steps.push(RepairStep::ReleaseTask { id, parent }),
                None if summary.run.is_none() => repair.unclear.push(format!(
                    "task {id} waits for a task that no longer exists, or for a workflow without a row in workflow_runs"
                )),
                None => repair.unclear.push(format!("task {id} waits for a task that no longer exists")),
            }
        }
        repair
    }

    /// Whether anything is changed.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn callback(&mut self, run: &WorkflowRun, facts: &WorkflowFacts) {
        let Some(id) = run.callback_result_id else { return };
        match run.callback_status.as_deref() {
            Some("WAITING") => {}
            Some(_) => return,
            None => {
                if facts.summary.active + facts.summary.waiting == 0 {
                    self.unclear.push(format!("its callback {id} does not exist"));
                }
                return;
            }
        }
        let summary = &facts.summary;
        let live = summary.active + summary.waiting;
        let expected = i64::from(run.expected_count);
        // Rows that were deleted are still in the counters; a failure that was taken back no longer is among the rows.
        let is_complete = summary.successful + summary.failed + live >= expected;
        let successes = i64::from(run.success_count).max(summary.successful.min(expected));
        let failures = match is_complete {
            true => summary.failed,
            false => i64::from(run.failure_count).max(summary.failed),
        };
        let (status, step) = if failures > 0 {
            ("FAILED", Some(RepairStep::FailCallback { id, failed: facts.first_failed }))
        } else if live == 0 && successes >= expected {
            ("WAITING_CALLBACK", Some(RepairStep::ReleaseCallback { id }))
        } else if live == 0 {
            let gone = (expected - summary.successful).max(0);
            self.unclear.push(format!(
                "{gone} of its {expected} tasks no longer exist, and how they ended was not counted, so that its callback {id} \
                 cannot be decided"
            ));
            return;
        } else {
            // The worker counts no successes while it is FAILED.
            (if run.status == "FAILED" { "RUNNING" } else { run.status.as_str() }, None)
        };
        let from = RunCounters {
            success_count: run.success_count,
            failure_count: run.failure_count,
            status: run.status.clone(),
        };
        let number = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
        let to = RunCounters {
            success_count: number(successes),
            failure_count: number(failures),
            status: status.to_owned(),
        };
        if from != to {
            self.steps.push(RepairStep::Count { from, to });
        }
        self.steps.extend(step);
    }
}

impl fmt::Display for RepairStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { from, to } => write!(
                f,
                "count {} successful and {} failed tasks, {} (was {}, {}, {})",
                to.success_count, to.failure_count, to.status, from.success_count, from.failure_count, from.status
            ),
            Self::ReleaseCallback { id } => write!(f, "release callback {id}: all tasks succeeded"),
            Self::FailCallback { id, failed: Some(failed) } => {
                write!(f, "fail callback {id}: task {failed} will not succeed")
            }
            Self::FailCallback { id, failed: None } => write!(f, "fail callback {id}: a task failed"),
            Self::ReleaseTask { id, parent } => write!(f, "release task {id}: task {parent} before it succeeded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workflow::MemberCount;

    /// A group of three with callback 9.
    fn run(success_count: i32, failure_count: i32, status: &str, callback: Option<&str>) -> WorkflowRun {
        WorkflowRun {
            workflow_id: "w".to_owned(),
            expected_count: 3,
            success_count,
            failure_count,
            callback_result_id: Some(9),
            callback_status: callback.map(str::to_owned),
            status: status.to_owned(),
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    fn facts(run: Option<WorkflowRun>, counts: &[(&str, i64)], stuck: &[(i64, Option<i64>)]) -> WorkflowFacts {
        let counts: Vec<MemberCount> = counts
            .iter()
            .map(|(status, tasks)| MemberCount {
                workflow_id: "w".to_owned(),
                status: (*status).to_owned(),
                tasks: *tasks,
                chained: if run.is_some() { 0 } else { *tasks },
                stopped: 0,
                first: chrono::DateTime::UNIX_EPOCH,
            })
            .collect();
        let stuck = stuck.iter().map(|(id, parent)| StuckTask {
            workflow_id: "w".to_owned(),
            result_id: *id,
            parent_id: *parent,
        });
        let summary = WorkflowSummary::new("w", run, &counts.iter().collect::<Vec<_>>());
        WorkflowFacts { first_failed: (summary.failed > 0).then_some(4), summary, stuck: stuck.collect() }
    }

    /// The steps as text, and how many things are unclear.
    fn planned(facts: &WorkflowFacts) -> (Vec<String>, usize) {
        let repair = WorkflowRepair::plan(facts);
        (repair.steps.iter().map(ToString::to_string).collect(), repair.unclear.len())
    }

    #[test]
    fn each_damage_of_a_group_has_its_steps() {
        let callback = &[(9, None)];
        let case = |run, counts: &[(&str, i64)]| planned(&facts(Some(run), counts, callback));
        let waiting = Some("WAITING");
        // A task finished before the row of the workflow existed.
        assert_eq!(
            case(run(2, 0, "RUNNING", waiting), &[("SUCCESSFUL", 3), ("WAITING", 1)]),
            (
                vec![
                    "count 3 successful and 0 failed tasks, WAITING_CALLBACK (was 2, 0, RUNNING)".to_owned(),
                    "release callback 9: all tasks succeeded".to_owned()
                ],
                0
            )
        );
        // The same, while others still run: their worker releases the callback.
        assert_eq!(
            case(run(0, 0, "RUNNING", waiting), &[("SUCCESSFUL", 1), ("RUNNING", 2), ("WAITING", 1)]).0,
            ["count 1 successful and 0 failed tasks, RUNNING (was 0, 0, RUNNING)"]
        );
        // All is counted, and the callback was not released.
        assert_eq!(
            case(run(3, 0, "WAITING_CALLBACK", waiting), &[("SUCCESSFUL", 3), ("WAITING", 1)]).0,
            ["release callback 9: all tasks succeeded"]
        );
        // The worker failed a task when its lease expired.
        let failed = [
            "count 2 successful and 1 failed tasks, FAILED (was 2, 0, RUNNING)",
            "fail callback 9: task 4 will not succeed",
        ];
        for status in ["FAILED", "CANCELLED"] {
            let found = case(run(2, 0, "RUNNING", waiting), &[("SUCCESSFUL", 2), (status, 1), ("WAITING", 1)]);
            assert_eq!(found.0, failed, "{status}");
        }
        // A failure that was taken back.
        assert_eq!(
            case(run(2, 1, "FAILED", waiting), &[("SUCCESSFUL", 2), ("READY", 1), ("WAITING", 1)]).0,
            ["count 2 successful and 0 failed tasks, RUNNING (was 2, 1, FAILED)"]
        );
        // Tasks were deleted after they were counted.
        assert_eq!(
            case(run(3, 0, "RUNNING", waiting), &[("SUCCESSFUL", 1), ("WAITING", 1)]).0,
            [
                "count 3 successful and 0 failed tasks, WAITING_CALLBACK (was 3, 0, RUNNING)",
                "release callback 9: all tasks succeeded"
            ]
        );
        // A task was deleted that nobody counted.
        assert_eq!(case(run(1, 0, "RUNNING", waiting), &[("SUCCESSFUL", 2), ("WAITING", 1)]), (vec![], 1));
        assert_eq!(case(run(3, 0, "RUNNING", None), &[("SUCCESSFUL", 3)]), (vec![], 1));
    }

    #[test]
    fn what_is_in_order_is_left_as_it_is() {
        let callback = &[(9, None)];
        let healthy = facts(
            Some(run(1, 0, "RUNNING", Some("WAITING"))),
            &[("SUCCESSFUL", 1), ("RUNNING", 2), ("WAITING", 1)],
            callback,
        );
        assert_eq!(planned(&healthy), (vec![], 0));
        for status in ["READY", "RUNNING", "SUCCESSFUL", "FAILED", "CANCELLED"] {
            let over = facts(Some(run(0, 0, "RUNNING", Some(status))), &[("SUCCESSFUL", 3), (status, 1)], &[]);
            assert_eq!(planned(&over), (vec![], 0), "{status}");
        }
    }

    #[test]
    fn a_chain_continues_after_a_task_that_succeeded() {
        let chain = facts(None, &[("SUCCESSFUL", 1), ("WAITING", 2)], &[(2, Some(1))]);
        assert_eq!(planned(&chain), (vec!["release task 2: task 1 before it succeeded".to_owned()], 0));
        // Nothing is known of the task before it.
        let orphan = facts(None, &[("WAITING", 1)], &[(2, None)]);
        assert_eq!(planned(&orphan), (vec![], 1));
    }

    proptest! {
        /// What is repaired needs no repair, and a callback is released only if every expected task succeeded.
        #[test]
        fn a_repair_is_complete_and_happens_once(
            counted in (0_i32..5, 0_i32..5),
            rows in (0_i64..5, 0_i64..4, 0_i64..4),
            status in proptest::sample::select(vec!["RUNNING", "WAITING_CALLBACK", "FAILED"]),
        ) {
            let counts = [("SUCCESSFUL", rows.0), ("FAILED", rows.1), ("RUNNING", rows.2), ("WAITING", 1)];
            let before = facts(Some(run(counted.0, counted.1, status, Some("WAITING"))), &counts, &[(9, None)]);
            let repair = WorkflowRepair::plan(&before);
            let mut after = run(counted.0, counted.1, status, Some("WAITING"));
            for step in &repair.steps {
                match step {
                    RepairStep::Count { to, .. } => {
                        (after.success_count, after.failure_count) = (to.success_count, to.failure_count);
                        after.status.clone_from(&to.status);
                    }
                    RepairStep::ReleaseCallback { .. } => {
                        prop_assert!(rows.1 == 0 && rows.2 == 0 && i64::from(counted.0).max(rows.0) >= 3);
                        after.callback_status = Some("READY".to_owned());
                    }
                    RepairStep::FailCallback { .. } => {
                        prop_assert!(rows.1 > 0 || counted.1 > 0);
                        after.callback_status = Some("FAILED".to_owned());
                    }
                    RepairStep::ReleaseTask { .. } => prop_assert!(false, "it is not a chain"),
                }
            }
            let counts = [counts[0], counts[1], counts[2], (if after.callback_status.as_deref() == Some("WAITING") { "WAITING" } else { "READY" }, 1)];
            let again = WorkflowRepair::plan(&facts(Some(after), &counts, &[(9, None)]));
            prop_assert!(again.is_empty(), "{repair:?} {again:?}");
        }
    }
}
