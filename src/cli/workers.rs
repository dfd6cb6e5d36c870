//! The commands of `reproq workers`.

use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use reproq_queue::stats::STALE_SECONDS;

use crate::cli::DatabaseArgs;
use crate::cli::examples;
use crate::cli::groups::PlanArgs;
use crate::model::units::parse_duration;

/// The commands of `reproq workers`.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkersCommand {
    /// List the workers, alive or stale, and what they run
    #[command(after_long_help = examples::WORKERS_LIST)]
    List(DatabaseArgs),
    /// Delete the rows of workers that are gone and hold no lease
    #[command(after_long_help = examples::WORKERS_PRUNE)]
    Prune(WorkersPruneArgs),
}

/// Options of `workers prune`.
#[derive(Debug, Args)]
pub(crate) struct WorkersPruneArgs {
    /// Delete workers that have not reported themselves for this long, at least 2m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_age)]
    pub older_than: Duration,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// A worker that has reported itself lately is alive.
fn parse_age(text: &str) -> Result<Duration, String> {
    let age = parse_duration(text)?;
    if age.as_secs_f64() < STALE_SECONDS {
        return Err("a worker seen in the last 2 minutes is alive".to_owned());
    }
    Ok(age)
}
