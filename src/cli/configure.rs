//! The options of `config`, `cache`, `trust`, `completions` and `self`.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::cli::examples;
use crate::cli::groups::DjangoArgs;
use crate::model::units::parse_size;

/// The commands of `reproq config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and source; secrets are masked
    #[command(after_long_help = examples::CONFIG_SHOW)]
    Show,
    /// Print the worker's configuration as the worker reads it: file, variables and flags
    #[command(after_long_help = examples::CONFIG_WORKER)]
    Worker(ConfigWorkerArgs),
    /// Print the configuration of the worker's `beat` as it reads it
    #[command(after_long_help = examples::CONFIG_BEAT)]
    Beat(ConfigWorkerArgs),
}

/// Options of `config worker` and `config beat`.
#[derive(Debug, Args)]
pub(crate) struct ConfigWorkerArgs {
    /// Show every value, and how each can be set
    #[arg(long)]
    pub explain: bool,
    #[command(flatten)]
    pub django: DjangoArgs,
    /// Flags that the worker is started with, such as `--config FILE`
    #[arg(last = true, value_name = "WORKER ARGS")]
    pub arguments: Vec<String>,
}

/// The commands of `reproq cache`.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Print the cache directory
    #[command(after_long_help = examples::CACHE_DIR)]
    Dir,
    /// List cached assets, most recently used first
    #[command(after_long_help = examples::CACHE_LIST)]
    List,
    /// Remove the least recently used assets until the cache fits its limit
    #[command(after_long_help = examples::CACHE_PRUNE)]
    Prune(CachePruneArgs),
    /// Remove all cached assets
    #[command(after_long_help = examples::CACHE_CLEAN)]
    Clean,
}

/// Options of `cache prune`.
#[derive(Debug, Args)]
pub(crate) struct CachePruneArgs {
    /// Keep at most this much, for example 500MiB or 2GiB [default unit: MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_size: Option<u64>,
}

/// The commands of `reproq trust`.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// List the trusted roots, their keys and their validity
    #[command(after_long_help = examples::TRUST_SHOW)]
    Show,
    /// Fetch the latest roots of Sigstore and GitHub
    #[command(after_long_help = examples::TRUST_UPDATE)]
    Update(TrustUpdateArgs),
    /// Trust the roots in a file, in addition to those of Sigstore and GitHub
    #[command(after_long_help = examples::TRUST_ACCEPT)]
    Accept(TrustAcceptArgs),
    /// Stop trusting a root that was added with `accept`
    #[command(after_long_help = examples::TRUST_FORGET)]
    Forget(TrustForgetArgs),
}

/// Options of `trust update`.
#[derive(Debug, Args)]
pub(crate) struct TrustUpdateArgs {
    /// Update only the root of this instance [default: both]
    #[arg(value_enum, value_name = "INSTANCE")]
    pub instance: Vec<InstanceChoice>,
    /// Fetch from this mirror of an instance's repository; can be repeated
    #[arg(long, value_name = "INSTANCE=URL", conflicts_with = "from")]
    pub url: Vec<String>,
    /// Read from a local copy without network access: a directory with public-good/ and github/, or one repository
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Also write the verified roots to public-good/ and github/ in this directory, for offline use
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub save: Option<PathBuf>,
}

/// A Sigstore instance whose latest root can be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum InstanceChoice {
    /// Sigstore's public instance
    PublicGood,
    /// GitHub's own instance
    #[value(name = "github")]
    GitHub,
}

/// Options of `trust accept`.
#[derive(Debug, Args)]
pub(crate) struct TrustAcceptArgs {
    /// A trusted root, or one per line, as printed by `gh attestation trusted-root`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Options of `trust forget`.
#[derive(Debug, Args)]
pub(crate) struct TrustForgetArgs {
    /// The digest of the root, as printed by `trust show`
    #[arg(value_name = "SHA256")]
    pub sha256: String,
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell to generate the script for
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
    /// Generate a script that never starts reproq: it completes commands and options, but no tags
    #[arg(long = "static")]
    pub is_static: bool,
}

/// A command about this command itself.
#[derive(Debug, Subcommand)]
pub(crate) enum SelfCommand {
    /// Print the version and how it was installed
    #[command(after_long_help = examples::SELF_VERSION)]
    Version(SelfVersionArgs),
}

/// Options of `self version`.
#[derive(Debug, Args)]
pub(crate) struct SelfVersionArgs {
    /// Look for a newer version on GitHub, at most once a day and never in CI; exits with 3 if there is one
    #[arg(long)]
    pub check: bool,
}

/// Options of `help`.
#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A command, such as `release prune`, or a topic [default: all of reproq]
    #[arg(value_name = "COMMAND|TOPIC")]
    pub words: Vec<String>,
}
