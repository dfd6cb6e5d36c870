//! What a beat did, and how it is told.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::write::InsertOutcome;
use reproq_queue::write::TickOutcome;
use reproq_queue::write::TickResult;
use serde::Serialize;

use crate::commands::beat::BeatDatabase;
use crate::model::text::count;
use crate::model::text::time;
use crate::ui::Report;
use crate::ui::TextReport;

/// More schedules are only counted.
const MAX_LISTED: usize = 1000;

/// The report of `beat` and `schedule`.
#[derive(Debug, Serialize)]
pub(super) struct BeatReport {
    /// Whether nothing was changed.
    pub(super) dry_run: bool,
    pub(super) databases: Vec<DatabaseBeat>,
}

/// What happened in a database.
#[derive(Debug, Serialize)]
pub(super) struct DatabaseBeat {
    /// Its alias; `null` if none was named.
    database: Option<String>,
    enqueued: usize,
    /// Schedules whose task was there already.
    duplicates: usize,
    disabled: usize,
    pub(super) failed: usize,
    /// With `--dry-run`: what would be enqueued.
    due: usize,
    /// `beat` without `--once` does not list them.
    schedules: Vec<ScheduleBeat>,
    /// Schedules that are not listed.
    omitted: usize,
    /// Why the database was not finished.
    pub(super) error: Option<String>,
    #[serde(skip)]
    is_listed: bool,
}

#[derive(Debug, Serialize)]
struct ScheduleBeat {
    name: String,
    /// Since when it was due; `null` if that is infinite.
    due: Option<DateTime<Utc>>,
    outcome: &'static str,
    task: Option<i64>,
    /// The next run; `null` if there is none.
    next: Option<DateTime<Utc>>,
    /// Why it failed or was disabled.
    reason: Option<String>,
}

impl BeatDatabase {
    /// A message with the name of the database, if there are several.
    pub(super) fn prefixed(&self, message: &str) -> String {
        match &self.alias {
            Some(alias) => format!("[{alias}] {message}"),
            None => message.to_owned(),
        }
    }
}

impl DatabaseBeat {
    pub(super) const fn new(alias: Option<String>) -> Self {
        Self {
            database: alias,
            enqueued: 0,
            duplicates: 0,
            disabled: 0,
            failed: 0,
            due: 0,
            schedules: Vec::new(),
            omitted: 0,
            error: None,
            is_listed: true,
        }
    }

    /// One that only counts.
    pub(super) fn counter(alias: Option<String>) -> Self {
        Self { is_listed: false, ..Self::new(alias) }
    }

    /// Whether nothing happened.
    pub(super) const fn is_empty(&self) -> bool {
        self.enqueued + self.duplicates + self.disabled + self.failed + self.due == 0
    }

    /// Adds a result, and returns the warning that it needs.
    pub(super) fn add(&mut self, result: &TickResult) -> Option<String> {
        let (name, reason) = (result.name.clone(), reason(result));
        let (outcome, task, next) = match &result.outcome {
            TickOutcome::Enqueued { task: InsertOutcome::Inserted(id), next } => ("enqueued", Some(*id), *next),
            TickOutcome::Enqueued { task: InsertOutcome::Duplicate(id), next } => ("duplicate", Some(*id), *next),
            TickOutcome::Due { next } => ("due", None, *next),
            TickOutcome::Disabled => ("disabled", None, None),
            TickOutcome::Failed(_) => ("failed", None, None),
        };
        match &result.outcome {
            TickOutcome::Enqueued { task: InsertOutcome::Inserted(_), .. } => self.enqueued += 1,
            TickOutcome::Enqueued { task: InsertOutcome::Duplicate(_), .. } => self.duplicates += 1,
            TickOutcome::Due { .. } => self.due += 1,
            TickOutcome::Disabled => self.disabled += 1,
            TickOutcome::Failed(_) => self.failed += 1,
        }
        if matches!(&result.outcome, TickOutcome::Enqueued { next: None, .. }) {
            self.disabled += 1;
        }
        let warning = reason.as_ref().map(|reason| format!("schedule {name}: {reason}"));
        if self.is_listed && self.schedules.len() < MAX_LISTED {
            self.schedules.push(ScheduleBeat { name, due: result.due, outcome, task, next, reason });
        } else if self.is_listed {
            self.omitted += 1;
        }
        warning
    }
}

/// Why a schedule failed, or will not run again.
fn reason(result: &TickResult) -> Option<String> {
    let cron = &result.cron_expr;
    match &result.outcome {
        TickOutcome::Enqueued { next: Some(_), .. } | TickOutcome::Due { next: Some(_) } => None,
        TickOutcome::Enqueued { next: None, .. } | TickOutcome::Due { next: None } => {
            Some(format!("`{cron}` does not run again in the next five years, so it is disabled"))
        }
        TickOutcome::Disabled => Some(format!("no date matches `{cron}`, so it is disabled without a task")),
        TickOutcome::Failed(reason) => Some(reason.clone()),
    }
}

/// The line of a task that was enqueued, for `beat` without `--once`.
pub(super) fn line(result: &TickResult) -> Option<String> {
    let TickOutcome::Enqueued { task, next } = &result.outcome else { return None };
    let what = match task {
        InsertOutcome::Inserted(id) => format!("task {id}"),
        InsertOutcome::Duplicate(id) => format!("nothing, because task {id} is the same and not finished"),
    };
    let due = result.due.map(time).unwrap_or_default();
    let next = next.map_or_else(String::new, |next| format!(", next {}", time(next)));
    Some(format!("schedule {}: enqueued {what} (due {due}{next})", result.name))
}

impl BeatReport {
    pub(super) fn has_failures(&self) -> bool {
        self.databases.iter().any(|beat| beat.failed > 0 || beat.error.is_some())
    }
}

impl Report for BeatReport {
    const SCHEMA: &'static str = "reproq.beat/1";

    fn human(&self, out: &mut TextReport) {
        for beat in &self.databases {
            if let Some(alias) = &beat.database {
                out.strong(alias);
            }
            beat.human(self.dry_run, out);
        }
    }
}

impl DatabaseBeat {
    fn human(&self, dry_run: bool, out: &mut TextReport) {
        let shown = self.schedules.iter().filter(|it| it.task.is_some() || it.outcome == "due");
        let rows = shown.map(|it| {
            let task = it.task.map_or_else(|| "-".to_owned(), |id| id.to_string());
            let at = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".to_owned(), time);
            vec![it.name.clone(), at(it.due), it.outcome.to_owned(), task, at(it.next)]
        });
        let heading = ["SCHEDULE", "DUE", "RESULT", "TASK", "NEXT"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
        if rows.len() > 1 {
            out.table(&rows);
        }
        if self.omitted > 0 {
            out.line(&format!("{} more", self.omitted));
        }
        if out.is_quiet() {
            return;
        }
        if self.is_empty() && self.error.is_none() {
            out.line("Nothing is due.");
            return;
        }
        let parts = [
            (self.enqueued, "enqueued"),
            (self.due, "due"),
            (self.duplicates, "already enqueued"),
            (self.disabled, if dry_run { "to be disabled" } else { "disabled" }),
            (self.failed, "failed"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
        let total = self.enqueued + self.duplicates + self.failed + self.due;
        if !parts.is_empty() {
            out.line(&format!("{}: {}", count(total.max(self.disabled), "schedule"), parts.join(", ")));
        }
    }
}
