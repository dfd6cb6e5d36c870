//! `reproq workflow show`: the tasks of a workflow as a tree, and its counters beside what is there.

use std::collections::BTreeMap;

use reproq_queue::read;
use reproq_queue::workflow::WorkflowMember;
use reproq_queue::workflow::WorkflowSummary;
use serde::Serialize;

use super::excerpt;
use super::workflow_list::kind;
use super::workflow_list::state;
use super::workflow_name::WorkflowName;
use crate::cli::WorkflowShowArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

/// The characters of an error.
const ERROR: usize = 60;

#[derive(Debug, Serialize)]
struct WorkflowReport {
    #[serde(flatten)]
    workflow: WorkflowSummary,
    tasks: Vec<WorkflowMember>,
    /// Whether there are more tasks.
    truncated: bool,
}

pub(super) fn show(arguments: &WorkflowShowArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let limit = usize::from(arguments.limit);
    let name = WorkflowName::read(&arguments.workflow)?;
    let found = Database::read(&arguments.database, session, async |tx| {
        let Some(id) = name.resolve(tx).await? else { return Ok(None) };
        let Some(workflow) = read::workflow(tx, &id).await? else { return Ok(None) };
        let mut tasks = read::members(tx, &id, i64::from(arguments.limit) + 1).await?;
        let truncated = tasks.len() > limit;
        tasks.truncate(limit);
        Ok(Some(WorkflowReport { workflow, tasks, truncated }))
    })?;
    let report = found.ok_or_else(|| name.not_found())?;
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

impl Report for WorkflowReport {
    const SCHEMA: &'static str = "reproq.workflow/1";

    fn human(&self, out: &mut TextReport) {
        let workflow = &self.workflow;
        let mut pairs = vec![
            ("Workflow", workflow.workflow_id.clone()),
            ("Kind", kind(workflow.kind).to_owned()),
            ("State", state(workflow.state).to_owned()),
            (
                "Tasks",
                format!(
                    "{} successful, {} failed, {} active, {} waiting",
                    workflow.successful, workflow.failed, workflow.active, workflow.waiting
                ),
            ),
        ];
        if let Some(run) = &workflow.run {
            let counters = format!(
                "{} successful and {} failed of {}, {}",
                run.success_count, run.failure_count, run.expected_count, run.status
            );
            pairs.push(("Counters", counters));
        }
        out.pairs(&pairs);
        for problem in &workflow.problems {
            out.line(&format!("  problem: {problem}"));
        }
        out.blank();
        for line in tree(&self.tasks, workflow.run.as_ref().and_then(|run| run.callback_result_id)) {
            out.line(&line);
        }
        if self.truncated {
            out.faint("There are more tasks: use `--limit`.");
        }
    }
}

/// Each task below the one it waits for; the callback is last. A task whose parent is not shown is at the top.
fn tree(tasks: &[WorkflowMember], callback: Option<i64>) -> Vec<String> {
    let mut children: BTreeMap<Option<i64>, Vec<&WorkflowMember>> = BTreeMap::new();
    let is_shown = |id: i64| tasks.iter().any(|task| task.result_id == id);
    for task in tasks {
        // A parent with a larger id could begin a circle.
        let parent = task.parent_id.filter(|parent| *parent < task.result_id && is_shown(*parent));
        children.entry(parent).or_default().push(task);
    }
    if let Some(top) = children.get_mut(&None) {
        top.sort_by_key(|task| (Some(task.result_id) == callback, task.result_id));
    }
    let mut lines = Vec::new();
    let mut open: Vec<(&WorkflowMember, usize)> = top(&children, None, 0);
    while let Some((task, depth)) = open.pop() {
        let mark = if Some(task.result_id) == callback { "callback " } else { "" };
        let error = task.error.as_deref().filter(|_| task.status != "SUCCESSFUL");
        let error = error.map(|error| format!("  {}", excerpt(error, ERROR))).unwrap_or_default();
        let indent = "  ".repeat(depth.min(20));
        lines.push(format!("{indent}{mark}{} {}  {}{error}", task.result_id, task.task_path, task.status));
        open.extend(top(&children, Some(task.result_id), depth + 1));
    }
    lines
}

/// The tasks below one, the first of them last, as a stack has them.
fn top<'a>(
    children: &BTreeMap<Option<i64>, Vec<&'a WorkflowMember>>,
    parent: Option<i64>,
    depth: usize,
) -> Vec<(&'a WorkflowMember, usize)> {
    children.get(&parent).into_iter().flatten().rev().map(|task| (*task, depth)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_below_what_they_wait_for() {
        let task = |id: i64, parent_id: Option<i64>, status: &str| WorkflowMember {
            result_id: id,
            task_path: "a.b".to_owned(),
            status: status.to_owned(),
            parent_id,
            wait_count: 0,
            attempts: 1,
            max_attempts: 3,
            enqueued_at: chrono::DateTime::UNIX_EPOCH,
            finished_at: None,
            error: (status == "FAILED").then(|| "boom\nmore".to_owned()),
        };
        let chain = [task(1, None, "FAILED"), task(2, Some(1), "WAITING"), task(3, Some(2), "WAITING")];
        assert_eq!(tree(&chain, None), ["1 a.b  FAILED  boom…", "  2 a.b  WAITING", "    3 a.b  WAITING"]);
        let chord = [task(4, None, "SUCCESSFUL"), task(5, None, "WAITING"), task(6, None, "READY")];
        assert_eq!(tree(&chord, Some(5)), ["4 a.b  SUCCESSFUL", "6 a.b  READY", "callback 5 a.b  WAITING"]);
        // Neither a parent that is not shown nor a circle hides a task.
        let odd = [task(7, Some(99), "READY"), task(8, Some(9), "READY"), task(9, Some(8), "READY")];
        assert_eq!(tree(&odd, None), ["7 a.b  READY", "8 a.b  READY", "  9 a.b  READY"]);
    }
}
