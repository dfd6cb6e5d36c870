//! The options of the commands that install.

use std::path::PathBuf;

use clap::Args;

use crate::cli::groups::DjangoArgs;
use crate::cli::groups::DryRunArgs;
use crate::cli::groups::LockTimeoutArgs;
use crate::cli::groups::SignerArgs;
use crate::cli::groups::SourceArgs;

/// Options of `install`.
#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// Install this release, for example v0.0.144, or `latest`
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Install exactly what reproq.lock pins, or fail
    #[arg(long)]
    pub locked: bool,
    /// Build from a checkout, even if the release has a binary
    #[arg(long, conflicts_with_all = ["no_build", "locked"])]
    pub build: bool,
    /// Never build, even if the release has no usable binary
    #[arg(long)]
    pub no_build: bool,
    /// Build from this checkout of the worker [env: REPROQ_WORKER_SOURCE]
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Install from a bundle; make no other requests
    #[arg(long, value_name = "FILE|URL", conflicts_with = "mirror")]
    pub from: Option<PathBuf>,
    /// Install for another platform
    #[arg(long, value_name = "OS-ARCH")]
    pub target: Option<String>,
    /// Install to this path instead of ./.reproq/bin/reproq; use --force to replace another file
    #[arg(long, value_name = "PATH")]
    pub to: Option<PathBuf>,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "pinned", "digest", "checksum", "built"])]
    pub require: Option<String>,
    #[command(flatten)]
    pub signer: SignerArgs,
    /// Allow an asset without a published checksum or attestation
    #[arg(long)]
    pub allow_unverified: bool,
    /// Reinstall even if up to date
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub mode: DryRunArgs,
    /// With --dry-run, exit with 3 if anything would be done
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
    #[command(flatten)]
    pub wait: LockTimeoutArgs,
    #[command(flatten)]
    pub django: DjangoArgs,
}

/// Options of `lock`.
#[derive(Debug, Args)]
pub(crate) struct LockArgs {
    /// Lock this release, or `latest` [default: the locked or installed release]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    #[command(flatten)]
    pub sources: SourceArgs,
    #[command(flatten)]
    pub signer: SignerArgs,
    /// Write nothing; exit with 3 if reproq.lock would change
    #[arg(long)]
    pub check: bool,
}

/// Options of `upgrade`.
#[derive(Debug, Args)]
pub(crate) struct UpgradeArgs {
    /// Upgrade to this release instead of the latest
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Include prereleases
    #[arg(long)]
    pub pre: bool,
    /// Allow --tag to name an older version than the locked or installed one
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Change nothing; exit with 3 if a newer release exists
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub mode: DryRunArgs,
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "digest", "checksum", "built"])]
    pub require: Option<String>,
    #[command(flatten)]
    pub signer: SignerArgs,
    #[command(flatten)]
    pub wait: LockTimeoutArgs,
    #[command(flatten)]
    pub django: DjangoArgs,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// Roll back even if the binary is not attested by the signer in reproq.lock
    #[arg(long)]
    pub accept_signer_change: bool,
    #[command(flatten)]
    pub wait: LockTimeoutArgs,
}
