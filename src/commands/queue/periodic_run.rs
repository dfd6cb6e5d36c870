//! `reproq periodic run`: enqueues the task of a schedule now, as the worker's beat would if it were due.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::schedules;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::write;
use reproq_queue::write::InsertOutcome;
use serde::Serialize;

use super::periodic_change::no_schedule;
use super::periodic_change::refused;
use super::time_or_dash;
use crate::cli::PeriodicNameArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct PeriodicRunReport {
    name: String,
    /// The id of the task.
    id: i64,
    /// Whether the task was inserted. Otherwise the same one was enqueued in this second, and still waits or runs.
    inserted: bool,
    /// The time in the task's specification, which is the time of the database.
    scheduled_at: DateTime<Utc>,
    task_path: String,
    queue_name: String,
    /// The next run by the schedule, which stays as it is.
    next_run_at: Option<DateTime<Utc>>,
    enabled: bool,
}

pub(super) fn run(arguments: &PeriodicNameArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let name = &arguments.name;
    let done = Database::write(&arguments.database, session, async |tx| {
        let (now, Some(state)) = write::schedule(tx, name).await? else { return Ok(Ok(None)) };
        let task = match schedules::task_at(&state.row, now) {
            Ok(task) => task,
            Err(error) => return Ok(Err(error)),
        };
        let outcome = write::insert_task(tx, &task).await?;
        Ok(Ok(Some((now, state.row, task.queue_name, outcome))))
    })?;
    let found = done.map_err(|error| refused(name, error.into(), ExitStatus::Conflict))?;
    let (now, row, queue, outcome) = found.ok_or_else(|| no_schedule(name))?;
    session.ui.report(&report(&row, now, queue, outcome))?;
    Ok(ExitStatus::Success)
}

fn report(row: &ScheduleRow, now: DateTime<Utc>, queue: String, outcome: InsertOutcome) -> PeriodicRunReport {
    PeriodicRunReport {
        name: row.name.clone(),
        id: outcome.id(),
        inserted: matches!(outcome, InsertOutcome::Inserted(_)),
        scheduled_at: now,
        task_path: row.task_path.clone(),
        queue_name: queue,
        next_run_at: row.next_run_at,
        enabled: row.enabled,
    }
}

impl Report for PeriodicRunReport {
    const SCHEMA: &'static str = "reproq.periodic-run/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            out.line(&self.id.to_string());
            return;
        }
        out.line(&match self.inserted {
            true => format!("Enqueued task {} in queue {}.", self.id, self.queue_name),
            false => format!("Task {} was enqueued for the same second already.", self.id),
        });
        let next = match self.enabled {
            true => time_or_dash(self.next_run_at),
            false => "none, the schedule is disabled".to_owned(),
        };
        out.pairs(&[("Task", self.task_path.clone()), ("Next run", next)]);
    }
}
