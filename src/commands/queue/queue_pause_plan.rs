//! Pausing or resuming a queue in two steps: a plan, which is shown, and carrying out exactly that.

use reproq_queue::pg::Limits;
use reproq_queue::write;
use reproq_queue::write::QueueState;
use reproq_queue::write::Written;

use super::changed_meanwhile;
use super::queue_pause::PauseState;
use super::queue_pause::tasks;
use super::record::QueueAction;
use super::record::QueueRecord;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;

/// A queue that is to be paused or resumed, as it was read.
pub(in crate::commands) struct QueuePausePlan {
    queue: String,
    pauses: bool,
    state: QueueState,
}

impl QueuePausePlan {
    /// Reads the queue.
    pub(in crate::commands) async fn read(
        database: &Database,
        queue: &str,
        pauses: bool,
    ) -> Result<Self, CommandError> {
        let reading = database.session.read(Limits::default(), async |tx| write::queue_state(tx, queue).await);
        let state = reading.await.map_err(hints::database)?;
        Ok(Self { queue: queue.to_owned(), pauses, state })
    }

    /// Whether nothing would be changed.
    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.state.is_paused() == self.pauses
    }

    /// The plan as it is shown.
    pub(in crate::commands) fn lines(&self) -> Vec<String> {
        let (queue, state) = (&self.queue, &self.state);
        let before = PauseState::of(state.control.as_ref()).describe();
        let mut lines = vec![format!("Queue {queue} is {before}.")];
        match (self.is_empty(), self.pauses) {
            (true, _) => lines.push("Another session was faster. Nothing is to be changed.".to_owned()),
            (false, true) => lines.push("Pause it: workers take no more tasks from it.".to_owned()),
            (false, false) => lines.push("Resume it: workers take tasks from it again.".to_owned()),
        }
        lines.push(format!("Ready: {}; due later: {}", tasks(state.ready - state.scheduled), tasks(state.scheduled)));
        let note = if self.pauses && state.running > 0 { ", which continue" } else { "" };
        lines.push(format!("Running: {}{note}", tasks(state.running)));
        lines
    }

    /// Pauses or resumes the queue, if its pause is as it was shown; with a record. Returns what was changed.
    pub(in crate::commands) async fn apply(
        self,
        database: &Database,
        session: &Session<'_>,
    ) -> Result<Vec<String>, CommandError> {
        let command = if self.pauses { "queue pause" } else { "queue resume" };
        let mut record = QueueRecord::begin(None, command, std::slice::from_ref(&self.queue), database, session)?;
        let result = self.write(database, &mut record).await;
        let changed = usize::from(result.as_ref().is_ok_and(|(is_changed, _)| *is_changed));
        let (result, lines) = match result {
            Ok((_, lines)) => (Ok(()), lines),
            Err(error) => (Err(error), Vec::new()),
        };
        let recorded = record.end(&result, changed);
        result?;
        recorded?;
        Ok(lines.into_iter().chain(record.path().map(|path| format!("Record: {path}"))).collect())
    }

    async fn write(&self, database: &Database, record: &mut QueueRecord) -> Result<(bool, Vec<String>), CommandError> {
        let (queue, from) = (self.queue.as_str(), database.from.as_str());
        let action = if self.pauses {
            QueueAction::PauseQueue { queue, database: from }
        } else {
            QueueAction::ResumeQueue { queue, database: from }
        };
        let number = record.intent(action)?;
        let writing = database.session.write(Limits::default(), async |tx| match self.pauses {
            true => write::pause_queue_as_seen(tx, queue, &self.state).await,
            false => write::resume_queue_as_seen(tx, &self.state).await,
        });
        let written = writing.await;
        let outcome = match &written {
            Ok(Written::Changed(_)) => Ok("changed".to_owned()),
            Ok(Written::Unchanged) => Ok("not changed".to_owned()),
            Ok(Written::Conflict) => Err("another session changed it".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        record.result(number, &outcome)?;
        match written.map_err(hints::database)? {
            Written::Changed(control) => {
                let now = PauseState::of(Some(&control)).describe();
                Ok((true, vec![format!("Queue {queue} is {now}.")]))
            }
            Written::Unchanged => Ok((false, vec![format!("Queue {queue} is as it was.")])),
            Written::Conflict => Err(changed_meanwhile(&format!("the pause of queue `{queue}`"))),
        }
    }
}
