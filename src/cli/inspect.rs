//! The options of the commands that inspect and verify.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::groups::DjangoArgs;
use crate::model::units::parse_duration;

/// Options of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Also compare with what GitHub publishes now
    #[arg(long)]
    pub online: bool,
    /// Require at least this verdict [env: REPROQ_REQUIRE]
    #[arg(long, value_name = "LEVEL", value_parser = ["attested", "released", "pinned", "digest", "checksum", "built"])]
    pub require: Option<String>,
    /// Verify the attestations of this file or digest instead of the installed worker
    #[arg(value_name = "FILE|sha256:HEX", requires = "bundle", conflicts_with_all = ["online", "require"])]
    pub file: Option<OsString>,
    #[command(flatten)]
    pub attestation: VerifyFileArgs,
}

/// Options of `verify FILE`: the attestations, and the identity they must have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options with FILE")]
pub(crate) struct VerifyFileArgs {
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
pub(crate) enum KindChoice {
    /// Built by a workflow
    Build,
    /// Published by GitHub in a release
    Release,
    /// Either, or a signature or another statement by the workflow
    #[default]
    Any,
}

/// Options of `which`.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// Show every candidate, including those that are not set
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub django: DjangoArgs,
    /// Wait this long for Django
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub django_timeout: Duration,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Also check that each required host can be reached
    #[arg(long)]
    pub network: bool,
    /// Also import the project as `worker --prefork` does, and find what must not be forked
    #[arg(long, conflicts_with = "no_django")]
    pub prefork: bool,
    #[command(flatten)]
    pub django: DjangoArgs,
}
