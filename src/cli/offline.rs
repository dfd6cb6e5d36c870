//! The options of `bundle` and `mirror`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;

use crate::cli::examples;
use crate::cli::groups::DryRunArgs;
use crate::cli::groups::SourceArgs;
use crate::cli::groups::WorkerRepoArgs;
use crate::model::units::parse_duration;

/// The commands of `reproq bundle`.
#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Write a release to one file: assets, checksums, a lockfile and optionally the source
    #[command(after_long_help = examples::BUNDLE_CREATE)]
    Create(BundleCreateArgs),
    /// Show the contents of a bundle and verify every file in it
    #[command(after_long_help = examples::BUNDLE_INSPECT)]
    Inspect(BundleInspectArgs),
}

/// Options of `bundle create`.
#[derive(Debug, Args)]
pub(crate) struct BundleCreateArgs {
    /// Bundle this release, or `latest` [default: the locked release]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Bundle assets for these platforms, or `all` [default: this platform]
    #[arg(long, value_name = "OS-ARCH", num_args = 1.., value_delimiter = ',')]
    pub target: Vec<String>,
    /// Include the source in this checkout, so that the worker can be built offline
    #[arg(long, value_name = "DIR")]
    pub with_source: Option<PathBuf>,
    /// Bundle exactly what reproq.lock pins, or fail
    #[arg(long)]
    pub locked: bool,
    /// Write the bundle to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "pinned", "digest", "checksum"])]
    pub require: Option<String>,
    #[command(flatten)]
    pub mode: DryRunArgs,
}

/// Options of `bundle inspect`.
#[derive(Debug, Args)]
pub(crate) struct BundleInspectArgs {
    /// The bundle to inspect
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The commands of `reproq mirror`.
#[derive(Debug, Subcommand)]
pub(crate) enum MirrorCommand {
    /// Download releases from GitHub into a directory; releases deleted from GitHub are kept
    #[command(after_long_help = examples::MIRROR_SYNC)]
    Sync(MirrorSyncArgs),
}

/// Options of `mirror sync`.
#[derive(Debug, Args)]
pub(crate) struct MirrorSyncArgs {
    /// The directory of the mirror
    #[arg(value_name = "DIR")]
    pub mirror: PathBuf,
    /// Keep only the newest N versions in the directory
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub keep: Option<String>,
    /// Mirror assets for these platforms, separated by commas [default: all]
    #[arg(long, value_name = "OS-ARCH", value_delimiter = ',')]
    pub target: Vec<String>,
    /// Mirror only this release, even a prerelease; can be repeated
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    #[command(flatten)]
    pub repository: WorkerRepoArgs,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["digest", "checksum"])]
    pub require: Option<String>,
    #[command(flatten)]
    pub mode: DryRunArgs,
    /// Wait this long for another sync of this directory
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
}
