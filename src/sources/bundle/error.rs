//! Errors of reading a bundle.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::bundle::ManifestError;
use crate::worker::archive::ArchiveError;

/// Why a bundle cannot be used. Files already extracted from it are removed.
#[derive(Debug, Error)]
pub enum BundleError {
    /// Not an archive, a truncated one, or a hostile one.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An archive that is not a bundle.
    #[error("not a bundle: {0}")]
    NotABundle(String),
    /// The manifest is invalid.
    #[error("invalid manifest `bundle.json`: {0}")]
    Manifest(#[source] ManifestError),
    /// The digest of a member differs from the one stated.
    #[error("`{member}` does not match {by}: sha256 is {found}, expected {stated}")]
    Changed {
        member: String,
        /// The member that states the digest.
        by: &'static str,
        stated: Sha256Digest,
        /// The actual digest.
        found: Sha256Digest,
    },
    /// The size of a member differs from the one stated.
    #[error("`{member}` does not match the manifest: {found} bytes, expected {stated}")]
    WrongSize {
        member: String,
        /// The stated size.
        stated: u64,
        /// The actual size.
        found: u64,
    },
    /// The executable bit of a member differs from the manifest.
    #[error("`{member}` does not match the manifest: {}", if *executable { "it is executable" } else { "it is not executable" })]
    WrongMode {
        member: String,
        /// Whether the member is executable.
        executable: bool,
    },
    /// A member that is not in the manifest, or is out of order.
    #[error("unexpected member `{0}`: the manifest does not list it at this position")]
    Unlisted(String),
    /// A member of the manifest that the archive lacks.
    #[error("`{0}` is listed in the manifest but missing")]
    Missing(String),
    /// `SHA256SUMS` and the manifest disagree.
    #[error("`SHA256SUMS` and the manifest disagree about `{0}`")]
    Sums(String),
    /// The lockfile is invalid, or disagrees with the manifest.
    #[error("invalid `reproq.lock`: {0}")]
    Lock(String),
    /// A member that is read into memory is too large.
    #[error("`{member}` has more than {limit} bytes")]
    TooLong {
        member: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The bundle holds another release than the one requested.
    #[error("it is a bundle of {found}, but {wanted} was requested")]
    OtherRelease {
        /// The release it holds.
        found: Tag,
        /// The release requested.
        wanted: Tag,
    },
    /// The file was modified while it was read.
    #[error("it changed while it was being read")]
    ChangedMeanwhile,
    /// An extracted file cannot be written.
    #[error("failed to write `{path}`", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl BundleError {
    /// Whether the fault is in the bundle itself, not in the disk it was read from or written to.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Archive(error) => error.is_refusal(),
            Self::Write { .. } => false,
            Self::NotABundle(_)
            | Self::Manifest(_)
            | Self::Changed { .. }
            | Self::WrongSize { .. }
            | Self::WrongMode { .. }
            | Self::Unlisted(_)
            | Self::Missing(_)
            | Self::Sums(_)
            | Self::Lock(_)
            | Self::TooLong { .. }
            | Self::OtherRelease { .. }
            | Self::ChangedMeanwhile => true,
        }
    }

    /// Whether the file is not a bundle at all.
    pub const fn is_of_another_kind(&self) -> bool {
        matches!(self, Self::NotABundle(_) | Self::Archive(ArchiveError::NotAnArchive(_) | ArchiveError::NoEndMark))
    }
}
