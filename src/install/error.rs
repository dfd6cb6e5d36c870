//! Why an installation did not happen. In every case what was installed before is as it was.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::archive::ArchiveError;
use crate::binary::InspectError;
use crate::binary::PreflightError;
use crate::binary::SmokeError;
use crate::binary::VersionMismatch;
use crate::build::BuildError;
use crate::build::PrepareError;
use crate::build::SourceOrigin;
use crate::github::ApiError;
use crate::install::Fallback;
use crate::install::ResolveError;
use crate::net::NetError;
use crate::store::LockError;
use crate::store::StoreError;
use crate::trust::VerifyError;

/// A failed installation.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another installation holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Something is in a place of the store that is neither replaced nor followed.
    #[error("`{path}` is {what}, where {place} belongs", path = path.display())]
    InTheWay {
        /// The place.
        path: PathBuf,
        /// What is there.
        what: &'static str,
        /// What belongs there.
        place: &'static str,
    },
    /// The release cannot be found.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The release cannot serve, and a build would not help.
    #[error(transparent)]
    Resolve(ResolveError),
    /// The asset cannot be downloaded.
    #[error("failed to download {asset}")]
    Download {
        /// The asset.
        asset: String,
        /// Why.
        source: NetError,
    },
    /// The bytes are not accepted.
    #[error("{asset} was not accepted")]
    Verify {
        /// The asset.
        asset: String,
        /// Why.
        source: VerifyError,
    },
    /// The archive is not accepted.
    #[error("failed to unpack {asset}")]
    Archive {
        /// The asset.
        asset: String,
        /// Why.
        source: ArchiveError,
    },
    /// The executable cannot be read.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The executable cannot run here, or is not the worker.
    #[error("{name} cannot be installed")]
    Preflight {
        /// What was to be installed.
        name: String,
        /// Why.
        source: PreflightError,
    },
    /// The executable does not run.
    #[error("{name} does not run")]
    Smoke {
        /// What was to be installed.
        name: String,
        /// Why.
        source: SmokeError,
    },
    /// The executable is another version than its tag says.
    #[error("{name} is not what its release says")]
    Version {
        /// What was to be installed.
        name: String,
        /// Both versions.
        source: VersionMismatch,
    },
    /// The release cannot serve, and no build may or can take its place.
    #[error("no worker could be installed: {fallback}, and {build}")]
    NothingServes {
        /// Why the release cannot serve.
        fallback: Fallback,
        /// Why no build can.
        build: NoBuild,
    },
    /// The build cannot be begun.
    #[error("the worker cannot be built{}", in_place_of_a_download(because))]
    Prepare {
        /// Why a build.
        because: Fallback,
        /// Why not.
        source: PrepareError,
    },
    /// The build failed.
    #[error("the worker could not be built{}", in_place_of_a_download(because))]
    Build {
        /// Why a build.
        because: Fallback,
        /// What happened.
        source: BuildError,
    },
    /// Something about the staged file failed.
    #[error("failed to {doing}")]
    Staging {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl InstallError {
    /// Whether a program that was started failed, and not this one.
    pub const fn is_of_a_child(&self) -> bool {
        matches!(self, Self::Smoke { .. } | Self::Build { .. } | Self::Prepare { .. })
    }
}

/// Why a build at all, unless the user asked for one.
fn in_place_of_a_download(because: &Fallback) -> String {
    match because {
        Fallback::Asked | Fallback::RepairsBuild => String::new(),
        Fallback::NoAsset { .. } | Fallback::Unreachable { .. } | Fallback::Offline => {
            format!(" in place of a download ({because})")
        }
    }
}

/// Why no local build takes the place of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoBuild {
    /// The user does not want one.
    Forbidden,
    /// There is no checkout.
    NoCheckout {
        /// Where one was looked for.
        looked: Vec<(SourceOrigin, PathBuf)>,
    },
    /// A release is required, and a build is less than that.
    BelowRequired,
}

impl fmt::Display for NoBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "a local build is not wanted (--no-build)",
            Self::NoCheckout { .. } => "there is no checkout to build from",
            Self::BelowRequired => "a local build is proven less well than is required",
        })
    }
}
