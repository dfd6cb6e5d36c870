//! The report of `reproq stats`.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::stats::FailingTask;
use reproq_queue::stats::HistoryCount;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::QueueSnapshot;
use reproq_queue::stats::WorkerRow;
use reproq_queue::stats::WorkerState;
use reproq_queue::stats::queue_depths;
use reproq_queue::text::span;
use serde::Serialize;

use crate::failure::CommandError;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::ui::bar;

/// For how long failures are counted, in seconds: an index on the time of the failure answers that.
pub(in crate::commands) const FAILURE_WINDOW: f64 = 86_400.0;

/// Names that are listed; the rest is counted.
const LISTED: usize = 5;

/// The columns of a bar.
const BAR: usize = 24;

#[derive(Debug, Default, Serialize)]
pub(super) struct StatsReport {
    databases: Vec<DatabaseStats>,
    /// Those of several that could not be read.
    failed: Vec<FailedDatabase>,
}

#[derive(Debug, Serialize)]
struct FailedDatabase {
    alias: Option<String>,
    error: String,
}

#[derive(Debug, Serialize)]
struct DatabaseStats {
    /// The alias; `null` for the default database.
    alias: Option<String>,
    from: String,
    /// The time of the database.
    at: DateTime<Utc>,
    standby: bool,
    totals: QueueDepth,
    queues: Vec<QueueDepth>,
    history: History,
    failures: Failures,
    workers: Workers,
    schedules: Schedules,
}

/// Finished tasks, as far as they were not deleted.
#[derive(Debug, Serialize)]
struct History {
    /// Whether they were counted; otherwise they follow from the statistics of the last ANALYZE.
    exact: bool,
    /// `null` if the table was never analyzed.
    counts: Option<Vec<HistoryCount>>,
}

#[derive(Debug, Serialize)]
struct Failures {
    window_seconds: i64,
    exact: bool,
    count: i64,
    top: Vec<FailingTask>,
}

#[derive(Debug, Serialize)]
struct Workers {
    alive: usize,
    stale: usize,
    /// Owners of leases that have not reported themselves as workers.
    unknown: usize,
    /// Workers whose lease on a task has expired.
    with_expired_leases: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Schedules {
    enabled: usize,
    disabled: usize,
    late: Vec<LateSchedule>,
}

#[derive(Debug, Serialize)]
struct LateSchedule {
    name: String,
    next_run_at: Option<DateTime<Utc>>,
    late_seconds: i64,
}

impl StatsReport {
    /// Adds a database that could not be read.
    pub(super) fn add_failure(&mut self, alias: Option<String>, failure: &CommandError) {
        self.failed.push(FailedDatabase { alias, error: failure.lines().join(": ") });
    }

    /// Whether no database was read.
    pub(super) const fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// Adds what one database has.
    pub(super) fn add(&mut self, alias: Option<String>, from: &str, snapshot: &QueueSnapshot) {
        let queues = queue_depths(snapshot);
        let now = snapshot.server.now;
        let with_state = |state| snapshot.workers.iter().filter(move |worker| worker.state() == state);
        let expired = snapshot.workers.iter().filter(|worker| worker.expired > 0);
        let late = snapshot.schedules.iter().filter_map(|schedule| {
            let late_seconds = schedule.late_seconds(now)?;
            Some(LateSchedule { name: schedule.name.clone(), next_run_at: schedule.next_run_at, late_seconds })
        });
        let enabled = snapshot.schedules.iter().filter(|schedule| schedule.enabled).count();
        self.databases.push(DatabaseStats {
            alias,
            from: from.to_owned(),
            at: now,
            standby: snapshot.server.standby,
            totals: totals(&queues),
            history: History { exact: snapshot.history_is_exact, counts: snapshot.history.clone() },
            failures: Failures {
                window_seconds: 86_400,
                exact: true,
                count: snapshot.failures,
                top: snapshot.failing.clone(),
            },
            workers: Workers {
                alive: with_state(WorkerState::Alive).count(),
                stale: with_state(WorkerState::Stale).count(),
                unknown: with_state(WorkerState::Unknown).count(),
                with_expired_leases: expired.map(|worker: &WorkerRow| worker.worker_id.clone()).collect(),
            },
            schedules: Schedules { enabled, disabled: snapshot.schedules.len() - enabled, late: late.collect() },
            queues,
        });
    }
}

/// The sum over all queues. A worker may serve several, so workers are not added.
fn totals(queues: &[QueueDepth]) -> QueueDepth {
    let mut all = QueueDepth { queue: "*".to_owned(), ..QueueDepth::default() };
    for queue in queues {
        all.ready += queue.ready;
        all.scheduled += queue.scheduled;
        all.running += queue.running;
        all.waiting += queue.waiting;
        all.expired_leases += queue.expired_leases;
        all.missing_leases += queue.missing_leases;
        all.cancel_requested += queue.cancel_requested;
        all.oldest_seconds = all.oldest_seconds.max(queue.oldest_seconds);
        all.oldest_lease_seconds = all.oldest_lease_seconds.max(queue.oldest_lease_seconds);
    }
    all
}

impl Report for StatsReport {
    const SCHEMA: &'static str = "reproq.stats/1";

    fn human(&self, out: &mut TextReport) {
        for (index, database) in self.databases.iter().enumerate() {
            if index > 0 {
                out.blank();
            }
            if self.databases.len() + self.failed.len() > 1 {
                out.strong(database.alias.as_deref().unwrap_or("default"));
            }
            database.human(out);
        }
        for (index, database) in self.failed.iter().enumerate() {
            if index > 0 || !self.is_empty() {
                out.blank();
            }
            out.strong(database.alias.as_deref().unwrap_or("default"));
            out.line(&format!("not read: {}", database.error));
        }
    }
}

impl DatabaseStats {
    fn human(&self, out: &mut TextReport) {
        let totals = &self.totals;
        let mut pairs = vec![(
            "Tasks",
            format!(
                "{} ready, {} scheduled, {} running, {} waiting",
                totals.ready, totals.scheduled, totals.running, totals.waiting
            ),
        )];
        if let Some(seconds) = totals.oldest_seconds {
            pairs.push(("Oldest", format!("ready for {}", span(seconds))));
        }
        pairs.extend(leases(totals).map(|leases| ("Leases", leases)));
        if totals.cancel_requested > 0 {
            pairs.push(("Cancelling", format!("{} requested", totals.cancel_requested)));
        }
        pairs.push(("Finished", self.history.text()));
        pairs.push(("Failures", self.failures.text()));
        pairs.push(("Workers", self.workers.text()));
        pairs.push(("Schedules", self.schedules.text()));
        if self.standby {
            pairs.push(("Server", "a standby: what it shows may be behind".to_owned()));
        }
        out.pairs(&pairs);
        if !self.queues.is_empty() {
            out.blank();
        }
        queue_table(&self.queues, out);
    }
}

fn leases(queue: &QueueDepth) -> Option<String> {
    let mut parts = Vec::new();
    if queue.expired_leases > 0 {
        let age = queue.oldest_lease_seconds.map(|seconds| format!(" (the oldest {} ago)", span(seconds)));
        parts.push(format!("{} expired{}", queue.expired_leases, age.unwrap_or_default()));
    }
    if queue.missing_leases > 0 {
        parts.push(format!("{} missing", queue.missing_leases));
    }
    (!parts.is_empty()).then(|| format!("{}; see `reproq task list --expired`", parts.join(", ")))
}

/// The queues, one per row. On a terminal, the depth is drawn.
pub(in crate::commands) fn queue_table(queues: &[QueueDepth], out: &mut TextReport) {
    if queues.is_empty() {
        return;
    }
    let is_drawn = out.columns().is_some_and(|columns| columns >= 80);
    let largest = queues.iter().map(|queue| queue.ready + queue.running).max().unwrap_or(0);
    let mut heading = ["QUEUE", "READY", "SCHEDULED", "RUNNING", "WAITING", "OLDEST", "WORKERS", "STATE"].to_vec();
    if is_drawn {
        heading.insert(1, "DEPTH");
    }
    let rows = queues.iter().map(|queue| {
        let mut row = vec![
            queue.queue.clone(),
            queue.ready.to_string(),
            queue.scheduled.to_string(),
            queue.running.to_string(),
            queue.waiting.to_string(),
            queue.oldest_seconds.map_or_else(|| "-".to_owned(), span),
            queue.workers_alive.to_string(),
            queue_state(queue),
        ];
        if is_drawn {
            let columns = if out.columns().is_some_and(|columns| columns >= 110) { BAR } else { BAR / 3 };
            row.insert(1, bar(queue.ready + queue.running, largest, columns));
        }
        row
    });
    let heading = heading.into_iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    out.table(&rows);
}

/// What is wrong with a queue, first what stops it.
pub(in crate::commands) fn queue_state(queue: &QueueDepth) -> String {
    let mut parts = Vec::new();
    if queue.paused {
        let reason = queue.paused_reason.as_ref().map(|reason| format!(": {reason}"));
        parts.push(format!("paused{}", reason.unwrap_or_default()));
    }
    if queue.workers_alive == 0 && queue.ready > 0 {
        parts.push("no live worker".to_owned());
    }
    if queue.expired_leases > 0 {
        parts.push(format!("{} expired", queue.expired_leases));
    }
    if queue.missing_leases > 0 {
        parts.push(format!("{} without lease", queue.missing_leases));
    }
    if parts.is_empty() { "ok".to_owned() } else { parts.join(", ") }
}

impl History {
    fn text(&self) -> String {
        let Some(counts) = &self.counts else {
            return "unknown: the table was never analyzed; run `ANALYZE task_runs`".to_owned();
        };
        let about = if self.exact { "" } else { "~" };
        let each: Vec<String> =
            counts.iter().map(|count| format!("{about}{} {}", count.tasks, count.status.to_lowercase())).collect();
        format!("{}{}", each.join(", "), if self.exact { "" } else { " (estimated)" })
    }
}

impl Failures {
    fn text(&self) -> String {
        let top: Vec<String> = self.top.iter().map(|task| format!("{} ({})", task.task_path, task.tasks)).collect();
        let top = if top.is_empty() { String::new() } else { format!(": {}", top.join(", ")) };
        format!("{} in {}{top}", self.count, span(self.window_seconds))
    }
}

impl Workers {
    fn text(&self) -> String {
        let mut text = format!("{} alive, {} stale", self.alive, self.stale);
        if self.unknown > 0 {
            text.push_str(&format!(", {} unknown with leases", self.unknown));
        }
        text
    }
}

impl Schedules {
    fn text(&self) -> String {
        let mut text = format!("{} enabled", self.enabled);
        if self.disabled > 0 {
            text.push_str(&format!(", {} disabled", self.disabled));
        }
        if !self.late.is_empty() {
            let mut names: Vec<String> = self
                .late
                .iter()
                .take(LISTED)
                .map(|schedule| format!("{} ({})", schedule.name, span(schedule.late_seconds)))
                .collect();
            if self.late.len() > LISTED {
                names.push(format!("{} more", self.late.len() - LISTED));
            }
            text.push_str(&format!("; {} late: {}", self.late.len(), names.join(", ")));
        }
        text
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
