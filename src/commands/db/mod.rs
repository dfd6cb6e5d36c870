//! `reproq db`: what the database of the queue has, what it lacks, and the migration in between.

mod check;
mod migrate;
mod report;
mod status;

pub(super) use migrate::apply_all;

use crate::cli::DbCommand;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn run(command: &DbCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        DbCommand::Status(arguments) => status::status(arguments, session),
        DbCommand::Check(arguments) => check::check(arguments, session),
        DbCommand::Migrate(arguments) => migrate::migrate(arguments, session),
    }
}
