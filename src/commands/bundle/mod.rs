//! `reproq bundle …`: one release as one file, and a look into such a file.

mod create;
mod inspect;

use crate::cli::BundleCommand;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// Runs a command about bundles.
pub(super) fn run(command: &BundleCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        BundleCommand::Create(arguments) => create::create(arguments, session),
        BundleCommand::Inspect(arguments) => inspect::inspect(arguments, session),
    }
}
