//! Why a bundle is not used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::bundle::ManifestError;
use crate::worker::archive::ArchiveError;

/// Why a bundle is not used. Nothing that came out of it stays.
#[derive(Debug, Error)]
pub enum BundleError {
    /// It is not an archive, not all of one, or a hostile one.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It is an archive of something else.
    #[error("it is no bundle: {0}")]
    NotABundle(String),
    /// Its manifest cannot be used.
    #[error("its manifest `bundle.json` cannot be used: {0}")]
    Manifest(#[source] ManifestError),
    /// A member does not have the bytes it should have.
    #[error("`{member}` is not what {by} says: it has sha256 {found} instead of {stated}")]
    Changed {
        /// The member.
        member: String,
        /// The member that says so.
        by: &'static str,
        /// What it should have.
        stated: Sha256Digest,
        /// What it has.
        found: Sha256Digest,
    },
    /// A member is not as long as it should be.
    #[error("`{member}` is not what its manifest says: it has {found} bytes instead of {stated}")]
    WrongSize {
        /// The member.
        member: String,
        /// What it should have.
        stated: u64,
        /// What it has.
        found: u64,
    },
    /// A member may be run and should not be, or the reverse.
    #[error("`{member}` is not what its manifest says: {}", if *executable { "it may be run" } else { "it may not be run" })]
    WrongMode {
        /// The member.
        member: String,
        /// Whether it may be run.
        executable: bool,
    },
    /// A member the manifest does not name.
    #[error("`{0}` is in it, and its manifest does not name it at this place")]
    Unlisted(String),
    /// A member that is not there.
    #[error("`{0}` is missing, and its manifest names it")]
    Missing(String),
    /// The list of digests says something else than the manifest.
    #[error("its `SHA256SUMS` and its manifest say different things of `{0}`")]
    Sums(String),
    /// The lock cannot be read, or says something else than the manifest.
    #[error("its `reproq.lock` cannot be used: {0}")]
    Lock(String),
    /// A member is too long to be read whole.
    #[error("`{member}` has more than {limit} bytes")]
    TooLong {
        /// The member.
        member: String,
        /// How many it may have.
        limit: u64,
    },
    /// It is of another release than was asked for.
    #[error("it is a bundle of {found}, and {wanted} was asked for")]
    OtherRelease {
        /// What it is of.
        found: Tag,
        /// What was asked for.
        wanted: Tag,
    },
    /// Somebody wrote to the file between two looks at it.
    #[error("it changed while it was read")]
    ChangedMeanwhile,
    /// What is taken out cannot be written.
    #[error("`{path}` could not be written", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl BundleError {
    /// Whether the bundle itself is at fault, and not the disk it was read from or written to.
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

    /// Whether the file is something else than a bundle altogether.
    pub const fn is_of_another_kind(&self) -> bool {
        matches!(self, Self::NotABundle(_) | Self::Archive(ArchiveError::NotAnArchive(_) | ArchiveError::NoEndMark))
    }
}
