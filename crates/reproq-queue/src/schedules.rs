//! Changes of schedules: what a change makes of a row, and when it runs next. Pure.

use chrono::DateTime;
use chrono::Datelike;
use chrono::Utc;
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use thiserror::Error;

use crate::cron::CronError;
use crate::cron::Schedule;
use crate::spec::PayloadError;
use crate::spec::PeriodicPayload;
use crate::spec::ScheduledSpec;
use crate::spec::canonical_json;
use crate::spec::read_json;
use crate::spec::with_stored_numbers;
use crate::stats::ScheduleRow;
use crate::tasks::NewTask;

/// What a user wants a schedule to be. What is not given stays as it is; in a new schedule it has the worker's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleChange {
    /// The name of the schedule.
    pub name: String,
    /// When it runs.
    pub cron_expr: Option<String>,
    /// What it runs.
    pub task_path: Option<String>,
    /// The positional arguments: a JSON array.
    pub args: Option<String>,
    /// The keyword arguments: a JSON object.
    pub kwargs: Option<String>,
    /// The queue.
    pub queue_name: Option<String>,
    /// The priority.
    pub priority: Option<i32>,
    /// How often a run is attempted.
    pub max_attempts: Option<i32>,
    /// The concurrency key; empty for none.
    pub concurrency_key: Option<String>,
    /// Of all tasks with this key, so many run at a time.
    pub concurrency_limit: Option<i32>,
    /// Whether it is enabled. A run that is due since before it is enabled does not happen.
    pub enabled: Option<bool>,
}

/// Why a schedule is not saved.
#[derive(Debug, Error)]
pub enum ScheduleRefusal {
    /// A new schedule has no expression or no task.
    #[error("a new schedule needs {0}")]
    Missing(&'static str),
    /// The worker cannot read the expression.
    #[error("`{expression}` is not a schedule that the worker accepts")]
    NotASchedule {
        /// The expression.
        expression: String,
        /// What is wrong with it.
        source: CronError,
    },
    /// No date matches.
    #[error("`{expression}` never runs: no date matches it, and the worker would run it all the time")]
    NeverRuns {
        /// The expression.
        expression: String,
    },
    /// The next date that matches is too far away for the worker.
    #[error("`{expression}` does not run in the next five years, and the worker would run it all the time")]
    NotSoon {
        /// The expression.
        expression: String,
    },
    /// The worker would refuse the arguments every time.
    #[error("the worker would refuse the arguments")]
    Payload(#[from] PayloadError),
}

impl ScheduleChange {
    /// What the change makes of a schedule. The next run of an expression that stays the same is not moved, so that a run that is
    /// due is not lost; another expression runs next after this time, so that nothing runs at once.
    pub fn apply(
        &self,
        before: Option<&ScheduleRow>,
        now: DateTime<Utc>,
        zones: &TimeZoneDatabase,
    ) -> Result<ScheduleRow, ScheduleRefusal> {
        let cron_expr = self.cron_expr.clone().or_else(|| before.map(|row| row.cron_expr.clone()));
        let cron_expr = cron_expr.ok_or(ScheduleRefusal::Missing("`--cron`"))?;
        let task_path = self.task_path.clone().or_else(|| before.map(|row| row.task_path.clone()));
        let task_path = task_path.ok_or(ScheduleRefusal::Missing("`--task`"))?;
        let next = run_after(&cron_expr, now, zones)?;
        let is_enabled_now = self.enabled == Some(true) && before.is_some_and(|row| !row.enabled);
        let kept = before.filter(|row| row.cron_expr == cron_expr).and_then(usable_next_run);
        let kept = kept.filter(|at| !is_enabled_now || *at > now);
        let payload = self.payload(before)?;
        let key = match &self.concurrency_key {
            Some(key) => Some(key.clone()).filter(|key| !key.is_empty()),
            None => before.and_then(|row| row.concurrency_key.clone()),
        };
        Ok(ScheduleRow {
            name: self.name.clone(),
            cron_expr,
            task_path,
            payload_bytes: i32::try_from(payload.len()).unwrap_or(i32::MAX),
            payload,
            queue_name: self
                .queue_name
                .clone()
                .or_else(|| before.map(|row| row.queue_name.clone()))
                .unwrap_or_else(|| "default".to_owned()),
            priority: self.priority.or_else(|| before.map(|row| row.priority)).unwrap_or(0),
            max_attempts: self.max_attempts.or_else(|| before.map(|row| row.max_attempts)).unwrap_or(3),
            concurrency_key: key,
            concurrency_limit: self.concurrency_limit.or_else(|| before.map(|row| row.concurrency_limit)).unwrap_or(0),
            enabled: self.enabled.unwrap_or_else(|| before.is_none_or(|row| row.enabled)),
            last_run_at: before.and_then(|row| row.last_run_at),
            next_run_at: Some(kept.unwrap_or(next)),
        })
    }

    /// The payload as `manage.py reproq sync-recurring` writes it, or the one that is there.
    fn payload(&self, before: Option<&ScheduleRow>) -> Result<String, ScheduleRefusal> {
        let old = before.map(|row| row.payload.as_str());
        let payload = if self.args.is_none() && self.kwargs.is_none() {
            old.map_or_else(|| "{\"args\":[],\"kwargs\":{}}".to_owned(), str::to_owned)
        } else {
            let (args, kwargs) = match (&self.args, &self.kwargs, old) {
                (Some(args), Some(kwargs), _) => (args.clone(), kwargs.clone()),
                (args, kwargs, old) => {
                    let old = PeriodicPayload::read(old.unwrap_or_default())?;
                    (
                        args.clone().unwrap_or_else(|| old.args().to_owned()),
                        kwargs.clone().unwrap_or_else(|| old.kwargs().to_owned()),
                    )
                }
            };
            format!("{{\"args\":{args},\"kwargs\":{kwargs}}}")
        };
        PeriodicPayload::read(&payload)?;
        // PostgreSQL prints it differently than the user wrote it.
        Ok(old.filter(|old| is_same_json(old, &payload)).map_or(payload, str::to_owned))
    }
}

/// Whether two texts are the same values once they are stored, in any order of keys and with any white space.
fn is_same_json(one: &str, other: &str) -> bool {
    let canonical = |text: &str| canonical_json(&read_json(&with_stored_numbers(text)).ok()?).ok();
    canonical(one).is_some_and(|one| Some(one) == canonical(other))
}

/// An enabled schedule. A run that is due since before it is enabled does not happen, unless it is to be caught up.
pub fn enabled(
    row: &ScheduleRow,
    catch_up: bool,
    now: DateTime<Utc>,
    zones: &TimeZoneDatabase,
) -> Result<ScheduleRow, ScheduleRefusal> {
    PeriodicPayload::read(&row.payload)?;
    let next = run_after(&row.cron_expr, now, zones)?;
    let kept = usable_next_run(row).filter(|at| catch_up || *at > now);
    Ok(ScheduleRow { enabled: true, next_run_at: Some(kept.unwrap_or(next)), ..row.clone() })
}

/// The task that a schedule enqueues for this time, as the worker's beat does.
pub fn task_at(row: &ScheduleRow, at: DateTime<Utc>) -> Result<NewTask, PayloadError> {
    let spec = ScheduledSpec {
        task_path: row.task_path.clone(),
        payload: PeriodicPayload::read(&row.payload)?,
        queue_name: row.queue_name.clone(),
        priority: row.priority,
        concurrency_key: row.concurrency_key.clone(),
        concurrency_limit: row.concurrency_limit,
        name: row.name.clone(),
        scheduled_at: timestamp(at),
        max_attempts: row.max_attempts,
    };
    Ok(NewTask::of_run(spec, at))
}

/// The first run after this time.
fn run_after(expression: &str, now: DateTime<Utc>, zones: &TimeZoneDatabase) -> Result<DateTime<Utc>, ScheduleRefusal> {
    let schedule = Schedule::parse(expression, zones)
        .map_err(|source| ScheduleRefusal::NotASchedule { expression: expression.to_owned(), source })?;
    if schedule.never_fires() {
        return Err(ScheduleRefusal::NeverRuns { expression: expression.to_owned() });
    }
    let next = schedule.next_after(timestamp(now));
    next.and_then(|next| DateTime::from_timestamp(next.as_second(), 0))
        .ok_or_else(|| ScheduleRefusal::NotSoon { expression: expression.to_owned() })
}

/// The next run of a row, unless it is infinite or the year 1, which the worker writes for a date that never comes.
fn usable_next_run(row: &ScheduleRow) -> Option<DateTime<Utc>> {
    row.next_run_at.filter(|at| at.year() >= 1970)
}

fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp::new(at.timestamp(), at.timestamp_subsec_nanos().min(999_999_999).cast_signed())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn now() -> DateTime<Utc> {
        time("2026-01-31T12:00:30.5Z")
    }

    fn row() -> ScheduleRow {
        ScheduleRow {
            name: "nightly".to_owned(),
            cron_expr: "0 2 * * *".to_owned(),
            task_path: "shop.tasks.nightly".to_owned(),
            payload: "{\"args\": [1.0], \"kwargs\": {\"a\": \"<\"}}".to_owned(),
            payload_bytes: 37,
            queue_name: "mail".to_owned(),
            priority: 4,
            max_attempts: 9,
            concurrency_key: Some("key".to_owned()),
            concurrency_limit: 2,
            enabled: true,
            last_run_at: Some(time("2026-01-30T02:00:00Z")),
            next_run_at: Some(time("2026-01-31T02:00:00Z")),
        }
    }

    fn change() -> ScheduleChange {
        ScheduleChange { name: "nightly".to_owned(), ..ScheduleChange::default() }
    }

    fn apply(change: &ScheduleChange, before: Option<&ScheduleRow>) -> Result<ScheduleRow, ScheduleRefusal> {
        change.apply(before, now(), &TimeZoneDatabase::bundled())
    }

    #[test]
    fn a_new_schedule_has_the_defaults_of_the_worker() {
        let text = |text: &str| Some(text.to_owned());
        let wanted = ScheduleChange { cron_expr: text("*/5 * * * *"), task_path: text("a.b"), ..change() };
        let new = apply(&wanted, None).expect("a schedule");
        assert_eq!((new.queue_name.as_str(), new.priority, new.max_attempts, new.enabled), ("default", 0, 3, true));
        assert_eq!(new.payload, "{\"args\":[],\"kwargs\":{}}");
        assert_eq!(new.next_run_at, Some(time("2026-01-31T12:05:00Z")));
        assert!(!apply(&ScheduleChange { enabled: Some(false), ..wanted.clone() }, None).expect("a schedule").enabled);
        let without = |change: ScheduleChange| apply(&change, None).expect_err("incomplete").to_string();
        assert_eq!(without(ScheduleChange { cron_expr: None, ..wanted.clone() }), "a new schedule needs `--cron`");
        assert_eq!(without(ScheduleChange { task_path: None, ..wanted }), "a new schedule needs `--task`");
    }

    #[test]
    fn what_is_not_given_stays_and_a_due_run_is_not_lost() {
        let old = row();
        assert_eq!(apply(&change(), Some(&old)).expect("a schedule"), old);
        let changed = apply(&ScheduleChange { priority: Some(1), ..change() }, Some(&old)).expect("a schedule");
        assert_eq!(changed, ScheduleRow { priority: 1, ..old.clone() });
        let same = ScheduleChange { cron_expr: Some(old.cron_expr.clone()), ..change() };
        assert_eq!(apply(&same, Some(&old)).expect("a schedule").next_run_at, old.next_run_at);
        // Another expression does not run at once.
        let other = ScheduleChange { cron_expr: Some("0 1 * * *".to_owned()), ..change() };
        let moved = apply(&other, Some(&old)).expect("a schedule");
        assert_eq!(moved.next_run_at, Some(time("2026-02-01T01:00:00Z")));
        // Neither does a date that the worker could not compute.
        for next_run_at in [None, Some(time("0001-01-01T00:00:00Z"))] {
            let broken = ScheduleRow { next_run_at, ..old.clone() };
            let repaired = apply(&change(), Some(&broken)).expect("a schedule");
            assert_eq!(repaired.next_run_at, Some(time("2026-02-01T02:00:00Z")));
        }
        let none = ScheduleChange { concurrency_key: Some(String::new()), ..change() };
        assert_eq!(apply(&none, Some(&old)).expect("a schedule").concurrency_key, None);
        let disabled = ScheduleRow { enabled: false, ..old.clone() };
        assert!(!apply(&change(), Some(&disabled)).expect("a schedule").enabled);
        // Missed runs do not happen when it is enabled, but a run that is due since it was enabled does.
        let enable = ScheduleChange { enabled: Some(true), ..change() };
        assert_eq!(apply(&enable, Some(&old)).expect("a schedule"), old);
        let enabled = apply(&enable, Some(&disabled)).expect("a schedule");
        assert_eq!((enabled.enabled, enabled.next_run_at), (true, Some(time("2026-02-01T02:00:00Z"))));
    }

    #[test]
    fn arguments_are_replaced_one_by_one() {
        let args = ScheduleChange { args: Some("[2e0, \"\u{e9}\"]".to_owned()), ..change() };
        let payload = apply(&args, Some(&row())).expect("a schedule").payload;
        assert_eq!(payload, "{\"args\":[2e0, \"\u{e9}\"],\"kwargs\":{\"a\":\"\\u003c\"}}");
        let kwargs = ScheduleChange { kwargs: Some("{}".to_owned()), ..change() };
        assert_eq!(apply(&kwargs, Some(&row())).expect("a schedule").payload, "{\"args\":[1.0],\"kwargs\":{}}");
        let same = ScheduleChange {
            args: Some(" [1.0]".to_owned()),
            kwargs: Some("{\"a\":\"\\u003c\"}".to_owned()),
            ..change()
        };
        assert_eq!(apply(&same, Some(&row())).expect("a schedule"), row());
        for wrong in ["{}", "1", "[", "[1e999]"] {
            let refused = apply(&ScheduleChange { args: Some(wrong.to_owned()), ..change() }, Some(&row()));
            assert!(matches!(refused, Err(ScheduleRefusal::Payload(_))), "{wrong}: {refused:?}");
        }
    }

    #[test]
    fn an_expression_that_the_worker_would_run_all_the_time_is_refused() {
        let refused = |expression: &str| {
            let change = ScheduleChange { cron_expr: Some(expression.to_owned()), ..change() };
            apply(&change, Some(&row())).expect_err("a refusal")
        };
        assert!(matches!(refused("0 0 31 2 *"), ScheduleRefusal::NeverRuns { .. }));
        assert!(matches!(refused("@daily"), ScheduleRefusal::NotASchedule { .. }));
        assert!(matches!(refused("0 0 * * 7"), ScheduleRefusal::NotASchedule { .. }));
        let leap = ScheduleChange { cron_expr: Some("0 0 29 2 *".to_owned()), ..change() };
        let zones = TimeZoneDatabase::bundled();
        let far = leap.apply(Some(&row()), time("2096-03-01T00:00:00Z"), &zones);
        assert!(matches!(far, Err(ScheduleRefusal::NotSoon { .. })), "{far:?}");
    }

    #[test]
    fn missed_runs_are_caught_up_only_if_they_are_to_be() {
        let zones = TimeZoneDatabase::bundled();
        let disabled = ScheduleRow { enabled: false, ..row() };
        let next = |row: &ScheduleRow, catch_up| {
            let enabled = enabled(row, catch_up, now(), &zones).expect("a schedule");
            assert!(enabled.enabled);
            enabled.next_run_at
        };
        assert_eq!(next(&disabled, false), Some(time("2026-02-01T02:00:00Z")));
        assert_eq!(next(&disabled, true), disabled.next_run_at);
        let later = ScheduleRow { next_run_at: Some(time("2026-03-01T02:00:00Z")), ..disabled.clone() };
        assert_eq!(next(&later, false), later.next_run_at);
        let runaway = ScheduleRow { next_run_at: Some(time("0001-01-01T00:00:00Z")), ..disabled.clone() };
        assert_eq!(next(&runaway, true), Some(time("2026-02-01T02:00:00Z")));
        for broken in [
            ScheduleRow { cron_expr: "0 0 31 2 *".to_owned(), ..disabled.clone() },
            ScheduleRow { payload: "{\"args\": 1}".to_owned(), ..disabled },
        ] {
            assert!(enabled(&broken, false, now(), &zones).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn numbers_that_the_database_writes_differently_are_no_change() {
        let payload = "{\"args\": [10000000000000000, 0.0, 0.0000001], \"kwargs\": {\"a\": 150}}";
        let row = ScheduleRow { payload: payload.to_owned(), ..row() };
        let (args, kwargs) = ("[1e+16,-0.0,1e-07]".to_owned(), "{\"a\":1.5e2}".to_owned());
        let same = ScheduleChange { args: Some(args), kwargs: Some(kwargs), ..ScheduleChange::default() };
        assert_eq!(apply(&same, Some(&row)).expect("a schedule").payload, payload);
        let other = ScheduleChange { args: Some("[1e+17]".to_owned()), ..ScheduleChange::default() };
        assert_ne!(apply(&other, Some(&row)).expect("a schedule").payload, payload);
    }

    #[test]
    fn a_task_has_the_time_that_it_is_enqueued_for() {
        let task = task_at(&row(), now()).expect("a task");
        assert_eq!(task.run_after.as_deref(), Some("2026-01-31T12:00:30.500000Z"));
        let canonical = task.spec;
        assert!(canonical.contains("\"scheduled_at\":\"2026-01-31T12:00:30Z\""), "{canonical}");
        assert!(canonical.contains("\"periodic_name\":\"nightly\"") && canonical.contains("[1.0]"), "{canonical}");
    }
}
