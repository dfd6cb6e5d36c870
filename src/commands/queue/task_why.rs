//! `reproq task why`: what a task waits for, or how it ended.

use reproq_queue::pg::PgError;
use reproq_queue::pg::Transaction;
use reproq_queue::read;
use reproq_queue::why::Cause;
use reproq_queue::why::WhyFacts;
use reproq_queue::why::causes;
use serde::Serialize;

use super::no_task;
use crate::cli::TaskArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

/// The modules that a worker may run.
const ALLOWED: &str = "ALLOWED_TASK_MODULES";

#[derive(Debug, Serialize)]
struct TaskWhyReport {
    id: i64,
    status: String,
    task_path: String,
    queue_name: String,
    causes: Vec<CauseRow>,
}

#[derive(Debug, Serialize)]
struct CauseRow {
    /// Whether it keeps the task from running, or from ending.
    blocks: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(flatten)]
    cause: Cause,
}

pub(super) fn why(arguments: &TaskArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let database = Database::of_task(&arguments.task, &arguments.database)?;
    let allowed = session.env.var(ALLOWED).map(|text| modules(&text));
    let id = arguments.task.id();
    let facts = Database::read(&database, session, async |tx| read::why(tx, id, allowed).await)?;
    let facts = facts.ok_or_else(|| no_task(&arguments.task))?;
    session.ui.report(&TaskWhyReport::new(id, facts))?;
    Ok(ExitStatus::Success)
}

/// Why a task waits, or how it ended; `None` if it does not exist.
pub(in crate::commands) async fn task_causes(
    tx: &Transaction<'_>,
    id: i64,
    session: &Session<'_>,
) -> Result<Option<impl Report + use<>>, PgError> {
    let allowed = session.env.var(ALLOWED).map(|text| modules(&text));
    Ok(read::why(tx, id, allowed).await?.map(|facts| TaskWhyReport::new(id, facts)))
}

impl TaskWhyReport {
    fn new(id: i64, facts: WhyFacts) -> Self {
        let rows = causes(&facts).into_iter().map(|cause| CauseRow {
            blocks: cause.blocks(),
            message: cause.to_string(),
            hint: hint(&cause, id),
            cause,
        });
        Self {
            id,
            causes: rows.collect(),
            status: facts.task.status,
            task_path: facts.task.task_path,
            queue_name: facts.task.queue_name,
        }
    }
}

fn modules(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|module| !module.is_empty()).map(str::to_owned).collect()
}

/// What shows more, or helps.
fn hint(cause: &Cause, id: i64) -> Option<String> {
    let text = match cause {
        Cause::LockHeld { holders, .. } => {
            let holder = holders.first()?;
            return Some(format!("`reproq task why {}` explains the task that holds it", holder.id));
        }
        Cause::ParentActive { parent, .. } | Cause::ParentFailed { parent, .. } => {
            return Some(format!("`reproq task why {parent}` explains that task"));
        }
        Cause::Duplicate { id, .. } => return Some(format!("`reproq task show {id}` shows it")),
        Cause::Finished { kind: Some(_), .. } => return Some(format!("`reproq task show {id}` shows its errors")),
        Cause::MembersActive { workflow, .. }
        | Cause::WorkflowFailed { workflow, .. }
        | Cause::NotReleased { workflow } => return Some(format!("`reproq workflow show {workflow}` shows its tasks")),
        Cause::NoWorker { .. } => "`reproq workers list` shows the workers and their queues",
        Cause::ConcurrencyFull { .. } | Cause::TasksAhead { .. } => {
            "`reproq task list --status running` shows what runs"
        }
        Cause::Held { .. } => "`reproq queue move` with `--finish` or `--undo` ends the move",
        Cause::RateLimited { .. } => "`reproq limit list` shows the limits",
        Cause::QueuePaused { .. } => "`reproq queue list` shows the queues",
        Cause::NotAllowed { .. } => "add its module to ALLOWED_TASK_MODULES of the worker",
        Cause::LeaseExpired { .. } => "a running worker reclaims it within its reclaim interval, 60 s by default",
        Cause::LeaseMissing { .. } => {
            return Some(format!(
                "make sure no worker is running it, then run `reproq task reclaim {id} --include-missing`"
            ));
        }
        Cause::RunAfter { .. }
        | Cause::RetryLater { .. }
        | Cause::CancelRequested { .. }
        | Cause::Expired { .. }
        | Cause::Running { .. }
        | Cause::ParentGone { .. }
        | Cause::Finished { kind: None, .. }
        | Cause::Nothing => return None,
    };
    Some(text.to_owned())
}

impl Report for TaskWhyReport {
    const SCHEMA: &'static str = "reproq.task-why/1";

    fn human(&self, out: &mut TextReport) {
        if !out.is_quiet() {
            out.strong(&format!(
                "Task {} ({}) is {} in queue {}:",
                self.id, self.task_path, self.status, self.queue_name
            ));
        }
        for row in &self.causes {
            let mark = if row.blocks { "blocked" } else { "note" };
            out.line(&format!("  {mark:<8} {}", row.message));
            if let Some(hint) = &row.hint {
                out.faint(&format!("  {:<8} {hint}", ""));
            }
        }
    }
}
