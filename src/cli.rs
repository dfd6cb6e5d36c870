//! The command line as a tree of values. No effects.

use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;

use crate::ui::ColorChoice;

/// What `--version` prints after the name: never to be confused with the worker's `reproq-worker version X`.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (installer and release manager of Reproq)");

/// Install the proven Reproq worker, see which one will run, and keep its releases lean.
#[derive(Debug, Parser)]
#[command(
    name = "reproq-cli",
    bin_name = "reproq",
    version = VERSION,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 success, 1 failure, 2 usage, 3 changes pending, 4 not found, 5 unverified, 6 unavailable, \
                  7 partly done, 8 conflict, 9 not permitted, 130 interrupted."
)]
pub struct Cli {
    /// Options every command has.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options every command has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Work on the project in this folder
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Print one JSON document on stdout, also on failure
    #[arg(long, global = true)]
    pub json: bool,
    /// Print errors and data only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say where every value comes from and what is asked of whom
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    pub color: ColorChoice,
    /// Do not use the network
    #[arg(long, global = true)]
    pub offline: bool,
    /// The API of a GitHub Enterprise server [env: GITHUB_API_URL]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub github_api_url: Option<String>,
    /// The web address of a GitHub Enterprise server [env: GITHUB_SERVER_URL]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub github_server_url: Option<String>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put the proven worker binary at ./.reproq/bin/reproq
    Install(InstallArgs),
    /// Say which worker binary will run, and why
    Which(WhichArgs),
}

/// What a command may change; every command is in this table, and one that is not must not be taken for harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Read,
    /// It changes files of this machine.
    Write,
}

impl Command {
    /// What the command may change.
    pub const fn effect(&self) -> Effect {
        match self {
            Self::Install(_) => Effect::Write,
            Self::Which(_) => Effect::Read,
        }
    }
}

/// Options of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// The release to install, for example v0.0.144; `latest` asks for the newest
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Build from a checkout, whatever the release offers
    #[arg(long, conflicts_with = "no_build")]
    pub build: bool,
    /// Never build, not even when the release cannot serve
    #[arg(long)]
    pub no_build: bool,
    /// A checkout of the worker for local builds [env: REPROQ_WORKER_SOURCE]
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// The worker's repository [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Install for another machine than this one
    #[arg(long, value_name = "OS-ARCH")]
    pub target: Option<String>,
    /// Place the binary here instead of ./.reproq/bin/reproq
    #[arg(long, value_name = "PATH")]
    pub to: Option<PathBuf>,
    /// The least verdict that is accepted: digest, checksum or built [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL")]
    pub require: Option<String>,
    /// Accept an asset for which nothing is published that proves it
    #[arg(long)]
    pub allow_unverified: bool,
    /// Install again even if everything is as it should be
    #[arg(long)]
    pub force: bool,
    /// Show what would be done and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: exit with 3 when something would be done
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
    /// How long to wait for another installation in this project, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub lock_timeout: u64,
    /// Do not ask Django whether its settings name another binary
    #[arg(long)]
    pub no_django: bool,
}

/// Options of `which`.
#[derive(Debug, Args)]
pub struct WhichArgs {
    /// Show every candidate, also those that were never looked at
    #[arg(long)]
    pub all: bool,
    /// Do not ask Django for settings.REPROQ_WORKER_BIN
    #[arg(long)]
    pub no_django: bool,
    /// How long Django may take to answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub django_timeout: u64,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_tree_is_consistent() {
        Cli::command().debug_assert();
    }
}
