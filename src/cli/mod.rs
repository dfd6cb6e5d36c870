//! The command line as a tree of values. No effects.

mod description;
mod examples;
mod help;
mod upstream;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;

use crate::model::units::parse_duration;
use crate::model::units::parse_size;
use crate::ui::ColorChoice;

pub use description::ArgumentDescription;
pub use description::CommandDescription;
pub use description::CommandExample;
pub use description::OptionDescription;
pub use description::PossibleValue;
pub use help::HelpSubject;
pub use help::HelpText;
pub use help::HelpTopic;
pub use help::UnknownCommand;
pub use help::global_options;
pub use upstream::foreign_command;

/// Printed by `--version` after the name. The worker prints `reproq-worker version X`; this must not look like it.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (installer and release manager for Reproq)");

/// Install the Reproq worker, verify it, and manage its releases.
#[derive(Debug, Parser)]
#[command(
    name = "reproq-cli",
    bin_name = "reproq",
    version = VERSION,
    propagate_version = true,
    disable_help_subcommand = true,
    help_template = HELP_TEMPLATE,
    after_help = "Exit codes: 0 success, 1 failure, 2 usage, 3 changes pending, 4 not found, 5 unverified, 6 unavailable, \
                  7 partly done, 8 conflict, 9 not permitted, 130 interrupted."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Use the project in this directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Print one JSON document to stdout, even on failure
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only errors and data
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Use verbose output
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Control the use of color in output
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    pub color: ColorChoice,
    /// Disable network access [env: REPROQ_OFFLINE]
    #[arg(long, global = true)]
    pub offline: bool,
    /// Use the API of this GitHub Enterprise server [env: REPROQ_GITHUB_API_URL; for `release` GITHUB_API_URL]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub github_api_url: Option<String>,
    /// Use this GitHub Enterprise server [env: REPROQ_GITHUB_SERVER_URL; for `release` GITHUB_SERVER_URL]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub github_server_url: Option<String>,
}

/// The help of `reproq` itself: clap has no headings for subcommands. A test compares the list with the commands.
const HELP_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

\x1b[1m\x1b[4mInstall and update:\x1b[0m
  \x1b[1minstall\x1b[0m      Install the worker into this project
  \x1b[1mupgrade\x1b[0m      Install the latest release and update reproq.lock
  \x1b[1mrollback\x1b[0m     Restore the previously installed binary, offline
  \x1b[1mlock\x1b[0m         Create or update reproq.lock

\x1b[1m\x1b[4mInspect and verify:\x1b[0m
  \x1b[1mwhich\x1b[0m        Show which worker binary will run, and why
  \x1b[1mversions\x1b[0m     List installed and cached versions
  \x1b[1mverify\x1b[0m       Verify the installed worker, or the attestations of any file
  \x1b[1mdoctor\x1b[0m       Diagnose problems with the installation

\x1b[1m\x1b[4mInstall without internet access:\x1b[0m
  \x1b[1mbundle\x1b[0m       Create and inspect single-file bundles of a release
  \x1b[1mmirror\x1b[0m       Maintain a directory of releases that any web server can serve

\x1b[1m\x1b[4mManage a repository's releases:\x1b[0m
  \x1b[1mrelease\x1b[0m      List, prune, restore and check GitHub releases

\x1b[1m\x1b[4mConfigure:\x1b[0m
  \x1b[1mconfig\x1b[0m       Show the effective settings
  \x1b[1mcache\x1b[0m        Manage the cache of verified assets
  \x1b[1mtrust\x1b[0m        Manage the trusted roots that attestations are verified with
  \x1b[1mcompletions\x1b[0m  Generate a shell completion script
  \x1b[1mself\x1b[0m         Show the version of this command and how to upgrade it
  \x1b[1mhelp\x1b[0m         Print this message or the help of the given subcommand(s)

\x1b[1m\x1b[4mOptions:\x1b[0m
{options}{after-help}
";

/// The commands of `reproq`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Install the worker into this project
    #[command(after_long_help = examples::INSTALL)]
    Install(InstallArgs),
    /// Create or update reproq.lock
    #[command(after_long_help = examples::LOCK)]
    Lock(LockArgs),
    /// Install the latest release and update reproq.lock
    #[command(after_long_help = examples::UPGRADE)]
    Upgrade(UpgradeArgs),
    /// Restore the previously installed binary, offline
    #[command(after_long_help = examples::ROLLBACK)]
    Rollback(RollbackArgs),
    /// Verify the installed worker, or the attestations of any file
    #[command(after_long_help = examples::VERIFY)]
    Verify(Box<VerifyArgs>),
    /// Manage the trusted roots that attestations are verified with
    #[command(subcommand, after_long_help = examples::TRUST)]
    Trust(TrustCommand),
    /// List installed and cached versions
    #[command(after_long_help = examples::VERSIONS)]
    Versions,
    /// Diagnose problems with the installation
    #[command(after_long_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Manage the cache of verified assets
    #[command(subcommand, after_long_help = examples::CACHE)]
    Cache(CacheCommand),
    /// Create and inspect single-file bundles of a release
    #[command(subcommand, after_long_help = examples::BUNDLE)]
    Bundle(BundleCommand),
    /// Maintain a directory of releases that any web server can serve
    #[command(subcommand, after_long_help = examples::MIRROR)]
    Mirror(MirrorCommand),
    /// Show which worker binary will run, and why
    #[command(after_long_help = examples::WHICH)]
    Which(WhichArgs),
    /// List, prune, restore and check GitHub releases
    #[command(subcommand, after_long_help = examples::RELEASE)]
    Release(ReleaseCommand),
    /// Show the effective settings
    #[command(subcommand, after_long_help = examples::CONFIG)]
    Config(ConfigCommand),
    /// Generate a shell completion script
    #[command(after_long_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Show the version of this command and how to upgrade it
    #[command(name = "self", subcommand, after_long_help = examples::SELF_COMMAND)]
    SelfCommand(SelfCommand),
    /// Describe a command, or a topic: environment, exit-codes, json
    #[command(after_long_help = examples::HELP)]
    Help(HelpArgs),
}

/// Options of `help`.
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command, such as `release prune`, or a topic [default: all of reproq]
    #[arg(value_name = "COMMAND|TOPIC")]
    pub words: Vec<String>,
}

/// The commands of `reproq config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting with its value and source; secrets are masked
    #[command(after_long_help = examples::CONFIG_SHOW)]
    Show,
}

/// A command about this command itself.
#[derive(Debug, Subcommand)]
pub enum SelfCommand {
    /// Print the version and how it was installed
    #[command(after_long_help = examples::SELF_VERSION)]
    Version(SelfVersionArgs),
}

/// Options of `self version`.
#[derive(Debug, Args)]
pub struct SelfVersionArgs {
    /// Look for a newer version on GitHub, at most once a day and never in CI; exits with 3 if there is one
    #[arg(long)]
    pub check: bool,
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to generate the script for
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// The command tree under the name that users type, for completions, man pages and the reference.
pub fn command() -> clap::Command {
    let mut command = Cli::command().name("reproq");
    command.build();
    command
}

/// The commands of `reproq bundle`.
#[derive(Debug, Subcommand)]
pub enum BundleCommand {
    /// Write a release to one file: assets, checksums, a lockfile and optionally the source
    #[command(after_long_help = examples::BUNDLE_CREATE)]
    Create(BundleCreateArgs),
    /// Show the contents of a bundle and verify every file in it
    #[command(after_long_help = examples::BUNDLE_INSPECT)]
    Inspect(BundleInspectArgs),
}

/// The commands of `reproq mirror`.
#[derive(Debug, Subcommand)]
pub enum MirrorCommand {
    /// Download releases from GitHub into a directory; releases deleted from GitHub are kept
    #[command(after_long_help = examples::MIRROR_SYNC)]
    Sync(MirrorSyncArgs),
}

/// Options of `mirror sync`.
#[derive(Debug, Args)]
pub struct MirrorSyncArgs {
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
    /// Use this repository for the worker [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["digest", "checksum"])]
    pub require: Option<String>,
    /// Show what would be done without doing it
    #[arg(long)]
    pub dry_run: bool,
    /// Wait this long for another sync of this directory
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
}

/// The commands of `reproq release`.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
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

/// Options of `bundle create`.
#[derive(Debug, Args)]
pub struct BundleCreateArgs {
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
    /// Use this repository for the worker [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Get releases from this directory, URL, or `github`; can be repeated, tried in order [env: REPROQ_MIRROR]
    #[arg(long, value_name = "SOURCE")]
    pub mirror: Vec<String>,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "pinned", "digest", "checksum"])]
    pub require: Option<String>,
    /// Show what would be bundled without writing it
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `bundle inspect`.
#[derive(Debug, Args)]
pub struct BundleInspectArgs {
    /// The bundle to inspect
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Options of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
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
    /// Use this repository for the worker [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Get releases from this directory, URL, or `github`; can be repeated, tried in order [env: REPROQ_MIRROR]
    #[arg(long, value_name = "SOURCE", conflicts_with = "from")]
    pub mirror: Vec<String>,
    /// Install from a bundle; make no other requests
    #[arg(long, value_name = "FILE|URL")]
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
    /// Require that this workflow attested the release: .github/workflows/FILE [env: REPROQ_WORKFLOW]
    #[arg(long, value_name = "PATH")]
    pub workflow: Option<String>,
    /// Accept a different signer from the one in reproq.lock, or none
    #[arg(long)]
    pub accept_signer_change: bool,
    /// Allow an asset without a published checksum or attestation
    #[arg(long)]
    pub allow_unverified: bool,
    /// Reinstall even if up to date
    #[arg(long)]
    pub force: bool,
    /// Show what would be done without doing it
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run, exit with 3 if anything would be done
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
    /// Wait this long for another installation in this project
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
    /// Do not read REPROQ_WORKER_BIN from the Django settings
    #[arg(long)]
    pub no_django: bool,
}

/// Options of `lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// Lock this release, or `latest` [default: the locked or installed release]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Use this repository for the worker [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Get releases from this directory, URL, or `github`; can be repeated, tried in order [env: REPROQ_MIRROR]
    #[arg(long, value_name = "SOURCE")]
    pub mirror: Vec<String>,
    /// Require that this workflow attested the release: .github/workflows/FILE [env: REPROQ_WORKFLOW]
    #[arg(long, value_name = "PATH")]
    pub workflow: Option<String>,
    /// Accept a different signer from the one in reproq.lock, or none
    #[arg(long)]
    pub accept_signer_change: bool,
    /// Write nothing; exit with 3 if reproq.lock would change
    #[arg(long)]
    pub check: bool,
}

/// Options of `upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
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
    /// Show what would change without changing it
    #[arg(long)]
    pub dry_run: bool,
    /// Use this repository for the worker [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Get releases from this directory, URL, or `github`; can be repeated, tried in order [env: REPROQ_MIRROR]
    #[arg(long, value_name = "SOURCE")]
    pub mirror: Vec<String>,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "digest", "checksum", "built"])]
    pub require: Option<String>,
    /// Require that this workflow attested the release: .github/workflows/FILE [env: REPROQ_WORKFLOW]
    #[arg(long, value_name = "PATH")]
    pub workflow: Option<String>,
    /// Accept a different signer from the one in reproq.lock, or none
    #[arg(long)]
    pub accept_signer_change: bool,
    /// Wait this long for another installation in this project
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
    /// Do not read REPROQ_WORKER_BIN from the Django settings
    #[arg(long)]
    pub no_django: bool,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Roll back even if the binary is not attested by the signer in reproq.lock
    #[arg(long)]
    pub accept_signer_change: bool,
    /// Wait this long for another installation in this project
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Also compare with what GitHub publishes now
    #[arg(long)]
    pub online: bool,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "pinned", "digest", "checksum", "built"])]
    pub require: Option<String>,
    /// Verify the attestations of this file or digest instead of the installed worker
    #[arg(value_name = "FILE|sha256:HEX", requires = "bundle", conflicts_with_all = ["online", "require"])]
    pub file: Option<OsString>,
    /// Options of `verify FILE`.
    #[command(flatten)]
    pub proof: ProofArgs,
}

/// Options of `verify FILE`: the attestations, and the identity they must have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options with FILE")]
pub struct ProofArgs {
    /// Read attestations from this file: a Sigstore bundle, one bundle per line, or a response of GitHub's API; can be
    /// repeated
    #[arg(long, value_name = "FILE", requires = "file")]
    pub bundle: Vec<PathBuf>,
    /// Require that it was built from this repository
    #[arg(long, value_name = "OWNER/NAME", requires = "file", conflicts_with = "key")]
    pub repo: Option<String>,
    /// Require that it was built for this tag
    #[arg(long, value_name = "TAG", requires = "repo")]
    pub tag: Option<String>,
    /// With --tag, require that the workflow ran for the tag, not for a branch
    #[arg(long, requires = "tag")]
    pub require_tag_ref: bool,
    /// Require that the attestation names this asset
    #[arg(long, value_name = "NAME", requires = "file")]
    pub asset: Option<String>,
    /// Require this workflow: [OWNER/NAME/].github/workflows/FILE
    #[arg(long, value_name = "PATH", requires = "repo")]
    pub workflow: Option<String>,
    /// Require this GitHub repository ID, to exclude another repository of the same name
    #[arg(long, value_name = "N", requires = "repo")]
    pub repo_id: Option<u64>,
    /// Require this kind of attestation
    #[arg(long, value_enum, value_name = "KIND", default_value_t, requires = "file")]
    pub kind: KindChoice,
    /// Accept builds on self-hosted runners
    #[arg(long, requires = "repo")]
    pub allow_self_hosted: bool,
    /// Require this subject alternative name in the signer's certificate
    #[arg(long, value_name = "SAN", requires = "certificate_issuer", conflicts_with = "key")]
    pub certificate_identity: Option<String>,
    /// Require this OIDC issuer [default: the issuer of GitHub Actions]
    #[arg(long, value_name = "URL", requires = "file", conflicts_with = "key")]
    pub certificate_issuer: Option<String>,
    /// Require a signature by this public key, in PEM format
    #[arg(long, value_name = "FILE", requires = "file")]
    pub key: Option<PathBuf>,
    /// Trust the roots in this file instead of those in `trust show`; can be repeated
    #[arg(long, value_name = "FILE", requires = "file")]
    pub trusted_root: Vec<PathBuf>,
}

/// The kind of attestation that `verify FILE` requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum KindChoice {
    /// Built by a workflow
    Build,
    /// Published by GitHub in a release
    Release,
    /// Either, or a signature or another statement by the workflow
    #[default]
    Any,
}

/// The commands of `reproq trust`.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
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
pub struct TrustUpdateArgs {
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
pub enum InstanceChoice {
    /// Sigstore's public instance
    PublicGood,
    /// GitHub's own instance
    #[value(name = "github")]
    GitHub,
}

/// Options of `trust accept`.
#[derive(Debug, Args)]
pub struct TrustAcceptArgs {
    /// A trusted root, or one per line, as printed by `gh attestation trusted-root`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Options of `trust forget`.
#[derive(Debug, Args)]
pub struct TrustForgetArgs {
    /// The digest of the root, as printed by `trust show`
    #[arg(value_name = "SHA256")]
    pub sha256: String,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Also check that each required host can be reached
    #[arg(long)]
    pub network: bool,
    /// Do not read REPROQ_WORKER_BIN from the Django settings
    #[arg(long)]
    pub no_django: bool,
}

/// The commands of `reproq cache`.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
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
pub struct CachePruneArgs {
    /// Keep at most this much, for example 500MiB or 2GiB [default unit: MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_size: Option<u64>,
}

/// Options of `which`.
#[derive(Debug, Args)]
pub struct WhichArgs {
    /// Show every candidate, including those that are not set
    #[arg(long)]
    pub all: bool,
    /// Do not read REPROQ_WORKER_BIN from the Django settings
    #[arg(long)]
    pub no_django: bool,
    /// Wait this long for Django
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub django_timeout: Duration,
}

/// Options of `release list`.
#[derive(Debug, Args)]
pub struct ReleaseListArgs {
    /// Use this repository [default: [tool.reproq.release], GITHUB_REPOSITORY or the git remote `origin`]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Compute ages as of this time, for example 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", hide_short_help = true)]
    pub as_of: Option<String>,
}

/// Options of `release prune`. Numbers are strings here, so that each mistake has its own error message.
#[derive(Debug, Args)]
pub struct PruneArgs {
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
    /// Skip the confirmation prompt
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Show the plan without deleting anything
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run, exit with 3 if anything would be deleted
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
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
    /// Use this repository [default: [tool.reproq.release], GITHUB_REPOSITORY or the git remote `origin`]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
}

/// How fast deletions are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum PaceChoice {
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
pub struct RestoreArgs {
    /// The audit record of the prune
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Restore only the tags, and do not fail because releases cannot be restored
    #[arg(long)]
    pub tags_only: bool,
    /// Show what would be restored without doing it
    #[arg(long)]
    pub dry_run: bool,
    /// Write the audit record to this file instead of .reproq/audit
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// Use this repository [default: [tool.reproq.release], GITHUB_REPOSITORY or the git remote `origin`]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
}

/// Options of `release check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
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
    /// Use this repository [default: [tool.reproq.release], GITHUB_REPOSITORY or the git remote `origin`]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
}

/// Options of `release checksums`.
#[derive(Debug, Args)]
pub struct ChecksumsArgs {
    /// The directory of the assets
    #[arg(value_name = "DIR")]
    pub assets: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grouped_help_lists_every_command_with_its_description() {
        let template = HELP_TEMPLATE.replace("\x1b[1m", "").replace("\x1b[4m", "").replace("\x1b[0m", "");
        let mut listed: Vec<&str> = template.lines().filter(|line| line.starts_with("  ")).collect();
        let command = command();
        let mut expected: Vec<String> = command
            .get_subcommands()
            .map(|command| format!("  {:<12} {}", command.get_name(), command.get_about().expect("a description")))
            .collect();
        listed.sort_unstable();
        expected.sort();
        assert_eq!(listed, expected);
    }

    #[test]
    fn the_tree_is_consistent() {
        Cli::command().debug_assert();
    }
}
