//! Values for the tests of the pure modules.

use chrono::DateTime;
use chrono::Duration;
use chrono::Utc;
use reproq_queue::stats::FailingTask;
use reproq_queue::stats::Heatmap;
use reproq_queue::stats::HeatmapRow;
use reproq_queue::stats::QueueControl;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::ServerRow;
use reproq_queue::stats::Trend;
use reproq_queue::stats::TrendBucket;
use reproq_queue::stats::WorkerRow;
use reproq_queue::tasks::WatchedTask;

use crate::state::HistoryView;
use crate::state::LiveView;

pub(crate) fn now() -> DateTime<Utc> {
    "2026-01-31T12:00:00Z".parse().expect("a time")
}

pub(crate) fn task(id: i64, status: &str, attempts: i32) -> WatchedTask {
    WatchedTask {
        result_id: id,
        status: status.to_owned(),
        queue_name: "default".to_owned(),
        task_path: "shop.tasks.add".to_owned(),
        attempts,
        max_attempts: 3,
        worker_id: (attempts > 0).then(|| "w1".to_owned()),
        enqueued_at: now() - Duration::seconds(60),
        run_after: None,
        started_at: (attempts > 0).then(|| now() - Duration::seconds(30)),
        last_attempted_at: (attempts > 0).then(|| now() - Duration::seconds(10)),
        finished_at: None,
        failed_at: None,
        updated_at: now(),
        leased_until: None,
        error_kind: None,
        exception_class: None,
        error: None,
    }
}

fn worker(id: &str, queues: &str, seconds: f64) -> WorkerRow {
    WorkerRow {
        worker_id: id.to_owned(),
        known: true,
        hostname: Some("box-1".to_owned()),
        concurrency: Some(4),
        queues: Some(queues.to_owned()),
        started_at: None,
        last_seen_at: Some(now() - Duration::seconds(9)),
        version: Some("0.0.144".to_owned()),
        seconds: Some(seconds),
        running: 1,
        expired: 0,
    }
}

pub(crate) fn live() -> LiveView {
    let count = |status: &str, tasks| ("default".to_owned(), status.to_owned(), tasks);
    LiveView {
        at: now(),
        server: ServerRow {
            now: now(),
            standby: false,
            rows: 10.0,
            bytes: 8192,
            has_limits: true,
            has_workflows: true,
            has_workflow_index: true,
        },
        queues: vec![
            QueueDepth {
                queue: "default".to_owned(),
                ready: 5,
                scheduled: 2,
                running: 1,
                waiting: 3,
                oldest_seconds: Some(90),
                expired_leases: 1,
                oldest_lease_seconds: Some(600),
                workers_alive: 1,
                ..QueueDepth::default()
            },
            QueueDepth { queue: "ma\"il\n".to_owned(), paused: true, ..QueueDepth::default() },
        ],
        counts: vec![count("READY", 7), count("RUNNING", 1), count("WAITING", 3)],
        controls: vec![QueueControl {
            queue_name: "ma\"il\n".to_owned(),
            paused: true,
            paused_at: Some(now()),
            reason: Some("provider down".to_owned()),
            updated_at: now(),
        }],
        workers: vec![worker("w1", "[\"default\"]", 9.0), worker("w2", "[\"slow\"]", 900.0)],
        schedules: vec![ScheduleRow {
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
            next_run_at: Some(now() - Duration::seconds(600)),
        }],
        running: vec![task(4, "RUNNING", 1)],
    }
}

pub(crate) fn history() -> HistoryView {
    let count = |status: &str, tasks| ("default".to_owned(), status.to_owned(), tasks);
    let failing = |path: &str, tasks| FailingTask { task_path: path.to_owned(), tasks };
    let mut failed = task(9, "FAILED", 3);
    failed.error = Some("card declined".to_owned());
    failed.exception_class = Some("shop.CardError".to_owned());
    HistoryView {
        at: now(),
        took_ms: 12,
        counts: vec![count("FAILED", 4), count("READY", 7), count("SUCCESSFUL", 20)],
        failing_ever: vec![failing("shop.tasks.charge", 4)],
        failing: vec![failing("shop.tasks.charge", 2)],
        failures: 2,
        heatmap: Heatmap {
            rows: vec![HeatmapRow { task_path: Some("shop.tasks.charge".to_owned()), total: 2, counts: vec![0, 2] }],
            totals: vec![0, 2],
        },
        heatmap_start: now() - Duration::hours(1),
        trend: Trend {
            buckets: vec![TrendBucket {
                start: now() - Duration::hours(1),
                enqueued: 9,
                successful: 5,
                failed: 2,
                cancelled: 0,
                depth: 11,
            }],
            exact: true,
            rows: 9,
            missing_rows: 0,
            known_since: None,
            older_rows_deleted: false,
            sampled_buckets: 0,
        },
        recent_failures: vec![failed],
        blocked: 2,
        has_pg_cron: false,
    }
}
