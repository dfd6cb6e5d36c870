//! The command `stats`.

use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;

use crate::cli::DatabaseArgs;
use crate::cli::examples;
use crate::model::units::parse_duration;

/// Options of `stats`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct StatsArgs {
    #[command(subcommand)]
    pub command: Option<StatsCommand>,
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Show every database of [tool.reproq.databases]
    #[arg(long, conflicts_with = "database")]
    pub all_databases: bool,
    /// Print a report, or the JSON document of Django's stats page
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: StatsFormat,
    /// Redraw until interrupted
    #[arg(long, conflicts_with = "format")]
    pub watch: bool,
    /// Redraw after this time
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration, requires = "watch")]
    pub interval: Duration,
}

/// How the state is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum StatsFormat {
    /// The report of this command.
    #[default]
    Report,
    /// Key for key as Django's stats page; counts the whole history.
    Api,
}

/// The commands of `reproq stats`.
#[derive(Debug, Subcommand)]
pub(crate) enum StatsCommand {
    /// Show failures by task and hour
    #[command(after_long_help = examples::STATS_HEATMAP)]
    Heatmap(HeatmapArgs),
    /// Show depth and throughput over time, and what cannot be known of it
    #[command(after_long_help = examples::STATS_TREND)]
    Trend(TrendArgs),
}

/// Options of `stats heatmap`.
#[derive(Debug, Args)]
pub(crate) struct HeatmapArgs {
    /// Show failures of this time
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration)]
    pub since: Duration,
    /// The length of a cell
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub bucket: Duration,
    /// Show this many tasks, and all others together
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub top: u16,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `stats trend`.
#[derive(Debug, Args)]
pub(crate) struct TrendArgs {
    /// Show this time
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub since: Duration,
    /// The length of a bucket
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub bucket: Duration,
    /// Read at most this many of the newest rows
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub rows: u32,
    #[command(flatten)]
    pub database: DatabaseArgs,
}
