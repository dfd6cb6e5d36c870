//! What an origin knows of a release, and how.

use super::Release;
use super::Tag;

/// A release as an origin describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// GitHub's API: every asset with its size, state and digest.
    Api(Release),
    /// The tag alone, from the release page's redirect, because the API would not serve; assets can only be tried.
    Web {
        /// The tag.
        tag: Tag,
        /// Why the API did not serve.
        because: String,
    },
    /// A list somebody keeps beside the files: a mirror's index or a bundle's manifest. Its digests are worth as much as a
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

    /// The release with its assets, where they are known.
    pub const fn release(&self) -> Option<&Release> {
        match self {
            Self::Api(release) | Self::Index(release) => Some(release),
            Self::Web { .. } => None,
        }
    }
}
