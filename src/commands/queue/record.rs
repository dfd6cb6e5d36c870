//! The audit record of a change of the queue.

use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::changes::PlannedTask;
use reproq_queue::moves::MovedTask;
use reproq_queue::workflow::RepairStep;
use serde::Serialize;

use super::periodic_change::ScheduleValues;
use crate::change::AUDIT_SCHEMA;
use crate::change::Audit;
use crate::change::AuditError;
use crate::change::ChangeEvent;
use crate::change::Clock;
use crate::commands::database::Database;
use crate::commands::release::begin_audit;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// One transaction.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub(super) enum QueueAction<'a> {
    ChangeTasks { change: &'a str, tasks: Vec<AuditedTask> },
    DeleteTasks { tasks: &'a [i64] },
    DeleteWorkers { workers: &'a [AuditedWorker<'a>] },
    ChangeSchedule { schedule: &'a str, before: Option<&'a ScheduleValues>, after: &'a ScheduleValues },
    RepairWorkflow { workflow: &'a str, steps: &'a [RepairStep] },
    PauseQueue { queue: &'a str, database: &'a str },
    ResumeQueue { queue: &'a str, database: &'a str },
    CopyTasks { database: &'a str, tasks: &'a [i64] },
    MoveTasks { database: &'a str, tasks: &'a [MovedTask] },
    CancelCopies { database: &'a str, tasks: &'a [MovedTask] },
}

/// A worker as it was shown; enough to tell what was deleted.
#[derive(Debug, Serialize)]
pub(super) struct AuditedWorker<'a> {
    pub(super) worker_id: &'a str,
    pub(super) hostname: Option<&'a str>,
    pub(super) last_seen_at: DateTime<Utc>,
}

/// A task as it was shown.
#[derive(Debug, Serialize)]
pub(super) struct AuditedTask {
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<i32>,
}

#[derive(Debug, Serialize)]
struct ChangedQueue {
    server: String,
    database: String,
}

/// The record of a run; a change of named tasks has one only if the user names a file.
pub(super) struct QueueRecord(Option<(Audit, Clock)>);

impl AuditedTask {
    pub(super) fn new(task: &PlannedTask) -> Self {
        Self {
            id: task.id,
            status: task.shown.map(|(status, _)| status.as_str()),
            attempts: task.shown.map(|(_, attempts)| attempts),
        }
    }
}

impl QueueRecord {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// Creates it before anything is changed.
    pub(super) fn begin(
        named: Option<&PathBuf>,
        command: &str,
        units: &[String],
        database: &Database,
        session: &Session<'_>,
    ) -> Result<Self, CommandError> {
        let mut audit = begin_audit(named, &command.replace(' ', "-"), session)?;
        let clock = Clock::wall(session.current_time());
        let begin = ChangeEvent::<_, ()>::Begin {
            schema: AUDIT_SCHEMA.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.to_owned(),
            subject: ChangedQueue { server: database.session.server().to_owned(), database: database.from.clone() },
            plan_digest: None,
            units: units.to_vec(),
        };
        audit.write(clock.now(), begin).map_err(failed)?;
        Ok(Self(Some((audit, clock))))
    }

    pub(super) fn path(&self) -> Option<String> {
        self.0.as_ref().map(|(audit, _)| audit.path().to_string_lossy().into_owned())
    }

    /// Before a transaction; returns its number.
    pub(super) fn intent(&mut self, action: QueueAction<'_>) -> Result<u64, CommandError> {
        match &mut self.0 {
            Some((audit, clock)) => audit.intent(clock.now(), action).map_err(failed),
            None => Ok(0),
        }
    }

    /// After it.
    pub(super) fn result(&mut self, request: u64, result: &Result<String, String>) -> Result<(), CommandError> {
        let (outcome, message) = match result {
            Ok(message) => ("done", message),
            Err(message) => ("failed", message),
        };
        self.write(ChangeEvent::Result {
            request,
            outcome: outcome.to_owned(),
            status: None,
            request_id: None,
            message: Some(message.clone()),
        })
    }

    /// At the end of the run.
    pub(super) fn end(&mut self, result: &Result<(), CommandError>, changed: usize) -> Result<(), CommandError> {
        let status = result.as_ref().map_or_else(|error| error.lines().join(": "), |()| "finished".to_owned());
        self.write(ChangeEvent::End { status, changed })
    }

    fn write(&mut self, event: ChangeEvent<(), ()>) -> Result<(), CommandError> {
        match &mut self.0 {
            Some((audit, clock)) => audit.write(clock.now(), event).map_err(failed),
            None => Ok(()),
        }
    }
}

fn failed(error: AuditError) -> CommandError {
    CommandError::new(ExitStatus::Failure, error).hint("write the record to another file with `--audit FILE`")
}
