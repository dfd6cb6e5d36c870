//! What a source knows of a release, and how.

use super::Release;
use super::Tag;

/// A release as listed by a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// GitHub's API: every asset with its size, state and digest.
    Api(Release),
    /// Only the tag, from the redirect of the release page, because the API was not available; assets can only be
    /// tried.
    Web {
        tag: Tag,
        /// Why the API was not available.
        because: String,
    },
    /// A list stored with the files: a mirror's index or a bundle's manifest. Its digests count like a
    /// checksum file.
    Index(Release),
}

impl Listing {
    /// The release's tag.
    pub const fn tag(&self) -> &Tag {
        match self {
            Self::Api(release) | Self::Index(release) => &release.tag,
            Self::Web { tag, .. } => tag,
        }
    }

    /// The release with its assets, if they are known.
    pub const fn release(&self) -> Option<&Release> {
        match self {
            Self::Api(release) | Self::Index(release) => Some(release),
            Self::Web { .. } => None,
        }
    }
}
