//! `reproq bundle …`: creates and inspects bundles, which contain one release in one file.

mod create;
mod inspect;

use crate::cli::BundleCommand;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn run(command: &BundleCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        BundleCommand::Create(arguments) => create::create(arguments, session),
        BundleCommand::Inspect(arguments) => inspect::inspect(arguments, session),
    }
}
