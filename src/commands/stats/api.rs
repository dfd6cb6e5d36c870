//! `reproq stats --format api`: the document of Django's stats page, key for key. It counts the whole history.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Timelike;
use chrono::Utc;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Transaction;
use reproq_queue::read;
use reproq_queue::stats::FailingTask;
use reproq_queue::stats::QueueControl;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::WorkerRow;
use reproq_queue::stats::WorkerState;
use serde::Serialize;

use super::each_database;
use super::finish;
use crate::cli::StatsArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::config::Env;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::printable_json;
use crate::ui::Report;
use crate::ui::TextReport;

/// Django shows this many tasks.
const TOP: usize = 5;

/// Paths that are read of each database, so that the sum over several is right.
const TOP_OF_EACH: i64 = 1000;

type Counts = BTreeMap<String, i64>;

#[derive(Debug, Default, Serialize)]
struct StatsApiReport {
    tasks: Counts,
    queues: BTreeMap<String, Counts>,
    workers: Vec<ApiWorker>,
    periodic: Vec<ApiSchedule>,
    queue_controls: Vec<ApiControl>,
    worker_health: WorkerHealth,
    scheduler: Scheduler,
    top_failing: Vec<FailingTask>,
    databases: Vec<ApiDatabase>,
}

#[derive(Debug, Clone, Serialize)]
struct ApiWorker {
    worker_id: String,
    hostname: Option<String>,
    concurrency: Option<i32>,
    queues: Vec<String>,
    last_seen_at: Option<String>,
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct ApiSchedule {
    name: String,
    cron_expr: String,
    enabled: bool,
    next_run_at: Option<String>,
    queue_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
}

#[derive(Debug, Serialize)]
struct ApiControl {
    queue_name: String,
    paused: bool,
    paused_at: Option<String>,
    reason: Option<String>,
    updated_at: String,
    database: String,
}

#[derive(Debug, Default, Serialize)]
struct WorkerHealth {
    alive: usize,
    dead: usize,
}

#[derive(Debug, Default, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of Django's document")]
struct Scheduler {
    mode: &'static str,
    low_memory: bool,
    beat_enabled: bool,
    beat_configured: bool,
    pg_cron_available: bool,
}

#[derive(Debug, Serialize)]
struct ApiDatabase {
    alias: String,
    tasks: Counts,
    queues: BTreeMap<String, Counts>,
    workers: Vec<ApiWorker>,
    periodic: Vec<ApiSchedule>,
}

/// What one database has.
struct Read {
    counts: Vec<(String, String, i64)>,
    workers: Vec<WorkerRow>,
    schedules: Vec<ScheduleRow>,
    controls: Vec<QueueControl>,
    failing: Vec<FailingTask>,
    has_pg_cron: bool,
}

pub(super) fn api(arguments: &StatsArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let mut report = StatsApiReport::default();
    let mut failing: Counts = BTreeMap::new();
    let mut has_pg_cron = None;
    let failures = each_database(arguments, session, |database| {
        let found = Database::read(database, session, read_one)?;
        has_pg_cron.get_or_insert(found.has_pg_cron);
        for task in &found.failing {
            *failing.entry(task.task_path.clone()).or_default() += task.tasks;
        }
        report.add(database.database.as_deref().unwrap_or("default"), found);
        Ok(())
    })?;
    report.scheduler = scheduler(&session.env, has_pg_cron.unwrap_or(false));
    report.top_failing = failing.into_iter().map(|(task_path, tasks)| FailingTask { task_path, tasks }).collect();
    report.top_failing.sort_by_key(|task| std::cmp::Reverse(task.tasks));
    report.top_failing.truncate(TOP);
    session.ui.report(&report)?;
    Ok(finish(failures, report.databases.is_empty(), session))
}

async fn read_one(tx: &Transaction<'_>) -> Result<Read, PgError> {
    Ok(Read {
        counts: read::count_all(tx).await?,
        workers: read::workers(tx).await?,
        schedules: read::schedules(tx, None, read::MAX_ROWS).await?,
        controls: read::controls(tx).await?,
        failing: read::failing_ever(tx, TOP_OF_EACH).await?,
        has_pg_cron: read::has_pg_cron(tx).await?,
    })
}

impl StatsApiReport {
    fn add(&mut self, alias: &str, found: Read) {
        let mut tasks: Counts = BTreeMap::new();
        let mut queues: BTreeMap<String, Counts> = BTreeMap::new();
        for (queue, status, number) in found.counts {
            *self.tasks.entry(status.clone()).or_default() += number;
            *self.queues.entry(queue.clone()).or_default().entry(status.clone()).or_default() += number;
            *tasks.entry(status.clone()).or_default() += number;
            *queues.entry(queue).or_default().entry(status).or_default() += number;
        }
        // Owners of leases that are no workers are not in Django's table.
        let known: Vec<&WorkerRow> = found.workers.iter().filter(|worker| worker.known).collect();
        let alive = known.iter().filter(|worker| worker.state() == WorkerState::Alive).count();
        self.worker_health.alive += alive;
        self.worker_health.dead += known.len() - alive;
        let workers: Vec<ApiWorker> = known.into_iter().map(worker).collect();
        let periodic: Vec<ApiSchedule> = found.schedules.iter().map(schedule).collect();
        let database = Some(alias.to_owned());
        self.workers.extend(workers.iter().cloned().map(|it| ApiWorker { database: database.clone(), ..it }));
        self.periodic.extend(periodic.iter().cloned().map(|it| ApiSchedule { database: database.clone(), ..it }));
        self.queue_controls.extend(found.controls.into_iter().map(|control| ApiControl {
            queue_name: control.queue_name,
            paused: control.paused,
            paused_at: control.paused_at.map(time),
            reason: control.reason,
            updated_at: time(control.updated_at),
            database: alias.to_owned(),
        }));
        self.databases.push(ApiDatabase { alias: alias.to_owned(), tasks, queues, workers, periodic });
    }
}

fn worker(row: &WorkerRow) -> ApiWorker {
    ApiWorker {
        worker_id: row.worker_id.clone(),
        hostname: row.hostname.clone(),
        concurrency: row.concurrency,
        queues: row.queue_names(),
        last_seen_at: row.last_seen_at.map(time),
        version: row.version.clone(),
        database: None,
    }
}

fn schedule(row: &ScheduleRow) -> ApiSchedule {
    ApiSchedule {
        name: row.name.clone(),
        cron_expr: row.cron_expr.clone(),
        enabled: row.enabled,
        next_run_at: row.next_run_at.map(time),
        queue_name: row.queue_name.clone(),
        database: None,
    }
}

/// As Django's encoder writes a time in UTC: milliseconds, and none if there are no microseconds.
fn time(at: DateTime<Utc>) -> String {
    let format = if at.nanosecond() < 1000 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    at.to_rfc3339_opts(format, true)
}

/// From the environment, as Django decides it.
fn scheduler(env: &Env, pg_cron_available: bool) -> Scheduler {
    // An empty variable is a value here.
    let text = |name: &str| {
        let (_, value) = env.variables().find(|(variable, _)| *variable == name)?;
        Some(value.to_string_lossy().trim().to_ascii_lowercase())
    };
    let low_memory =
        text("LOW_MEMORY_MODE").is_some_and(|word| ["1", "true", "t", "yes", "y", "on"].contains(&word.as_str()));
    let is_beat = text("REPROQ_SCHEDULER_MODE").is_none_or(|mode| mode.is_empty() || mode == "beat");
    let has_command = text("REPROQ_BEAT_CMD")
        .is_none_or(|word| !["", "0", "false", "off", "disabled", "none"].contains(&word.as_str()));
    let beat_configured = is_beat && has_command;
    let beat_enabled = beat_configured && !low_memory;
    let mode = match (beat_enabled, pg_cron_available) {
        (true, _) => "beat",
        (false, true) => "pg_cron",
        (false, false) => "disabled",
    };
    Scheduler { mode, low_memory, beat_enabled, beat_configured, pg_cron_available }
}

impl Report for StatsApiReport {
    const SCHEMA: &'static str = "reproq.stats-api/1";

    /// Exactly Django's keys; with `--json` the name of the schema is added.
    fn human(&self, out: &mut TextReport) {
        let text = serde_json::to_string_pretty(self).expect("a map with string keys");
        out.script(&printable_json(&text));
        out.script("\n");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_scheduler_follows_from_the_environment() {
        let of = |variables: &[(&'static str, &str)], pg_cron: bool| {
            let env = Env::built(Path::new("/"), variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
            let scheduler = scheduler(&env, pg_cron);
            (scheduler.mode, scheduler.beat_configured, scheduler.beat_enabled)
        };
        assert_eq!(of(&[], false), ("beat", true, true));
        assert_eq!(of(&[("REPROQ_BEAT_CMD", "off")], false), ("disabled", false, false));
        assert_eq!(of(&[("REPROQ_BEAT_CMD", "")], false), ("disabled", false, false));
        assert_eq!(of(&[("REPROQ_SCHEDULER_MODE", "cron")], true), ("pg_cron", false, false));
        assert_eq!(of(&[("LOW_MEMORY_MODE", "1")], false), ("disabled", true, false));
    }

    #[test]
    fn times_are_written_as_django_does() {
        let at = |text: &str| time(text.parse().expect("a time"));
        assert_eq!(at("2026-01-31T12:00:00.123999Z"), "2026-01-31T12:00:00.123Z");
        assert_eq!(at("2026-01-31T12:00:00.000001Z"), "2026-01-31T12:00:00.000Z");
        assert_eq!(at("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00Z");
    }
}
