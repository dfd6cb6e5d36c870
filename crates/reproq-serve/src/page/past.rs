//! What is over: throughput, failures by task and hour, and the latest failures. Pure.

use chrono::DateTime;
use chrono::Duration;
use chrono::Utc;
use maud::Markup;
use maud::html;
use reproq_queue::stats::HeatmapRow;
use reproq_queue::tasks::WatchedTask;

use super::chart;
use super::chart::Series;
use super::format;
use super::table::Column::Number;
use super::table::Column::Text;
use super::table::Of;
use super::table::clean;
use super::table::history;
use super::table::path;
use super::table::scrolled;
use super::table::table;
use super::table::text;
use crate::state::HistoryView;
use crate::state::Observation;
use crate::state::ObservedDatabase;

pub(super) fn throughput(observation: &Observation) -> Markup {
    let trends: Vec<_> = history(observation).map(|(_, history)| &history.trend).collect();
    let buckets = trends.iter().map(|trend| trend.buckets.len()).max().unwrap_or(0);
    let sum = |of: fn(&reproq_queue::stats::TrendBucket) -> i64| -> Vec<i64> {
        (0..buckets).map(|index| trends.iter().filter_map(|it| it.buckets.get(index)).map(of).sum()).collect()
    };
    let (successful, failed, cancelled, enqueued, depth) = (
        sum(|it| it.successful),
        sum(|it| it.failed),
        sum(|it| it.cancelled),
        sum(|it| it.enqueued),
        sum(|it| it.depth),
    );
    let label = format!(
        "tasks that ended in each of the last {buckets} hours: {} successful, {} failed, {} cancelled",
        successful.iter().sum::<i64>(),
        failed.iter().sum::<i64>(),
        cancelled.iter().sum::<i64>()
    );
    let starts: Vec<DateTime<Utc>> =
        trends.first().map(|trend| trend.buckets.iter().map(|bucket| bucket.start).collect()).unwrap_or_default();
    let is_exact = trends.iter().all(|trend| trend.exact);
    html! {
        section aria-labelledby="throughput-title" {
            h2 id="throughput-title" { "Throughput, last 24 hours" }
            ul.legend { li.successful { "successful" } li.failed { "failed" } li.cancelled { "cancelled" } }
            div id="throughput" data-live {
                (chart::bars(&[
                    Series { name: "successful", values: successful.clone() },
                    Series { name: "failed", values: failed.clone() },
                    Series { name: "cancelled", values: cancelled.clone() },
                ], &label))
                @if !is_exact { p.note { "Deleted tasks are not counted, so earlier hours may show too little." } }
            }
            details {
                summary { "Throughput as a table" }
                (scrolled("Throughput by hour", &html! {
                    table {
                        thead { tr {
                            th scope="col" { "Hour (UTC)" }
                            @for name in ["Enqueued", "Successful", "Failed", "Cancelled", "Depth at its end"] {
                                th.number scope="col" { (name) }
                            }
                        } }
                        tbody id="throughput-rows" data-live {
                            @for (index, start) in starts.iter().enumerate().rev() {
                                tr {
                                    th scope="row" { (start.format("%m-%d %H:%M")) }
                                    @for values in [&enqueued, &successful, &failed, &cancelled, &depth] {
                                        td.number { (format::number(values.get(index).copied().unwrap_or(0))) }
                                    }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

pub(super) fn failures(observation: &Observation) -> Markup {
    let is_empty = history(observation).all(|(_, history)| history.heatmap.rows.is_empty());
    html! {
        section aria-labelledby="failures-title" {
            h2 id="failures-title" { "Failures by task and hour (UTC)" }
            div id="failures" data-live {
                @if is_empty { p.note { "No task failed in the last 24 hours." } }
                @for (database, history) in history(observation).filter(|(_, it)| !it.heatmap.rows.is_empty()) {
                    (heatmap(observation, database, history))
                }
            }
        }
    }
}

fn heatmap(observation: &Observation, database: &ObservedDatabase, history: &HistoryView) -> Markup {
    let named = |row: &&HeatmapRow| row.task_path.is_some();
    let largest = history.heatmap.rows.iter().filter(named).flat_map(|row| &row.counts).copied().max().unwrap_or(0);
    let hour = |index: usize| history.heatmap_start + Duration::hours(i64::try_from(index).unwrap_or(0));
    scrolled(
        &format!("Failures by task and hour in {}", clean(&database.alias)),
        &html! {
            table.heatmap {
                @if observation.databases.len() > 1 { caption { "Database " (text(&database.alias)) } }
                thead { tr {
                    th scope="col" { "Task" }
                    th.number scope="col" { "All" }
                    @for index in 0..history.heatmap.totals.len() {
                        th.number scope="col" { time datetime=(format::machine_time(hour(index))) { (hour(index).format("%H")) } }
                    }
                } }
                tbody {
                    @for row in &history.heatmap.rows {
                        tr {
                            th scope="row" { (row.task_path.as_deref().map_or_else(|| html! { "all others" }, path)) }
                            td.number { (format::number(row.total)) }
                            @for count in &row.counts {
                                td class=(format!("number heat{}", chart::shade(*count, largest))) {
                                    @if *count > 0 { (format::number(*count)) }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

pub(super) fn recent(observation: &Observation, now: DateTime<Utc>) -> Markup {
    let mut found: Vec<Of<'_, WatchedTask>> = history(observation)
        .flat_map(|(database, history)| history.recent_failures.iter().map(move |row| Of { database, row }))
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.row.failed_at));
    let heading = [Text("Failed"), Text("Task"), Number("Id"), Text("Queue"), Number("Attempts"), Text("Cause")];
    table(observation, "recent", "Recent failures", &heading, &found, "No task has failed.", |it| {
        html! {
            td { @if let Some(at) = it.row.failed_at { time datetime=(format::machine_time(at)) { (format::relative(at, now)) } } }
            th scope="row" { (path(&it.row.task_path)) }
            td.number { (it.row.result_id) }
            td { (text(&it.row.queue_name)) }
            td.number { (it.row.attempts) " of " (it.row.max_attempts) }
            td.cause {
                @if let Some(class) = &it.row.exception_class { b { (text(class)) } " " }
                @if let Some(error) = &it.row.error { (text(error)) }
            }
        }
    })
}
