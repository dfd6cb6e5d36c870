//! The arguments of `reproq render`.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::cli::examples;

/// The commands of `reproq render`.
#[derive(Debug, Subcommand)]
pub(crate) enum RenderCommand {
    /// Compare, apply and verify the environment variables of render.yaml
    #[command(subcommand, after_long_help = examples::RENDER_ENV)]
    Env(RenderEnvCommand),
}

/// The commands of `reproq render env`.
#[derive(Debug, Subcommand)]
pub(crate) enum RenderEnvCommand {
    /// Show what happens to each variable, and why
    #[command(after_long_help = examples::RENDER_ENV_PLAN)]
    Plan(RenderPlanArgs),
    /// Make the changes of the plan, one variable at a time
    #[command(after_long_help = examples::RENDER_ENV_APPLY)]
    Apply(RenderApplyArgs),
    /// Check that every declared variable exists
    #[command(after_long_help = examples::RENDER_ENV_VERIFY)]
    Verify(RenderVerifyArgs),
}

/// What the commands work on.
#[derive(Debug, Args)]
pub(crate) struct RenderScopeArgs {
    /// Only this service and the groups it uses [default: all services of the file]
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Read this blueprint [default: render.yaml in the project]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Only look in this workspace, for API keys that can access several
    #[arg(long, value_name = "ID")]
    pub workspace: Option<String>,
}

/// Options of `render env plan`.
#[derive(Debug, Args)]
pub(crate) struct RenderPlanArgs {
    /// What to plan.
    #[command(flatten)]
    pub scope: RenderScopeArgs,
    /// Plan to remove this variable, which render.yaml must not declare; can be repeated
    #[arg(long, value_name = "KEY")]
    pub remove: Vec<String>,
    /// Exit with 3 if anything would change
    #[arg(long)]
    pub exit_code: bool,
}

/// Options of `render env apply`.
#[derive(Debug, Args)]
pub(crate) struct RenderApplyArgs {
    /// What to change.
    #[command(flatten)]
    pub scope: RenderScopeArgs,
    /// Remove this variable, which render.yaml must not declare; can be repeated
    #[arg(long, value_name = "KEY")]
    pub remove: Vec<String>,
    /// Start a deploy of each service whose variables changed; `always`: of each service, even if nothing changed
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "changed")]
    pub deploy: Option<DeployWhen>,
    /// Skip the confirmation prompt
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Write the audit record to this file instead of .reproq/audit
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

/// When to start deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DeployWhen {
    /// If a variable changed
    Changed,
    /// Always, for example after a run that was interrupted before the deploy
    Always,
}

/// Options of `render env verify`.
#[derive(Debug, Args)]
pub(crate) struct RenderVerifyArgs {
    /// What to verify.
    #[command(flatten)]
    pub scope: RenderScopeArgs,
}
