//! The command line as a tree of values. No effects.

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

/// What `--version` prints after the name: never to be confused with the worker's `reproq-worker version X`.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (installer and release manager of Reproq)");

/// Install the proven Reproq worker, see which one will run, and keep its releases lean.
#[derive(Debug, Parser)]
#[command(
    name = "reproq-cli",
    bin_name = "reproq",
    version = VERSION,
    propagate_version = true,
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
    /// Work on the project in this directory
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
    /// The URL of the API of a GitHub Enterprise server [env: REPROQ_GITHUB_API_URL; for `release` GITHUB_API_URL]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub github_api_url: Option<String>,
    /// The URL of a GitHub Enterprise server [env: REPROQ_GITHUB_SERVER_URL; for `release` GITHUB_SERVER_URL]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub github_server_url: Option<String>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put the proven worker binary at ./.reproq/bin/reproq
    Install(InstallArgs),
    /// Write reproq.lock: one release, with a digest for every machine
    Lock(LockArgs),
    /// Install the newest release and lock it
    Upgrade(UpgradeArgs),
    /// Go back to the binary before this one, without the network
    Rollback(RollbackArgs),
    /// Compare the installed binary with its receipt and reproq.lock, or prove who made a file; writes nothing
    Verify(Box<VerifyArgs>),
    /// Show or change whose keys proofs are verified with
    #[command(subcommand)]
    Trust(TrustCommand),
    /// List the versions kept on this machine
    Versions,
    /// Look at everything an installation depends on
    Doctor(DoctorArgs),
    /// Show or shrink the cache of verified assets
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Carry a release to machines without a network
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Keep releases in a directory that any web server can serve
    #[command(subcommand)]
    Mirror(MirrorCommand),
    /// Say which worker binary will run, and why
    Which(WhichArgs),
    /// List, prune, restore and check the releases of a repository on GitHub
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Show the settings that are in effect
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completion script for a shell
    #[command(after_long_help = COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
}

/// A command about the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting with its value and where the value comes from; secrets are not shown
    Show,
}

const COMPLETIONS_HELP: &str = "\
Examples:
  bash        reproq completions bash > ~/.local/share/bash-completion/completions/reproq
  zsh         reproq completions zsh > ~/.zfunc/_reproq     (with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc)
  fish        reproq completions fish > ~/.config/fish/completions/reproq.fish
  powershell  reproq completions powershell >> $PROFILE
  elvish      reproq completions elvish > ~/.config/elvish/lib/reproq.elv   (then `use reproq` in rc.elv)";

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// The command line as clap describes it, under the name that users type: for completions, man pages and the reference.
pub fn command() -> clap::Command {
    let mut command = Cli::command().name("reproq");
    command.build();
    command
}

/// A command about bundles.
#[derive(Debug, Subcommand)]
pub enum BundleCommand {
    /// Write a release to one file: assets, checksums, a lock, and if wanted the source
    Create(BundleCreateArgs),
    /// Show what a bundle holds and check every part of it
    Inspect(BundleInspectArgs),
}

/// A command about mirrors.
#[derive(Debug, Subcommand)]
pub enum MirrorCommand {
    /// Bring the releases GitHub has into a directory; what is there stays, also after GitHub has pruned it
    Sync(MirrorSyncArgs),
}

/// Options of `mirror sync`.
#[derive(Debug, Args)]
pub struct MirrorSyncArgs {
    /// The directory
    #[arg(value_name = "DIR")]
    pub mirror: PathBuf,
    /// Leave only the newest N versions in the directory
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub keep: Option<String>,
    /// The machines it is for, with commas in between; else `all`
    #[arg(long, value_name = "OS-ARCH", value_delimiter = ',')]
    pub target: Vec<String>,
    /// Bring in only this release, a prerelease too; may be given several times
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// The worker's repository [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// The weakest verdict that is accepted [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["digest", "checksum"])]
    pub require: Option<String>,
    /// Show what would be done and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for another synchronization of this directory
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
}

/// A command about the releases of a repository.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Show every release and tag
    List(ReleaseListArgs),
    /// Delete old versions: releases, their assets and their tags
    Prune(Box<PruneArgs>),
    /// Bring deleted tags back from the record of a prune
    Restore(RestoreArgs),
    /// Check that a release has what its users and this installer need
    Check(CheckArgs),
    /// Write SHA256SUMS for a directory of assets
    Checksums(ChecksumsArgs),
}

/// Options of `bundle create`.
#[derive(Debug, Args)]
pub struct BundleCreateArgs {
    /// The release; `latest` asks for the newest. Else the one that is locked
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// The machines it is for, or `all`; else this one
    #[arg(long, value_name = "OS-ARCH", num_args = 1.., value_delimiter = ',')]
    pub target: Vec<String>,
    /// Also carry this checkout of the worker, so that it can be built without a module proxy
    #[arg(long, value_name = "DIR")]
    pub with_source: Option<PathBuf>,
    /// Bundle exactly what reproq.lock names, or fail
    #[arg(long)]
    pub locked: bool,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The worker's repository [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Where releases are, in order: a directory, an address, or `github`; may be given several times [env: REPROQ_MIRROR]
    #[arg(long, value_name = "PLACE")]
    pub mirror: Vec<String>,
    /// The weakest verdict that is accepted [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "pinned", "digest", "checksum"])]
    pub require: Option<String>,
    /// Show what would be bundled and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `bundle inspect`.
#[derive(Debug, Args)]
pub struct BundleInspectArgs {
    /// The bundle
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Options of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// The release to install, for example v0.0.144; `latest` asks for the newest
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Install exactly what reproq.lock names, or fail
    #[arg(long)]
    pub locked: bool,
    /// Build from a checkout, whatever the release offers
    #[arg(long, conflicts_with_all = ["no_build", "locked"])]
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
    /// Where releases are, in order: a directory, an address, or `github`; may be given several times [env: REPROQ_MIRROR]
    #[arg(long, value_name = "PLACE", conflicts_with = "from")]
    pub mirror: Vec<String>,
    /// Install from this bundle, and ask nobody else
    #[arg(long, value_name = "FILE|URL")]
    pub from: Option<PathBuf>,
    /// Install for another machine than this one
    #[arg(long, value_name = "OS-ARCH")]
    pub target: Option<String>,
    /// Place the binary here instead of ./.reproq/bin/reproq; another file there needs --force
    #[arg(long, value_name = "PATH")]
    pub to: Option<PathBuf>,
    /// The weakest verdict that is accepted [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "pinned", "digest", "checksum", "built"])]
    pub require: Option<String>,
    /// The workflow that must have signed for the release: .github/workflows/FILE [env: REPROQ_WORKFLOW]
    #[arg(long, value_name = "PATH")]
    pub workflow: Option<String>,
    /// Accept that another workflow signed than the one reproq.lock records, or none
    #[arg(long)]
    pub accept_signer_change: bool,
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
    /// How long to wait for another installation in this project
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
    /// Do not ask Django whether its settings name another binary
    #[arg(long)]
    pub no_django: bool,
}

/// Options of `lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// The release to lock; `latest` asks for the newest. Else the one that is locked or installed already
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// The worker's repository [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Where releases are, in order: a directory, an address, or `github`; may be given several times [env: REPROQ_MIRROR]
    #[arg(long, value_name = "PLACE")]
    pub mirror: Vec<String>,
    /// The workflow that must have signed for the release: .github/workflows/FILE [env: REPROQ_WORKFLOW]
    #[arg(long, value_name = "PATH")]
    pub workflow: Option<String>,
    /// Accept that another workflow signed than the one reproq.lock records, or none
    #[arg(long)]
    pub accept_signer_change: bool,
    /// Write nothing; exit with 3 when the lock would change
    #[arg(long)]
    pub check: bool,
}

/// Options of `upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// Go to this release instead of the newest
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Count prereleases too
    #[arg(long)]
    pub pre: bool,
    /// Let --tag name an older version than the one that is locked or installed
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Change nothing; exit with 3 when there is something newer
    #[arg(long)]
    pub check: bool,
    /// Show what would change and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The worker's repository [env: REPROQ_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Where releases are, in order: a directory, an address, or `github`; may be given several times [env: REPROQ_MIRROR]
    #[arg(long, value_name = "PLACE")]
    pub mirror: Vec<String>,
    /// The weakest verdict that is accepted [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "digest", "checksum", "built"])]
    pub require: Option<String>,
    /// The workflow that must have signed for the release: .github/workflows/FILE [env: REPROQ_WORKFLOW]
    #[arg(long, value_name = "PATH")]
    pub workflow: Option<String>,
    /// Accept that another workflow signed than the one reproq.lock records, or none
    #[arg(long)]
    pub accept_signer_change: bool,
    /// How long to wait for another installation in this project
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
    /// Do not ask Django whether its settings name another binary
    #[arg(long)]
    pub no_django: bool,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Go back also to what is not proven to be signed as reproq.lock records
    #[arg(long)]
    pub accept_signer_change: bool,
    /// How long to wait for another installation in this project
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub lock_timeout: Duration,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Also ask GitHub what it states about the asset today
    #[arg(long)]
    pub online: bool,
    /// The weakest verdict that is accepted [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "pinned", "digest", "checksum", "built"])]
    pub require: Option<String>,
    /// Instead: prove who made this file, or the bytes of this digest
    #[arg(value_name = "FILE|sha256:HEX", requires = "bundle", conflicts_with_all = ["online", "require"])]
    pub file: Option<OsString>,
    /// What a file must prove.
    #[command(flatten)]
    pub proof: ProofArgs,
}

/// Options of `verify FILE`: where the proofs are, and what they must say.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options with FILE")]
pub struct ProofArgs {
    /// A file with attestations: a Sigstore bundle, a bundle a line, or the answer of GitHub's API; may be given several
    /// times
    #[arg(long, value_name = "FILE", requires = "file")]
    pub bundle: Vec<PathBuf>,
    /// The repository it must have been built from
    #[arg(long, value_name = "OWNER/NAME", requires = "file", conflicts_with = "key")]
    pub repo: Option<String>,
    /// The tag of its release; a build for another tag is refused
    #[arg(long, value_name = "TAG", requires = "repo")]
    pub tag: Option<String>,
    /// With --tag: the build must have run for that tag, not for a branch
    #[arg(long, requires = "tag")]
    pub require_tag_ref: bool,
    /// The name it must have been given
    #[arg(long, value_name = "NAME", requires = "file")]
    pub asset: Option<String>,
    /// The workflow that must have built it: .github/workflows/FILE, with OWNER/NAME/ before it if of another repository
    #[arg(long, value_name = "PATH", requires = "repo")]
    pub workflow: Option<String>,
    /// GitHub's number of the repository, which a namesake does not have
    #[arg(long, value_name = "N", requires = "repo")]
    pub repo_id: Option<u64>,
    /// What must be proven
    #[arg(long, value_enum, value_name = "KIND", default_value_t, requires = "file")]
    pub kind: KindChoice,
    /// Accept a workflow that ran on a machine of the repository's owner
    #[arg(long, requires = "repo")]
    pub allow_self_hosted: bool,
    /// The exact name in the signer's certificate
    #[arg(long, value_name = "SAN", requires = "certificate_issuer", conflicts_with = "key")]
    pub certificate_identity: Option<String>,
    /// Who vouched for the signer; else the issuer of GitHub Actions
    #[arg(long, value_name = "URL", requires = "file", conflicts_with = "key")]
    pub certificate_issuer: Option<String>,
    /// The public key that must have signed, in PEM
    #[arg(long, value_name = "FILE", requires = "file")]
    pub key: Option<PathBuf>,
    /// Trust these roots instead of those `trust show` lists; may be given several times
    #[arg(long, value_name = "FILE", requires = "file")]
    pub trusted_root: Vec<PathBuf>,
}

/// What `verify FILE` must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum KindChoice {
    /// That a workflow built it
    Build,
    /// That GitHub published it in a release
    Release,
    /// Any of these, or a signature or another statement by the workflow
    #[default]
    Any,
}

/// A command about trusted roots.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// List the trusted roots, their keys and their age
    Show,
    /// Fetch the newest roots of Sigstore and GitHub
    Update(TrustUpdateArgs),
    /// Trust the roots in a file from now on, beside those of Sigstore and GitHub
    Accept(TrustAcceptArgs),
    /// No longer trust a root that was accepted
    Forget(TrustForgetArgs),
}

/// Options of `trust update`.
#[derive(Debug, Args)]
pub struct TrustUpdateArgs {
    /// Whose; else both
    #[arg(value_enum, value_name = "INSTANCE")]
    pub instance: Vec<InstanceChoice>,
    /// A mirror of an instance's repository; may be given for each
    #[arg(long, value_name = "INSTANCE=URL", conflicts_with = "from")]
    pub url: Vec<String>,
    /// Read a copy and ask nobody: a directory that holds public-good/ and github/, or one repository itself
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Also write what was verified to public-good/ and github/ in this directory, a copy for machines without a network
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub save: Option<PathBuf>,
}

/// A Sigstore instance whose newest root can be fetched.
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
    /// A trusted root, or one a line, as `gh attestation trusted-root` prints them
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Options of `trust forget`.
#[derive(Debug, Args)]
pub struct TrustForgetArgs {
    /// The digest `trust show` names
    #[arg(value_name = "SHA256")]
    pub sha256: String,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Also ask each host an installation needs
    #[arg(long)]
    pub network: bool,
    /// Do not ask Django whether its settings name another binary
    #[arg(long)]
    pub no_django: bool,
}

/// A command about the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Print its directory
    Dir,
    /// List what is in it, the most recently used first
    List,
    /// Remove what was not used for longest, until it fits its limit
    Prune(CachePruneArgs),
    /// Remove everything
    Clean,
}

/// Options of `cache prune`.
#[derive(Debug, Args)]
pub struct CachePruneArgs {
    /// How much may stay, instead of its limit: for example 500MiB or 2GiB; without a unit in MiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_size: Option<u64>,
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
    /// How long Django may take to answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub django_timeout: Duration,
}

/// Options of `release list`.
#[derive(Debug, Args)]
pub struct ReleaseListArgs {
    /// The repository; else [tool.reproq.release], GITHUB_REPOSITORY or the remote `origin`
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Count ages to this moment instead of now, for example 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", hide_short_help = true)]
    pub as_of: Option<String>,
}

/// Options of `release prune`. Numbers are texts here, so that each mistake gets a sentence of its own.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// How many of the newest versions stay
    #[arg(long, value_name = "N", allow_hyphen_values = true, required_unless_present = "plan")]
    pub keep: Option<String>,
    /// What "newest" means [default: both]
    #[arg(long, value_name = "ORDER", value_parser = ["both", "semver", "published"])]
    pub order: Option<String>,
    /// Tags that stay, as a pattern; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub protect: Vec<String>,
    /// What is younger stays, for example 24h or 7d
    #[arg(long, value_name = "DURATION")]
    pub min_age: Option<String>,
    /// How prereleases count: count, separate, separate=N or ignore
    #[arg(long, value_name = "HOW")]
    pub prerelease: Option<String>,
    /// Delete immutable releases too; the names of their tags can never be used again
    #[arg(long)]
    pub allow_immutable: bool,
    /// How many versions may go in one run [default: 10]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub max_delete: Option<String>,
    /// How long to wait for GitHub's limits altogether
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub max_wait: Duration,
    /// How fast deletions follow each other
    #[arg(long, value_enum, value_name = "PACE", default_value_t)]
    pub pace: PaceChoice,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Show the plan and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: exit with 3 when something would be deleted
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
    /// Write the plan to this file
    #[arg(long, value_name = "FILE")]
    pub plan_out: Option<PathBuf>,
    /// Carry out this plan, if the repository, the settings and the other options allow it
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Record every request here instead of in .reproq/audit
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// Save the assets of what goes in this directory first
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,
    /// The repository; else [tool.reproq.release], GITHUB_REPOSITORY or the remote `origin`
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
}

/// How fast deletions follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum PaceChoice {
    /// Three a second after the first 30: GitHub's documented limit
    Fast,
    /// One a second after the first 30
    #[default]
    Normal,
    /// One a second
    Strict,
}

/// Options of `release restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The record of the prune
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Only the tags are wanted; that releases cannot come back is then no failure
    #[arg(long)]
    pub tags_only: bool,
    /// Show what would come back and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Record every request here instead of in .reproq/audit
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// The repository; else [tool.reproq.release], GITHUB_REPOSITORY or the remote `origin`
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
}

/// Options of `release check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The checkout whose version the tag must name
    #[arg(value_name = "DIR")]
    pub checkout: Option<PathBuf>,
    /// The release; else the tag this job runs for, else the latest
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// An asset it must have; may be given several times. Else one of the worker for each platform
    #[arg(long, value_name = "NAME")]
    pub asset: Vec<String>,
    /// This directory must hold exactly one migration
    #[arg(long, value_name = "DIR")]
    pub one_migration: Option<PathBuf>,
    /// There must be no more versions than these
    #[arg(long, value_name = "N")]
    pub at_most: Option<usize>,
    /// Every asset must be proven to be built by a workflow of the repository
    #[arg(long)]
    pub require_attested: bool,
    /// The workflow that builds it, where it is one of another repository
    #[arg(long, value_name = "FILE|OWNER/NAME/.github/workflows/FILE")]
    pub workflow: Option<String>,
    /// Accept builds on machines of the owner's
    #[arg(long)]
    pub allow_self_hosted: bool,
    /// Trust these roots instead of the ones this program brings; may be given several times
    #[arg(long, value_name = "FILE")]
    pub trusted_root: Vec<PathBuf>,
    /// The repository; else [tool.reproq.release], GITHUB_REPOSITORY or the remote `origin`
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
}

/// Options of `release checksums`.
#[derive(Debug, Args)]
pub struct ChecksumsArgs {
    /// The directory with the assets
    #[arg(value_name = "DIR")]
    pub assets: PathBuf,
}

/// The other commands of `manage.py reproq`, which people try here too, and what does the same. Those that this program has
/// under the same name are not among them.
pub const OF_MANAGE_PY: [(&str, &str); 21] = [
    ("worker", "run the installed worker: `\"$(reproq which -q)\" worker`, or `python manage.py reproq worker`"),
    ("beat", "run the installed worker's: `\"$(reproq which -q)\" beat`, or `python manage.py reproq beat`"),
    ("schedule", "run `python manage.py reproq schedule`"),
    ("pg-cron", "run `python manage.py reproq pg-cron`"),
    ("migrate-worker", "run `python manage.py reproq migrate-worker`"),
    (
        "check",
        "`reproq doctor` and `reproq verify` check the installation; for the database run `python manage.py reproq check`",
    ),
    ("init", "`reproq install` and `reproq lock` set up the worker; for Django run `python manage.py reproq init`"),
    ("stats", "run `python manage.py reproq stats`"),
    (
        "status",
        "`reproq which` and `reproq versions` show the worker; for the queue run `python manage.py reproq status`",
    ),
    ("stress-test", "run `python manage.py reproq stress-test`"),
    ("allowlist", "run `python manage.py reproq allowlist`"),
    ("sync-recurring", "run `python manage.py reproq sync-recurring`"),
    ("pause-queue", "run `python manage.py reproq pause-queue`"),
    ("resume-queue", "run `python manage.py reproq resume-queue`"),
    ("logs", "run `python manage.py reproq logs`"),
    ("cancel", "run `python manage.py reproq cancel`"),
    ("systemd", "run `python manage.py reproq systemd`"),
    ("reclaim", "run `python manage.py reproq reclaim`"),
    ("prune-workers", "run `python manage.py reproq prune-workers`"),
    ("prune-successful", "run `python manage.py reproq prune-successful`"),
    ("prune", "`reproq release prune` deletes old releases; for task rows run `python manage.py reproq prune`"),
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Upstream has 25 commands: each is one of ours, or leads to what does it.
    #[test]
    fn every_command_of_manage_py_is_known() {
        const UPSTREAM: [&str; 25] = [
            "worker",
            "beat",
            "schedule",
            "pg-cron",
            "migrate-worker",
            "check",
            "install",
            "init",
            "stats",
            "status",
            "stress-test",
            "doctor",
            "config",
            "allowlist",
            "sync-recurring",
            "pause-queue",
            "resume-queue",
            "logs",
            "cancel",
            "upgrade",
            "systemd",
            "reclaim",
            "prune-workers",
            "prune-successful",
            "prune",
        ];
        let command = command();
        for word in UPSTREAM {
            let is_ours = command.find_subcommand(word).is_some();
            let leads_on = OF_MANAGE_PY.iter().any(|(known, hint)| *known == word && !hint.is_empty());
            assert!(is_ours != leads_on, "{word}: it is one of ours, or it has a pointer");
        }
        assert!(OF_MANAGE_PY.iter().all(|(word, _)| UPSTREAM.contains(word)));
    }

    #[test]
    fn the_tree_is_consistent() {
        Cli::command().debug_assert();
    }
}
