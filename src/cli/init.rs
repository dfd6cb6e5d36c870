//! The options of `init`.

use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use crate::cli::groups::ConfirmArgs;
use crate::cli::groups::SourceArgs;
use crate::model::units::parse_duration;

/// Options of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Write the worker's configuration in this format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: ConfigFormat,
    /// Install this release
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Do not install the worker
    #[arg(long)]
    pub skip_install: bool,
    /// Do not change the database
    #[arg(long)]
    pub skip_migrate: bool,
    /// Wait this long for Django
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub django_timeout: Duration,
    #[command(flatten)]
    pub sources: SourceArgs,
}

/// The format of the worker's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ConfigFormat {
    #[default]
    Yaml,
    Toml,
}
