//! `reproq periodic check`: schedules that fail, never run, or are late.

use chrono::DateTime;
use chrono::Datelike;
use chrono::Utc;
use jiff::tz::TimeZoneDatabase;
use reproq_queue::cron::Schedule;
use reproq_queue::read;
use reproq_queue::spec::PeriodicPayload;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::WorkerRow;
use reproq_queue::text::span;
use serde::Serialize;

use crate::cli::DatabaseArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::model::text::time;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct PeriodicCheckReport {
    at: DateTime<Utc>,
    /// The schedules that were checked.
    checked: usize,
    findings: Vec<ScheduleFinding>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct ScheduleFinding {
    name: String,
    severity: ScheduleSeverity,
    /// A name for programs.
    finding: &'static str,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ScheduleSeverity {
    Warning,
    Problem,
}

pub(super) fn check(arguments: &DatabaseArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (at, rows, workers) = Database::read(arguments, session, async |tx| {
        let now = read::server(tx).await?.now;
        Ok((now, read::schedules(tx, None, read::MAX_ROWS).await?, read::workers(tx).await?))
    })?;
    let zones = jiff::tz::db();
    let findings: Vec<ScheduleFinding> = rows.iter().flat_map(|row| findings(row, &workers, at, zones)).collect();
    let has_problem = findings.iter().any(|finding| finding.severity == ScheduleSeverity::Problem);
    session.ui.report(&PeriodicCheckReport { at, checked: rows.len(), findings })?;
    Ok(if has_problem { ExitStatus::Failure } else { ExitStatus::Success })
}

/// What is wrong with a schedule. One that is disabled is only warned about.
fn findings(
    row: &ScheduleRow,
    workers: &[WorkerRow],
    now: DateTime<Utc>,
    zones: &TimeZoneDatabase,
) -> Vec<ScheduleFinding> {
    let mut found = Vec::new();
    let severe = if row.enabled { ScheduleSeverity::Problem } else { ScheduleSeverity::Warning };
    let mut add = |severity, finding, message: String| {
        found.push(ScheduleFinding { name: row.name.clone(), severity, finding, message });
    };
    match Schedule::parse(&row.cron_expr, zones) {
        Err(error) => {
            let message = format!("`{}` is not a schedule that the worker accepts: {error}", row.cron_expr);
            add(severe, "not_a_schedule", message);
        }
        Ok(schedule) if schedule.never_fires() => {
            let message = format!("`{}` matches no date; the worker would run it at every tick", row.cron_expr);
            add(severe, "never_fires", message);
        }
        Ok(_) => {}
    }
    match row.next_run_at {
        None => add(severe, "no_next_run", "its next run is infinite".to_owned()),
        Some(next) if next.year() < 1970 => {
            let message = format!("its next run is {}: it runs at every pass of the worker's beat", time(next));
            add(severe, "runs_always", message);
        }
        Some(next) => {
            if let Some(seconds) = row.late_seconds(now) {
                let message = format!(
                    "it was due at {}, {} ago, and was not enqueued; is a beat running?",
                    time(next),
                    span(seconds)
                );
                add(ScheduleSeverity::Problem, "late", message);
            }
        }
    }
    let is_complete = usize::try_from(row.payload_bytes).is_ok_and(|bytes| bytes == row.payload.len());
    if is_complete && let Err(error) = PeriodicPayload::read(&row.payload) {
        add(severe, "payload", format!("the worker refuses its arguments: {error}"));
    }
    let queue = if row.queue_name.is_empty() { "default" } else { &row.queue_name };
    if row.enabled && !workers.iter().any(|worker| worker.serves(queue)) {
        add(ScheduleSeverity::Warning, "no_worker", format!("no live worker serves its queue {queue}"));
    }
    found
}

impl Report for PeriodicCheckReport {
    const SCHEMA: &'static str = "reproq.periodic-check/1";

    fn human(&self, out: &mut TextReport) {
        for finding in &self.findings {
            let label = match finding.severity {
                ScheduleSeverity::Warning => "warning",
                ScheduleSeverity::Problem => "problem",
            };
            out.line(&format!("{label:<8} {}: {}", finding.name, finding.message));
        }
        if self.findings.is_empty() && !out.is_quiet() {
            out.line(&format!("{} checked: nothing is wrong.", count(self.checked, "schedule")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-31T12:00:00Z".parse().expect("a time")
    }

    fn row() -> ScheduleRow {
        ScheduleRow {
            name: "nightly".to_owned(),
            cron_expr: "0 2 * * *".to_owned(),
            task_path: "shop.tasks.nightly".to_owned(),
            payload: "{}".to_owned(),
            payload_bytes: 2,
            queue_name: "default".to_owned(),
            priority: 0,
            max_attempts: 3,
            concurrency_key: None,
            concurrency_limit: 0,
            enabled: true,
            last_run_at: None,
            next_run_at: Some(now()),
        }
    }

    /// The findings after a change, with a worker on the queue.
    fn after(change: impl Fn(&mut ScheduleRow)) -> Vec<(ScheduleSeverity, &'static str)> {
        let mut row = row();
        change(&mut row);
        let worker = WorkerRow {
            worker_id: "w".to_owned(),
            known: true,
            hostname: None,
            concurrency: None,
            queues: Some("[]".to_owned()),
            started_at: None,
            last_seen_at: None,
            version: None,
            seconds: Some(1.0),
            running: 0,
            expired: 0,
        };
        let found = findings(&row, &[worker], now(), jiff::tz::db());
        found.iter().map(|finding| (finding.severity, finding.finding)).collect()
    }

    #[test]
    fn each_mistake_is_found() {
        use ScheduleSeverity::Problem;
        use ScheduleSeverity::Warning;
        assert_eq!(after(|_| ()), []);
        assert_eq!(after(|row| row.cron_expr = "@daily".to_owned()), [(Problem, "not_a_schedule")]);
        assert_eq!(after(|row| row.cron_expr = "0 0 31 2 *".to_owned()), [(Problem, "never_fires")]);
        let year_one = "0001-01-01T00:00:00Z".parse().expect("a time");
        assert_eq!(after(|row| row.next_run_at = Some(year_one)), [(Problem, "runs_always")]);
        assert_eq!(after(|row| row.next_run_at = None), [(Problem, "no_next_run")]);
        let early = now() - chrono::Duration::seconds(600);
        assert_eq!(after(|row| row.next_run_at = Some(early)), [(Problem, "late")]);
        let payload = |row: &mut ScheduleRow| (row.payload, row.payload_bytes) = ("{\"args\": 1}".to_owned(), 11);
        assert_eq!(after(payload), [(Problem, "payload")]);
        // A payload that was cut off is not judged.
        assert_eq!(after(|row| (row.payload, row.payload_bytes) = ("{\"args\"".to_owned(), 9000)), []);
        assert_eq!(after(|row| row.queue_name = "mail".to_owned()), [(Warning, "no_worker")]);
        let disabled = |row: &mut ScheduleRow| {
            row.enabled = false;
            row.cron_expr = "x".to_owned();
            row.next_run_at = Some(early);
        };
        assert_eq!(after(disabled), [(Warning, "not_a_schedule")]);
    }
}
