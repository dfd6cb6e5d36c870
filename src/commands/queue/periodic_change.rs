//! What the commands that change a schedule have in common: the report, and the errors.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::schedules::ScheduleRefusal;
use reproq_queue::spec::PeriodicPayload;
use reproq_queue::spec::readable_json;
use reproq_queue::stats::ScheduleRow;
use serde::Serialize;
use serde_json::value::RawValue;

use super::cron_error::not_a_schedule;
use super::time_or_dash;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::shell_word;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
pub(super) struct ScheduleChangeReport {
    pub(super) name: String,
    /// The time of the database.
    pub(super) at: DateTime<Utc>,
    pub(super) outcome: ScheduleOutcome,
    /// The schedule as it was; `null` if there was none.
    pub(super) before: Option<ScheduleValues>,
    /// The schedule as it is; `null` if there is none.
    pub(super) after: Option<ScheduleValues>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScheduleOutcome {
    Created,
    Changed,
    Enabled,
    Disabled,
    Removed,
    Unchanged,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ScheduleValues {
    cron_expr: String,
    task_path: String,
    payload: Box<RawValue>,
    queue_name: String,
    priority: i32,
    max_attempts: i32,
    concurrency_key: Option<String>,
    concurrency_limit: i32,
    enabled: bool,
    last_run_at: Option<DateTime<Utc>>,
    next_run_at: Option<DateTime<Utc>>,
}

impl ScheduleValues {
    pub(super) fn of(row: &ScheduleRow) -> Self {
        Self {
            cron_expr: row.cron_expr.clone(),
            task_path: row.task_path.clone(),
            payload: RawValue::from_string(row.payload.clone()).unwrap_or_default(),
            queue_name: row.queue_name.clone(),
            priority: row.priority,
            max_attempts: row.max_attempts,
            concurrency_key: row.concurrency_key.clone(),
            concurrency_limit: row.concurrency_limit,
            enabled: row.enabled,
            last_run_at: row.last_run_at,
            next_run_at: row.next_run_at,
        }
    }

    /// The parts that a user sets, as text.
    fn rows(&self) -> Vec<(&'static str, String)> {
        let key = match &self.concurrency_key {
            Some(key) => format!("{key}, at most {} at a time", self.concurrency_limit),
            None => "-".to_owned(),
        };
        vec![
            ("Schedule", self.cron_expr.clone()),
            ("Task", self.task_path.clone()),
            ("Arguments", readable_json(self.payload.get())),
            ("Queue", self.queue_name.clone()),
            ("Priority", self.priority.to_string()),
            ("Attempts", self.max_attempts.to_string()),
            ("Concurrency", key),
            ("State", if self.enabled { "enabled".to_owned() } else { "disabled".to_owned() }),
            ("Next run", time_or_dash(self.next_run_at)),
        ]
    }

    /// What differs, one line each; everything that is not the default, if there was no schedule.
    pub(super) fn differences(&self, before: Option<&Self>) -> Vec<String> {
        let was = before.map(Self::rows);
        let rows = self.rows().into_iter().enumerate();
        rows.filter_map(|(index, (name, now))| match &was {
            Some(was) => {
                let (_, was) = was.get(index)?;
                (*was != now).then(|| format!("{name}: {now} (was {was})"))
            }
            None => Some(format!("{name}: {now}")),
        })
        .collect()
    }

    /// The command that creates it again.
    fn command(&self, name: &str) -> String {
        let mut words = vec!["reproq periodic set".to_owned(), shell_word(name)];
        let mut add = |option: &str, value: &str| words.push(format!("{option} {}", shell_word(value)));
        add("--cron", &self.cron_expr);
        add("--task", &self.task_path);
        if let Ok(payload) = PeriodicPayload::read(self.payload.get()) {
            for (option, json, default) in [("--args", payload.args(), "[]"), ("--kwargs", payload.kwargs(), "{}")] {
                if json != default && json != "null" {
                    add(option, &readable_json(json));
                }
            }
        }
        if self.queue_name != "default" && !self.queue_name.is_empty() {
            add("--queue", &self.queue_name);
        }
        if self.priority != 0 {
            add("--priority", &self.priority.to_string());
        }
        if self.max_attempts != 3 && self.max_attempts > 0 {
            add("--max-attempts", &self.max_attempts.to_string());
        }
        if let Some(key) = &self.concurrency_key {
            add("--concurrency-key", key);
        }
        if self.concurrency_limit > 0 {
            add("--concurrency-limit", &self.concurrency_limit.to_string());
        }
        if !self.enabled {
            words.push("--disabled".to_owned());
        }
        words.join(" ")
    }
}

impl Report for ScheduleChangeReport {
    const SCHEMA: &'static str = "reproq.periodic-change/1";

    fn human(&self, out: &mut TextReport) {
        let outcome = match self.outcome {
            ScheduleOutcome::Created => "created",
            ScheduleOutcome::Changed => "changed",
            ScheduleOutcome::Enabled => "enabled",
            ScheduleOutcome::Disabled => "disabled",
            ScheduleOutcome::Removed => "removed",
            ScheduleOutcome::Unchanged => "unchanged",
        };
        out.line(&format!("Schedule {}: {outcome}.", self.name));
        if out.is_quiet() {
            return;
        }
        let before: Vec<_> = self.before.as_ref().map(ScheduleValues::rows).unwrap_or_default();
        match &self.after {
            Some(after) => {
                let was = |index: usize, now: &str| {
                    let was = before.get(index).filter(|(_, was)| was != now);
                    was.map(|(_, was)| format!(" (was {was})")).unwrap_or_default()
                };
                let rows = after.rows().into_iter().enumerate();
                let pairs: Vec<_> =
                    rows.map(|(index, (name, now))| (name, format!("{now}{}", was(index, &now)))).collect();
                out.pairs(&pairs);
            }
            None => out.pairs(&before),
        }
        if let (ScheduleOutcome::Removed, Some(before)) = (self.outcome, &self.before) {
            out.line("To create it again:");
            out.line(&format!("  {}", before.command(&self.name)));
        }
    }
}

/// The schedule does not exist.
pub(super) fn no_schedule(name: &str) -> CommandError {
    CommandError::message(ExitStatus::NotFound, format!("there is no schedule `{name}`"))
        .hint("`reproq periodic list` lists the schedules")
}

/// A schedule is not saved, or not enabled. What the user wrote is a mistake of usage; what is in the database is not.
pub(super) fn refused(name: &str, refusal: ScheduleRefusal, status: ExitStatus) -> CommandError {
    match refusal {
        ScheduleRefusal::NotASchedule { expression, source } => {
            CommandError { status, ..not_a_schedule(&expression, source) }
        }
        ScheduleRefusal::Missing(option) => CommandError::message(
            ExitStatus::NotFound,
            format!("there is no schedule `{name}`, and a new one needs {option}"),
        )
        .hint("`reproq periodic list` lists the schedules; a new one needs `--cron` and `--task`"),
        refusal @ (ScheduleRefusal::NeverRuns { .. } | ScheduleRefusal::NotSoon { .. }) => {
            CommandError::new(status, refusal).hint("`reproq periodic next` shows when an expression runs")
        }
        refusal @ ScheduleRefusal::Payload(_) => CommandError::new(status, refusal)
            .hint(format!("set them with `reproq periodic set {} --args JSON --kwargs JSON`", shell_word(name))),
    }
}
