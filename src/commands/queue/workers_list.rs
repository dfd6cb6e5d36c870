//! `reproq workers list`: the workers, alive or stale, and what they run.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::read;
use reproq_queue::stats::WorkerRow;
use reproq_queue::stats::WorkerState;
use reproq_queue::text::span;
use serde::Serialize;

use super::table;
use crate::cli::DatabaseArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct WorkersReport {
    at: DateTime<Utc>,
    workers: Vec<WorkerEntry>,
}

#[derive(Debug, Serialize)]
struct WorkerEntry {
    worker_id: String,
    state: WorkerState,
    hostname: Option<String>,
    version: Option<String>,
    concurrency: Option<i32>,
    queues: Vec<String>,
    started_at: Option<DateTime<Utc>>,
    last_seen_at: Option<DateTime<Utc>>,
    last_seen_seconds: Option<i64>,
    running: i64,
    expired_leases: i64,
}

pub(super) fn list(arguments: &DatabaseArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (at, rows) =
        Database::read(arguments, session, async |tx| Ok((read::server(tx).await?.now, read::workers(tx).await?)))?;
    let workers = rows.iter().map(|row| entry(row, at)).collect();
    session.ui.report(&WorkersReport { at, workers })?;
    Ok(ExitStatus::Success)
}

fn entry(row: &WorkerRow, now: DateTime<Utc>) -> WorkerEntry {
    WorkerEntry {
        worker_id: row.worker_id.clone(),
        state: row.state(),
        hostname: row.hostname.clone(),
        version: row.version.clone(),
        concurrency: row.concurrency,
        queues: row.queue_names(),
        started_at: row.started_at,
        last_seen_at: row.last_seen_at,
        last_seen_seconds: row.last_seen_at.map(|at| (now - at).num_seconds().max(0)),
        running: row.running,
        expired_leases: row.expired,
    }
}

impl Report for WorkersReport {
    const SCHEMA: &'static str = "reproq.workers/1";

    fn human(&self, out: &mut TextReport) {
        if self.workers.is_empty() {
            if !out.is_quiet() {
                out.line("No workers are registered.");
            }
            return;
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let rows = self.workers.iter().map(|worker| {
            let state = match worker.state {
                WorkerState::Alive => "alive",
                WorkerState::Stale => "stale",
                WorkerState::Unknown => "unknown",
            };
            let expired = match worker.expired_leases {
                0 => String::new(),
                number => format!(" ({number} expired)"),
            };
            vec![
                worker.worker_id.clone(),
                state.to_owned(),
                worker.last_seen_seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{} ago", span(seconds))),
                format!("{}{expired}", worker.running),
                worker.concurrency.map_or_else(|| "-".to_owned(), |number| number.to_string()),
                if worker.queues.is_empty() { "-".to_owned() } else { worker.queues.join(",") },
                text(&worker.hostname),
                text(&worker.version),
            ]
        });
        out.table(&table(&["WORKER", "STATE", "SEEN", "RUNNING", "CONCURRENCY", "QUEUES", "HOST", "VERSION"], rows));
    }
}
