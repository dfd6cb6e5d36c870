//! `reproq prefork` on a system that cannot fork.

use crate::cli::PreforkCommand;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn run(_: &PreforkCommand, _: &Session<'_>) -> Result<ExitStatus, CommandError> {
    Err(CommandError::message(ExitStatus::NotFound, "this system cannot fork, so there is no fork server"))
}
