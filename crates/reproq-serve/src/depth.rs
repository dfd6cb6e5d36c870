//! The depth of each queue over the last two hours, sampled in memory. Pure; the clock is a value.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use chrono::DateTime;
use chrono::Duration;
use chrono::Utc;

use crate::state::ObservedDatabase;

/// The time between two samples.
const EVERY: Duration = Duration::seconds(60);

/// How many samples are kept.
const KEPT: usize = 120;

/// How many queues are sampled: names of queues come from the database.
const QUEUES: usize = 200;

/// The ready tasks of each queue at the last sampling times.
#[derive(Debug, Clone, Default)]
pub(crate) struct DepthHistory {
    times: VecDeque<DateTime<Utc>>,
    /// By database and queue; one value for each time.
    ready: BTreeMap<(String, String), VecDeque<i64>>,
}

impl DepthHistory {
    /// The history with a sample of now, if one is due.
    pub(crate) fn sampled(&self, databases: &[ObservedDatabase], now: DateTime<Utc>) -> Option<Self> {
        if self.times.back().is_some_and(|last| now - *last < EVERY) {
            return None;
        }
        let mut next = self.clone();
        next.times.push_back(now);
        for (database, live) in databases.iter().filter_map(|it| Some((it, it.live.as_ref()?))) {
            for queue in &live.queues {
                let key = (database.alias.clone(), queue.queue.clone());
                if next.ready.len() < QUEUES || next.ready.contains_key(&key) {
                    // A queue that is new was empty before.
                    let values = next.ready.entry(key).or_default();
                    values.resize(next.times.len() - 1, 0);
                    values.push_back(queue.ready);
                }
            }
        }
        for values in next.ready.values_mut() {
            values.resize(next.times.len(), 0);
            values.drain(..values.len().saturating_sub(KEPT));
        }
        next.times.drain(..next.times.len().saturating_sub(KEPT));
        // A queue that was empty for as long as samples are kept may be gone.
        next.ready.retain(|_, values| values.iter().any(|value| *value > 0));
        Some(next)
    }

    /// The samples of a queue, oldest first.
    pub(crate) fn ready(&self, database: &str, queue: &str) -> Vec<i64> {
        let found = self.ready.get(&(database.to_owned(), queue.to_owned()));
        found.map_or_else(|| vec![0; self.times.len()], |values| values.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reproq_queue::stats::QueueDepth;

    use super::*;
    use crate::samples;
    use crate::state::LiveView;

    fn database(queues: &[(&str, i64)]) -> Vec<ObservedDatabase> {
        let depth = |(queue, ready): &(&str, i64)| QueueDepth {
            queue: (*queue).to_owned(),
            ready: *ready,
            ..QueueDepth::default()
        };
        let live = LiveView { queues: queues.iter().map(depth).collect(), ..samples::live() };
        vec![ObservedDatabase {
            alias: "default".to_owned(),
            live: Some(Arc::new(live)),
            ..ObservedDatabase::default()
        }]
    }

    fn after(minutes: i64) -> DateTime<Utc> {
        samples::now() + Duration::minutes(minutes)
    }

    #[test]
    fn a_queue_that_comes_or_goes_was_or_is_empty() {
        let history = DepthHistory::default();
        let history = history.sampled(&database(&[("a", 3)]), after(0)).expect("due");
        assert!(history.sampled(&database(&[("a", 9)]), after(0) + Duration::seconds(59)).is_none());
        let history = history.sampled(&database(&[("a", 4), ("b", 7)]), after(1)).expect("due");
        let history = history.sampled(&database(&[("b", 8)]), after(2)).expect("due");
        assert_eq!(history.ready("default", "a"), [3, 4, 0]);
        assert_eq!(history.ready("default", "b"), [0, 7, 8]);
        assert_eq!(history.ready("default", "c"), [0, 0, 0]);
        // While the database is away, nothing is known; the next sample continues the line.
        let history = history.sampled(&[], after(3)).expect("due");
        assert_eq!(history.ready("default", "b"), [0, 7, 8, 0]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let names: Vec<String> = (0..300).map(|number| format!("q{number}")).collect();
        let queues: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let mut history = DepthHistory::default();
        for minute in 0..150 {
            let queues = if minute < 20 { &queues[..] } else { &[("q7", minute)] };
            history = history.sampled(&database(queues), after(minute)).expect("due");
            assert!(history.ready.len() <= QUEUES && history.times.len() <= KEPT);
            assert!(history.ready.values().all(|values| values.len() == history.times.len()));
        }
        assert_eq!(history.ready.len(), 1, "empty queues are forgotten");
        assert_eq!(history.ready("default", "q7").last(), Some(&149));
    }
}
