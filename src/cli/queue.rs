//! The commands of `reproq queue`.

use clap::Args;
use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use crate::cli::DatabaseArgs;
use crate::cli::examples;

/// The commands of `reproq queue`.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List the queues: depth, age, workers, pauses
    #[command(after_long_help = examples::QUEUE_LIST)]
    List(DatabaseArgs),
    /// Stop workers from taking tasks from a queue; running tasks continue
    #[command(after_long_help = examples::QUEUE_PAUSE)]
    Pause(QueuePauseArgs),
    /// Let workers take tasks from a queue again
    #[command(after_long_help = examples::QUEUE_RESUME)]
    Resume(QueueResumeArgs),
}

/// Options of `queue pause`.
#[derive(Debug, Args)]
pub(crate) struct QueuePauseArgs {
    /// The exact name of the queue
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub queue: String,
    /// Why, for those who see the pause
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `queue resume`.
#[derive(Debug, Args)]
pub(crate) struct QueueResumeArgs {
    /// The exact name of the queue
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub queue: String,
    #[command(flatten)]
    pub database: DatabaseArgs,
}
