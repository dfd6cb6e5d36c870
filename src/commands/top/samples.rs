//! Models for tests.

use std::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::WorkerRow;
use reproq_queue::tasks::TaskSummary;

use crate::commands::top::model::TopModel;
use crate::commands::top::model::TopSnapshot;
use crate::commands::top::update::TopEvent;
use crate::commands::top::update::update;

/// The time of the database.
pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).expect("a time")
}

pub(super) fn task(id: i64, path: &str, status: &str) -> TaskSummary {
    let failed_at = (status == "FAILED").then(|| now() - TimeDelta::minutes(200 - id));
    TaskSummary {
        result_id: id,
        queue_name: "default".to_owned(),
        task_path: path.to_owned(),
        status: status.to_owned(),
        priority: 0,
        attempts: 1,
        max_attempts: 3,
        enqueued_at: now() - TimeDelta::hours(id),
        run_after: None,
        started_at: None,
        finished_at: None,
        failed_at,
        leased_by: (status == "RUNNING").then(|| "w1".to_owned()),
        leased_until: (status == "RUNNING").then(|| now() + TimeDelta::hours(1)),
        workflow_id: None,
        cancel_requested: false,
        error: failed_at.map(|_| "card declined".to_owned()),
    }
}

pub(super) fn queue(name: &str, ready: i64) -> QueueDepth {
    QueueDepth {
        queue: name.to_owned(),
        ready,
        running: 1,
        oldest_seconds: (ready > 0).then_some(ready * 60),
        workers_alive: 1,
        ..QueueDepth::default()
    }
}

pub(super) fn worker(id: &str, seconds: f64) -> WorkerRow {
    WorkerRow {
        worker_id: id.to_owned(),
        known: true,
        hostname: Some("box-1".to_owned()),
        concurrency: Some(4),
        queues: Some("[\"default\", \"mail\"]".to_owned()),
        started_at: Some(now()),
        last_seen_at: Some(now() - TimeDelta::milliseconds((seconds * 1000.0) as i64)),
        version: Some("0.0.144".to_owned()),
        seconds: Some(seconds),
        running: 1,
        expired: 0,
    }
}

pub(super) fn schedule(name: &str, minutes: i64) -> ScheduleRow {
    ScheduleRow {
        name: name.to_owned(),
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
        next_run_at: Some(now() + TimeDelta::minutes(minutes)),
    }
}

/// Strings that are hard to draw: long, wide, with combining characters, with control characters.
const PATHS: [&str; 5] = [
    "shop.tasks.mail",
    "warehouse.integrations.suppliers.synchronization.tasks.recompute_all_reservations_of_every_location",
    "請求.タスク.請求書を送る",
    "cafe\u{301}.ta\u{308}sks.re\u{301}sume\u{301}",
    "evil\u{1b}[31m.tasks\n.\u{202e}live\u{7}",
];

pub(super) fn snapshot() -> TopSnapshot {
    let paths = PATHS.iter().zip(1..);
    let tasks = paths.clone().map(|(path, id)| task(id, path, if id % 2 == 0 { "RUNNING" } else { "READY" }));
    let mut paused = queue("mail", 12);
    (paused.paused, paused.paused_reason) = (true, Some("provider\tdown".to_owned()));
    TopSnapshot {
        now: now(),
        is_standby: false,
        queues: vec![queue("default", 3), paused, queue("請求書", 0)],
        tasks: tasks.collect(),
        workers: vec![worker("w1", 3.0), worker("w2", 500.0)],
        schedules: vec![schedule("nightly", 90), schedule("late", -30)],
        failures: paths.map(|(path, id)| task(100 + id, path, "FAILED")).collect(),
        failed: 5,
    }
}

/// A model whose only database was read.
pub(super) fn model(size: (u16, u16)) -> TopModel {
    let mut model = TopModel::new(vec![None], Duration::from_secs(2), false, size);
    read(&mut model, 0, snapshot());
    model
}

/// A model with these databases, the first of which was read.
pub(super) fn several(aliases: &[&str], size: (u16, u16)) -> TopModel {
    let aliases = aliases.iter().map(|alias| Some((*alias).to_owned())).collect();
    let mut model = TopModel::new(aliases, Duration::from_secs(2), false, size);
    read(&mut model, 0, snapshot());
    model
}

pub(super) fn read(model: &mut TopModel, database: usize, snapshot: TopSnapshot) {
    let event = TopEvent::Read { database, at: Duration::from_secs(1), result: Ok(Box::new(snapshot)) };
    update(model, event);
}
