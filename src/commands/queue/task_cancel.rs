//! `reproq task cancel`: tasks do not run, or are asked to stop.

use reproq_queue::changes::TaskChange;
use reproq_queue::state::TaskStatus;

use super::task_change;
use super::task_change::ChangeRequest;
use crate::cli::TaskCancelArgs;
use crate::cli::TaskChangeArgs;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn cancel(arguments: &TaskCancelArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let request = ChangeRequest { wait: arguments.wait, ..request(&arguments.change) };
    task_change::run(&request, session)
}

pub(super) const fn request(arguments: &TaskChangeArgs) -> ChangeRequest<'_> {
    ChangeRequest {
        name: "cancel",
        done: "cancelled",
        change: TaskChange::Cancel,
        applies_to: &[TaskStatus::Ready, TaskStatus::Running],
        arguments,
        wait: None,
    }
}
