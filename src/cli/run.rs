//! The options of the commands that run the worker.

use std::time::Duration;

use clap::Args;

use crate::cli::database::DatabaseArgs;
use crate::cli::groups::DjangoArgs;
use crate::cli::groups::DryRunArgs;
use crate::model::units::parse_duration;

/// Options of `worker`, and of all commands that can become the worker.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    pub change: DryRunArgs,
    #[command(flatten)]
    pub django: DjangoArgs,
    /// Wait this long for Django
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub django_timeout: Duration,
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Pass on this variable, although it contains a token or credentials; can be repeated
    #[arg(long, value_name = "NAME")]
    pub pass_env: Vec<String>,
    /// Flags of the worker, such as `--concurrency 4`; known flags may also come before `--`
    #[arg(last = true, value_name = "WORKER ARGS")]
    pub arguments: Vec<String>,
}
