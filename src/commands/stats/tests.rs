//! The report of one database and of several, listed and drawn.

use chrono::Duration;
use reproq_queue::stats::LiveCount;
use reproq_queue::stats::QueueControl;
use reproq_queue::stats::ScheduleTime;
use reproq_queue::stats::ServerRow;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-01-31T12:00:00Z".parse().expect("a time")
}

fn live(status: &str, queue: &str, tasks: i64) -> LiveCount {
    LiveCount {
        status: status.to_owned(),
        queue_name: queue.to_owned(),
        tasks,
        scheduled: 0,
        expired: 0,
        missing: 0,
        cancels: 0,
        oldest: Some(now() - Duration::seconds(tasks)),
        oldest_lease: None,
    }
}

fn worker(id: &str, queues: &str, seconds: f64) -> WorkerRow {
    WorkerRow {
        worker_id: id.to_owned(),
        known: true,
        hostname: None,
        concurrency: Some(4),
        queues: Some(queues.to_owned()),
        started_at: None,
        last_seen_at: None,
        version: None,
        seconds: Some(seconds),
        running: 0,
        expired: 0,
    }
}

fn schedule(name: &str, enabled: bool, late: i64) -> ScheduleTime {
    ScheduleTime { name: name.to_owned(), enabled, next_run_at: Some(now() - Duration::seconds(late)) }
}

fn snapshot() -> QueueSnapshot {
    QueueSnapshot {
        server: ServerRow {
            now: now(),
            standby: true,
            rows: 1000.0,
            bytes: 1 << 30,
            has_limits: true,
            has_workflows: true,
            has_workflow_index: true,
        },
        live: vec![
            LiveCount { scheduled: 20, cancels: 1, ..live("READY", "default", 140) },
            LiveCount {
                expired: 2,
                missing: 1,
                oldest_lease: Some(now() - Duration::seconds(600)),
                ..live("RUNNING", "default", 9)
            },
            live("READY", "mail", 4),
            live("WAITING", "mail", 2),
        ],
        controls: vec![
            QueueControl {
                queue_name: "bulk".to_owned(),
                paused: true,
                paused_at: Some(now()),
                reason: Some("provider down".to_owned()),
                updated_at: now(),
            },
            QueueControl {
                queue_name: "old".to_owned(),
                paused: false,
                paused_at: None,
                reason: None,
                updated_at: now(),
            },
        ],
        workers: vec![
            WorkerRow { running: 9, expired: 2, ..worker("w1", r#"["default"]"#, 4.0) },
            worker("w2", r#"["mail"]"#, 700.0),
            WorkerRow { known: false, seconds: None, ..worker("ghost", "[]", 0.0) },
        ],
        schedules: vec![schedule("nightly", true, 600), schedule("soon", true, 89), schedule("off", false, 9999)],
        history: Some(vec![
            HistoryCount { status: "SUCCESSFUL".to_owned(), tasks: 980 },
            HistoryCount { status: "FAILED".to_owned(), tasks: 17 },
        ]),
        history_is_exact: false,
        failing: vec![FailingTask { task_path: "shop.tasks.charge".to_owned(), tasks: 3 }],
        failures: 3,
    }
}

fn shown(report: &StatsReport, columns: Option<usize>) -> String {
    let mut out = TextReport::new(false, false).drawn(columns);
    report.human(&mut out);
    out.into_text()
}

#[test]
fn everything_that_is_wrong_is_named() {
    let mut report = StatsReport::default();
    report.add(None, "DATABASE_URL", &snapshot());
    insta::assert_snapshot!("stats_listed", shown(&report, None));
    insta::assert_snapshot!("stats_80", shown(&report, Some(80)));
    insta::assert_snapshot!("stats_120", shown(&report, Some(120)));
    insta::assert_json_snapshot!("stats_json", report);
}

#[test]
fn several_databases_are_named_and_an_unknown_history_is_said() {
    let mut report = StatsReport::default();
    let unknown = QueueSnapshot { history: None, live: Vec::new(), ..snapshot() };
    report.add(Some("default".to_owned()), "DATABASE_URL", &snapshot());
    report.add(Some("mail".to_owned()), "MAIL_URL", &unknown);
    let text = shown(&report, None);
    for part in ["default\n", "\nmail\n", "never analyzed", "bulk"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
