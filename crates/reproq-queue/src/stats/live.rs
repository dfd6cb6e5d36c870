//! Rows that say what is live, and the depth of each queue.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

/// A worker that has not reported itself for this long, in seconds, is stale, as Django has it. Workers report every 30 s.
pub const STALE_SECONDS: f64 = 120.0;

/// A schedule that should have run this long ago is late. Beats look every 30 s.
const LATE_SECONDS: i64 = 90;

/// The server, and the table of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerRow {
    /// The time of the transaction, which all other times are compared with.
    pub now: DateTime<Utc>,
    /// Whether it is a standby.
    pub standby: bool,
    /// The estimated number of rows; negative if it was never analyzed.
    pub rows: f64,
    /// The size of the table.
    pub bytes: i64,
    /// Whether the table of limits exists.
    pub has_limits: bool,
    /// Whether the table of workflows exists.
    pub has_workflows: bool,
    /// Whether the tasks of a workflow can be found without reading all tasks.
    pub has_workflow_index: bool,
}

/// Live tasks of one status in one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCount {
    /// The status.
    pub status: String,
    /// The queue.
    pub queue_name: String,
    /// The number of tasks.
    pub tasks: i64,
    /// Those that must not run yet.
    pub scheduled: i64,
    /// Those with an expired lease.
    pub expired: i64,
    /// Those that run without a lease.
    pub missing: i64,
    /// Those whose cancellation was requested.
    pub cancels: i64,
    /// Since when the oldest could run, runs or waits.
    pub oldest: Option<DateTime<Utc>>,
    /// When the oldest expired lease ended.
    pub oldest_lease: Option<DateTime<Utc>>,
}

/// What was set for a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueControl {
    /// The queue.
    pub queue_name: String,
    /// Whether nothing is claimed from it.
    pub paused: bool,
    /// Since when.
    pub paused_at: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<String>,
    /// When this was set.
    pub updated_at: DateTime<Utc>,
}

/// A worker that has reported itself, or an owner of leases that has not.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerRow {
    /// Its id.
    pub worker_id: String,
    /// Whether it has reported itself.
    pub known: bool,
    /// Its machine.
    pub hostname: Option<String>,
    /// How many tasks it runs at once.
    pub concurrency: Option<i32>,
    /// The names of its queues: a JSON array.
    pub queues: Option<String>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reported itself last.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Its version.
    pub version: Option<String>,
    /// How long ago it reported itself.
    pub seconds: Option<f64>,
    /// How many tasks it runs.
    pub running: i64,
    /// How many of them have an expired lease.
    pub expired: i64,
}

/// A worker that has not reported itself for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadWorker {
    /// Its id.
    pub worker_id: String,
    /// Its machine.
    pub hostname: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// When it reported itself last.
    pub last_seen_at: DateTime<Utc>,
    /// How many running tasks have its lease, expired or not. Its row tells whose they are.
    pub running: i64,
}

/// What is known of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// It has reported itself lately.
    Alive,
    /// It has not.
    Stale,
    /// It holds leases, and no worker has reported itself under this id.
    Unknown,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub cron_expr: String,
    /// What it runs.
    pub task_path: String,
    /// The arguments: JSON, cut off after 4096 characters.
    pub payload: String,
    /// Their size.
    pub payload_bytes: i32,
    /// The queue.
    pub queue_name: String,
    /// The priority.
    pub priority: i32,
    /// How often a run is attempted.
    pub max_attempts: i32,
    /// Of all tasks with this key, so many run at a time.
    pub concurrency_key: Option<String>,
    /// How many.
    pub concurrency_limit: i32,
    /// Whether it runs at all.
    pub enabled: bool,
    /// Its last run.
    pub last_run_at: Option<DateTime<Utc>>,
    /// Its next run; `None` if that is infinite.
    pub next_run_at: Option<DateTime<Utc>>,
}

/// When a schedule runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleTime {
    /// Its name.
    pub name: String,
    /// Whether it runs at all.
    pub enabled: bool,
    /// Its next run; `None` if that is infinite.
    pub next_run_at: Option<DateTime<Utc>>,
}

/// A rate limit.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimitRow {
    /// `task:PATH`, `queue:NAME` or `global`.
    pub key: String,
    /// Tokens per second; 0 is no limit.
    pub rate: f64,
    /// The largest number of tokens.
    pub burst: i32,
    /// The tokens that were left at the last claim.
    pub tokens: f64,
    /// When that was.
    pub last_refilled_at: DateTime<Utc>,
    /// How long ago that was, in seconds.
    pub elapsed: f64,
}

/// How many tasks have a status that is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryCount {
    /// The status.
    pub status: String,
    /// The number of tasks.
    pub tasks: i64,
}

/// A task that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailingTask {
    /// Its path.
    pub task_path: String,
    /// How often.
    #[serde(rename = "count")]
    pub tasks: i64,
}

/// Everything that one reading transaction saw.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueSnapshot {
    /// The server.
    pub server: ServerRow,
    /// Live tasks.
    pub live: Vec<LiveCount>,
    /// What was set for queues.
    pub controls: Vec<QueueControl>,
    /// The workers.
    pub workers: Vec<WorkerRow>,
    /// The schedules.
    pub schedules: Vec<ScheduleTime>,
    /// Finished tasks by status; `None` if nothing is known.
    pub history: Option<Vec<HistoryCount>>,
    /// Whether `history` was counted.
    pub history_is_exact: bool,
    /// The tasks that failed most often in the last seconds.
    pub failing: Vec<FailingTask>,
    /// The number of all failures in that time.
    pub failures: i64,
}

/// The depth of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct QueueDepth {
    /// The queue.
    pub queue: String,
    /// Tasks that could run now.
    pub ready: i64,
    /// Tasks that must not run yet.
    pub scheduled: i64,
    /// Tasks that run.
    pub running: i64,
    /// Tasks that wait for others of their workflow.
    pub waiting: i64,
    /// For how long the oldest of those that could run has waited, in seconds.
    pub oldest_seconds: Option<i64>,
    /// Running tasks whose lease has expired.
    pub expired_leases: i64,
    /// Running tasks without a lease, which no worker reclaims.
    pub missing_leases: i64,
    /// How long ago the oldest expired lease ended, in seconds.
    pub oldest_lease_seconds: Option<i64>,
    /// Tasks whose cancellation was requested.
    pub cancel_requested: i64,
    /// Whether nothing is claimed from the queue.
    pub paused: bool,
    /// Why.
    pub paused_reason: Option<String>,
    /// Since when.
    pub paused_at: Option<DateTime<Utc>>,
    /// Workers that have reported themselves lately and serve the queue.
    pub workers_alive: usize,
}

impl WorkerRow {
    /// What is known of it.
    pub fn state(&self) -> WorkerState {
        match self.seconds {
            Some(seconds) if self.known && seconds <= STALE_SECONDS => WorkerState::Alive,
            Some(_) | None if self.known => WorkerState::Stale,
            Some(_) | None => WorkerState::Unknown,
        }
    }

    /// The names of its queues. Without any, the worker serves `default`.
    pub fn queue_names(&self) -> Vec<String> {
        let text = self.queues.as_deref().unwrap_or("[]");
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Whether it is alive and serves a queue.
    pub fn serves(&self, queue: &str) -> bool {
        let names = self.queue_names();
        let is_listed = names.iter().any(|name| name == queue) || (names.is_empty() && queue == "default");
        self.state() == WorkerState::Alive && is_listed
    }
}

impl ScheduleRow {
    /// How late its next run is, in seconds, if it is late.
    pub fn late_seconds(&self, now: DateTime<Utc>) -> Option<i64> {
        late_seconds(self.enabled, self.next_run_at, now)
    }
}

impl ScheduleTime {
    /// How late its next run is, in seconds, if it is late.
    pub fn late_seconds(&self, now: DateTime<Utc>) -> Option<i64> {
        late_seconds(self.enabled, self.next_run_at, now)
    }
}

fn late_seconds(enabled: bool, next_run_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<i64> {
    let late = (now - next_run_at?).num_seconds();
    (enabled && late > LATE_SECONDS).then_some(late)
}

impl RateLimitRow {
    /// The tokens that are available now.
    pub fn available(&self) -> f64 {
        (self.tokens + self.elapsed * self.rate).min(f64::from(self.burst))
    }

    /// Whether it limits anything. A row for a task or queue that does not exempts it from the wider ones.
    pub const fn is_active(&self) -> bool {
        self.rate > 0.0 && self.burst > 0
    }

    /// How long until a task can be claimed, in seconds; 0 if one can be now.
    pub fn wait_seconds(&self) -> f64 {
        if self.is_active() { ((1.0 - self.available()) / self.rate).max(0.0) } else { 0.0 }
    }
}

/// The depth of each queue, with queues that are only paused or served, sorted by name.
pub fn queue_depths(snapshot: &QueueSnapshot) -> Vec<QueueDepth> {
    let mut queues: BTreeMap<&str, QueueDepth> = BTreeMap::new();
    let served: Vec<Vec<String>> =
        snapshot.workers.iter().filter(|it| it.state() == WorkerState::Alive).map(WorkerRow::queue_names).collect();
    let paused = snapshot.controls.iter().filter(|control| control.paused).map(|control| control.queue_name.as_str());
    let named = snapshot.live.iter().map(|row| row.queue_name.as_str()).chain(paused);
    for name in named.chain(served.iter().flatten().map(String::as_str)) {
        queues.entry(name).or_insert_with(|| QueueDepth { queue: name.to_owned(), ..QueueDepth::default() });
    }
    let now = snapshot.server.now;
    let age = |at: Option<DateTime<Utc>>| at.map(|at| (now - at).num_seconds().max(0));
    for row in &snapshot.live {
        let Some(queue) = queues.get_mut(row.queue_name.as_str()) else { continue };
        queue.cancel_requested += row.cancels;
        match row.status.as_str() {
            "READY" => {
                queue.ready = row.tasks - row.scheduled;
                queue.scheduled = row.scheduled;
                queue.oldest_seconds = age(row.oldest);
            }
            "RUNNING" => {
                queue.running = row.tasks;
                queue.expired_leases = row.expired;
                queue.missing_leases = row.missing;
                queue.oldest_lease_seconds = age(row.oldest_lease);
            }
            _ => queue.waiting = row.tasks,
        }
    }
    for control in snapshot.controls.iter().filter(|control| control.paused) {
        if let Some(queue) = queues.get_mut(control.queue_name.as_str()) {
            queue.paused = true;
            queue.paused_reason = control.reason.clone().filter(|reason| !reason.is_empty());
            queue.paused_at = control.paused_at;
        }
    }
    for (name, queue) in &mut queues {
        queue.workers_alive = snapshot.workers.iter().filter(|worker| worker.serves(name)).count();
    }
    queues.into_values().collect()
}
