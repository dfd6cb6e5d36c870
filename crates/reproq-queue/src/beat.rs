//! What a beat does with a schedule that is due. Pure: the time is the database's.

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
use crate::tasks::NewTask;

/// A schedule that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSchedule {
    /// Its name.
    pub name: String,
    /// The name and the version of the row: another value after every change.
    pub version: String,
    /// When it runs.
    pub cron_expr: String,
    /// What it runs.
    pub task_path: String,
    /// The arguments as JSON; `None` if they are too large to be read with others.
    pub payload: Option<String>,
    /// Their size.
    pub payload_bytes: i32,
    /// The queue; the default one if it is empty.
    pub queue_name: String,
    /// The priority of its tasks.
    pub priority: i32,
    /// How often a task is attempted.
    pub max_attempts: i32,
    /// Of all tasks with this key, `concurrency_limit` run at a time.
    pub concurrency_key: Option<String>,
    /// No limit if it is 0.
    pub concurrency_limit: i32,
    /// Since when it is due; `None` if that is infinite.
    pub next_run_at: Option<DateTime<Utc>>,
}

/// What a schedule that is due needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Tick {
    /// A task, however many of its times have passed.
    Run {
        /// The task.
        task: Box<NewTask>,
        /// Its next time after now. `None`: there is none, and the schedule is disabled.
        next: Option<DateTime<Utc>>,
    },
    /// No date matches it: it is disabled without a task. The worker's beat would run it at every pass.
    Disable,
}

/// Why a schedule that is due cannot run. It stays due.
#[derive(Debug, Error)]
pub enum TickError {
    /// Its expression is not valid.
    #[error("`{expression}` is not a schedule: {error}")]
    Cron {
        /// The expression.
        expression: String,
        /// What is wrong.
        error: CronError,
    },
    /// Its arguments are not valid.
    #[error("{0}")]
    Payload(#[from] PayloadError),
    /// Its arguments are too large.
    #[error("its arguments have {0} bytes, which is too large")]
    PayloadSize(i32),
    /// It runs nothing.
    #[error("it has no task")]
    NoTask,
    /// It is due since a time that cannot be written as one.
    #[error("its next run is not a time")]
    NoTime,
}

impl DueSchedule {
    /// Decides what it needs at this time.
    pub fn tick(&self, now: DateTime<Utc>, zones: &TimeZoneDatabase) -> Result<Tick, TickError> {
        let schedule = Schedule::parse(&self.cron_expr, zones)
            .map_err(|error| TickError::Cron { expression: self.cron_expr.clone(), error })?;
        if schedule.never_fires() {
            return Ok(Tick::Disable);
        }
        if self.task_path.is_empty() {
            return Err(TickError::NoTask);
        }
        let due = self.next_run_at.filter(|due| (1..=9999).contains(&due.year())).ok_or(TickError::NoTime)?;
        let spec = ScheduledSpec {
            task_path: self.task_path.clone(),
            payload: PeriodicPayload::read(self.payload.as_deref().ok_or(TickError::PayloadSize(self.payload_bytes))?)?,
            queue_name: self.queue_name.clone(),
            priority: self.priority,
            concurrency_key: self.concurrency_key.clone(),
            concurrency_limit: self.concurrency_limit,
            name: self.name.clone(),
            scheduled_at: timestamp(due).ok_or(TickError::NoTime)?,
            max_attempts: self.max_attempts,
        };
        let task = Box::new(NewTask::of_run(spec, due));
        // A clock that was set back must not bring back a time that has been enqueued.
        let next = timestamp(now.max(due)).and_then(|after| schedule.next_after(after));
        Ok(Tick::Run { task, next: next.and_then(|next| DateTime::from_timestamp(next.as_second(), 0)) })
    }
}

fn timestamp(at: DateTime<Utc>) -> Option<Timestamp> {
    Timestamp::from_microsecond(at.timestamp_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn due() -> DueSchedule {
        DueSchedule {
            name: "every5".to_owned(),
            version: "1:every5".to_owned(),
            cron_expr: "*/5 * * * *".to_owned(),
            task_path: "myapp.tasks.rec".to_owned(),
            payload: Some(
                "{\"args\": [1.0, 1000, {\"a\": 2, \"z\": 1}], \"kwargs\": {\"b\": \"<a&b>\u{e9}\"}}".to_owned(),
            ),
            payload_bytes: 70,
            queue_name: "maintenance".to_owned(),
            priority: 0,
            max_attempts: 3,
            concurrency_key: None,
            concurrency_limit: 0,
            next_run_at: Some(time("2026-01-01T00:00:00.75Z")),
        }
    }

    fn tick(due: &DueSchedule, now: &str) -> Result<Tick, String> {
        due.tick(time(now), &TimeZoneDatabase::bundled()).map_err(|error| error.to_string())
    }

    fn next(due: &DueSchedule, now: &str) -> Option<String> {
        match tick(due, now).expect("a tick") {
            Tick::Run { next, .. } => next.map(|next| next.to_rfc3339()),
            Tick::Disable => panic!("disabled"),
        }
    }

    /// The hash was recorded from the real worker's beat.
    #[test]
    fn the_task_is_that_of_the_workers_beat() {
        let Ok(Tick::Run { task, .. }) = tick(&due(), "2026-01-01T00:00:01Z") else { panic!("no task") };
        assert_eq!(task.spec_hash, "24cb287c0879efa1eb500ea0df863823a166b471159f44501cfdeb7fc02205d3");
        assert_eq!(task.run_after.as_deref(), Some("2026-01-01T00:00:00.750000Z"));
        assert_eq!((task.backend_alias.as_str(), task.timeout_seconds, task.lock_key), ("default", 900, None));
        let bare = DueSchedule { queue_name: String::new(), max_attempts: 0, ..due() };
        let Ok(Tick::Run { task, .. }) = tick(&bare, "2026-01-01T00:00:01Z") else { panic!("no task") };
        assert_eq!((task.queue_name.as_str(), task.max_attempts), ("default", 3));
    }

    #[test]
    fn times_that_have_passed_become_one_run_and_the_next_is_in_the_future() {
        assert_eq!(next(&due(), "2026-01-01T00:00:01Z").as_deref(), Some("2026-01-01T00:05:00+00:00"));
        assert_eq!(next(&due(), "2026-01-03T07:05:00Z").as_deref(), Some("2026-01-03T07:10:00+00:00"));
        // The clock of the server was set back.
        assert_eq!(next(&due(), "2025-12-31T23:00:00Z").as_deref(), Some("2026-01-01T00:05:00+00:00"));
        let leap = DueSchedule { cron_expr: "0 0 29 2 *".to_owned(), ..due() };
        assert_eq!(next(&leap, "2096-03-01T00:00:00Z"), None);
    }

    #[test]
    fn a_schedule_that_matches_no_date_is_disabled_and_never_run() {
        for expression in ["0 0 31 2 *", "0 0 30,31 2 ?"] {
            let never = DueSchedule { cron_expr: expression.to_owned(), ..due() };
            assert_eq!(tick(&never, "2026-01-01T00:00:01Z"), Ok(Tick::Disable), "{expression}");
        }
    }

    #[test]
    fn what_cannot_run_is_refused_with_a_reason() {
        let cases = [
            (DueSchedule { cron_expr: "@daily".to_owned(), ..due() }, "`@daily` is not a schedule: "),
            (
                DueSchedule { cron_expr: "TZ=Nope/Zone 0 0 * * *".to_owned(), ..due() },
                "`TZ=Nope/Zone 0 0 * * *` is not",
            ),
            (
                DueSchedule { payload: Some("{\"args\": 1}".to_owned()), ..due() },
                "`args` of the payload is not an array",
            ),
            (DueSchedule { payload: None, payload_bytes: 5, ..due() }, "its arguments have 5 bytes"),
            (DueSchedule { task_path: String::new(), ..due() }, "it has no task"),
            (DueSchedule { next_run_at: None, ..due() }, "its next run is not a time"),
        ];
        for (due, expected) in cases {
            let error = tick(&due, "2026-01-01T00:00:01Z").expect_err("refused");
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
