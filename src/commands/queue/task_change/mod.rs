//! What `task retry`, `cancel`, `discard` and `reclaim` have in common.
//!
//! Tasks that are named by their ids are changed at once. Those that filters select are listed and shown; with consent, exactly
//! these are changed, in batches. Each batch locks its rows, compares them with what was shown, writes, and is read back.

mod apply;
mod follow;
mod plan;
mod report;
mod single;

use std::collections::BTreeSet;
use std::time::Duration;

use reproq_queue::changes::ChangeRefusal;
use reproq_queue::changes::TaskChange;
use reproq_queue::pg::Limits;
use reproq_queue::read;
use reproq_queue::state::TaskStatus;
use reproq_queue::tasks::TaskFilter;

use super::no_task;
use super::several::refuse_more;
use super::task_filter;
use crate::change::Proposal;
use crate::cli::DatabaseArgs;
use crate::cli::TaskChangeArgs;
use crate::commands::consent;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::platform;
use report::TaskChangeReport;

pub(in crate::commands) use single::SingleTaskPlan;
pub(in crate::commands) use single::single_cancel;
pub(in crate::commands) use single::single_retry;

/// A change, and the tasks.
pub(super) struct ChangeRequest<'a> {
    pub(super) name: &'static str,
    /// What happens to the tasks.
    pub(super) done: &'static str,
    pub(super) change: TaskChange,
    /// The states in which it is possible.
    pub(super) applies_to: &'static [TaskStatus],
    pub(super) arguments: &'a TaskChangeArgs,
    pub(super) wait: Option<Duration>,
}

/// The tasks that the command line selects.
enum Selection {
    Named(Vec<i64>),
    Matching(TaskFilter),
}

/// A report, and what went wrong while it was made.
type Outcome = (TaskChangeReport, Option<CommandError>);

pub(super) fn run(request: &ChangeRequest<'_>, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let selection = selection(request)?;
    // After a signal, what was changed is still reported.
    let _hold = platform::hold_exit();
    let database = database(request)?;
    let (mut report, mut failure) = Database::with(&database, session, async |database| {
        let (mut report, mut failure) = match &selection {
            Selection::Named(ids) => named(database, request, ids, session).await?,
            Selection::Matching(filter) => matching(database, request, filter, session).await?,
        };
        if !report.dry_run {
            report.paused_queues = paused(database, request.change, &report.queues()).await.unwrap_or_default();
            if let (Some(limit), None) = (request.wait, &failure) {
                failure = follow::follow(database, limit, &mut report, session).await.err();
            }
        }
        Ok((report, failure))
    })?;
    if report.is_empty()
        && let Some(failure) = failure
    {
        return Err(failure);
    }
    if let Some(refusal) = report.only_refusal() {
        return Err(refused(request, refusal));
    }
    for queue in &report.paused_queues {
        session.ui.warn(&format!("queue {queue} is paused: its tasks wait until it is resumed"));
    }
    report.sort();
    session.ui.report(&report)?;
    let status = report.status(failure.as_ref(), request.arguments.bulk.plan.confirm.exit_code);
    if let Some(failure) = failure.take() {
        session.ui.error_after_report(&failure);
    }
    if status == ExitStatus::Interrupted {
        session.ui.hint("the changes that were made are kept; run the same command again to continue");
    }
    if report.more {
        session.ui.hint("more tasks match; run the same command again for the rest");
    }
    Ok(status)
}

fn selection(request: &ChangeRequest<'_>) -> Result<Selection, CommandError> {
    let arguments = &request.arguments.selection;
    if !arguments.ids.is_empty() {
        let ids: BTreeSet<i64> = arguments.ids.iter().map(reproq_queue::task_ref::TaskRef::id).collect();
        return Ok(Selection::Named(ids.into_iter().collect()));
    }
    if let Some(wrong) = arguments.filter.status.iter().find(|status| !request.applies_to.contains(status)) {
        let names: Vec<&str> = request.applies_to.iter().map(|status| status.as_str()).collect();
        let message = format!("a task that is {wrong} cannot be {}; only {} can", request.done, names.join(" and "));
        return Err(CommandError::message(ExitStatus::Usage, message));
    }
    let is_reclaim = matches!(request.change, TaskChange::Reclaim { .. });
    let filter = &arguments.filter;
    let is_restricted = !filter.status.is_empty()
        || filter.older_than.is_some()
        || filter.newer_than.is_some()
        || [&filter.queue, &filter.task, &filter.error, &filter.workflow].iter().any(|it| it.is_some());
    // What is to be reclaimed is selected by its leases.
    if !is_restricted && !arguments.all && !is_reclaim {
        let message = format!("no task is selected to be {}", request.done);
        return Err(CommandError::message(ExitStatus::Usage, message).hint(
            "name tasks by their ids, restrict them with options such as `--queue` or `--task`, or use `--all`",
        ));
    }
    let mut filter = TaskFilter { without_lease: is_reclaim, ..task_filter(filter) };
    if filter.statuses.is_empty() {
        filter.statuses = request.applies_to.to_vec();
    }
    Ok(Selection::Matching(filter))
}

/// All ids must be in one database: a command uses one connection.
fn database(request: &ChangeRequest<'_>) -> Result<DatabaseArgs, CommandError> {
    let mut found = request.arguments.database.clone();
    for task in &request.arguments.selection.ids {
        found = Database::of_task(task, &found)?;
    }
    Ok(found)
}

async fn named(
    database: &Database,
    request: &ChangeRequest<'_>,
    ids: &[i64],
    session: &Session<'_>,
) -> Result<Outcome, CommandError> {
    if request.arguments.bulk.plan.confirm.dry_run {
        return Ok((plan::of_named(database, request, ids).await?.report, None));
    }
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    let mut report = TaskChangeReport::new(request.name, request.done, false, false);
    let failure = apply::named(database, request, ids, session, &mut report).await.err();
    Ok((report, failure))
}

async fn matching(
    database: &Database,
    request: &ChangeRequest<'_>,
    filter: &TaskFilter,
    session: &Session<'_>,
) -> Result<Outcome, CommandError> {
    let bulk = &request.arguments.bulk;
    session.ui.status("Selecting tasks");
    let planned = plan::of_matching(database, request, filter).await?;
    if bulk.plan.confirm.dry_run || planned.tasks.is_empty() {
        return Ok((planned.report, None));
    }
    refuse_more(planned.tasks.len(), "task", request.done, &bulk.plan, session)?;
    let proposal = Proposal { number: planned.tasks.len(), thing: "task", done: request.done };
    let question = |number| {
        format!("Type {number} to {} {} in {}:", request.name, count(number, "task"), database.session.server())
    };
    consent::confirm(&proposal, question, || session.ui.preview(&planned.report), bulk.plan.confirm.yes, session)?;
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    let mut report = planned.report.applied();
    let failure = apply::planned(database, request, &planned.tasks, session, &mut report).await.err();
    Ok((report, failure))
}

/// Which of these queues are paused: a task that becomes READY there does not run.
async fn paused(
    database: &Database,
    change: TaskChange,
    queues: &BTreeSet<String>,
) -> Result<Vec<String>, CommandError> {
    match change {
        TaskChange::Cancel | TaskChange::Discard => return Ok(Vec::new()),
        TaskChange::Retry | TaskChange::Reclaim { .. } if queues.is_empty() => return Ok(Vec::new()),
        TaskChange::Retry | TaskChange::Reclaim { .. } => {}
    }
    let controls = database.session.read(Limits::default(), async |tx| read::controls(tx).await).await;
    let controls = controls.map_err(hints::database)?.into_iter();
    Ok(controls.filter(|it| it.paused && queues.contains(&it.queue_name)).map(|it| it.queue_name).collect())
}

/// The only task that was named is left as it is.
fn refused(request: &ChangeRequest<'_>, (id, refusal): (i64, &ChangeRefusal)) -> CommandError {
    let named = request.arguments.selection.ids.first();
    if let (ChangeRefusal::Missing, Some(task)) = (refusal, named) {
        return no_task(task);
    }
    let message = format!("task {id} was not {}: {refusal}", request.done);
    let error = CommandError::message(ExitStatus::Conflict, message);
    match refusal {
        ChangeRefusal::WrongStatus { status: "RUNNING" } => {
            error.hint(format!("`reproq task why {id}` shows whether its worker still holds its lease"))
        }
        ChangeRefusal::LeaseMissing => error.hint("make sure that no worker runs it, then use `--include-missing`"),
        ChangeRefusal::FailedWithWorkflow => {
            error.hint(format!("`reproq workflow show {id}` shows which task failed; retry that one"))
        }
        ChangeRefusal::SameSpecification { other } | ChangeRefusal::SameSpecificationRetried { other } => {
            error.hint(format!("`reproq task show {other}` shows the other task"))
        }
        ChangeRefusal::Locked | ChangeRefusal::Changed => error
            .hint(format!("`reproq task show {id}` shows its state; run the same command again if it still applies")),
        ChangeRefusal::LeaseHeld => error.hint(format!("`reproq task cancel {id}` asks its worker to stop it")),
        ChangeRefusal::Missing
        | ChangeRefusal::WrongStatus { .. }
        | ChangeRefusal::Waits
        | ChangeRefusal::AlreadyRequested => error.hint(format!("`reproq task show {id}` shows the task")),
    }
}
