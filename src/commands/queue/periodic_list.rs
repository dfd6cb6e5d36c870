//! `reproq periodic list`: the schedules and their next runs.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::read;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::text::span;
use serde::Serialize;

use super::table;
use super::time_or_dash;
use crate::cli::PeriodicListArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::shell_word;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct PeriodicListReport {
    at: DateTime<Utc>,
    schedules: Vec<ScheduleEntry>,
    /// The value of `--after` for the next page; `null` on the last one.
    next_after: Option<String>,
}

#[derive(Debug, Serialize)]
struct ScheduleEntry {
    name: String,
    cron_expr: String,
    task_path: String,
    queue_name: String,
    priority: i32,
    max_attempts: i32,
    concurrency_key: Option<String>,
    concurrency_limit: i32,
    enabled: bool,
    last_run_at: Option<DateTime<Utc>>,
    next_run_at: Option<DateTime<Utc>>,
    /// How late the next run is; `null` if it is not.
    late_seconds: Option<i64>,
    /// The arguments as JSON text, cut off after 4096 characters.
    payload: String,
}

pub(super) fn list(arguments: &PeriodicListArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let limit = usize::from(arguments.limit);
    let (at, mut rows) = Database::read(&arguments.database, session, async |tx| {
        let now = read::server(tx).await?.now;
        Ok((now, read::schedules(tx, arguments.after.as_deref(), i64::from(arguments.limit) + 1).await?))
    })?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next_after = if has_more { rows.last().map(|row| row.name.clone()) } else { None };
    let schedules = rows.into_iter().map(|row| entry(row, at)).collect();
    session.ui.report(&PeriodicListReport { at, schedules, next_after })?;
    Ok(ExitStatus::Success)
}

fn entry(row: ScheduleRow, now: DateTime<Utc>) -> ScheduleEntry {
    ScheduleEntry {
        late_seconds: row.late_seconds(now),
        name: row.name,
        cron_expr: row.cron_expr,
        task_path: row.task_path,
        queue_name: row.queue_name,
        priority: row.priority,
        max_attempts: row.max_attempts,
        concurrency_key: row.concurrency_key,
        concurrency_limit: row.concurrency_limit,
        enabled: row.enabled,
        last_run_at: row.last_run_at,
        next_run_at: row.next_run_at,
        payload: row.payload,
    }
}

impl Report for PeriodicListReport {
    const SCHEMA: &'static str = "reproq.periodic-list/1";

    fn human(&self, out: &mut TextReport) {
        if self.schedules.is_empty() {
            if !out.is_quiet() {
                out.line("There are no schedules.");
            }
            return;
        }
        let rows = self.schedules.iter().map(|schedule| {
            let state = match (schedule.enabled, schedule.late_seconds) {
                (false, _) => "disabled".to_owned(),
                (true, Some(seconds)) => format!("late by {}", span(seconds)),
                (true, None) => "enabled".to_owned(),
            };
            vec![
                schedule.name.clone(),
                schedule.cron_expr.clone(),
                time_or_dash(schedule.next_run_at),
                time_or_dash(schedule.last_run_at),
                state,
                schedule.queue_name.clone(),
                schedule.task_path.clone(),
            ]
        });
        out.table(&table(&["NAME", "SCHEDULE", "NEXT", "LAST", "STATE", "QUEUE", "TASK"], rows));
        if let Some(after) = &self.next_after {
            out.faint(&format!("There are more: use `--after {}`.", shell_word(after)));
        }
    }
}
