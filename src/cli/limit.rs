//! The commands of `reproq limit`.

use clap::Subcommand;

use crate::cli::DatabaseArgs;
use crate::cli::examples;

/// The commands of `reproq limit`.
#[derive(Debug, Subcommand)]
pub(crate) enum LimitCommand {
    /// List the rate limits, and what is left of each
    #[command(after_long_help = examples::LIMIT_LIST)]
    List(DatabaseArgs),
}
