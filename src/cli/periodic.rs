//! The commands of `reproq periodic`.

use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use crate::cli::DatabaseArgs;
use crate::cli::examples;
use crate::cli::groups::PlanArgs;
use crate::model::units::parse_duration;

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
    /// Create or change a schedule; what is not given stays as it is
    #[command(after_long_help = examples::PERIODIC_SET)]
    Set(Box<PeriodicSetArgs>),
    /// Enable a schedule; runs that it missed are skipped
    #[command(after_long_help = examples::PERIODIC_ENABLE)]
    Enable(PeriodicEnableArgs),
    /// Disable a schedule; tasks that it has enqueued stay
    #[command(after_long_help = examples::PERIODIC_DISABLE)]
    Disable(PeriodicNameArgs),
    /// Delete a schedule; tasks that it has enqueued stay
    #[command(after_long_help = examples::PERIODIC_REMOVE)]
    Remove(PeriodicNameArgs),
    /// Enqueue the task of a schedule now; its next run stays as it is
    #[command(after_long_help = examples::PERIODIC_RUN)]
    Run(PeriodicNameArgs),
    /// Create and change the schedules that the project's code defines, as Django's `sync-recurring` does
    #[command(after_long_help = examples::PERIODIC_SYNC)]
    Sync(PeriodicSyncArgs),
}

/// Options of `periodic sync`.
#[derive(Debug, Args)]
pub(crate) struct PeriodicSyncArgs {
    /// Disable schedules that the code does not define, also those that were created by hand
    #[arg(long)]
    pub disable_missing: bool,
    /// Wait this long for Django
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub django_timeout: Duration,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// One schedule.
#[derive(Debug, Args)]
pub(crate) struct PeriodicNameArgs {
    /// The name of the schedule
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub name: String,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `periodic enable`.
#[derive(Debug, Args)]
pub(crate) struct PeriodicEnableArgs {
    #[command(flatten)]
    pub schedule: PeriodicNameArgs,
    /// Run once for the runs that were missed
    #[arg(long)]
    pub catch_up: bool,
}

/// Options of `periodic set`.
#[derive(Debug, Args)]
pub(crate) struct PeriodicSetArgs {
    #[command(flatten)]
    pub schedule: PeriodicNameArgs,
    /// When it runs: `MINUTE HOUR DAY MONTH WEEKDAY`, optionally after `TZ=ZONE `
    #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub cron: Option<String>,
    /// The dotted path of the task's function, such as myapp.tasks.nightly
    #[arg(long, value_name = "PATH", value_parser = parse_task_path)]
    pub task: Option<String>,
    /// The positional arguments: a JSON array
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub args: Option<String>,
    /// The keyword arguments: a JSON object
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub kwargs: Option<String>,
    /// The queue [default: default]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub queue: Option<String>,
    /// The priority [default: 0]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub priority: Option<i32>,
    /// Attempt a run this often [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub max_attempts: Option<i32>,
    /// Run at most --concurrency-limit tasks with this key at a time; empty for none
    #[arg(long, value_name = "KEY")]
    pub concurrency_key: Option<String>,
    /// The limit of --concurrency-key; 0 is no limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub concurrency_limit: Option<i32>,
    /// Disable it as well
    #[arg(long)]
    pub disabled: bool,
}

/// Accepts a dotted path.
fn parse_task_path(text: &str) -> Result<String, String> {
    let is_name = |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
    if text.contains('.') && text.split('.').all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("expected a dotted path, such as myapp.tasks.nightly".to_owned())
    }
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
