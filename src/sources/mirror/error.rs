//! Errors of reading a mirror. Each message continues a sentence that starts with the mirror's name.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::mirror::IndexError;

/// Why a mirror cannot provide something.
#[derive(Debug, Error)]
pub(crate) enum MirrorError {
    /// It has no index for this repository.
    #[error("is not a mirror of {repository}: {index} does not exist")]
    NotAMirror {
        repository: RepoSlug,
        /// The expected path or URL of the index.
        index: String,
    },
    /// The index is invalid.
    #[error("has an invalid index: {0}")]
    Index(#[from] IndexError),
    /// It does not have the release.
    #[error("has no release {tag}")]
    NoRelease {
        /// The release requested.
        tag: Tag,
        /// The releases it has.
        has: Vec<String>,
    },
    /// It has prereleases only.
    #[error("has no release that is not a prerelease")]
    NoVersions,
    /// It does not have a file of a release.
    #[error("has no {name} of {tag}")]
    Missing {
        /// The release.
        tag: Tag,
        /// The file.
        name: String,
    },
    /// The size of a file differs from the one stated.
    #[error("has a damaged {name} of {tag}: {found} bytes instead of {stated}")]
    WrongSize {
        /// The release.
        tag: Tag,
        /// The file.
        name: String,
        /// The actual size.
        found: u64,
        /// The stated size.
        stated: u64,
    },
    /// The digest of a file differs from the one stated.
    #[error("has a damaged {name} of {tag}: sha256 {found} instead of {stated}")]
    Damaged {
        /// The release.
        tag: Tag,
        /// The file.
        name: String,
        /// The actual digest.
        found: Sha256Digest,
        stated: Sha256Digest,
    },
    /// Its server does not serve a file publicly.
    #[error("does not serve {address} (HTTP {status})")]
    Refused {
        /// The URL.
        address: String,
        /// The status of the response.
        status: u16,
    },
    /// The file system reports an error.
    #[error("cannot be read: `{path}`: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl MirrorError {
    /// Whether the mirror merely lacks what was requested.
    pub(crate) const fn is_lack(&self) -> bool {
        matches!(self, Self::NotAMirror { .. } | Self::NoRelease { .. } | Self::NoVersions | Self::Missing { .. })
    }

    /// Whether the mirror has the file, but with other bytes than stated.
    pub(crate) const fn is_damage(&self) -> bool {
        matches!(self, Self::WrongSize { .. } | Self::Damaged { .. })
    }
}
