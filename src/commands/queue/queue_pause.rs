//! `reproq queue pause` and `queue resume`.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::stats::QueueControl;
use reproq_queue::write;
use reproq_queue::write::QueueState;
use reproq_queue::write::Written;
use serde::Serialize;

use super::changed_meanwhile;
use crate::cli::QueuePauseArgs;
use crate::cli::QueueResumeArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::model::text::shell_word;
use crate::model::text::time;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct QueueControlReport {
    queue: String,
    /// The time of the database.
    at: DateTime<Utc>,
    /// Whether anything was written.
    changed: bool,
    before: PauseState,
    after: PauseState,
    /// Tasks that could run now.
    ready: i64,
    /// Tasks that are due later.
    scheduled: i64,
    running: i64,
    /// Tasks that wait for others of their workflow.
    waiting: i64,
    /// Whether tasks, workers or schedules use this name, or it was paused before.
    known: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PauseState {
    paused: bool,
    paused_at: Option<DateTime<Utc>>,
    reason: Option<String>,
}

pub(super) fn pause(arguments: &QueuePauseArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (queue, reason) = (arguments.queue.as_str(), arguments.reason.as_deref());
    let (state, written) =
        Database::write(&arguments.database, session, async |tx| write::pause_queue(tx, queue, reason).await)?;
    let report = report(queue, &state, written)?;
    if !report.known {
        session.ui.warn(&format!("nothing uses a queue `{queue}`: no live task, no worker, no schedule"));
        session.ui.hint("names are compared exactly; `reproq queue list` lists the queues");
    }
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

pub(super) fn resume(arguments: &QueueResumeArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let queue = arguments.queue.as_str();
    let (state, written) =
        Database::write(&arguments.database, session, async |tx| write::resume_queue(tx, queue).await)?;
    let report = report(queue, &state, written)?;
    if !report.known {
        session.ui.warn(&format!("nothing uses a queue `{queue}`, and it was never paused"));
        session.ui.hint("names are compared exactly; `reproq queue list` lists the queues");
    }
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

fn report(queue: &str, state: &QueueState, written: Written<QueueControl>) -> Result<QueueControlReport, CommandError> {
    let before = PauseState::of(state.control.as_ref());
    let (changed, after) = match written {
        Written::Changed(control) => (true, PauseState::of(Some(&control))),
        Written::Unchanged => (false, before.clone()),
        Written::Conflict => return Err(changed_meanwhile(&format!("the pause of queue `{queue}`"))),
    };
    Ok(QueueControlReport {
        queue: queue.to_owned(),
        at: state.now,
        changed,
        before,
        after,
        ready: state.ready - state.scheduled,
        scheduled: state.scheduled,
        running: state.running,
        waiting: state.waiting,
        known: state.is_in_use(),
    })
}

impl PauseState {
    pub(super) fn of(control: Option<&QueueControl>) -> Self {
        let reason = control.and_then(|control| control.reason.clone()).filter(|reason| !reason.is_empty());
        Self {
            paused: control.is_some_and(|control| control.paused),
            paused_at: control.and_then(|control| control.paused_at),
            reason,
        }
    }

    pub(super) fn describe(&self) -> String {
        if !self.paused {
            return "not paused".to_owned();
        }
        let since = self.paused_at.map(|at| format!(" since {}", time(at))).unwrap_or_default();
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("paused{since}{reason}")
    }
}

impl Report for QueueControlReport {
    const SCHEMA: &'static str = "reproq.queue-control/1";

    fn human(&self, out: &mut TextReport) {
        let already = if self.changed { "" } else { "already " };
        let state = if self.after.paused { "paused" } else { "open" };
        out.line(&format!("Queue {} is {already}{state}.", self.queue));
        if out.is_quiet() {
            return;
        }
        let later = |number: i64| if number > 0 { format!(", and {number} due later") } else { String::new() };
        let mut pairs = vec![("Before", self.before.describe()), ("Now", self.after.describe())];
        pairs.push(("Ready", format!("{}{}", tasks(self.ready), later(self.scheduled))));
        let note = if self.after.paused && self.running > 0 { ", not affected by the pause" } else { "" };
        pairs.push(("Running", format!("{}{note}", tasks(self.running))));
        out.pairs(&pairs);
        if self.after.paused {
            out.line(&format!("To open it: `reproq queue resume {}`.", shell_word(&self.queue)));
        }
    }
}

/// `1 task`, `2 tasks`.
pub(super) fn tasks(number: i64) -> String {
    count(usize::try_from(number).unwrap_or(0), "task")
}
