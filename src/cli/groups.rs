//! Options that several commands share, each defined once.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::model::units::parse_duration;

/// Which repository the worker comes from.
#[derive(Debug, Args)]
pub(crate) struct WorkerRepoArgs {
    /// Use this repository for the worker [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
}

/// Where the worker's releases come from.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub repository: WorkerRepoArgs,
    /// Get releases from this directory, URL, or `github`; can be repeated, tried in order [env: REPROQ_MIRROR]
    #[arg(long, value_name = "SOURCE")]
    pub mirror: Vec<String>,
}

/// Who must have attested the release.
#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    /// Require that this workflow attested the release: .github/workflows/FILE [env: REPROQ_WORKFLOW]
    #[arg(long, value_name = "PATH")]
    pub workflow: Option<String>,
    /// Accept a different signer from the one in reproq.lock, or none
    #[arg(long)]
    pub accept_signer_change: bool,
}

/// Whether to change anything.
#[derive(Debug, Args)]
pub(crate) struct DryRunArgs {
    /// Show what would be done without doing it
    #[arg(long)]
    pub dry_run: bool,
}

/// Whether a plan is only shown, or confirmed already.
#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// Skip the confirmation prompt
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Show what would be done without doing it
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run, exit with 3 if anything would be changed
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
}

/// How a plan of several changes is carried out.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Refuse to change more than this many [default: 1000 with CI=true, else no limit]
    #[arg(long, value_name = "N")]
    pub max: Option<usize>,
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Write the audit record to this file instead of .reproq/audit
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

/// How long to wait for the lock of the project.
#[derive(Debug, Args)]
pub(crate) struct LockTimeoutArgs {
    /// Wait this long for another installation in this project
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
}

/// Whether to query Django.
#[derive(Debug, Args)]
pub(crate) struct DjangoArgs {
    /// Do not read the Django settings
    #[arg(long)]
    pub no_django: bool,
}

/// The repository of the `release` commands.
#[derive(Debug, Args)]
pub(crate) struct ReleaseRepoArgs {
    /// Use this repository [default: [tool.reproq.release], GITHUB_REPOSITORY or the git remote `origin`]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
}
