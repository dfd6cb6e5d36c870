//! `reproq task reclaim`: tasks whose worker has lost its lease run again.

use reproq_queue::changes::TaskChange;
use reproq_queue::state::TaskStatus;

use super::task_change;
use super::task_change::ChangeRequest;
use crate::cli::TaskReclaimArgs;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn reclaim(arguments: &TaskReclaimArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let request = ChangeRequest {
        name: "reclaim",
        done: "reclaimed",
        change: TaskChange::Reclaim { include_missing: arguments.include_missing },
        applies_to: &[TaskStatus::Running],
        arguments: &arguments.change,
        wait: None,
    };
    task_change::run(&request, session)
}
