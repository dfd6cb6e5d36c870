//! What is live: queues, running tasks, workers, schedules. Pure.

use chrono::DateTime;
use chrono::Utc;
use maud::Markup;
use maud::html;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::WorkerRow;
use reproq_queue::stats::WorkerState;
use reproq_queue::text::span;

use super::chart;
use super::format;
use super::table::Column::Number;
use super::table::Column::Text;
use super::table::path;
use super::table::rows;
use super::table::table;
use super::table::text;
use crate::state::Observation;

/// The points of a sparkline.
const POINTS: usize = 60;

pub(super) fn queues(observation: &Observation) -> Markup {
    let found: Vec<_> = rows(observation, |live| &live.queues).collect();
    let heading = [
        Text("Queue"),
        Number("Ready"),
        Number("Oldest"),
        Number("Running"),
        Number("Scheduled"),
        Number("In workflows"),
        Number("Workers"),
        Text("Ready, 2 h"),
        Text("Notes"),
    ];
    table(observation, "queues", "Queues", &heading, &found, "No queue has a task or a worker.", |it| {
        let samples = observation.depth.ready(&it.database.alias, &it.row.queue);
        let label = format!("ready in the last two hours: at most {}", samples.iter().max().unwrap_or(&0));
        html! {
            th scope="row" { (text(&it.row.queue)) }
            td.number { (format::number(it.row.ready)) }
            td.number { (it.row.oldest_seconds.map_or_else(|| "–".to_owned(), span)) }
            td.number { (format::number(it.row.running)) }
            td.number { (format::number(it.row.scheduled)) }
            td.number { (format::number(it.row.waiting)) }
            td.number { (it.row.workers_alive) }
            td { (chart::sparkline(&thinned(&samples), &label)) }
            td.notes { (notes(it.row)) }
        }
    })
}

/// What needs attention in a queue.
fn notes(queue: &QueueDepth) -> Markup {
    let is_unserved = queue.workers_alive == 0 && queue.ready > 0 && !queue.paused;
    let counted = |count: i64, what: &str| (count > 0).then(|| format!("{} {what}", format::number(count)));
    let warnings = [
        is_unserved.then(|| "no worker serves it".to_owned()),
        counted(queue.expired_leases, "with an expired lease"),
        counted(queue.missing_leases, "without a lease"),
    ];
    html! {
        @if queue.paused {
            div {
                span.warning { "paused" }
                @if let Some(reason) = &queue.paused_reason { ": " (text(reason)) }
            }
        }
        @for warning in warnings.into_iter().flatten() { div.warning { (warning) } }
        @if let Some(cancelled) = counted(queue.cancel_requested, "to be cancelled") { div { (cancelled) } }
    }
}

/// At most as many values as a sparkline has points: the largest of each group.
fn thinned(values: &[i64]) -> Vec<i64> {
    let size = values.len().div_ceil(POINTS).max(1);
    values.chunks(size).map(|group| group.iter().copied().max().unwrap_or(0)).collect()
}

pub(super) fn running(observation: &Observation) -> Markup {
    let found: Vec<_> = rows(observation, |live| &live.running).collect();
    let heading = [
        Text("Task"),
        Number("Id"),
        Text("Queue"),
        Text("Worker"),
        Number("Runs for"),
        Number("Attempt"),
        Text("Lease"),
    ];
    table(observation, "running", "Running tasks", &heading, &found, "No task runs.", |it| {
        let now = it.database.live.as_ref().map_or(it.row.updated_at, |live| live.server.now);
        let lease = match it.row.leased_until {
            Some(until) if until < now => ("warning", "expired".to_owned()),
            Some(until) => ("", format::relative(until, now)),
            None => ("warning", "none".to_owned()),
        };
        html! {
            th scope="row" { (path(&it.row.task_path)) }
            td.number { (it.row.result_id) }
            td { (text(&it.row.queue_name)) }
            td { @if let Some(worker) = &it.row.worker_id { (text(worker)) } }
            td.number { @if let Some(at) = it.row.last_attempted_at { (span((now - at).num_seconds())) } }
            td.number { (it.row.attempts) " of " (it.row.max_attempts) }
            td { span class=(lease.0) { (lease.1) } }
        }
    })
}

pub(super) fn workers(observation: &Observation) -> Markup {
    let found: Vec<_> = rows(observation, |live| &live.workers).collect();
    let heading = [
        Text("Worker"),
        Text("State"),
        Number("Last seen"),
        Number("Running"),
        Text("Queues"),
        Text("Host"),
        Text("Version"),
    ];
    table(observation, "workers", "Workers", &heading, &found, "No worker has reported itself.", |it| {
        let (class, state) = worker_state(it.row);
        html! {
            th scope="row" { (text(&it.row.worker_id)) }
            td { span class=(class) { (state) } }
            td.number {
                @if let Some(seconds) = it.row.seconds { (span(seconds as i64)) " ago" }
            }
            td.number {
                (it.row.running) @if let Some(most) = it.row.concurrency { " of " (most) }
                @if it.row.expired > 0 { ", " span.warning { (it.row.expired) " expired" } }
            }
            td { (text(&it.row.queue_names().join(", "))) }
            td { @if let Some(name) = &it.row.hostname { (text(name)) } }
            td { @if let Some(version) = &it.row.version { (text(version)) } }
        }
    })
}

fn worker_state(worker: &WorkerRow) -> (&'static str, &'static str) {
    match worker.state() {
        WorkerState::Alive => ("good", "alive"),
        WorkerState::Stale => ("warning", "not seen lately"),
        WorkerState::Unknown => ("warning", "holds leases, never reported itself"),
    }
}

pub(super) fn schedules(observation: &Observation) -> Markup {
    let found: Vec<_> = rows(observation, |live| &live.schedules).collect();
    let heading = [Text("Schedule"), Text("Cron"), Text("Task"), Text("Queue"), Text("Next run"), Text("Last run")];
    table(observation, "schedules", "Schedules", &heading, &found, "There is no schedule.", |it| {
        let now = it.database.live.as_ref().map(|live| live.server.now);
        html! {
            th scope="row" { (text(&it.row.name)) }
            td { code { (text(&it.row.cron_expr)) } }
            td { (path(&it.row.task_path)) }
            td { (text(&it.row.queue_name)) }
            td { (next_run(it.row, now)) }
            td { @if let (Some(at), Some(now)) = (it.row.last_run_at, now) { time datetime=(format::machine_time(at)) { (format::relative(at, now)) } } }
        }
    })
}

fn next_run(schedule: &ScheduleRow, now: Option<DateTime<Utc>>) -> Markup {
    let late = now.and_then(|now| schedule.late_seconds(now));
    html! {
        @match (schedule.enabled, late, schedule.next_run_at, now) {
            (false, ..) => "disabled",
            (true, Some(seconds), ..) => { span.warning { (span(seconds)) " late" } }
            (true, None, Some(at), Some(now)) => { time datetime=(format::machine_time(at)) { (format::relative(at, now)) } }
            (true, None, ..) => "never",
        }
    }
}
