//! What is known of the databases. Pure; `observe` fills these values, and every response is a function of them.

use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::stats::FailingTask;
use reproq_queue::stats::Heatmap;
use reproq_queue::stats::QueueControl;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::ServerRow;
use reproq_queue::stats::Trend;
use reproq_queue::stats::WorkerRow;
use reproq_queue::tasks::WatchedTask;

use crate::counters::Counters;
use crate::depth::DepthHistory;

/// Everything that is known at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observation {
    /// Counts the observations; a reader that has this number has seen this one.
    pub number: u64,
    /// When it was made, by the clock of this machine; `None` before the first.
    pub at: Option<DateTime<Utc>>,
    /// The databases, in the order of the command line or the settings.
    pub databases: Vec<ObservedDatabase>,
    /// The depth of the queues until now.
    pub depth: Arc<DepthHistory>,
}

/// A database: what was last seen of it, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObservedDatabase {
    /// Its alias.
    pub alias: String,
    /// The last good reading of what is live.
    pub live: Option<Arc<LiveView>>,
    /// The last good reading of the history.
    pub history: Option<Arc<HistoryView>>,
    /// Why the last attempt to read what is live failed; `None` if it did not.
    pub outage: Option<Outage>,
    /// Why the last attempt to read the history failed.
    pub history_outage: Option<Outage>,
    /// What was counted since the start.
    pub counters: Counters,
}

/// A database that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outage {
    /// Since when, by the clock of this machine.
    pub since: DateTime<Utc>,
    /// The last error, without secrets.
    pub reason: String,
}

/// What is live, read in one transaction.
#[derive(Debug, Clone)]
pub(crate) struct LiveView {
    /// When it was read, by the clock of this machine.
    pub at: DateTime<Utc>,
    /// The server; its time is what ages are compared with.
    pub server: ServerRow,
    /// The depth of each queue.
    pub queues: Vec<QueueDepth>,
    /// Live tasks by queue and status.
    pub counts: Vec<(String, String, i64)>,
    /// What was set for queues.
    pub controls: Vec<QueueControl>,
    /// Workers, and owners of leases that are none.
    pub workers: Vec<WorkerRow>,
    /// The schedules.
    pub schedules: Vec<ScheduleRow>,
    /// Tasks that run, bounded.
    pub running: Vec<WatchedTask>,
}

/// What is over, and what else is too costly to be read often; read in one transaction.
#[derive(Debug, Clone)]
pub(crate) struct HistoryView {
    /// When it was read, by the clock of this machine.
    pub at: DateTime<Utc>,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
    /// All tasks by queue and status.
    pub counts: Vec<(String, String, i64)>,
    /// The tasks that failed most often, of all times.
    pub failing_ever: Vec<FailingTask>,
    /// The tasks that failed most often in the last 24 hours.
    pub failing: Vec<FailingTask>,
    /// All failures of the last 24 hours.
    pub failures: i64,
    /// Failures by task and hour, of the last 24 hours.
    pub heatmap: Heatmap,
    /// Where the first hour of the heatmap begins.
    pub heatmap_start: DateTime<Utc>,
    /// Depth and throughput by hour, of the last 24 hours.
    pub trend: Trend,
    /// The latest failures with their cause, latest first.
    pub recent_failures: Vec<WatchedTask>,
    /// Tasks that wait only for others with their concurrency key.
    pub blocked: i64,
    /// Whether the extension `pg_cron` could be created.
    pub has_pg_cron: bool,
}

/// Statuses that are counted with what is live.
const LIVE: [&str; 3] = ["READY", "RUNNING", "WAITING"];

impl ObservedDatabase {
    /// Whether everything about it was read at least once, and what is live was read by the last attempt.
    pub(crate) fn is_ready(&self) -> bool {
        self.not_ready().is_none()
    }

    /// Why it is not ready.
    pub(crate) fn not_ready(&self) -> Option<String> {
        match (&self.outage, &self.live, &self.history, &self.history_outage) {
            (Some(outage), ..) => Some(outage.reason.clone()),
            (None, None, ..) => Some("not read yet".to_owned()),
            (None, Some(_), None, Some(outage)) => Some(format!("its history was not read: {}", outage.reason)),
            (None, Some(_), None, None) => Some("its history was not read yet".to_owned()),
            (None, Some(_), Some(_), _) => None,
        }
    }

    /// All tasks by queue and status: live ones as they are now, the others as they were when the history was read.
    pub(crate) fn counts(&self) -> Vec<(String, String, i64)> {
        let is_live = |status: &str| LIVE.contains(&status);
        let live = self.live.iter().flat_map(|live| &live.counts);
        let over = self.history.iter().flat_map(|history| &history.counts);
        let mut all: Vec<_> = over
            .filter(|(_, status, _)| self.live.is_none() || !is_live(status))
            .chain(live.filter(|(_, status, _)| is_live(status)))
            .cloned()
            .collect();
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn live_tasks_are_counted_as_they_are_now() {
        let count = |queue: &str, status: &str, tasks| (queue.to_owned(), status.to_owned(), tasks);
        let live = LiveView { counts: vec![count("a", "READY", 2)], ..samples::live() };
        let history = HistoryView {
            counts: vec![count("a", "READY", 9), count("a", "RUNNING", 1), count("b", "FAILED", 4)],
            ..samples::history()
        };
        let mut database = ObservedDatabase {
            live: Some(Arc::new(live)),
            history: Some(Arc::new(history)),
            ..ObservedDatabase::default()
        };
        assert_eq!(database.counts(), [count("a", "READY", 2), count("b", "FAILED", 4)]);
        assert!(database.is_ready());
        database.live = None;
        assert_eq!(database.counts().len(), 3);
        assert_eq!(database.not_ready().as_deref(), Some("not read yet"));
    }
}
