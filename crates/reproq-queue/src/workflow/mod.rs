//! Workflows: what their rows say, what their tasks are, and whether the two agree. Pure.

mod repair;

pub use repair::RepairStep;
pub use repair::RunCounters;
pub use repair::StuckTask;
pub use repair::WorkflowFacts;
pub use repair::WorkflowRepair;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

/// A row of `workflow_runs`: a group of tasks with a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowRun {
    /// The workflow.
    pub workflow_id: String,
    /// How many tasks must succeed.
    pub expected_count: i32,
    /// How many have, by the counter.
    pub success_count: i32,
    /// How many have failed, by the counter.
    pub failure_count: i32,
    /// The task that runs after them.
    pub callback_result_id: Option<i64>,
    /// The status of that task; `None` if it does not exist.
    pub callback_status: Option<String>,
    /// The status of the workflow.
    pub status: String,
    /// When the row was written.
    pub created_at: DateTime<Utc>,
    /// When the row was changed.
    pub updated_at: DateTime<Utc>,
}

/// How many tasks of a workflow have a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberCount {
    /// The workflow.
    pub workflow_id: String,
    /// The status.
    pub status: String,
    /// The number of tasks.
    pub tasks: i64,
    /// Those with a parent.
    pub chained: i64,
    /// Those that wait for a task that will not succeed.
    pub stopped: i64,
    /// When the first was enqueued.
    pub first: DateTime<Utc>,
}

/// A task of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowMember {
    /// Its id.
    #[serde(rename = "id")]
    pub result_id: i64,
    /// What it runs.
    pub task_path: String,
    /// Its status.
    pub status: String,
    /// The task it waits for, or waited for.
    pub parent_id: Option<i64>,
    /// For how many tasks it waits.
    pub wait_count: i32,
    /// How often it was claimed.
    pub attempts: i32,
    /// How often it may be.
    pub max_attempts: i32,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// Its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its last error.
    pub error: Option<String>,
}

/// What a workflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowKind {
    /// Tasks, and one that runs after all of them.
    Chord,
    /// Tasks one after another.
    Chain,
    /// Tasks without an order.
    Group,
}

/// How a workflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowState {
    /// Tasks of it run or can run.
    Active,
    /// Nothing is left to do.
    Finished,
    /// A task failed; what waits for it never runs.
    Stopped,
    /// A task waits, and nothing will ever release it.
    Hanging,
}

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowSummary {
    /// Its id.
    pub workflow_id: String,
    /// What it is.
    pub kind: WorkflowKind,
    /// How it is.
    pub state: WorkflowState,
    /// Its own row, if it is a chord.
    pub run: Option<WorkflowRun>,
    /// Tasks that succeeded, without the callback.
    pub successful: i64,
    /// Tasks that failed or were cancelled, without the callback.
    pub failed: i64,
    /// Tasks that are READY or RUNNING, without the callback.
    pub active: i64,
    /// Tasks that wait, without the callback.
    pub waiting: i64,
    /// When the first was enqueued.
    pub first: Option<DateTime<Utc>>,
    /// Where its counters and its tasks differ.
    pub problems: Vec<String>,
}

impl WorkflowSummary {
    /// Decides from its row and its counts.
    pub fn new(workflow_id: &str, run: Option<WorkflowRun>, counts: &[&MemberCount]) -> Self {
        let callback = run.as_ref().and_then(|run| run.callback_status.as_deref());
        let of = |statuses: &[&str]| -> i64 {
            let tasks: i64 =
                counts.iter().filter(|it| statuses.contains(&it.status.as_str())).map(|count| count.tasks).sum();
            tasks - i64::from(callback.is_some_and(|status| statuses.contains(&status)))
        };
        let (successful, failed) = (of(&["SUCCESSFUL"]), of(&["FAILED", "CANCELLED"]));
        let (active, waiting) = (of(&["READY", "RUNNING"]), of(&["WAITING"]));
        let stopped: i64 = counts.iter().map(|count| count.stopped).sum();
        let kind = match &run {
            Some(_) => WorkflowKind::Chord,
            None if counts.iter().any(|count| count.chained > 0) => WorkflowKind::Chain,
            None => WorkflowKind::Group,
        };
        let problems = run.as_ref().map_or_else(Vec::new, |run| differences(run, successful, failed, active + waiting));
        let callback_waits = callback == Some("WAITING");
        let callback_is_active = matches!(callback, Some("READY" | "RUNNING"));
        let state = if active > 0 || callback_is_active {
            WorkflowState::Active
        } else if callback_waits && failed == 0 {
            WorkflowState::Hanging
        } else if stopped > 0 || (callback_waits && failed > 0) {
            WorkflowState::Stopped
        } else if waiting > 0 {
            WorkflowState::Hanging
        } else {
            WorkflowState::Finished
        };
        let first = counts.iter().map(|count| count.first).min();
        Self {
            workflow_id: workflow_id.to_owned(),
            kind,
            state,
            run,
            successful,
            failed,
            active,
            waiting,
            first,
            problems,
        }
    }
}

/// Where the counters and the tasks differ. Tasks that were deleted are no difference.
fn differences(run: &WorkflowRun, successful: i64, failed: i64, live: i64) -> Vec<String> {
    let mut problems = Vec::new();
    let (counted, expected) = (i64::from(run.success_count), i64::from(run.expected_count));
    if counted < successful {
        problems.push(format!("the counter of successful tasks is {counted}, but {successful} succeeded"));
    }
    if i64::from(run.failure_count) < failed {
        problems.push(format!("the counter of failed tasks is {}, but {failed} failed", run.failure_count));
    }
    if successful + failed + live > expected {
        problems.push(format!("{expected} tasks are expected, but {} exist", successful + failed + live));
    }
    match (run.callback_result_id, run.callback_status.as_deref()) {
        (Some(id), None) => problems.push(format!("its callback {id} does not exist")),
        (Some(id), Some("WAITING")) if live == 0 && counted.max(successful) >= expected => {
            problems.push(format!("all tasks succeeded, but its callback {id} was not released"));
        }
        (Some(id), Some("WAITING")) if live == 0 && failed > 0 => {
            problems.push(format!("a task failed, but its callback {id} was not failed with it"));
        }
        (_, _) => {}
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn run(success: i32, failure: i32, callback: Option<&str>) -> WorkflowRun {
        WorkflowRun {
            workflow_id: "w".to_owned(),
            expected_count: 2,
            success_count: success,
            failure_count: failure,
            callback_result_id: Some(9),
            callback_status: callback.map(str::to_owned),
            status: "RUNNING".to_owned(),
            created_at: at(),
            updated_at: at(),
        }
    }

    fn counts(list: &[(&str, i64, i64, i64)]) -> Vec<MemberCount> {
        let count = |(status, tasks, chained, stopped): &(&str, i64, i64, i64)| MemberCount {
            workflow_id: "w".to_owned(),
            status: (*status).to_owned(),
            tasks: *tasks,
            chained: *chained,
            stopped: *stopped,
            first: at(),
        };
        list.iter().map(count).collect()
    }

    #[test]
    fn kind_state_and_problems_follow_from_the_rows() {
        use WorkflowKind::Chain;
        use WorkflowKind::Chord;
        use WorkflowKind::Group;
        use WorkflowState::Active;
        use WorkflowState::Finished;
        use WorkflowState::Hanging;
        use WorkflowState::Stopped;
        #[rustfmt::skip]
        let cases = [
            (None, vec![("READY", 2, 0, 0)], Group, Active, 0),
            (None, vec![("SUCCESSFUL", 2, 0, 0)], Group, Finished, 0),
            (None, vec![("SUCCESSFUL", 1, 0, 0), ("RUNNING", 1, 1, 0), ("WAITING", 1, 1, 0)], Chain, Active, 0),
            (None, vec![("FAILED", 1, 0, 0), ("WAITING", 2, 2, 1)], Chain, Stopped, 0),
            (None, vec![("SUCCESSFUL", 1, 0, 0), ("WAITING", 1, 1, 0)], Chain, Hanging, 0),
            (Some(run(1, 0, Some("WAITING"))), vec![("SUCCESSFUL", 1, 0, 0), ("READY", 1, 0, 0), ("WAITING", 1, 0, 0)], Chord, Active, 0),
            (Some(run(2, 0, Some("READY"))), vec![("SUCCESSFUL", 2, 0, 0), ("READY", 1, 0, 0)], Chord, Active, 0),
            (Some(run(2, 0, Some("SUCCESSFUL"))), vec![("SUCCESSFUL", 3, 0, 0)], Chord, Finished, 0),
            // A member finished before the row of the workflow existed.
            (Some(run(1, 0, Some("WAITING"))), vec![("SUCCESSFUL", 2, 0, 0), ("WAITING", 1, 0, 0)], Chord, Hanging, 2),
            // The worker failed a member on reclaim and left the workflow as it was.
            (Some(run(1, 0, Some("WAITING"))), vec![("SUCCESSFUL", 1, 0, 0), ("FAILED", 1, 0, 0), ("WAITING", 1, 0, 0)], Chord, Stopped, 2),
            (Some(run(2, 0, None)), vec![("SUCCESSFUL", 2, 0, 0)], Chord, Finished, 1),
            // Members were deleted: the counters are right.
            (Some(run(2, 0, Some("SUCCESSFUL"))), vec![("SUCCESSFUL", 1, 0, 0)], Chord, Finished, 0),
        ];
        for (run, list, kind, state, problems) in cases {
            let counts = counts(&list);
            let summary = WorkflowSummary::new("w", run.clone(), &counts.iter().collect::<Vec<_>>());
            assert_eq!(
                (summary.kind, summary.state, summary.problems.len()),
                (kind, state, problems),
                "{run:?} {list:?} {summary:#?}"
            );
        }
    }
}
