//! The commands of `reproq workers`.

use clap::Subcommand;

use crate::cli::DatabaseArgs;
use crate::cli::examples;

/// The commands of `reproq workers`.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkersCommand {
    /// List the workers, alive or stale, and what they run
    #[command(after_long_help = examples::WORKERS_LIST)]
    List(DatabaseArgs),
}
