//! Everything that is known, as one JSON document: what a page for people shows. Pure.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::stats::FailingTask;
use reproq_queue::stats::Heatmap;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::Trend;
use reproq_queue::stats::WorkerRow;
use reproq_queue::stats::WorkerState;
use reproq_queue::tasks::WatchedTask;
use serde::Serialize;

use crate::state::HistoryView;
use crate::state::LiveView;
use crate::state::Observation;
use crate::state::ObservedDatabase;

/// Running tasks that are listed; the depth of each queue counts all.
const RUNNING: usize = 200;

/// The document.
#[derive(Debug, Serialize)]
pub(crate) struct ObservationDocument<'a> {
    schema: &'static str,
    number: u64,
    at: Option<DateTime<Utc>>,
    databases: Vec<DatabaseView<'a>>,
}

#[derive(Debug, Serialize)]
struct DatabaseView<'a> {
    alias: &'a str,
    /// Why it cannot be read now, and since when.
    outage: Option<OutageView<'a>>,
    history_outage: Option<OutageView<'a>>,
    live: Option<LiveParts<'a>>,
    history: Option<HistoryParts<'a>>,
}

#[derive(Debug, Serialize)]
struct OutageView<'a> {
    since: DateTime<Utc>,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct LiveParts<'a> {
    at: DateTime<Utc>,
    /// The time of the database.
    server_time: DateTime<Utc>,
    standby: bool,
    queues: &'a [QueueDepth],
    workers: Vec<WorkerView<'a>>,
    schedules: Vec<ScheduleView<'a>>,
    running: &'a [WatchedTask],
}

#[derive(Debug, Serialize)]
struct WorkerView<'a> {
    worker_id: &'a str,
    state: WorkerState,
    hostname: Option<&'a str>,
    concurrency: Option<i32>,
    queues: Vec<String>,
    version: Option<&'a str>,
    last_seen_at: Option<DateTime<Utc>>,
    running: i64,
    expired_leases: i64,
}

#[derive(Debug, Serialize)]
struct ScheduleView<'a> {
    name: &'a str,
    cron_expr: &'a str,
    task_path: &'a str,
    queue: &'a str,
    enabled: bool,
    last_run_at: Option<DateTime<Utc>>,
    next_run_at: Option<DateTime<Utc>>,
    late_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
struct HistoryParts<'a> {
    at: DateTime<Utc>,
    took_ms: u64,
    /// Of the last 24 hours, as all that follows.
    failures: i64,
    failing: &'a [FailingTask],
    heatmap: HeatmapView<'a>,
    trend: &'a Trend,
    recent_failures: &'a [WatchedTask],
    blocked: i64,
}

#[derive(Debug, Serialize)]
struct HeatmapView<'a> {
    start: DateTime<Utc>,
    bucket_seconds: i64,
    #[serde(flatten)]
    heatmap: &'a Heatmap,
}

impl<'a> ObservationDocument<'a> {
    pub(crate) fn new(observation: &'a Observation) -> Self {
        Self {
            schema: "reproq.observation/1",
            number: observation.number,
            at: observation.at,
            databases: observation.databases.iter().map(DatabaseView::new).collect(),
        }
    }
}

impl<'a> DatabaseView<'a> {
    fn new(database: &'a ObservedDatabase) -> Self {
        let outage = |outage: &'a Option<crate::state::Outage>| {
            outage.as_ref().map(|it| OutageView { since: it.since, reason: &it.reason })
        };
        Self {
            alias: &database.alias,
            outage: outage(&database.outage),
            history_outage: outage(&database.history_outage),
            live: database.live.as_deref().map(LiveParts::new),
            history: database.history.as_deref().map(HistoryParts::new),
        }
    }
}

impl<'a> LiveParts<'a> {
    fn new(live: &'a LiveView) -> Self {
        let now = live.server.now;
        Self {
            at: live.at,
            server_time: now,
            standby: live.server.standby,
            queues: &live.queues,
            workers: live.workers.iter().map(WorkerView::new).collect(),
            schedules: live.schedules.iter().map(|schedule| ScheduleView::new(schedule, now)).collect(),
            running: live.running.get(..RUNNING).unwrap_or(&live.running),
        }
    }
}

impl<'a> WorkerView<'a> {
    fn new(worker: &'a WorkerRow) -> Self {
        Self {
            worker_id: &worker.worker_id,
            state: worker.state(),
            hostname: worker.hostname.as_deref(),
            concurrency: worker.concurrency,
            queues: worker.queue_names(),
            version: worker.version.as_deref(),
            last_seen_at: worker.last_seen_at,
            running: worker.running,
            expired_leases: worker.expired,
        }
    }
}

impl<'a> ScheduleView<'a> {
    fn new(schedule: &'a ScheduleRow, now: DateTime<Utc>) -> Self {
        Self {
            name: &schedule.name,
            cron_expr: &schedule.cron_expr,
            task_path: &schedule.task_path,
            queue: &schedule.queue_name,
            enabled: schedule.enabled,
            last_run_at: schedule.last_run_at,
            next_run_at: schedule.next_run_at,
            late_seconds: schedule.late_seconds(now),
        }
    }
}

impl<'a> HistoryParts<'a> {
    fn new(history: &'a HistoryView) -> Self {
        Self {
            at: history.at,
            took_ms: history.took_ms,
            failures: history.failures,
            failing: &history.failing,
            heatmap: HeatmapView { start: history.heatmap_start, bucket_seconds: 3600, heatmap: &history.heatmap },
            trend: &history.trend,
            recent_failures: &history.recent_failures,
            blocked: history.blocked,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::samples;
    use crate::state::Outage;

    #[test]
    fn everything_that_is_known_is_in_the_document() {
        let outage = Outage { since: samples::now(), reason: "cannot reach the server".to_owned() };
        let known = ObservedDatabase {
            alias: "default".to_owned(),
            live: Some(Arc::new(samples::live())),
            history: Some(Arc::new(samples::history())),
            ..ObservedDatabase::default()
        };
        let away = ObservedDatabase { alias: "mail".to_owned(), outage: Some(outage), ..ObservedDatabase::default() };
        let observation =
            Observation { number: 7, at: Some(samples::now()), databases: vec![known, away], ..Observation::default() };
        let value = serde_json::to_value(ObservationDocument::new(&observation)).expect("a document");
        assert_eq!((&value["schema"], &value["number"]), (&"reproq.observation/1".into(), &7.into()));
        let live = &value["databases"][0]["live"];
        assert_eq!(live["queues"][0]["ready"], 5);
        assert_eq!(
            (&live["workers"][1]["state"], &live["schedules"][0]["late_seconds"]),
            (&"stale".into(), &600.into())
        );
        assert_eq!(live["running"][0]["id"], 4);
        let history = &value["databases"][0]["history"];
        assert_eq!(history["recent_failures"][0]["error"], "card declined");
        assert_eq!((&history["heatmap"]["totals"][1], &history["trend"]["exact"]), (&2.into(), &true.into()));
        assert_eq!(value["databases"][1]["outage"]["reason"], "cannot reach the server");
        assert_eq!(value["databases"][1]["live"], serde_json::Value::Null);
    }
}
