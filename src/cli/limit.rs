//! The commands of `reproq limit`.

use clap::Args;
use clap::Subcommand;
use reproq_queue::limit_key::LimitKey;

use crate::cli::DatabaseArgs;
use crate::cli::examples;

/// The commands of `reproq limit`.
#[derive(Debug, Subcommand)]
pub(crate) enum LimitCommand {
    /// List the rate limits, and what is left of each
    #[command(alias = "ls", after_long_help = examples::LIMIT_LIST)]
    List(DatabaseArgs),
    /// Set how many tasks are started per second, for a task, a queue or all
    #[command(after_long_help = examples::LIMIT_SET)]
    Set(LimitSetArgs),
    /// Remove a rate limit
    #[command(alias = "rm", after_long_help = examples::LIMIT_REMOVE)]
    Remove(LimitRemoveArgs),
}

/// Options of `limit set`.
#[derive(Debug, Args)]
pub(crate) struct LimitSetArgs {
    /// The tasks that are limited: task:PATH, queue:NAME or global
    #[arg(value_name = "KEY")]
    pub key: LimitKey,
    /// Start this many tasks per second, such as 0.5; 0 exempts the tasks from wider limits
    #[arg(long, value_name = "N", value_parser = parse_rate, allow_hyphen_values = true)]
    pub rate: f64,
    /// Start at most this many at once after a pause [default: as before; 1 for a new limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..), allow_hyphen_values = true)]
    pub burst: Option<i32>,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `limit remove`.
#[derive(Debug, Args)]
pub(crate) struct LimitRemoveArgs {
    /// The limit: task:PATH, queue:NAME or global
    #[arg(value_name = "KEY")]
    pub key: LimitKey,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Accepts what the database can store: a `real` that is not negative, and not 0 unless it is written so.
fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "expected a number, such as 0.5".to_owned())?;
    let (smallest, largest) = (f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX));
    if rate == 0.0 || (smallest..=largest).contains(&rate) {
        Ok(rate.abs())
    } else {
        Err("expected a number of tasks per second that is at least 0".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_the_column_can_store() {
        for (text, expected) in [("0", Some(0.0)), ("-0.0", Some(0.0)), ("0.5", Some(0.5)), ("1e3", Some(1000.0))] {
            assert_eq!(parse_rate(text).ok(), expected, "{text}");
        }
        for text in ["-1", "1e-60", "1e39", "inf", "NaN", "", "5/s"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }
}
