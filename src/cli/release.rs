//! The options of `release`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;

use crate::cli::examples;
use crate::cli::groups::ConfirmArgs;
use crate::cli::groups::DryRunArgs;
use crate::cli::groups::ReleaseRepoArgs;
use crate::model::units::parse_duration;

/// The commands of `reproq release`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// List every release and tag
    #[command(after_long_help = examples::RELEASE_LIST)]
    List(ReleaseListArgs),
    /// Delete old versions: releases, their assets and their tags
    #[command(after_long_help = examples::RELEASE_PRUNE)]
    Prune(Box<PruneArgs>),
    /// Restore deleted tags from the audit record of a prune
    #[command(after_long_help = examples::RELEASE_RESTORE)]
    Restore(RestoreArgs),
    /// Check that a release is complete, consistent and attested
    #[command(after_long_help = examples::RELEASE_CHECK)]
    Check(CheckArgs),
    /// Write SHA256SUMS for a directory of assets
    #[command(after_long_help = examples::RELEASE_CHECKSUMS)]
    Checksums(ChecksumsArgs),
}

/// Options of `release list`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseListArgs {
    #[command(flatten)]
    pub repository: ReleaseRepoArgs,
    /// Compute ages as of this time, for example 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", hide_short_help = true)]
    pub as_of: Option<String>,
}

/// Options of `release prune`. Numbers are strings here, so that each mistake has its own error message.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Keep the newest N versions
    #[arg(long, value_name = "N", allow_hyphen_values = true, required_unless_present = "plan")]
    pub keep: Option<String>,
    /// Sort versions by this order to find the newest [default: both]
    #[arg(long, value_name = "ORDER", value_parser = ["both", "semver", "published"])]
    pub order: Option<String>,
    /// Keep tags that match this pattern; can be repeated
    #[arg(long, value_name = "GLOB")]
    pub protect: Vec<String>,
    /// Keep versions younger than this, for example 24h or 7d
    #[arg(long, value_name = "DURATION")]
    pub min_age: Option<String>,
    /// How to treat prereleases: count, separate, separate=N or ignore
    #[arg(long, value_name = "HOW")]
    pub prerelease: Option<String>,
    /// Also delete immutable releases; their tag names can never be reused
    #[arg(long)]
    pub allow_immutable: bool,
    /// Delete at most N versions in one run [default: 10]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub max_delete: Option<String>,
    /// Wait at most this long in total for GitHub's rate limits
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub max_wait: Duration,
    /// Set how fast deletions are sent
    #[arg(long, value_enum, value_name = "PACE", default_value_t)]
    pub pace: PaceChoice,
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Write the plan to this file
    #[arg(long, value_name = "FILE")]
    pub plan_out: Option<PathBuf>,
    /// Apply this plan, if the repository, the settings and the other options allow it
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Write the audit record to this file instead of .reproq/audit
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// Save the assets to this directory before deleting them
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,
    #[command(flatten)]
    pub repository: ReleaseRepoArgs,
}

/// How fast deletions are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum PaceChoice {
    /// Three per second after the first 30, GitHub's documented limit
    Fast,
    /// One per second after the first 30
    #[default]
    Normal,
    /// One per second
    Strict,
}

/// Options of `release restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The audit record of the prune
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Restore only the tags, and do not fail because releases cannot be restored
    #[arg(long)]
    pub tags_only: bool,
    #[command(flatten)]
    pub mode: DryRunArgs,
    /// Write the audit record to this file instead of .reproq/audit
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    #[command(flatten)]
    pub repository: ReleaseRepoArgs,
}

/// Options of `release check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Require that the tag matches the version in this checkout
    #[arg(value_name = "DIR")]
    pub checkout: Option<PathBuf>,
    /// Check this release [default: the tag of this workflow run, else the latest]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Require this asset; can be repeated [default: a worker for each platform]
    #[arg(long, value_name = "NAME")]
    pub asset: Vec<String>,
    /// Fail unless this directory has exactly one migration
    #[arg(long, value_name = "DIR")]
    pub one_migration: Option<PathBuf>,
    /// Fail if more than N versions exist
    #[arg(long, value_name = "N")]
    pub at_most: Option<usize>,
    /// Fail unless every asset is attested by a workflow of the repository
    #[arg(long)]
    pub require_attested: bool,
    /// Require this workflow, for a workflow in another repository
    #[arg(long, value_name = "FILE|OWNER/NAME/.github/workflows/FILE")]
    pub workflow: Option<String>,
    /// Accept builds on self-hosted runners
    #[arg(long)]
    pub allow_self_hosted: bool,
    /// Trust the roots in this file instead of those in `trust show`; can be repeated
    #[arg(long, value_name = "FILE")]
    pub trusted_root: Vec<PathBuf>,
    #[command(flatten)]
    pub repository: ReleaseRepoArgs,
}

/// Options of `release checksums`.
#[derive(Debug, Args)]
pub(crate) struct ChecksumsArgs {
    /// The directory of the assets
    #[arg(value_name = "DIR")]
    pub assets: PathBuf,
}
