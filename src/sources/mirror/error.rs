//! Why a mirror does not serve, as what is said of it: the name of the mirror stands before each.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::mirror::IndexError;

/// Why a mirror does not serve.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// There is no index of this repository.
    #[error("is no mirror of {repository}: there is no {index}")]
    NotAMirror {
        /// Whose releases.
        repository: RepoSlug,
        /// Where the index would be.
        index: String,
    },
    /// The index cannot be used.
    #[error("has an index that cannot be used: {0}")]
    Index(#[from] IndexError),
    /// It does not have the release.
    #[error("has no release {tag}")]
    NoRelease {
        /// The release.
        tag: Tag,
        /// What it has.
        has: Vec<String>,
    },
    /// It has no release that counts as the newest.
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
    /// A file is not as long as is stated.
    #[error("has a damaged {name} of {tag}: {found} bytes instead of {stated}")]
    WrongSize {
        /// The release.
        tag: Tag,
        /// The file.
        name: String,
        /// How long it is.
        found: u64,
        /// How long it should be.
        stated: u64,
    },
    /// A file has other bytes than is stated.
    #[error("has a damaged {name} of {tag}: sha256 {found} instead of {stated}")]
    Damaged {
        /// The release.
        tag: Tag,
        /// The file.
        name: String,
        /// What it has.
        found: Sha256Digest,
        /// What it should have.
        stated: Sha256Digest,
    },
    /// Its server does not give a file to everybody.
    #[error("does not give {address} (HTTP {status})")]
    Refused {
        /// Where it is.
        address: String,
        /// What the server answered.
        status: u16,
    },
    /// The file system does not give it.
    #[error("cannot be read: `{path}`: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl MirrorError {
    /// Whether the mirror merely lacks what was asked for.
    pub const fn is_lack(&self) -> bool {
        matches!(self, Self::NotAMirror { .. } | Self::NoRelease { .. } | Self::NoVersions | Self::Missing { .. })
    }

    /// Whether the mirror has a file, and not the one that is stated.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::WrongSize { .. } | Self::Damaged { .. })
    }
}
