//! Errors of an installation. In every case the previous installation is unchanged.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::Server;
use crate::flows::install::Disagreement;
use crate::flows::install::Fallback;
use crate::flows::install::ResolveError;
use crate::io::fs::LockError;
use crate::lockfile::LockfileError;
use crate::lockfile::Signer;
use crate::model::Asset;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::mirror::SyncRefusal;
use crate::sources::source::Source;
use crate::sources::source::SourceError;
use crate::trust::VerifyError;
use crate::trust::attestation::Mismatch;
use crate::trust::attestation::NotProven;
use crate::trust::trusted_roots::TrustedRootsError;
use crate::worker::archive::ArchiveError;
use crate::worker::executable::InspectError;
use crate::worker::executable::PreflightError;
use crate::worker::executable::SmokeError;
use crate::worker::executable::VersionMismatch;
use crate::worker::local_build::BuildError;
use crate::worker::local_build::PrepareError;
use crate::worker::local_build::SourceOrigin;
use crate::worker::store::StoreError;

/// A failed installation.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another installation holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Files of the store were removed while the installation ran.
    #[error("`{path}` was removed during the installation", path = path.display())]
    PulledAway {
        /// The removed path.
        path: PathBuf,
    },
    /// A path of the store is occupied by something that is neither replaced nor followed.
    #[error("`{path}` is {what}, expected {place}", path = path.display())]
    InTheWay {
        /// The path.
        path: PathBuf,
        /// The type found.
        what: &'static str,
        /// The expected content.
        place: &'static str,
    },
    /// This command itself is at the worker's path.
    #[error("`{path}` is this command itself or a copy of it, and is never replaced", path = path.display())]
    ThisCommand {
        /// The file.
        path: PathBuf,
    },
    /// A file at the worker's path was not installed by this program.
    #[error("`{path}` was not installed by reproq", path = path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The project's lockfile cannot be read.
    #[error(transparent)]
    Lockfile(#[from] LockfileError),
    /// The lockfile does not satisfy `--locked`, or disagrees with the bundle.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// A release is left unchanged in a mirror.
    #[error("{tag} was not mirrored: {refusal}")]
    NotMirrored {
        /// The release.
        tag: Tag,
        /// The reason.
        refusal: SyncRefusal,
    },
    /// The release was not found.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The release no longer has what the lockfile pins.
    #[error("{drift}")]
    Drift {
        /// What changed.
        drift: Drift,
    },
    /// There is no binary to roll back to.
    #[error("cannot roll back: {why}")]
    NoPrevious {
        /// The reason.
        why: &'static str,
    },
    /// The previous binary was modified.
    #[error(
        "the previous binary `{path}` was modified: its sha256 is {found}, but its receipt states {expected}",
        path = path.display()
    )]
    PreviousChanged {
        /// The previous binary.
        path: PathBuf,
        /// The digest in its receipt.
        expected: Sha256Digest,
        /// Its actual digest.
        found: Sha256Digest,
    },
    /// The repository has no release whose tag is a version.
    #[error("{repository} has no release with a version as its tag on {server}")]
    NoVersions {
        /// The repository.
        repository: RepoSlug,
        /// The server, and what selected it.
        server: String,
    },
    /// The request requires the network.
    #[error("cannot determine the latest release while offline (--offline)")]
    Offline,
    /// All sources failed.
    #[error("no source could provide the release")]
    Everywhere {
        /// Each source with its error, in the order they were tried.
        tried: Vec<(String, InstallError)>,
    },
    /// The release cannot be used, and this command cannot build instead.
    #[error(transparent)]
    Resolve(ResolveError),
    /// The asset cannot be downloaded.
    #[error("failed to download {asset}")]
    Download {
        /// The asset.
        asset: String,
        /// The cause.
        source: SourceError,
    },
    /// The bytes were refused.
    #[error("verification failed for {asset}")]
    Verify {
        /// The asset.
        asset: String,
        /// The cause.
        source: VerifyError,
    },
    /// It has attestations, and all were refused.
    #[error("attestation verification failed for {asset} ({tag})")]
    NotProven {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// The cause.
        source: NotProven,
    },
    /// Its signer is not the one recorded in the lockfile.
    #[error(
        "the signer of {asset} ({tag}) is not the one recorded in reproq.lock{}: {}",
        for_release(locked),
        mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    OtherSigner {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// The release for which the signer was recorded.
        locked: Option<Tag>,
        /// The recorded signer.
        signer: Box<Signer>,
        /// The differences.
        mismatches: Vec<Mismatch>,
    },
    /// It is not attested by the signer recorded in the lockfile, or its attestations could not be queried.
    #[error(
        "{asset} ({tag}) is not attested by {signer}, the signer recorded in reproq.lock{}: {found}",
        for_release(locked)
    )]
    LessThanLocked {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// The release for which the signer was recorded.
        locked: Option<Tag>,
        /// The recorded signer.
        signer: Box<Signer>,
        /// What was found instead.
        found: String,
        /// Whether the query failed, as opposed to finding no attestation.
        not_queried: bool,
        /// Whether a later retry may succeed.
        transient: bool,
    },
    /// The attestations of one asset could not be queried, while another asset of the release is attested.
    #[error("could not determine whether {asset} ({tag}) is also attested by {signer}: {reason}")]
    NotAsked {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// The signer of the other asset.
        signer: Box<Signer>,
        /// The reason.
        reason: String,
        /// Whether a later retry may succeed.
        transient: bool,
    },
    /// Two assets of one release are attested by different workflows.
    #[error("{asset} ({tag}) is attested by {other}, but another asset by {first}; a lockfile has one signer")]
    SeveralSigners {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// The signer of the first asset.
        first: Box<Signer>,
        /// The signer of this asset.
        other: Box<Signer>,
    },
    /// The configured signer is not the one recorded in the lockfile.
    #[error("reproq.lock records the signer {recorded}, but {wanted} is required")]
    TwoWorkflows {
        /// The required signer.
        wanted: String,
        /// The recorded signer.
        recorded: String,
    },
    /// The previous binary has less evidence than the lockfile records.
    #[error(
        "the previous binary {label} is not attested by {signer}, the signer recorded in reproq.lock{}: {reason}",
        for_release(locked)
    )]
    LessComesBack {
        /// The previous binary.
        label: String,
        /// The release for which the signer was recorded.
        locked: Option<Tag>,
        /// The recorded signer.
        signer: Box<Signer>,
        /// The reason.
        reason: String,
    },
    /// The trusted roots cannot be used.
    #[error(transparent)]
    TrustedRoots(#[from] TrustedRootsError),
    /// The archive was refused.
    #[error("failed to unpack {asset}")]
    Archive {
        /// The asset.
        asset: String,
        /// The cause.
        source: ArchiveError,
    },
    /// The executable cannot be read.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The executable is not for this platform, or is not the worker.
    #[error("cannot install {name}")]
    Preflight {
        /// Its name in messages.
        name: String,
        /// The cause.
        source: PreflightError,
    },
    /// The executable does not run.
    #[error("{name} does not run")]
    Smoke {
        /// Its name in messages.
        name: String,
        /// The cause.
        source: SmokeError,
    },
    /// The executable reports another version than its tag.
    #[error("the version of {name} does not match its release")]
    Version {
        /// Its name in messages.
        name: String,
        /// Both versions.
        source: VersionMismatch,
    },
    /// The release cannot be used, and a local build cannot either.
    #[error("no worker could be installed: {fallback}, and {build}")]
    NothingServes {
        /// Why the release cannot be used.
        fallback: Fallback,
        /// Why a build cannot be used.
        build: NoBuild,
    },
    /// The build could not be started.
    #[error("cannot build the worker{}", in_place_of_a_download(because))]
    Prepare {
        /// Why a build was needed.
        because: Fallback,
        /// The cause.
        source: PrepareError,
    },
    /// The build failed.
    #[error("failed to build the worker{}", in_place_of_a_download(because))]
    Build {
        /// Why a build was needed.
        because: Fallback,
        /// The cause.
        source: BuildError,
    },
    /// An operation on the staged file failed.
    #[error("failed to {doing}")]
    Staging {
        /// The operation.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

impl InstallError {
    /// The error for a command that cannot build instead of downloading.
    pub(super) fn without_a_release(fallback: Fallback) -> Self {
        match fallback {
            Fallback::Offline { .. } => Self::Offline,
            Fallback::NoAsset { .. }
            | Fallback::NotInBundle { .. }
            | Fallback::NotInMirror { .. }
            | Fallback::Unreachable { .. }
            | Fallback::Asked
            | Fallback::RepairsBuild => Self::Resolve(ResolveError::Fallback(fallback)),
        }
    }

    /// Whether the failure is that of a child process.
    pub const fn is_of_a_child(&self) -> bool {
        matches!(self, Self::Smoke { .. } | Self::Build { .. } | Self::Prepare { .. })
    }

    /// An asset could not be fetched. Errors of a bundle or mirror already name the asset.
    pub(super) fn fetching(asset: &Asset, error: SourceError) -> Self {
        match error {
            SourceError::Bundle { .. } | SourceError::Mirror { .. } => Self::Source(error),
            SourceError::Api(_) | SourceError::Net(_) => Self::Download { asset: asset.name.clone(), source: error },
        }
    }

    /// A source failed; if it was unreachable, a build may be used instead.
    pub(super) fn at(source: &Source, error: SourceError) -> Self {
        if !error.is_unreachable() {
            return Self::Source(error);
        }
        let fallback = Fallback::Unreachable { place: source.name(), reason: error.to_string() };
        Self::Resolve(ResolveError::Fallback(fallback))
    }
}

/// How an asset changed since it was locked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Drift {
    /// The release has other bytes under its name.
    #[error(
        "the asset {name} of {tag} changed on GitHub since it was locked: locked sha256 {locked}, GitHub now states {now}"
    )]
    Changed {
        /// The release.
        tag: Tag,
        /// The asset.
        name: String,
        /// The locked digest.
        locked: Sha256Digest,
        /// The digest GitHub states.
        now: Sha256Digest,
    },
    /// A mirror has other bytes under its name.
    #[error(
        "{name} of {tag} in the mirror {mirror} does not match reproq.lock: locked sha256 {locked}, the mirror's index states {now}"
    )]
    InMirror {
        /// The mirror's name in messages.
        mirror: String,
        /// The release.
        tag: Tag,
        /// The asset.
        name: String,
        /// The locked digest.
        locked: Sha256Digest,
        /// The digest in the mirror's index.
        now: Sha256Digest,
    },
    /// The release exists, but the asset does not.
    #[error("the asset {name} of {tag} was not found on {server}; it was removed after it was locked")]
    AssetGone {
        /// The release.
        tag: Tag,
        /// The asset.
        name: String,
        /// The server, and what selected it.
        server: String,
    },
    /// The release does not exist: it was deleted, or is on another server.
    #[error("the locked release {tag} was not found on {server}")]
    NoRelease {
        /// The release.
        tag: Tag,
        /// The server, and what selected it.
        server: Box<Server>,
    },
}

impl Drift {
    /// The drift of a digest, as stated by this source.
    pub(super) fn at(source: &Source, tag: Tag, name: String, locked: Sha256Digest, now: Sha256Digest) -> Self {
        match source {
            Source::Mirror(mirror) => Self::InMirror { mirror: mirror.name(), tag, name, locked, now },
            Source::GitHub(_) | Source::Bundle(_) => Self::Changed { tag, name, locked, now },
        }
    }
}

impl InstallError {
    /// Lines shown below the error: the last output of a build, or the error of each source.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other failure has lines of its own")]
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Build {
                source: BuildError::Failed { lines, .. } | BuildError::ModulesMissing { lines, .. }, ..
            } => lines.clone(),
            Self::Everywhere { tried } => tried.iter().map(|(place, error)| error.with_source(place)).collect(),
            _ => Vec::new(),
        }
    }

    /// The error, prefixed with its source unless it already starts with it.
    pub(super) fn with_source(&self, place: &str) -> String {
        let message = self.with_causes();
        if message.starts_with(place) { message } else { format!("{place}: {message}") }
    }

    pub(super) fn with_causes(&self) -> String {
        let causes = std::iter::successors(Some(self as &dyn std::error::Error), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}

fn for_release(locked: &Option<Tag>) -> String {
    locked.as_ref().map(|tag| format!(" for {tag}")).unwrap_or_default()
}

/// Why a build was used, unless the user requested one.
fn in_place_of_a_download(because: &Fallback) -> String {
    match because {
        Fallback::Asked | Fallback::RepairsBuild => String::new(),
        Fallback::NoAsset { .. }
        | Fallback::NotInBundle { .. }
        | Fallback::NotInMirror { .. }
        | Fallback::Unreachable { .. }
        | Fallback::Offline { .. } => {
            format!(" instead of downloading it ({because})")
        }
    }
}

/// Why a local build is not used instead of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoBuild {
    /// Disabled by the user.
    Forbidden,
    /// There is no checkout.
    NoCheckout {
        /// The paths searched.
        searched: Vec<(SourceOrigin, PathBuf)>,
    },
    /// A release is required.
    BelowRequired,
    /// The lockfile pins the bytes for this platform.
    Locked,
    /// The lockfile records the signer of the release, and a build has no attestation.
    Signed,
}

impl fmt::Display for NoBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "local builds are disabled (--no-build)",
            Self::NoCheckout { .. } => "there is no checkout to build from",
            Self::Locked => "a local build would not match reproq.lock",
            Self::Signed => "a local build has no attestation, but reproq.lock records a signer",
            Self::BelowRequired => "a local build does not meet the required verification level",
        })
    }
}
