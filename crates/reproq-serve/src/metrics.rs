//! Metrics for Prometheus. Pure. Names of the worker's metrics keep their names and types; each has a label for the database.

use std::collections::BTreeMap;

use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::WorkerState;

use crate::counters::Counters;
use crate::counters::Histogram;
use crate::exposition::Exposition;
use crate::exposition::MetricKind;
use crate::exposition::number;
use crate::exposition::precise;
use crate::state::HistoryView;
use crate::state::LiveView;
use crate::state::Observation;
use crate::state::ObservedDatabase;

/// The text of all metrics.
pub(crate) fn metrics(observation: &Observation) -> String {
    let mut out = Exposition::default();
    let databases = &observation.databases;
    databases_themselves(databases, &mut out);
    of_the_worker(databases, &mut out);
    finished(databases, &mut out);
    queues(databases, &mut out);
    workers(databases, &mut out);
    schedules(databases, &mut out);
    history(databases, &mut out);
    out.into_text()
}

/// One sample for each database that has been read.
fn each_live(
    databases: &[ObservedDatabase],
    out: &mut Exposition,
    (name, help): (&'static str, &str),
    value: impl Fn(&LiveView) -> i64,
) {
    out.metric(name, MetricKind::Gauge, help);
    for database in databases {
        if let Some(live) = &database.live {
            out.count(&[("database", &database.alias)], value(live));
        }
    }
}

/// One sample for each database whose history has been read.
fn each_history(
    databases: &[ObservedDatabase],
    out: &mut Exposition,
    (name, help): (&'static str, &str),
    value: impl Fn(&HistoryView) -> f64,
) {
    out.metric(name, MetricKind::Gauge, help);
    for database in databases {
        if let Some(history) = &database.history {
            out.sample(&[("database", &database.alias)], value(history));
        }
    }
}

fn databases_themselves(databases: &[ObservedDatabase], out: &mut Exposition) {
    out.metric("reproq_database_up", MetricKind::Gauge, "Whether the last attempt to read the database succeeded.");
    for database in databases {
        let is_up = database.outage.is_none() && database.live.is_some();
        out.count(&[("database", &database.alias)], i64::from(is_up));
    }
    let help = "When what is live was read last, in seconds since 1970.";
    each_live(databases, out, ("reproq_observation_timestamp_seconds", help), |live| live.at.timestamp());
    let help = "When the history was read last, in seconds since 1970.";
    each_history(databases, out, ("reproq_history_timestamp_seconds", help), |history| precise(history.at.timestamp()));
    let help = "How long reading the history took.";
    each_history(databases, out, ("reproq_history_duration_seconds", help), |history| {
        precise(i64::try_from(history.took_ms).unwrap_or(i64::MAX)) / 1000.0
    });
}

fn sum(live: &LiveView, value: impl Fn(&QueueDepth) -> i64) -> i64 {
    live.queues.iter().map(value).sum()
}

/// What the worker's own metrics are called.
fn of_the_worker(databases: &[ObservedDatabase], out: &mut Exposition) {
    each_live(databases, out, ("reproq_queue_depth", "Tasks that are READY or WAITING."), |live| {
        sum(live, |queue| queue.ready + queue.scheduled + queue.waiting)
    });
    each_live(databases, out, ("reproq_tasks_running", "Tasks that are RUNNING."), |live| {
        sum(live, |queue| queue.running)
    });
    each_live(databases, out, ("reproq_workers", "Workers that are registered, alive or not."), |live| {
        count(live.workers.iter().filter(|worker| worker.known).count())
    });
    each_live(databases, out, ("reproq_concurrency_in_use", "Tasks that occupy a worker."), |live| {
        sum(live, |queue| queue.running)
    });
    let help = "How many tasks the registered workers run at once.";
    each_live(databases, out, ("reproq_concurrency_limit", help), |live| {
        live.workers.iter().filter(|worker| worker.known).filter_map(|it| it.concurrency).map(i64::from).sum()
    });
    each_live(databases, out, ("reproq_queues_paused", "Queues that are paused."), |live| {
        count(live.queues.iter().filter(|queue| queue.paused).count())
    });
    let help = "READY tasks that wait only for others with their concurrency key.";
    each_history(databases, out, ("reproq_concurrency_blocked_tasks", help), |history| precise(history.blocked));
}

/// What was counted since the start.
fn finished(databases: &[ObservedDatabase], out: &mut Exposition) {
    let help =
        "Tasks that were finished since the start; a failure is a task that failed for the last time or was cancelled.";
    for name in ["reproq_tasks_processed_total", "reproq_tasks_completed_total"] {
        out.metric(name, MetricKind::Counter, help);
        for database in databases {
            for (status, successful) in [("success", true), ("failure", false)] {
                for (queue, tasks) in database.counters.finished(successful) {
                    let labels = [("database", database.alias.as_str()), ("queue", queue), ("status", status)];
                    out.count(&labels, count_u64(tasks));
                }
            }
        }
    }
    let help = "How long the attempts took that were seen to end.";
    each_histogram(databases, out, ("reproq_exec_duration_seconds", help), |counters| &counters.execution);
    let help = "How long tasks that were seen to end had waited for their first attempt.";
    each_histogram(databases, out, ("reproq_queue_wait_duration_seconds", help), |counters| &counters.wait);
    out.metric("reproq_events_omitted_total", MetricKind::Counter, "Events that were too many to be listed.");
    for database in databases {
        out.count(&[("database", &database.alias)], count_u64(database.counters.omitted_events));
    }
}

fn each_histogram(
    databases: &[ObservedDatabase],
    out: &mut Exposition,
    (name, help): (&'static str, &str),
    of: impl Fn(&Counters) -> &BTreeMap<String, Histogram>,
) {
    out.metric(name, MetricKind::Histogram, help);
    for database in databases {
        for (queue, one) in of(&database.counters) {
            histogram(&database.alias, queue, one, out);
        }
    }
}

fn histogram(database: &str, queue: &str, histogram: &Histogram, out: &mut Exposition) {
    let total = count_u64(histogram.total());
    let labels = [("database", database), ("queue", queue)];
    for (bound, tasks) in histogram.cumulative() {
        let bound = number(bound);
        out.sample_of("_bucket", &[labels[0], labels[1], ("le", &bound)], precise(count_u64(tasks)));
    }
    out.sample_of("_bucket", &[labels[0], labels[1], ("le", "+Inf")], precise(total));
    out.sample_of("_sum", &labels, histogram.sum());
    out.sample_of("_count", &labels, precise(total));
}

fn each_queue(
    databases: &[ObservedDatabase],
    out: &mut Exposition,
    (name, help): (&'static str, &str),
    value: impl Fn(&QueueDepth) -> Option<i64>,
) {
    out.metric(name, MetricKind::Gauge, help);
    for database in databases {
        for queue in database.live.iter().flat_map(|live| &live.queues) {
            if let Some(value) = value(queue) {
                out.count(&[("database", &database.alias), ("queue", &queue.queue)], value);
            }
        }
    }
}

fn queues(databases: &[ObservedDatabase], out: &mut Exposition) {
    out.metric("reproq_queue_tasks", MetricKind::Gauge, "Live tasks by queue and state.");
    for database in databases {
        for queue in database.live.iter().flat_map(|live| &live.queues) {
            for (state, tasks) in [
                ("ready", queue.ready),
                ("scheduled", queue.scheduled),
                ("running", queue.running),
                ("waiting", queue.waiting),
            ] {
                let labels = [("database", database.alias.as_str()), ("queue", &queue.queue), ("state", state)];
                out.count(&labels, tasks);
            }
        }
    }
    let help = "For how long the oldest task that can be claimed has waited; 0 if there is none.";
    each_queue(databases, out, ("reproq_queue_oldest_seconds", help), |queue| Some(queue.oldest_seconds.unwrap_or(0)));
    let help = "Whether nothing is claimed from the queue.";
    each_queue(databases, out, ("reproq_queue_paused", help), |queue| Some(i64::from(queue.paused)));
    let help = "Workers that have reported themselves lately and serve the queue.";
    each_queue(databases, out, ("reproq_queue_workers_alive", help), |queue| Some(count(queue.workers_alive)));
    let help = "Running tasks whose lease has expired.";
    each_queue(databases, out, ("reproq_leases_expired", help), |queue| Some(queue.expired_leases));
    let help = "Running tasks without a lease, which no worker reclaims.";
    each_queue(databases, out, ("reproq_leases_missing", help), |queue| Some(queue.missing_leases));
    let help = "How long ago the oldest expired lease ended; 0 if there is none.";
    each_queue(databases, out, ("reproq_lease_oldest_expired_seconds", help), |queue| {
        Some(queue.oldest_lease_seconds.unwrap_or(0))
    });
    let help = "Tasks whose cancellation was requested.";
    each_queue(databases, out, ("reproq_cancellations_requested", help), |queue| Some(queue.cancel_requested));
}

fn workers(databases: &[ObservedDatabase], out: &mut Exposition) {
    let help =
        "Workers by state: alive, stale (not heard of for 2 minutes), or unknown (owns leases, never registered).";
    out.metric("reproq_workers_by_state", MetricKind::Gauge, help);
    for database in databases {
        let Some(live) = &database.live else { continue };
        for (name, state) in
            [("alive", WorkerState::Alive), ("stale", WorkerState::Stale), ("unknown", WorkerState::Unknown)]
        {
            let found = live.workers.iter().filter(|worker| worker.state() == state).count();
            out.count(&[("database", &database.alias), ("state", name)], count(found));
        }
    }
}

fn schedules(databases: &[ObservedDatabase], out: &mut Exposition) {
    out.metric("reproq_schedules", MetricKind::Gauge, "Schedules, enabled or not.");
    for database in databases {
        let Some(live) = &database.live else { continue };
        for (name, enabled) in [("true", true), ("false", false)] {
            let found = live.schedules.iter().filter(|schedule| schedule.enabled == enabled).count();
            out.count(&[("database", &database.alias), ("enabled", name)], count(found));
        }
    }
    let help = "How late the next run of an enabled schedule is; 0 if it is not late.";
    out.metric("reproq_schedule_late_seconds", MetricKind::Gauge, help);
    for database in databases {
        let Some(live) = &database.live else { continue };
        for schedule in live.schedules.iter().filter(|schedule| schedule.enabled) {
            let late = schedule.late_seconds(live.server.now).unwrap_or(0);
            out.count(&[("database", &database.alias), ("schedule", &schedule.name)], late);
        }
    }
}

/// The last 24 hours.
fn history(databases: &[ObservedDatabase], out: &mut Exposition) {
    out.metric("reproq_tasks", MetricKind::Gauge, "All tasks that are stored, by queue and status.");
    for database in databases.iter().filter(|database| database.history.is_some()) {
        for (queue, status, tasks) in database.counts() {
            let status = status.to_ascii_lowercase();
            out.count(&[("database", &database.alias), ("queue", &queue), ("status", &status)], tasks);
        }
    }
    let help = "Tasks that failed for the last time in the last 24 hours.";
    each_history(databases, out, ("reproq_failures_day", help), |history| precise(history.failures));
    let help = "The same for the tasks that failed most often, by hours ago; other tasks have an empty `task`.";
    out.metric("reproq_failures_by_hour", MetricKind::Gauge, help);
    for database in databases {
        let Some(history) = &database.history else { continue };
        for row in &history.heatmap.rows {
            for (hours_ago, failures) in row.counts.iter().rev().enumerate() {
                let hours_ago = hours_ago.to_string();
                let task = row.task_path.as_deref().unwrap_or_default();
                let labels = [("database", database.alias.as_str()), ("task", task), ("hours_ago", &hours_ago)];
                out.count(&labels, *failures);
            }
        }
    }
    trend(databases, out);
}

fn trend(databases: &[ObservedDatabase], out: &mut Exposition) {
    let help = "Tasks by what happened to them and by hours ago; a lower bound where rows were deleted.";
    out.metric("reproq_trend_tasks", MetricKind::Gauge, help);
    for database in databases {
        for (hours_ago, bucket) in buckets(database) {
            for (event, tasks) in [
                ("enqueued", bucket.enqueued),
                ("successful", bucket.successful),
                ("failed", bucket.failed),
                ("cancelled", bucket.cancelled),
            ] {
                let labels = [("database", database.alias.as_str()), ("event", event), ("hours_ago", &hours_ago)];
                out.count(&labels, tasks);
            }
        }
    }
    out.metric("reproq_trend_depth", MetricKind::Gauge, "Live tasks at the end of an hour, by hours ago.");
    for database in databases {
        for (hours_ago, bucket) in buckets(database) {
            out.count(&[("database", &database.alias), ("hours_ago", &hours_ago)], bucket.depth);
        }
    }
    let help = "Whether nothing is missing in the trend of the last 24 hours.";
    each_history(databases, out, ("reproq_trend_exact", help), |history| precise(i64::from(history.trend.exact)));
}

/// The hours of the trend, each with its distance from now.
fn buckets(database: &ObservedDatabase) -> impl Iterator<Item = (String, &reproq_queue::stats::TrendBucket)> {
    let trend = database.history.iter().flat_map(|history| history.trend.buckets.iter().rev().enumerate());
    trend.map(|(hours_ago, bucket)| (hours_ago.to_string(), bucket))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count_u64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::samples;

    fn observation() -> Observation {
        let mut counters = Counters::default();
        let counts = |tasks| vec![("default".to_owned(), "SUCCESSFUL".to_owned(), tasks)];
        counters.add_finished(&counts(3), &counts(8));
        let mut task = samples::task(1, "SUCCESSFUL", 1);
        task.finished_at = Some(samples::now());
        counters.add_durations(&task);
        let first = ObservedDatabase {
            alias: "default".to_owned(),
            live: Some(Arc::new(samples::live())),
            history: Some(Arc::new(samples::history())),
            counters,
            ..ObservedDatabase::default()
        };
        let away = ObservedDatabase { alias: "away".to_owned(), ..ObservedDatabase::default() };
        Observation { number: 1, at: Some(samples::now()), databases: vec![first, away], ..Observation::default() }
    }

    /// Reads the format strictly: the name, the labels, the value.
    fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
        let name_end = line.find(['{', ' ']).expect("a name");
        let (name, rest) = line.split_at(name_end);
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
        let mut labels = BTreeMap::new();
        let mut characters = rest.chars().peekable();
        if characters.next_if_eq(&'{').is_some() {
            loop {
                let label: String = std::iter::from_fn(|| characters.next_if(|c| *c != '=')).collect();
                assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !label.is_empty(), "{line}");
                assert_eq!((characters.next(), characters.next()), (Some('='), Some('"')), "{line}");
                let mut value = String::new();
                loop {
                    match characters.next().expect("the end of a label") {
                        '"' => break,
                        '\\' => value.push(match characters.next() {
                            Some('n') => '\n',
                            Some(other @ ('\\' | '"')) => other,
                            other => panic!("{line}: {other:?}"),
                        }),
                        other => value.push(other),
                    }
                }
                assert!(labels.insert(label, value).is_none(), "{line}");
                match characters.next() {
                    Some(',') => {}
                    Some('}') => break,
                    other => panic!("{line}: {other:?}"),
                }
            }
        }
        assert_eq!(characters.next(), Some(' '), "{line}");
        let value: String = characters.collect();
        (name.to_owned(), labels, value.replace("+Inf", "inf").parse().expect("a number"))
    }

    #[test]
    fn every_sample_belongs_to_its_metric_and_is_there_once() {
        let text = metrics(&observation());
        let mut declared = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let (mut current, mut helped) = (String::new(), String::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                helped = help.split(' ').next().unwrap_or_default().to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type");
                assert_eq!(name, helped);
                current = name.to_owned();
                assert!(declared.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
            } else {
                let (name, labels, _) = sample(line);
                let is_histogram = declared[&current] == "histogram";
                let suffixes: &[&str] = if is_histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(suffixes.iter().any(|suffix| name == format!("{current}{suffix}")), "{line}");
                assert!(seen.insert((name, labels)), "twice: {line}");
            }
        }
        assert!(text.ends_with('\n') && declared.len() > 30, "{declared:?}");
        for (name, kind) in [
            ("reproq_tasks_processed_total", "counter"),
            ("reproq_tasks_completed_total", "counter"),
            ("reproq_exec_duration_seconds", "histogram"),
            ("reproq_queue_wait_duration_seconds", "histogram"),
            ("reproq_queue_depth", "gauge"),
            ("reproq_tasks_running", "gauge"),
            ("reproq_workers", "gauge"),
            ("reproq_concurrency_in_use", "gauge"),
            ("reproq_concurrency_limit", "gauge"),
            ("reproq_queues_paused", "gauge"),
            ("reproq_concurrency_blocked_tasks", "gauge"),
        ] {
            assert_eq!(declared.get(name).map(String::as_str), Some(kind), "{name}");
        }
    }

    #[test]
    fn the_values_are_those_of_the_observation() {
        let text = metrics(&observation());
        for line in [
            "reproq_database_up{database=\"default\"} 1",
            "reproq_database_up{database=\"away\"} 0",
            "reproq_queue_depth{database=\"default\"} 10",
            "reproq_concurrency_limit{database=\"default\"} 8",
            "reproq_tasks_processed_total{database=\"default\",queue=\"default\",status=\"success\"} 5",
            "reproq_queue_tasks{database=\"default\",queue=\"default\",state=\"scheduled\"} 2",
            "reproq_queue_paused{database=\"default\",queue=\"ma\\\"il\\n\"} 1",
            "reproq_queue_oldest_seconds{database=\"default\",queue=\"default\"} 90",
            "reproq_leases_expired{database=\"default\",queue=\"default\"} 1",
            "reproq_workers_by_state{database=\"default\",state=\"stale\"} 1",
            "reproq_schedule_late_seconds{database=\"default\",schedule=\"nightly\"} 600",
            "reproq_failures_by_hour{database=\"default\",task=\"shop.tasks.charge\",hours_ago=\"0\"} 2",
            "reproq_trend_depth{database=\"default\",hours_ago=\"0\"} 11",
            "reproq_exec_duration_seconds_bucket{database=\"default\",queue=\"default\",le=\"10\"} 1",
            "reproq_exec_duration_seconds_sum{database=\"default\",queue=\"default\"} 10",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        assert!(!text.contains("database=\"away\"} 0\nreproq_queue_depth"), "nothing is claimed about it");
    }
}
