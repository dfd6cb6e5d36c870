//! Why the trusted roots of a user cannot be read or changed.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::io::fs::FileError;
use crate::trust::attestation::RootError;
use crate::trust::trusted_roots::FetchError;

/// Why the roots a user trusts cannot be read or changed.
#[derive(Debug, Error)]
pub enum TrustedRootsError {
    /// The system names no directory for them.
    #[error("cannot determine the user's data directory, where trusted roots are stored")]
    NoDirectory,
    /// The file system refused.
    #[error("failed to {doing} `{path}`", path = path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A stored root is not what was stored.
    #[error("the stored trusted root `{path}` cannot be used: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another user could have put roots there.
    #[error("`{path}` belongs to another user (UID {owner}), who could have put trusted roots there", path = path.display())]
    OfAnother {
        /// The directory.
        path: PathBuf,
        /// The user.
        owner: u32,
    },
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Others than the user could have put roots there.
    #[error("`{path}` is writable by other users, who could have put trusted roots there", path = path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// What was offered is not a trusted root.
    #[error(transparent)]
    NoRoot(#[from] RootError),
}

/// Why a newer root was not fetched. What held before holds on.
#[derive(Debug, Error)]
pub enum UpdateError {
    /// This build has no cryptography for it.
    #[error("this build of reproq cannot verify attestations")]
    CannotVerify,
    /// The roots of the user cannot be read or changed.
    #[error(transparent)]
    TrustedRoots(#[from] TrustedRootsError),
    /// A file of the repository could not be had.
    #[error("failed to fetch `{file}`: {source}")]
    Fetch {
        /// The file.
        file: String,
        /// Why.
        source: FetchError,
    },
    /// A file of the repository is not what it must be.
    #[error("`{file}` is refused: {reason}")]
    Refused {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
        /// Whether it was right once, and is too old.
        expired: bool,
    },
}

impl TrustedRootsError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, reason: String) -> Self {
        Self::Damaged { path: path.to_owned(), reason }
    }
}
