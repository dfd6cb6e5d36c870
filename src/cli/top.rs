//! The command `top`.

use std::time::Duration;

use clap::Args;

use crate::cli::DatabaseArgs;
use crate::model::units::parse_duration;

/// Options of `top`.
#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Show every database of [tool.reproq.databases]
    #[arg(long, conflicts_with = "database")]
    pub all_databases: bool,
    /// Read the databases after this time
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration)]
    pub interval: Duration,
    /// Disable the keys that change something
    #[arg(long)]
    pub read_only: bool,
}
