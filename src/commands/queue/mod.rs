//! The commands that operate the queue.

mod cron_error;
mod limit_list;
mod limit_remove;
mod limit_set;
mod periodic_change;
mod periodic_check;
mod periodic_enable;
mod periodic_list;
mod periodic_next;
mod periodic_remove;
mod periodic_run;
mod periodic_set;
mod periodic_sync;
mod queue_list;
mod queue_move;
mod queue_pause;
mod queue_pause_plan;
mod record;
mod several;
mod task_cancel;
mod task_change;
mod task_discard;
mod task_enqueue;
mod task_hash;
mod task_list;
mod task_logs;
mod task_prune;
mod task_reclaim;
mod task_replay;
mod task_retry;
mod task_show;
mod task_why;
mod workers_list;
mod workers_prune;
mod workflow_list;
mod workflow_name;
mod workflow_repair;
mod workflow_show;

pub(super) use queue_pause_plan::QueuePausePlan;
pub(super) use task_change::SingleTaskPlan;
pub(super) use task_change::single_cancel;
pub(super) use task_change::single_retry;
pub(super) use task_list::task_note;
pub(super) use task_show::whole_task;
pub(super) use task_why::task_causes;

use reproq_queue::routing::QueueRouting;
use reproq_queue::task_ref::TaskRef;
use reproq_queue::tasks::TaskFilter;

use crate::cli::LimitCommand;
use crate::cli::PeriodicCommand;
use crate::cli::QueueCommand;
use crate::cli::TaskCommand;
use crate::cli::TaskFilterArgs;
use crate::cli::WorkersCommand;
use crate::cli::WorkflowCommand;
use crate::commands::session::Session;
use crate::django::DjangoFacts;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::time;

pub(super) fn periodic(command: &PeriodicCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        PeriodicCommand::Next(arguments) => periodic_next::next(arguments, session),
        PeriodicCommand::List(arguments) => periodic_list::list(arguments, session),
        PeriodicCommand::Check(arguments) => periodic_check::check(arguments, session),
        PeriodicCommand::Set(arguments) => periodic_set::set(arguments, session),
        PeriodicCommand::Enable(arguments) => periodic_enable::enable(arguments, session),
        PeriodicCommand::Disable(arguments) => periodic_enable::disable(arguments, session),
        PeriodicCommand::Remove(arguments) => periodic_remove::remove(arguments, session),
        PeriodicCommand::Run(arguments) => periodic_run::run(arguments, session),
        PeriodicCommand::Sync(arguments) => periodic_sync::sync(arguments, session),
    }
}

pub(super) fn task(command: &TaskCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        TaskCommand::Hash(arguments) => task_hash::hash(arguments, session),
        TaskCommand::Enqueue(arguments) => task_enqueue::enqueue(arguments, session),
        TaskCommand::Replay(arguments) => task_replay::replay(arguments, session),
        TaskCommand::List(arguments) => task_list::list(arguments, session),
        TaskCommand::Show(arguments) => task_show::show(arguments, session),
        TaskCommand::Why(arguments) => task_why::why(arguments, session),
        TaskCommand::Logs(arguments) => task_logs::logs(arguments, session),
        TaskCommand::Retry(arguments) => task_retry::retry(arguments, session),
        TaskCommand::Cancel(arguments) => task_cancel::cancel(arguments, session),
        TaskCommand::Discard(arguments) => task_discard::discard(arguments, session),
        TaskCommand::Reclaim(arguments) => task_reclaim::reclaim(arguments, session),
        TaskCommand::Prune(arguments) => task_prune::prune(arguments, session),
    }
}

pub(super) fn queue(command: &QueueCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        QueueCommand::List(arguments) => queue_list::list(arguments, session),
        QueueCommand::Pause(arguments) => queue_pause::pause(arguments, session),
        QueueCommand::Resume(arguments) => queue_pause::resume(arguments, session),
        QueueCommand::Move(arguments) => queue_move::move_queue(arguments, session),
    }
}

pub(super) fn workers(command: &WorkersCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        WorkersCommand::List(arguments) => workers_list::list(arguments, session),
        WorkersCommand::Prune(arguments) => workers_prune::prune(arguments, session),
    }
}

pub(super) fn limit(command: &LimitCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        LimitCommand::List(arguments) => limit_list::list(arguments, session),
        LimitCommand::Set(arguments) => limit_set::set(arguments, session),
        LimitCommand::Remove(arguments) => limit_remove::remove(arguments, session),
    }
}

pub(super) fn workflow(command: &WorkflowCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        WorkflowCommand::List(arguments) => workflow_list::list(arguments, session),
        WorkflowCommand::Show(arguments) => workflow_show::show(arguments, session),
        WorkflowCommand::Repair(arguments) => workflow_repair::repair(arguments, session),
    }
}

/// A duration of the command line.
fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The tasks that the options select.
fn task_filter(arguments: &TaskFilterArgs) -> TaskFilter {
    TaskFilter {
        statuses: arguments.status.clone(),
        queue: arguments.queue.clone(),
        task: arguments.task.clone(),
        older_seconds: arguments.older_than.map(seconds),
        newer_seconds: arguments.newer_than.map(seconds),
        error: arguments.error.clone(),
        workflow: arguments.workflow.clone(),
        without_lease: false,
        after: None,
    }
}

/// Which queue is in which database.
fn routing(facts: &DjangoFacts) -> QueueRouting {
    QueueRouting::new(facts.default_alias(), facts.queue_databases.iter().cloned())
}

/// The task does not exist.
fn no_task(task: &TaskRef) -> CommandError {
    CommandError::message(ExitStatus::NotFound, format!("there is no task {task}"))
        .hint("`reproq task list` lists tasks; finished ones may have been deleted")
}

/// Another session changed a row between our reading and our writing.
fn changed_meanwhile(what: &str) -> CommandError {
    let message = format!("another session changed {what} at the same time; nothing was changed by this command");
    CommandError::message(ExitStatus::Conflict, message).hint("run the same command again")
}

/// A time that may be missing.
fn time_or_dash(at: Option<chrono::DateTime<chrono::Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

/// The start of a string, on one line.
fn excerpt(text: &str, characters: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let is_cut = line.chars().count() > characters || text.lines().nth(1).is_some();
    let begin: String = line.chars().take(characters).collect();
    if is_cut { format!("{begin}…") } else { begin }
}

/// A heading and rows.
fn table(heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    std::iter::once(heading.iter().map(|name| (*name).to_owned()).collect()).chain(rows).collect()
}
