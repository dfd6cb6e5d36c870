//! What was counted since the start: finished tasks and their durations. Pure.

use std::collections::BTreeMap;

use reproq_queue::tasks::WatchedTask;

/// The upper bounds of the buckets of a duration in seconds: the worker's own.
pub(crate) const EXECUTION_BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The same for the time between enqueueing and the first attempt.
pub(crate) const WAIT_BOUNDS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Durations, counted by buckets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histogram {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

/// What was counted of a database.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Counters {
    /// Finished tasks by queue and final status.
    finished: BTreeMap<(String, String), u64>,
    /// How long attempts took, by queue.
    pub(crate) execution: BTreeMap<String, Histogram>,
    /// How long tasks waited for their first attempt, by queue.
    pub(crate) wait: BTreeMap<String, Histogram>,
    /// Events that were not listed.
    pub(crate) omitted_events: u64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    fn observe(&mut self, seconds: f64) {
        let index = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(index) {
            *count += 1;
            self.sum += seconds;
        }
    }

    /// The bounds, each with the number of durations up to it.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut total = 0;
        self.bounds.iter().zip(&self.counts).map(move |(bound, count)| {
            total += count;
            (*bound, total)
        })
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(crate) const fn sum(&self) -> f64 {
        self.sum
    }
}

impl Counters {
    /// Adds what was finished between two counts of all tasks. Rows that were deleted in between hide as many that were finished.
    pub(crate) fn add_finished(&mut self, before: &[(String, String, i64)], after: &[(String, String, i64)]) {
        let before: BTreeMap<(&str, &str), i64> =
            before.iter().map(|(queue, status, tasks)| ((queue.as_str(), status.as_str()), *tasks)).collect();
        for (queue, status, tasks) in after {
            if !["SUCCESSFUL", "FAILED", "CANCELLED"].contains(&status.as_str()) {
                continue;
            }
            let old = before.get(&(queue.as_str(), status.as_str())).copied().unwrap_or(0);
            let more = u64::try_from(tasks - old).unwrap_or(0);
            *self.finished.entry((queue.clone(), status.clone())).or_default() += more;
        }
    }

    /// Adds the durations of a task whose attempt has ended.
    pub(crate) fn add_durations(&mut self, task: &WatchedTask) {
        let ended = task.finished_at.or(task.failed_at).unwrap_or(task.updated_at);
        let Some(began) = task.last_attempted_at.or(task.started_at) else { return };
        let histogram = self.execution.entry(task.queue_name.clone());
        histogram.or_insert_with(|| Histogram::new(&EXECUTION_BOUNDS)).observe(seconds(ended - began));
        if task.attempts == 1 {
            let histogram = self.wait.entry(task.queue_name.clone());
            histogram.or_insert_with(|| Histogram::new(&WAIT_BOUNDS)).observe(seconds(began - task.enqueued_at));
        }
    }

    /// Finished tasks by queue; successful ones, or all others.
    pub(crate) fn finished(&self, successful: bool) -> BTreeMap<&str, u64> {
        let mut all: BTreeMap<&str, u64> = BTreeMap::new();
        for ((queue, status), tasks) in &self.finished {
            if (status == "SUCCESSFUL") == successful {
                *all.entry(queue).or_default() += tasks;
            }
        }
        all
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a duration have few digits")]
fn seconds(duration: chrono::Duration) -> f64 {
    duration.num_milliseconds().max(0) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::samples;

    fn counts(rows: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
        rows.iter().map(|(queue, status, tasks)| ((*queue).to_owned(), (*status).to_owned(), *tasks)).collect()
    }

    #[test]
    fn a_counter_never_falls() {
        let mut counters = Counters::default();
        let first = counts(&[("a", "SUCCESSFUL", 10), ("a", "FAILED", 3), ("a", "READY", 5)]);
        let second = counts(&[("a", "SUCCESSFUL", 14), ("a", "FAILED", 1), ("a", "READY", 9), ("b", "CANCELLED", 2)]);
        counters.add_finished(&first, &second);
        assert_eq!(counters.finished(true), BTreeMap::from([("a", 4)]));
        assert_eq!(counters.finished(false), BTreeMap::from([("a", 0), ("b", 2)]));
    }

    #[test]
    fn durations_are_counted_in_the_bucket_that_contains_them() {
        let mut counters = Counters::default();
        let began = samples::now();
        let mut task = samples::task(1, "SUCCESSFUL", 1);
        task.enqueued_at = began - Duration::seconds(3);
        task.last_attempted_at = Some(began);
        task.finished_at = Some(began + Duration::milliseconds(250));
        counters.add_durations(&task);
        task.finished_at = Some(began + Duration::seconds(60));
        task.attempts = 2;
        counters.add_durations(&task);
        let execution = &counters.execution["default"];
        let at = |bound: f64| execution.cumulative().find(|(it, _)| (it - bound).abs() < 1e-9).expect("a bound").1;
        assert_eq!((at(0.1), at(0.25), at(10.0), execution.total()), (0, 1, 1, 2));
        assert!((execution.sum() - 60.25).abs() < 1e-9);
        let wait = &counters.wait["default"];
        assert_eq!(wait.cumulative().map(|(_, count)| count).collect::<Vec<_>>(), [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    }
}
