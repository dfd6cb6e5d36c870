//! `reproq task discard`: failures are accepted, so that they are no longer reported.

use reproq_queue::changes::TaskChange;
use reproq_queue::state::TaskStatus;

use super::task_change;
use super::task_change::ChangeRequest;
use crate::cli::TaskChangeArgs;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn discard(arguments: &TaskChangeArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let request = ChangeRequest {
        name: "discard",
        done: "discarded",
        change: TaskChange::Discard,
        applies_to: &[TaskStatus::Failed],
        arguments,
        wait: None,
    };
    task_change::run(&request, session)
}
