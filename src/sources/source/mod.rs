//! Where a release's files come from: a closed set of sources, tried in order. All are verified in the same way.

mod bundle;
mod error;
mod github;
mod mirror;

pub(crate) use error::SourceError;
pub(crate) use mirror::Mirror;

use std::path::Path;

use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::discard;
use crate::io::net::NetError;
use crate::lockfile::Lockfile;
use crate::model::Asset;
use crate::model::Listing;
use crate::model::Release;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::model::progress::Progress;
use crate::model::secret::SafeUrl;
use crate::sources::bundle::Bundle;
use crate::sources::github::GitHub;
use crate::trust::EvidenceSource;

/// The attestations a source has for an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proofs {
    /// A document with bundles, as read by [`crate::trust::attestation::split`].
    Text {
        /// The document.
        text: Vec<u8>,
        /// Why the list may be incomplete; `None` if it is complete.
        incomplete: Option<String>,
    },
    /// There are definitely none.
    None,
    /// The source could not be queried.
    Unknown {
        reason: String,
        /// Whether a later retry may succeed.
        transient: bool,
    },
}

impl Proofs {
    /// A complete document.
    const fn all(text: Vec<u8>) -> Self {
        Self::Text { text, incomplete: None }
    }

    /// A failed source.
    fn failed(error: &SourceError) -> Self {
        Self::Unknown { reason: error.to_string(), transient: error.is_transient() || error.is_unreachable() }
    }
}

/// A source of releases.
#[derive(Debug)]
pub(crate) enum Source {
    /// GitHub itself.
    GitHub(Box<GitHub>),
    /// A copy of releases outside GitHub.
    Mirror(Box<Mirror>),
    /// A file that contains one release.
    Bundle(Box<Bundle>),
}

impl Source {
    /// Its name in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::GitHub(_) => "GitHub".to_owned(),
            Self::Mirror(mirror) => format!("the mirror {}", mirror.name()),
            Self::Bundle(bundle) => format!("the bundle {}", bundle.name()),
        }
    }

    /// Its name; for GitHub also the server and what selected it.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::GitHub(github) => github.server().to_string(),
            Self::Mirror(_) | Self::Bundle(_) => self.name(),
        }
    }

    /// The requested release, with what this source states about its files.
    pub(crate) async fn release(&self, spec: &VersionSpec, progress: &dyn Progress) -> Result<Listing, SourceError> {
        match self {
            Self::GitHub(github) => Ok(github.release(spec, progress).await?),
            Self::Mirror(mirror) => mirror.release(spec).await,
            Self::Bundle(bundle) => bundle::release(bundle, spec),
        }
    }

    /// Every release of this source.
    pub(crate) async fn published(&self, progress: &dyn Progress) -> Result<Vec<Release>, SourceError> {
        match self {
            Self::GitHub(github) => Ok(github.published(progress).await?),
            Self::Mirror(mirror) => mirror.published().await,
            Self::Bundle(bundle) => Ok(vec![bundle::only_release(bundle)]),
        }
    }

    /// The URL of the release notes, if there are any.
    pub(crate) fn notes_url(&self, tag: &Tag) -> Option<String> {
        match self {
            Self::GitHub(github) => Some(SafeUrl(&github.release_page_url(tag)).to_string()),
            Self::Mirror(_) | Self::Bundle(_) => None,
        }
    }

    /// The evidence source for the digests of a [`Listing::Index`] from here.
    pub(crate) const fn index_source(&self) -> EvidenceSource {
        match self {
            Self::GitHub(_) => EvidenceSource::ApiDigest,
            Self::Mirror(_) => EvidenceSource::MirrorIndex,
            Self::Bundle(_) => EvidenceSource::BundleManifest,
        }
    }

    /// A small file of a release; `None` only if the release definitely does not have it.
    pub(crate) async fn small_file(&self, tag: &Tag, asset: &Asset) -> Result<Option<Vec<u8>>, SourceError> {
        match self {
            Self::GitHub(github) => Ok(github.small_asset(tag, asset).await?),
            Self::Mirror(mirror) => mirror.small_file(tag, asset).await,
            // These digests are part of its manifest, which was checked already.
            Self::Bundle(_) => Ok(None),
        }
    }

    /// The attestations next to an asset. `listing` is what is known about the release, if it was requested.
    pub(crate) async fn proofs(&self, listing: Option<&Listing>, tag: &Tag, asset: &str) -> Proofs {
        match self {
            Self::GitHub(github) => github::proofs(github, listing, tag, asset).await,
            Self::Bundle(bundle) => bundle::proofs(bundle, asset),
            Self::Mirror(mirror) => mirror.proofs(listing, tag, asset).await,
        }
    }

    /// Further attestations of a digest; `None` if this source cannot have more.
    pub(crate) async fn more_proofs(
        &self,
        listing: Option<&Listing>,
        sha256: Sha256Digest,
        progress: &dyn Progress,
    ) -> Option<Proofs> {
        match self {
            Self::GitHub(github) => Some(github::more_proofs(github, listing, sha256, progress).await),
            Self::Bundle(_) | Self::Mirror(_) => None,
        }
    }

    /// Fetches an asset to a new file, replacing the one another source left there.
    pub(crate) async fn fetch(
        &self,
        tag: &Tag,
        asset: &Asset,
        destination: &Path,
        progress: &dyn Progress,
    ) -> Result<Written, SourceError> {
        discard(destination).map_err(NetError::Write)?;
        match self {
            Self::GitHub(github) => Ok(github.fetch(tag, asset, destination, progress).await?),
            Self::Mirror(mirror) => mirror.fetch(tag, asset, destination, progress).await,
            Self::Bundle(bundle) => bundle::fetch(bundle, asset, destination, progress),
        }
    }

    /// Whether an asset exists of which only the name is known; `true` if that cannot be determined, and the download decides.
    pub(crate) async fn has(&self, tag: &Tag, asset: &Asset) -> bool {
        match self {
            Self::GitHub(github) => github.has_page(tag, &asset.name).await,
            Self::Mirror(_) | Self::Bundle(_) => true,
        }
    }

    /// Checks that a local source has a file.
    ///
    /// # Errors
    ///
    /// The file is missing.
    pub(crate) fn check_local(&self, tag: &Tag, name: &str) -> Result<(), SourceError> {
        match self {
            Self::Mirror(mirror) => mirror.check_local(tag, name),
            Self::GitHub(_) | Self::Bundle(_) => Ok(()),
        }
    }

    /// The URL of an asset, for reports and receipts; never contains a secret.
    pub(crate) fn asset_url(&self, tag: &Tag, name: &str) -> String {
        match self {
            Self::GitHub(github) => SafeUrl(&github.asset_page_url(tag, name)).to_string(),
            Self::Mirror(mirror) => mirror.address(tag, name),
            Self::Bundle(bundle) => bundle::address(bundle, name),
        }
    }

    /// The lockfile included in this source, which is then used instead of a computed one.
    pub(crate) fn carried_lock(&self) -> Option<&Lockfile> {
        match self {
            Self::GitHub(_) | Self::Mirror(_) => None,
            Self::Bundle(bundle) => Some(bundle.lockfile()),
        }
    }
}
