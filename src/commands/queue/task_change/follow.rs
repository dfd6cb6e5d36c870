//! Waits until the workers have stopped tasks. A worker sees the request at its next heartbeat.

use std::time::Duration;

use reproq_queue::changes::ObservedTask;
use reproq_queue::changes::PlannedTask;
use reproq_queue::changes::TaskChange;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::read;
use reproq_queue::state::TaskStatus;
use reproq_queue::write;

use super::report::CancelEnd;
use super::report::TaskChangeReport;
use super::report::lost_lease;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;

/// How often the tasks are read.
const LOOK: Duration = Duration::from_millis(500);

/// Follows the tasks that were asked to stop.
pub(super) async fn follow(
    database: &Database,
    limit: Duration,
    report: &mut TaskChangeReport,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let mut waiting = report.asked_to_stop();
    if waiting.is_empty() {
        return Ok(());
    }
    session.ui.status(&format!("Waiting for the workers of {}", count(waiting.len(), "task")));
    let mut waited = Duration::ZERO;
    let mut lost = None;
    loop {
        look(database, &mut waiting, &mut lost, report).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        if waited >= limit {
            break;
        }
        let pause = LOOK.min(limit.saturating_sub(waited));
        database.session.pause(pause).await.map_err(hints::database)?;
        waited += pause;
    }
    for id in &waiting {
        report.end(*id, CancelEnd::Pending);
    }
    let tasks = count(waiting.len(), "task");
    let message = format!("still running after {} s: {tasks}; the request to stop remains", limit.as_secs());
    let error = CommandError::message(ExitStatus::Unavailable, message);
    Err(match lost {
        Some((id, hint)) => error.hint(format!("task {id}: {hint}")),
        None => error.hint("a worker sees the request at its next heartbeat; wait longer with `--wait`"),
    })
}

/// Reads the tasks, and keeps those that still run. `lost` becomes one that no worker holds, with what to do.
async fn look(
    database: &Database,
    waiting: &mut Vec<i64>,
    lost: &mut Option<(i64, String)>,
    report: &mut TaskChangeReport,
) -> Result<(), CommandError> {
    let ids = std::mem::take(waiting);
    *lost = None;
    let read = database.session.read(Limits::default(), async |tx| read::observe(tx, &ids).await);
    let mut rows = read.await.map_err(hints::database)?.into_iter().peekable();
    for id in ids {
        let row = rows.next_if(|row| row.result_id == id);
        let end = match &row {
            None => Some(CancelEnd::Deleted),
            Some(row) => end_of(row),
        };
        match (end, row) {
            (Some(end), _) => report.end(id, end),
            // It failed before the request was seen, and waits for its next attempt, in which it would be stopped.
            (None, Some(row)) if row.status == TaskStatus::Ready && is_cancelled(database, id).await? => {
                report.end(id, CancelEnd::Cancelled);
            }
            (None, row) => {
                waiting.push(id);
                let hint = row.filter(|row| row.status == TaskStatus::Running).and_then(|row| lost_lease(&row));
                *lost = lost.take().or_else(|| hint.map(|hint| (id, hint)));
            }
        }
    }
    Ok(())
}

fn end_of(row: &ObservedTask) -> Option<CancelEnd> {
    match row.status {
        TaskStatus::Running | TaskStatus::Ready if row.cancel_requested => None,
        // Somebody took the request back.
        TaskStatus::Running | TaskStatus::Ready | TaskStatus::Waiting => Some(CancelEnd::RunsAgain),
        TaskStatus::Failed if row.error_kind.as_deref() == Some("cancelled") => Some(CancelEnd::Stopped),
        TaskStatus::Failed => Some(CancelEnd::Failed),
        TaskStatus::Successful => Some(CancelEnd::Finished),
        TaskStatus::Cancelled => Some(CancelEnd::Cancelled),
    }
}

async fn is_cancelled(database: &Database, id: i64) -> Result<bool, CommandError> {
    let planned = [PlannedTask::named(id)];
    let written = database
        .session
        .write(Limits::default(), async |tx| write::change_tasks(tx, TaskChange::Cancel, &planned).await)
        .await
        .map_err(|error: PgError| hints::database(error))?;
    Ok(written.changed.iter().any(|it| it.step.result() == TaskStatus::Cancelled))
}
