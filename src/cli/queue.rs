//! The commands of `reproq queue`.

use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use crate::cli::DatabaseArgs;
use crate::cli::examples;
use crate::cli::groups::PlanArgs;
use crate::model::units::parse_duration;

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
    /// Move the waiting tasks of a queue to another database
    #[command(after_long_help = examples::QUEUE_MOVE)]
    Move(QueueMoveArgs),
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

/// Options of `queue move`.
#[derive(Debug, Args)]
pub(crate) struct QueueMoveArgs {
    /// The exact name of the queue
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub queue: String,
    /// The database that the tasks move to: an alias of [tool.reproq.databases], or of Django's DATABASES
    #[arg(long, value_name = "ALIAS", value_parser = NonEmptyStringValueParser::new())]
    pub to: String,
    /// The database that the tasks are in [default: where Django enqueues them, else the default database]
    #[arg(long, value_name = "ALIAS", value_parser = NonEmptyStringValueParser::new())]
    pub from: Option<String>,
    /// Move the tasks, once Django enqueues into the other database
    #[arg(long, conflicts_with = "undo")]
    pub finish: bool,
    /// Cancel the copies and resume the queue
    #[arg(long)]
    pub undo: bool,
    /// Wait this long for running tasks to end
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration)]
    pub wait: Duration,
    /// Do not check where Django enqueues
    #[arg(long)]
    pub unchecked: bool,
    #[command(flatten)]
    pub plan: PlanArgs,
}
