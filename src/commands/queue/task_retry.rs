//! `reproq task retry`: failed tasks run again.

use reproq_queue::changes::TaskChange;
use reproq_queue::state::TaskStatus;

use super::task_change;
use super::task_change::ChangeRequest;
use crate::cli::TaskChangeArgs;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn retry(arguments: &TaskChangeArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    task_change::run(&request(arguments), session)
}

pub(super) const fn request(arguments: &TaskChangeArgs) -> ChangeRequest<'_> {
    ChangeRequest {
        name: "retry",
        done: "retried",
        change: TaskChange::Retry,
        applies_to: &[TaskStatus::Failed],
        arguments,
        wait: None,
    }
}
