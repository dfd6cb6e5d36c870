//! The commands of `reproq periodic`.

use clap::Args;
use clap::Subcommand;

use crate::cli::DatabaseArgs;
use crate::cli::examples;

/// The commands of `reproq periodic`.
#[derive(Debug, Subcommand)]
pub(crate) enum PeriodicCommand {
    /// Show when a schedule runs next, without a database
    #[command(after_long_help = examples::PERIODIC_NEXT)]
    Next(PeriodicNextArgs),
    /// List the schedules
    #[command(after_long_help = examples::PERIODIC_LIST)]
    List(PeriodicListArgs),
    /// Find schedules that fail, never run, or are late; exit with 1 if there are any
    #[command(after_long_help = examples::PERIODIC_CHECK)]
    Check(DatabaseArgs),
}

/// Options of `periodic next`.
#[derive(Debug, Args)]
pub(crate) struct PeriodicNextArgs {
    /// `MINUTE HOUR DAY MONTH WEEKDAY`, optionally after `TZ=ZONE `; without a zone, the clock is UTC
    #[arg(value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub expression: String,
    /// Show runs after this time, such as 2026-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Show this many runs, at most 1000
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub count: u16,
    /// Show local times of this zone, such as Europe/Berlin [default: the zone of the schedule]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
}

/// Options of `periodic list`.
#[derive(Debug, Args)]
pub(crate) struct PeriodicListArgs {
    /// List schedules after this name: the next page
    #[arg(long, value_name = "NAME")]
    pub after: Option<String>,
    /// List at most this many, up to 1000
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    #[command(flatten)]
    pub database: DatabaseArgs,
}
