//! The options of `login` and `token`.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::cli::examples;

/// Options of `login`.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The URL of the Django project, or of `reproq serve`
    #[arg(value_name = "URL", required_unless_present_any = ["status", "remove"])]
    pub url: Option<String>,
    /// Show the stored token: its server and when it expires, not the token itself
    #[arg(long, conflicts_with_all = ["url", "remove"])]
    pub status: bool,
    /// Remove the stored token
    #[arg(long, conflicts_with = "url")]
    pub remove: bool,
}

/// The commands of `reproq token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Check a bearer token with the secret in METRICS_AUTH_TOKEN, and show its claims
    #[command(after_long_help = examples::TOKEN_VERIFY)]
    Verify(TokenVerifyArgs),
}

/// Options of `token verify`.
#[derive(Debug, Args)]
pub(crate) struct TokenVerifyArgs {
    /// A file with the token, or `-` for stdin [default: the token that `login` stored]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}
