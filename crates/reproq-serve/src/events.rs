//! What happened to tasks between two observations, as the events that the worker publishes. Pure.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use reproq_queue::tasks::KnownTask;
use reproq_queue::tasks::TaskObservation;
use reproq_queue::tasks::WatchedTask;
use serde::Serialize;

use crate::counters::Counters;

/// Tasks of each kind that are observed.
pub(crate) const OBSERVED: i64 = 2000;

/// Events of one observation that are listed.
const LISTED: usize = 500;

/// The same with the event that says how many are not.
pub(crate) const MOST_EVENTS: usize = LISTED + 1;

/// An event, in the worker's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TaskEvent {
    ts: String,
    level: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    msg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worker_id: Option<String>,
    metadata: BTreeMap<&'static str, String>,
    #[serde(skip)]
    at: DateTime<Utc>,
}

/// What is remembered of the last observation of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SeenTasks {
    tasks: BTreeMap<i64, KnownTask>,
    newest_id: i64,
    has_begun: bool,
}

impl SeenTasks {
    /// The tasks to look for.
    pub(crate) fn known(&self) -> Vec<KnownTask> {
        self.tasks.values().copied().collect()
    }

    /// Newer tasks are new. Before the first observation, none is.
    pub(crate) const fn after_id(&self) -> i64 {
        if self.has_begun { self.newest_id } else { i64::MAX }
    }

    /// The events that lead to an observation, and what is remembered of it.
    pub(crate) fn advance(
        &self,
        observation: &TaskObservation,
        database: &str,
        now: DateTime<Utc>,
        counters: &mut Counters,
    ) -> (Vec<TaskEvent>, Self) {
        let mut tasks = BTreeMap::new();
        let mut events = Vec::new();
        let mut omitted = 0;
        if self.has_begun {
            let changed = observation.running.iter().chain(&observation.left).chain(&observation.newer);
            // A new task may also run.
            let changed: BTreeMap<i64, &WatchedTask> = changed.map(|task| (task.result_id, task)).collect();
            for (id, task) in changed {
                let found = self.changes(id, task, database);
                if found.iter().any(TaskEvent::ends_an_attempt) {
                    counters.add_durations(task);
                }
                events.extend(found);
            }
            // Ids between the last that was read and the newest; some of them may not exist.
            let last_read = observation.newer.last().map_or(observation.newest_id, |task| task.result_id);
            if observation.newer.len() >= usize::try_from(OBSERVED).unwrap_or(usize::MAX) {
                omitted = u64::try_from(observation.newest_id - last_read).unwrap_or(0);
            }
        }
        for task in &observation.claimable {
            let known = KnownTask { result_id: task.result_id, attempts: task.attempts, is_running: false };
            tasks.insert(task.result_id, known);
        }
        for task in &observation.running {
            let known = KnownTask { result_id: task.result_id, attempts: task.attempts, is_running: true };
            tasks.insert(task.result_id, known);
        }
        let newest_id = observation.newest_id.max(self.newest_id);
        (listed(events, omitted, database, now, counters), Self { tasks, newest_id, has_begun: true })
    }

    fn changes(&self, id: i64, task: &WatchedTask, database: &str) -> Vec<TaskEvent> {
        let before = self.tasks.get(&id).copied();
        // A new task, or one that could not be claimed before.
        let before = before.unwrap_or(KnownTask { result_id: id, attempts: 0, is_running: false });
        let event = |kind: EventKind| TaskEvent::new(kind, task, database);
        let has_been_claimed = task.attempts > before.attempts;
        let mut events = Vec::new();
        if has_been_claimed {
            events.push(event(EventKind::Started));
        }
        let ended = match task.status.as_str() {
            "SUCCESSFUL" => Some(EventKind::Success),
            "FAILED" => Some(EventKind::Failed),
            "CANCELLED" => Some(EventKind::Cancelled),
            "READY" if before.is_running || has_been_claimed => Some(EventKind::Retry),
            _ => None,
        };
        events.extend(ended.map(event));
        events
    }
}

/// The events in order, and how many are not listed.
fn listed(
    mut events: Vec<TaskEvent>,
    omitted: u64,
    database: &str,
    now: DateTime<Utc>,
    counters: &mut Counters,
) -> Vec<TaskEvent> {
    events.sort_by_key(|event| event.at);
    let more = events.len().saturating_sub(LISTED);
    events.truncate(LISTED);
    let omitted = omitted + u64::try_from(more).unwrap_or(0);
    counters.omitted_events += omitted;
    if omitted > 0 {
        events.push(TaskEvent {
            ts: text(now),
            level: "warn",
            kind: "events_omitted",
            msg: format!("up to {omitted} more events are not listed"),
            queue: None,
            task_id: None,
            worker_id: None,
            metadata: BTreeMap::from([("database", database.to_owned()), ("omitted", omitted.to_string())]),
            at: now,
        });
    }
    events
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EventKind {
    Started,
    Success,
    Failed,
    Retry,
    Cancelled,
}

impl EventKind {
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Started => ("info", "task_started", "task started"),
            Self::Success => ("info", "task_success", "task completed"),
            Self::Failed => ("error", "task_failed", "task failed"),
            Self::Retry => ("warn", "task_retry", "task will run again"),
            Self::Cancelled => ("warn", "task_cancelled", "task cancelled"),
        }
    }
}

impl TaskEvent {
    fn new(kind: EventKind, task: &WatchedTask, database: &str) -> Self {
        let (level, name, msg) = kind.words();
        let ended = task.finished_at.unwrap_or(task.updated_at);
        let at = match kind {
            EventKind::Started => task.last_attempted_at.or(task.started_at).unwrap_or(task.updated_at),
            EventKind::Failed => task.failed_at.unwrap_or(ended),
            EventKind::Success | EventKind::Cancelled => ended,
            EventKind::Retry => task.updated_at,
        };
        let mut metadata = BTreeMap::from([
            ("task_path", task.task_path.clone()),
            ("attempt", task.attempts.to_string()),
            ("max_attempts", task.max_attempts.to_string()),
            ("database", database.to_owned()),
        ]);
        if matches!(kind, EventKind::Failed | EventKind::Retry) {
            metadata.extend(task.error_kind.clone().map(|kind| ("reason", kind)));
            metadata.extend(task.exception_class.clone().map(|class| ("exception_class", class)));
            metadata.extend(task.error.clone().map(|error| ("error_message", error)));
        }
        if kind == EventKind::Retry {
            metadata.extend(task.run_after.map(|next| ("next_run", text(next))));
        }
        Self {
            ts: text(at),
            level,
            kind: name,
            msg: msg.to_owned(),
            queue: Some(task.queue_name.clone()),
            task_id: Some(task.result_id),
            worker_id: task.worker_id.clone(),
            metadata,
            at,
        }
    }

    fn ends_an_attempt(&self) -> bool {
        ["task_success", "task_failed"].contains(&self.kind)
    }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use reproq_queue::tasks::ClaimableTask;

    use super::*;
    use crate::samples;

    fn claimable(id: i64, attempts: i32) -> ClaimableTask {
        ClaimableTask { result_id: id, attempts }
    }

    /// What is remembered of this observation.
    fn after(observation: &TaskObservation) -> SeenTasks {
        let (events, seen) = SeenTasks::default().advance(observation, "d", samples::now(), &mut Counters::default());
        assert!(events.is_empty(), "the first observation has no events");
        seen
    }

    fn names(events: &[TaskEvent]) -> Vec<(i64, &'static str)> {
        events.iter().map(|event| (event.task_id.unwrap_or(0), event.kind)).collect()
    }

    fn step(seen: &SeenTasks, observation: &TaskObservation) -> Vec<TaskEvent> {
        seen.advance(observation, "d", samples::now(), &mut Counters::default()).0
    }

    #[test]
    fn each_change_is_an_event_with_its_beginning() {
        let seen = after(&TaskObservation {
            claimable: vec![claimable(1, 0), claimable(2, 0), claimable(3, 0), claimable(4, 1)],
            running: vec![samples::task(5, "RUNNING", 1), samples::task(6, "RUNNING", 2)],
            newest_id: 6,
            ..TaskObservation::default()
        });
        assert_eq!((seen.known().len(), seen.after_id()), (6, 6));
        let events = step(
            &seen,
            &TaskObservation {
                claimable: vec![claimable(3, 0), claimable(5, 1)],
                running: vec![samples::task(1, "RUNNING", 1), samples::task(6, "RUNNING", 2)],
                left: vec![
                    samples::task(2, "SUCCESSFUL", 1),
                    samples::task(4, "CANCELLED", 1),
                    samples::task(5, "READY", 1),
                ],
                newer: vec![samples::task(7, "FAILED", 1), samples::task(8, "READY", 0)],
                newest_id: 8,
            },
        );
        let mut found = names(&events);
        found.sort_unstable();
        let expected = [
            (1, "task_started"),
            (2, "task_started"),
            (2, "task_success"),
            (4, "task_cancelled"),
            (5, "task_retry"),
            (7, "task_failed"),
            (7, "task_started"),
        ];
        assert_eq!(found, expected);
        assert!(events.is_sorted_by_key(|event| event.at), "{events:#?}");
    }

    #[test]
    fn a_lost_lease_and_the_next_attempt_are_told_apart() {
        let seen = after(&TaskObservation {
            running: vec![samples::task(1, "RUNNING", 1)],
            newest_id: 1,
            ..TaskObservation::default()
        });
        // Claimed again between two observations: the end of the first attempt was not seen.
        let again = TaskObservation {
            running: vec![samples::task(1, "RUNNING", 2)],
            newest_id: 1,
            ..TaskObservation::default()
        };
        assert_eq!(names(&step(&seen, &again)), [(1, "task_started")]);
        // A row that was deleted says nothing.
        assert_eq!(step(&seen, &TaskObservation { newest_id: 1, ..TaskObservation::default() }), []);
    }

    #[test]
    fn the_document_is_that_of_the_worker() {
        let seen = after(&TaskObservation {
            running: vec![samples::task(9, "RUNNING", 3)],
            newest_id: 9,
            ..TaskObservation::default()
        });
        let mut failed = samples::task(9, "FAILED", 3);
        failed.failed_at = Some(samples::now());
        failed.error = Some("card declined".to_owned());
        failed.exception_class = Some("shop.CardError".to_owned());
        failed.error_kind = Some("app_error".to_owned());
        let events = step(&seen, &TaskObservation { left: vec![failed], newest_id: 9, ..TaskObservation::default() });
        assert_eq!(
            serde_json::to_value(&events).expect("a document"),
            serde_json::json!([{
                "ts": "2026-01-31T12:00:00.000Z", "level": "error", "type": "task_failed", "msg": "task failed",
                "queue": "default", "task_id": 9, "worker_id": "w1",
                "metadata": {
                    "task_path": "shop.tasks.add", "attempt": "3", "max_attempts": "3", "database": "d",
                    "reason": "app_error", "exception_class": "shop.CardError", "error_message": "card declined",
                },
            }])
        );
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let seen = after(&TaskObservation { newest_id: 10, ..TaskObservation::default() });
        let mut newer: Vec<WatchedTask> = (11..2011).map(|id| samples::task(id, "SUCCESSFUL", 1)).collect();
        for task in &mut newer {
            task.finished_at = Some(samples::now() + Duration::milliseconds(task.result_id));
        }
        let observation = TaskObservation { newer, newest_id: 2110, ..TaskObservation::default() };
        let mut counters = Counters::default();
        let (events, seen) = seen.advance(&observation, "d", samples::now(), &mut counters);
        assert_eq!((events.len(), seen.after_id()), (LISTED + 1, 2110));
        let last = events.last().expect("an event");
        // 4000 events of 2000 tasks, 500 of them listed, and 100 ids that were not read.
        assert_eq!(
            (last.kind, last.metadata["omitted"].as_str(), counters.omitted_events),
            ("events_omitted", "3600", 3600)
        );
        assert_eq!(counters.execution["default"].total(), 2000);
    }
}
