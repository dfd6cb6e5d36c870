//! `reproq task list`: a page of tasks, newest first.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::read;
use reproq_queue::tasks::TaskFilter;
use reproq_queue::tasks::TaskSummary;
use reproq_queue::text::span;
use serde::Serialize;

use super::excerpt;
use super::table;
use super::task_filter;
use crate::cli::TaskListArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

/// The characters of an error in the table.
const ERROR: usize = 60;

#[derive(Debug, Serialize)]
struct TaskListReport {
    at: DateTime<Utc>,
    tasks: Vec<TaskSummary>,
    /// The value of `--after` for the next page; `null` on the last one.
    next_after: Option<i64>,
}

pub(super) fn list(arguments: &TaskListArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let filter =
        TaskFilter { without_lease: arguments.expired, after: arguments.after, ..task_filter(&arguments.filter) };
    let limit = usize::from(arguments.limit);
    let (at, mut tasks) = Database::read(&arguments.database, session, async |tx| {
        let server = read::server(tx).await?;
        // One more shows whether there is another page.
        Ok((server.now, read::list(tx, &filter, i64::from(arguments.limit) + 1).await?))
    })?;
    let has_more = tasks.len() > limit;
    tasks.truncate(limit);
    let next_after = if has_more { tasks.last().map(|task| task.result_id) } else { None };
    session.ui.report(&TaskListReport { at, tasks, next_after })?;
    if let Some(after) = next_after {
        session.ui.hint(&format!("more with `--after {after}`"));
    }
    Ok(ExitStatus::Success)
}

impl Report for TaskListReport {
    const SCHEMA: &'static str = "reproq.task-list/1";

    fn human(&self, out: &mut TextReport) {
        if self.tasks.is_empty() {
            if !out.is_quiet() {
                out.line("No task matches.");
            }
            return;
        }
        let rows = self.tasks.iter().map(|task| {
            vec![
                task.result_id.to_string(),
                task.status.clone(),
                task.queue_name.clone(),
                task.task_path.clone(),
                format!("{}/{}", task.attempts, task.max_attempts),
                span((self.at - task.enqueued_at).num_seconds()),
                task_note(task, self.at),
            ]
        });
        out.table(&table(&["ID", "STATUS", "QUEUE", "TASK", "ATTEMPTS", "AGE", "NOTE"], rows));
    }
}

/// What is most worth knowing.
pub(in crate::commands) fn task_note(task: &TaskSummary, now: DateTime<Utc>) -> String {
    let mut parts = Vec::new();
    if task.cancel_requested && matches!(task.status.as_str(), "READY" | "RUNNING" | "WAITING") {
        parts.push("cancellation requested".to_owned());
    }
    match task.status.as_str() {
        "RUNNING" => parts.push(match (task.leased_until, &task.leased_by) {
            (None, _) => "no lease".to_owned(),
            (Some(until), _) if until < now => {
                format!("lease expired {} ago", span((now - until).num_seconds()))
            }
            (Some(_), by) => format!("on {}", by.as_deref().unwrap_or("an unknown worker")),
        }),
        "READY" => {
            if let Some(at) = task.run_after.filter(|at| *at > now) {
                parts.push(format!("in {}", span((at - now).num_seconds())));
            }
        }
        _ => {}
    }
    if task.status != "SUCCESSFUL"
        && let Some(error) = &task.error
    {
        parts.push(excerpt(error, ERROR));
    }
    parts.join("; ")
}
