//! The commands that operate the queue.

mod periodic_next;
mod task_hash;

use crate::cli::PeriodicCommand;
use crate::cli::TaskCommand;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn periodic(command: &PeriodicCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        PeriodicCommand::Next(arguments) => periodic_next::next(arguments, session),
    }
}

pub(super) fn task(command: &TaskCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        TaskCommand::Hash(arguments) => task_hash::hash(arguments, session),
    }
}
