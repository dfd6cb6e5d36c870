//! Errors of the user's trusted roots.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::io::fs::FileError;
use crate::trust::attestation::RootError;
use crate::trust::trusted_roots::FetchError;

/// Why the user's trusted roots cannot be read or changed.
#[derive(Debug, Error)]
pub(crate) enum TrustedRootsError {
    /// The system has no directory for them.
    #[error("cannot determine the user's data directory, where trusted roots are stored")]
    NoDirectory,
    /// A file system error.
    #[error("failed to {doing} `{path}`", path = path.display())]
    Io {
        /// The operation.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// A stored root is damaged.
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
    /// Other users could have put roots there.
    #[error("`{path}` is writable by other users, who could have put trusted roots there", path = path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// The text is not a trusted root.
    #[error(transparent)]
    NoRoot(#[from] RootError),
}

/// Why a newer root was not fetched. The previous root stays in effect.
#[derive(Debug, Error)]
pub(crate) enum UpdateError {
    /// This build has no cryptography.
    #[error("this build of reproq cannot verify attestations")]
    #[cfg_attr(feature = "attestation", expect(dead_code, reason = "only a build without the feature returns it"))]
    CannotVerify,
    /// The stored roots cannot be read or changed.
    #[error(transparent)]
    TrustedRoots(#[from] TrustedRootsError),
    /// A file of the repository could not be fetched.
    #[error("failed to fetch `{file}`: {source}")]
    Fetch { file: String, source: FetchError },
    /// A file of the repository is invalid.
    #[error("`{file}` is refused: {reason}")]
    Refused {
        file: String,
        /// What is wrong with it.
        reason: String,
        /// Whether it was valid but has expired.
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
