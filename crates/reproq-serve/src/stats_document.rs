//! The document of Django's stats page, key for key. Pure: `reproq stats --format api` and `reproq serve` share it.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Timelike;
use chrono::Utc;
use reproq_queue::stats::FailingTask;
use reproq_queue::stats::QueueControl;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::WorkerRow;
use reproq_queue::stats::WorkerState;
use serde::Serialize;

use crate::state::ObservedDatabase;

/// Django shows this many tasks.
const TOP: usize = 5;

/// Paths that are read of each database, so that the sum over several is right.
pub const TOP_OF_EACH: i64 = 1000;

type Counts = BTreeMap<String, i64>;

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatsDocument {
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

#[derive(Debug, Clone, PartialEq, Serialize)]
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

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ApiSchedule {
    name: String,
    cron_expr: String,
    enabled: bool,
    next_run_at: Option<String>,
    queue_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ApiControl {
    queue_name: String,
    paused: bool,
    paused_at: Option<String>,
    reason: Option<String>,
    updated_at: String,
    database: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct WorkerHealth {
    alive: usize,
    dead: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of Django's document")]
struct Scheduler {
    mode: &'static str,
    low_memory: bool,
    beat_enabled: bool,
    beat_configured: bool,
    pg_cron_available: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ApiDatabase {
    alias: String,
    tasks: Counts,
    queues: BTreeMap<String, Counts>,
    workers: Vec<ApiWorker>,
    periodic: Vec<ApiSchedule>,
}

/// What the variables say about the scheduler, as Django decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulerSettings {
    low_memory: bool,
    beat_configured: bool,
}

/// The rows of one database.
#[derive(Debug, Clone, Copy)]
pub struct StatsRows<'a> {
    /// All tasks by queue and status.
    pub counts: &'a [(String, String, i64)],
    /// The workers.
    pub workers: &'a [WorkerRow],
    /// The schedules.
    pub schedules: &'a [ScheduleRow],
    /// What was set for queues.
    pub controls: &'a [QueueControl],
    /// The tasks that failed most often, up to [`TOP_OF_EACH`].
    pub failing: &'a [FailingTask],
    /// Whether the extension `pg_cron` could be created.
    pub has_pg_cron: bool,
}

impl SchedulerSettings {
    /// Decides by the variables; an empty one is a value here.
    pub fn of_variables(value: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| value(name).map(|value| value.trim().to_ascii_lowercase());
        let low_memory =
            text("LOW_MEMORY_MODE").is_some_and(|word| ["1", "true", "t", "yes", "y", "on"].contains(&word.as_str()));
        let is_beat = text("REPROQ_SCHEDULER_MODE").is_none_or(|mode| mode.is_empty() || mode == "beat");
        let has_command = text("REPROQ_BEAT_CMD")
            .is_none_or(|word| !["", "0", "false", "off", "disabled", "none"].contains(&word.as_str()));
        Self { low_memory, beat_configured: is_beat && has_command }
    }

    const fn scheduler(self, pg_cron_available: bool) -> Scheduler {
        let Self { low_memory, beat_configured } = self;
        let beat_enabled = beat_configured && !low_memory;
        let mode = match (beat_enabled, pg_cron_available) {
            (true, _) => "beat",
            (false, true) => "pg_cron",
            (false, false) => "disabled",
        };
        Scheduler { mode, low_memory, beat_enabled, beat_configured, pg_cron_available }
    }
}

impl StatsDocument {
    /// The document of these databases, with their aliases.
    pub fn new<'a>(databases: impl IntoIterator<Item = (&'a str, StatsRows<'a>)>, settings: SchedulerSettings) -> Self {
        let mut document = Self {
            tasks: Counts::new(),
            queues: BTreeMap::new(),
            workers: Vec::new(),
            periodic: Vec::new(),
            queue_controls: Vec::new(),
            worker_health: WorkerHealth::default(),
            scheduler: settings.scheduler(false),
            top_failing: Vec::new(),
            databases: Vec::new(),
        };
        let mut failing = Counts::new();
        for (index, (alias, rows)) in databases.into_iter().enumerate() {
            // Django looks at its default connection.
            if index == 0 {
                document.scheduler = settings.scheduler(rows.has_pg_cron);
            }
            for task in rows.failing {
                *failing.entry(task.task_path.clone()).or_default() += task.tasks;
            }
            document.add(alias, &rows);
        }
        document.top_failing = failing.into_iter().map(|(task_path, tasks)| FailingTask { task_path, tasks }).collect();
        document.top_failing.sort_by_key(|task| std::cmp::Reverse(task.tasks));
        document.top_failing.truncate(TOP);
        document
    }

    /// The document of the databases that were read.
    pub(crate) fn of_observed(databases: &[ObservedDatabase], settings: SchedulerSettings) -> Self {
        let read: Vec<_> = databases
            .iter()
            .filter_map(|database| Some((database, database.live.as_deref()?, database.history.as_deref()?)))
            .map(|(database, live, history)| (database, database.counts(), live, history))
            .collect();
        let rows = read.iter().map(|(database, counts, live, history)| {
            let rows = StatsRows {
                counts,
                workers: &live.workers,
                schedules: &live.schedules,
                controls: &live.controls,
                failing: &history.failing_ever,
                has_pg_cron: history.has_pg_cron,
            };
            (database.alias.as_str(), rows)
        });
        Self::new(rows, settings)
    }

    /// Whether there is no database.
    pub const fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    fn add(&mut self, alias: &str, found: &StatsRows<'_>) {
        let mut tasks = Counts::new();
        let mut queues: BTreeMap<String, Counts> = BTreeMap::new();
        for (queue, status, number) in found.counts {
            *self.tasks.entry(status.clone()).or_default() += number;
            *self.queues.entry(queue.clone()).or_default().entry(status.clone()).or_default() += number;
            *tasks.entry(status.clone()).or_default() += number;
            *queues.entry(queue.clone()).or_default().entry(status.clone()).or_default() += number;
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
        self.queue_controls.extend(found.controls.iter().map(|control| ApiControl {
            queue_name: control.queue_name.clone(),
            paused: control.paused,
            paused_at: control.paused_at.map(time),
            reason: control.reason.clone(),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::samples;

    fn settings(variables: &[(&str, &str)]) -> SchedulerSettings {
        SchedulerSettings::of_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_scheduler_follows_from_the_environment() {
        let of = |variables: &[(&str, &str)], pg_cron: bool| {
            let scheduler = settings(variables).scheduler(pg_cron);
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

    /// Each has four failures of the same task, and the one that was not read has none.
    #[test]
    fn databases_are_added_and_those_that_were_not_read_are_left_out() {
        let observed = |alias: &str| ObservedDatabase {
            alias: alias.to_owned(),
            live: Some(Arc::new(samples::live())),
            history: Some(Arc::new(samples::history())),
            ..ObservedDatabase::default()
        };
        let databases = [observed("default"), ObservedDatabase { history: None, ..observed("away") }, observed("mail")];
        let document = StatsDocument::of_observed(&databases, settings(&[]));
        let value = serde_json::to_value(&document).expect("a document");
        assert_eq!(
            value["tasks"],
            serde_json::json!({"FAILED": 8, "READY": 14, "RUNNING": 2, "SUCCESSFUL": 40, "WAITING": 6})
        );
        assert_eq!(value["worker_health"], serde_json::json!({"alive": 2, "dead": 2}));
        assert_eq!(value["top_failing"], serde_json::json!([{"task_path": "shop.tasks.charge", "count": 8}]));
        let aliases: Vec<&str> =
            value["databases"].as_array().expect("a list").iter().filter_map(|it| it["alias"].as_str()).collect();
        assert_eq!(aliases, ["default", "mail"]);
        assert!(!document.is_empty() && StatsDocument::of_observed(&databases[1..2], settings(&[])).is_empty());
    }
}
