//! What one database contributes to a list. Pure.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::WorkerRow;
use reproq_queue::stats::WorkerState;
use reproq_queue::tasks::TaskSummary;
use reproq_queue::text::span;

use super::TopCell;
use super::TopRow;
use super::TopTone;
use crate::commands::queue::task_note;
use crate::commands::stats::queue_state;
use crate::commands::top::model::TopKey;
use crate::commands::top::model::TopSnapshot;
use crate::commands::top::model::TopTab;

pub(super) fn rows(tab: TopTab, database: usize, alias: &str, snapshot: &TopSnapshot) -> Vec<TopRow> {
    let now = snapshot.now;
    let mut rows: Vec<TopRow> = match tab {
        TopTab::Queues => snapshot.queues.iter().map(|it| queue(database, it)).collect(),
        TopTab::Tasks => snapshot.tasks.iter().map(|it| task(database, it, now)).collect(),
        TopTab::Workers => snapshot.workers.iter().map(|it| worker(database, it, now)).collect(),
        TopTab::Schedules => snapshot.schedules.iter().map(|it| schedule(database, it, now)).collect(),
        TopTab::Failures => snapshot.failures.iter().map(|it| failure(database, it, now)).collect(),
    };
    for row in &mut rows {
        row.cells.insert(0, TopCell::text(alias));
    }
    rows
}

fn queue(database: usize, queue: &QueueDepth) -> TopRow {
    let state = queue_state(queue);
    let has_problem = queue.expired_leases + queue.missing_leases > 0 || queue.workers_alive == 0 && queue.ready > 0;
    let tone = match () {
        () if has_problem => TopTone::Problem,
        () if queue.paused => TopTone::Warning,
        () => TopTone::Plain,
    };
    let workers = i64::try_from(queue.workers_alive).unwrap_or(i64::MAX);
    let cells = vec![
        TopCell::text(&queue.queue),
        TopCell::number(queue.ready),
        TopCell::number(queue.scheduled),
        TopCell::number(queue.running),
        TopCell::number(queue.waiting),
        TopCell::by(queue.oldest_seconds, span),
        TopCell::number(workers),
        TopCell::text(state),
    ];
    TopRow { key: TopKey::Queue(database, queue.queue.clone()), cells, tone }
}

fn task(database: usize, task: &TaskSummary, now: DateTime<Utc>) -> TopRow {
    let has_lost_lease = task.status == "RUNNING" && task.leased_until.is_none_or(|until| until < now);
    let tone = match task.status.as_str() {
        "FAILED" => TopTone::Problem,
        "RUNNING" if has_lost_lease => TopTone::Problem,
        "RUNNING" => TopTone::Plain,
        _ => TopTone::Faint,
    };
    let cells = vec![
        TopCell::number(task.result_id),
        TopCell::text(&task.status),
        TopCell::text(&task.queue_name),
        TopCell::text(&task.task_path),
        attempts(task),
        TopCell::by(Some((now - task.enqueued_at).num_seconds()), span),
        TopCell::text(task_note(task, now)),
    ];
    TopRow { key: TopKey::Task(database, task.result_id), cells, tone }
}

fn attempts(task: &TaskSummary) -> TopCell {
    TopCell::by(Some(task.attempts.into()), |attempts| format!("{attempts}/{}", task.max_attempts))
}

fn worker(database: usize, worker: &WorkerRow, now: DateTime<Utc>) -> TopRow {
    let (state, tone) = match worker.state() {
        WorkerState::Alive => ("alive", TopTone::Plain),
        WorkerState::Stale => ("stale", TopTone::Warning),
        WorkerState::Unknown => ("unknown", TopTone::Problem),
    };
    let seen = worker.last_seen_at.map(|at| (now - at).num_seconds().max(0));
    let expired = if worker.expired > 0 { format!(" ({} expired)", worker.expired) } else { String::new() };
    let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let queues = worker.queue_names();
    let cells = vec![
        TopCell::text(&worker.worker_id),
        TopCell::text(state),
        TopCell::by(seen, |seconds| format!("{} ago", span(seconds))),
        TopCell::by(Some(worker.running), |running| format!("{running}{expired}")),
        TopCell::by(worker.concurrency.map(i64::from), |number| number.to_string()),
        TopCell::text(if queues.is_empty() { "-".to_owned() } else { queues.join(",") }),
        TopCell::text(or_dash(&worker.hostname)),
        TopCell::text(or_dash(&worker.version)),
    ];
    let tone = if worker.expired > 0 { TopTone::Problem } else { tone };
    TopRow { key: TopKey::Worker(database, worker.worker_id.clone()), cells, tone }
}

fn schedule(database: usize, schedule: &ScheduleRow, now: DateTime<Utc>) -> TopRow {
    let late = schedule.late_seconds(now);
    let (state, tone) = match (schedule.enabled, late) {
        (false, _) => ("disabled".to_owned(), TopTone::Faint),
        (true, Some(seconds)) => (format!("late by {}", span(seconds)), TopTone::Warning),
        (true, None) => ("enabled".to_owned(), TopTone::Plain),
    };
    let next = schedule.next_run_at.filter(|_| schedule.enabled).map(|at| (at - now).num_seconds());
    let last = schedule.last_run_at.map(|at| (now - at).num_seconds());
    let cells = vec![
        TopCell::text(&schedule.name),
        TopCell::text(&schedule.cron_expr),
        TopCell::by(next, |seconds| if seconds > 0 { format!("in {}", span(seconds)) } else { "now".to_owned() }),
        TopCell::by(last, |seconds| format!("{} ago", span(seconds))),
        TopCell::text(state),
        TopCell::text(&schedule.queue_name),
        TopCell::text(&schedule.task_path),
    ];
    TopRow { key: TopKey::Schedule(database, schedule.name.clone()), cells, tone }
}

fn failure(database: usize, task: &TaskSummary, now: DateTime<Utc>) -> TopRow {
    let failed = task.failed_at.map(|at| (now - at).num_seconds());
    let error = task.error.clone().unwrap_or_default();
    let cells = vec![
        TopCell::number(task.result_id),
        TopCell::by(failed, |seconds| format!("{} ago", span(seconds))),
        TopCell::text(&task.queue_name),
        TopCell::text(&task.task_path),
        attempts(task),
        TopCell::text(error),
    ];
    TopRow { key: TopKey::Task(database, task.result_id), cells, tone: TopTone::Plain }
}
