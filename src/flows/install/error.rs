//! Errors of the flows, in addition to those of acquiring an asset. In every case the previous installation is unchanged.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::flows::install::AcquireError;
use crate::flows::install::Disagreement;
use crate::flows::install::Fallback;
use crate::flows::install::acquire_error::for_release;
use crate::io::fs::LockError;
use crate::lockfile::LockfileError;
use crate::lockfile::Signer;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::mirror::SyncRefusal;
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
pub(crate) enum InstallError {
    /// The asset was not acquired.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// The store or the binary's path cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The executable cannot be used.
    #[error(transparent)]
    Executable(#[from] ExecutableError),
    /// There is no local build either.
    #[error(transparent)]
    Build(#[from] LocalBuildError),
    /// The project's lockfile cannot be read.
    #[error(transparent)]
    Lockfile(#[from] LockfileError),
    /// The lockfile does not satisfy `--locked`, or disagrees with the bundle.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
}

/// A store or path that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum AccessError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another installation holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Files of the store were removed while the installation ran.
    #[error("`{path}` was removed during the installation", path = path.display())]
    PulledAway { path: PathBuf },
    /// A path of the store is occupied by something that is neither replaced nor followed.
    #[error("`{path}` is {what}, expected {place}", path = path.display())]
    InTheWay {
        path: PathBuf,
        /// The type found.
        what: &'static str,
        /// The expected content.
        place: &'static str,
    },
    /// This command itself is at the worker's path.
    #[error("`{path}` is this command itself or a copy of it, and is never replaced", path = path.display())]
    ThisCommand { path: PathBuf },
    /// A file at the worker's path was not installed by this program.
    #[error("`{path}` was not installed by reproq", path = path.display())]
    NotOurs { path: PathBuf },
}

/// An executable that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ExecutableError {
    /// The executable cannot be read.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The executable is not for this platform, or is not the worker.
    #[error("cannot install {name}")]
    Preflight {
        /// Its name in messages.
        name: String,
        source: PreflightError,
    },
    /// The executable does not run.
    #[error("{name} does not run")]
    Smoke {
        /// Its name in messages.
        name: String,
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
}

/// A local build that cannot replace a release.
#[derive(Debug, Error)]
pub(crate) enum LocalBuildError {
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
        source: PrepareError,
    },
    /// The build failed.
    #[error("failed to build the worker{}", in_place_of_a_download(because))]
    Build {
        /// Why a build was needed.
        because: Fallback,
        source: BuildError,
    },
}

/// A failed rollback.
#[derive(Debug, Error)]
pub(crate) enum RollbackError {
    /// The store cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The previous binary cannot be verified or prepared.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// There is no binary to roll back to.
    #[error("cannot roll back: {why}")]
    NoPrevious { why: &'static str },
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
        signer: Box<Signer>,
        reason: String,
    },
}

/// A failed synchronization of a mirror, or of one release.
#[derive(Debug, Error)]
pub(crate) enum SyncError {
    /// The directory cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// An asset was not acquired.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// There is nothing to synchronize.
    #[error(transparent)]
    Empty(#[from] NoVersions),
    /// A release is left unchanged in a mirror.
    #[error("{tag} was not mirrored: {refusal}")]
    NotMirrored { tag: Tag, refusal: SyncRefusal },
}

/// The newest version cannot be determined.
#[derive(Debug, Error)]
pub(crate) enum NewestError {
    /// No source responded.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// There is none.
    #[error(transparent)]
    Empty(#[from] NoVersions),
}

/// The repository has no release whose tag is a version.
#[derive(Debug, Error)]
#[error("{repository} has no release with a version as its tag on {server}")]
pub(crate) struct NoVersions {
    pub repository: RepoSlug,
    /// The server, and what selected it.
    pub server: String,
}

impl From<StoreError> for InstallError {
    fn from(error: StoreError) -> Self {
        AccessError::from(error).into()
    }
}

impl From<StoreError> for RollbackError {
    fn from(error: StoreError) -> Self {
        AccessError::from(error).into()
    }
}

impl From<StoreError> for SyncError {
    fn from(error: StoreError) -> Self {
        AccessError::from(error).into()
    }
}

impl InstallError {
    /// Whether the failure is that of a child process.
    pub(crate) const fn is_of_a_child(&self) -> bool {
        matches!(
            self,
            Self::Executable(ExecutableError::Smoke { .. })
                | Self::Build(LocalBuildError::Build { .. } | LocalBuildError::Prepare { .. })
        )
    }

    /// Lines shown below the error: the last output of a build, or the error of each source.
    pub(crate) fn details(&self) -> Vec<String> {
        match self {
            Self::Build(LocalBuildError::Build {
                source: BuildError::Failed { lines, .. } | BuildError::ModulesMissing { lines, .. },
                ..
            }) => lines.clone(),
            Self::Acquire(error) => error.details(),
            Self::Build(_) | Self::Access(_) | Self::Executable(_) | Self::Lockfile(_) | Self::Disagreement(_) => {
                Vec::new()
            }
        }
    }
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
pub(crate) enum NoBuild {
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
