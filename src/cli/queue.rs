//! The commands of `reproq queue`.

use clap::Subcommand;

use crate::cli::DatabaseArgs;
use crate::cli::examples;

/// The commands of `reproq queue`.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List the queues: depth, age, workers, pauses
    #[command(after_long_help = examples::QUEUE_LIST)]
    List(DatabaseArgs),
}
