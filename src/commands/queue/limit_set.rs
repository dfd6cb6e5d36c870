//! `reproq limit set`.

use reproq_queue::limit_key::LimitKey;
use reproq_queue::stats::RateLimitRow;
use reproq_queue::write;
use reproq_queue::write::Written;
use serde::Serialize;

use super::changed_meanwhile;
use crate::cli::LimitSetArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
pub(super) struct LimitReport {
    pub(super) key: String,
    /// Whether anything was written.
    pub(super) changed: bool,
    pub(super) before: Option<LimitValues>,
    pub(super) after: Option<LimitValues>,
    /// How many tasks are READY that follow this limit, or would if it existed.
    pub(super) ready: i64,
    /// Limits that others of its tasks follow instead, up to 20.
    pub(super) narrower: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LimitValues {
    tokens_per_second: f64,
    burst: i32,
    /// Whether it limits anything. One that does not exempts its tasks from wider limits.
    active: bool,
    /// The tokens that are available now.
    available: f64,
}

impl LimitValues {
    pub(super) fn of(row: &RateLimitRow) -> Self {
        Self { tokens_per_second: row.rate, burst: row.burst, active: row.is_active(), available: row.available() }
    }

    pub(super) fn describe(&self) -> String {
        if self.active {
            format!("{} per second, at most {} at once", self.tokens_per_second, self.burst)
        } else {
            "no limit".to_owned()
        }
    }
}

pub(super) fn set(arguments: &LimitSetArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let key = &arguments.key;
    let (state, written) = Database::write(&arguments.database, session, async |tx| {
        write::set_limit(tx, key, arguments.rate, arguments.burst).await
    })?;
    let before = state.row.as_ref().map(LimitValues::of);
    let (changed, after) = match written {
        Written::Changed(row) => (true, Some(LimitValues::of(&row))),
        Written::Unchanged => (false, before.clone()),
        Written::Conflict => return Err(changed_meanwhile(&format!("the limit {key}"))),
    };
    if let LimitKey::Task(path) | LimitKey::Queue(path) = key
        && path.contains(['*', '?', '['])
    {
        session.ui.warn(&format!("`{path}` is compared exactly, not as a pattern"));
    }
    session.ui.report(&LimitReport {
        key: key.to_string(),
        changed,
        before,
        after,
        ready: state.governed,
        narrower: state.narrower,
    })?;
    Ok(ExitStatus::Success)
}

impl Report for LimitReport {
    const SCHEMA: &'static str = "reproq.limit/1";

    fn human(&self, out: &mut TextReport) {
        let key = self.key.parse::<LimitKey>().unwrap_or(LimitKey::Global);
        let describe = |values: &Option<LimitValues>| match values {
            Some(values) => values.describe(),
            None => "not set".to_owned(),
        };
        let verb = match (&self.after, self.changed) {
            (Some(_), true) => "set",
            (Some(_), false) => "already set",
            (None, _) => "removed",
        };
        out.line(&format!("Limit {} is {verb}: {}.", self.key, describe(&self.after)));
        if out.is_quiet() {
            return;
        }
        out.details(&[
            vec!["Before".to_owned(), describe(&self.before)],
            vec!["Tasks".to_owned(), self.effect(&key)],
            vec!["Ready".to_owned(), self.ready.to_string()],
        ]);
        if !self.narrower.is_empty() {
            out.faint(&format!("Others follow their own limit: {}.", self.narrower.join(", ")));
        }
    }
}

impl LimitReport {
    /// Which tasks follow the limit, and what it means for them.
    fn effect(&self, key: &LimitKey) -> String {
        let tasks = match key {
            LimitKey::Task(path) => format!("{path}, in every queue"),
            LimitKey::Queue(queue) => format!("those of queue {queue} that have no limit of their own"),
            LimitKey::Global => "those that have no limit of their own, nor one of their queue".to_owned(),
        };
        let meaning = match (&self.after, key) {
            (Some(values), _) if values.active => String::new(),
            (Some(_), LimitKey::Task(_)) => ": exempt from the limits of their queue and all tasks".to_owned(),
            (Some(_), LimitKey::Queue(_)) => ": exempt from the limit of all tasks".to_owned(),
            (Some(_) | None, LimitKey::Global) => ": not limited".to_owned(),
            (None, LimitKey::Task(_)) => ": now by the limit of their queue, else that of all tasks".to_owned(),
            (None, LimitKey::Queue(_)) => ": now by the limit of all tasks".to_owned(),
        };
        format!("{tasks}{meaning}")
    }
}
