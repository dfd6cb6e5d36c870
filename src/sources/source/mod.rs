//! Where a release's files come from: a closed set, tried in order. What is verified, and how, is the same for all.

mod bundle;
mod error;
mod github;
mod mirror;

pub use error::OriginError;
pub use mirror::Mirror;

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

/// What a place has of the signed proofs of where an asset comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proofs {
    /// A text with bundles in it, as [`crate::trust::attestation::split`] reads them.
    Text {
        /// The text.
        text: Vec<u8>,
        /// Why there may be more than these; nothing where these are all.
        incomplete: Option<String>,
    },
    /// Provably none.
    None,
    /// It could not be asked.
    Unknown {
        /// Why.
        reason: String,
        /// Whether asking again later may help.
        transient: bool,
    },
}

impl Proofs {
    /// All there is, in a text.
    const fn all(text: Vec<u8>) -> Self {
        Self::Text { text, incomplete: None }
    }

    /// A place that failed.
    fn failed(error: &OriginError) -> Self {
        Self::Unknown { reason: error.to_string(), transient: error.is_transient() || error.is_unreachable() }
    }
}

/// One place that has releases.
#[derive(Debug)]
pub enum Origin {
    /// GitHub itself.
    GitHub(Box<GitHub>),
    /// Releases somebody keeps beside GitHub.
    Mirror(Box<Mirror>),
    /// A file that carries one release.
    Bundle(Box<Bundle>),
}

impl Origin {
    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Self::GitHub(_) => "GitHub".to_owned(),
            Self::Mirror(mirror) => format!("the mirror {}", mirror.name()),
            Self::Bundle(bundle) => format!("the bundle {}", bundle.name()),
        }
    }

    /// The same, and of a GitHub which one and what selected it.
    pub fn described(&self) -> String {
        match self {
            Self::GitHub(github) => github.server().to_string(),
            Self::Mirror(_) | Self::Bundle(_) => self.name(),
        }
    }

    /// The release that is meant, with what this place says of its files.
    pub async fn release(&self, spec: &VersionSpec, progress: &dyn Progress) -> Result<Listing, OriginError> {
        match self {
            Self::GitHub(github) => Ok(github.release(spec, progress).await?),
            Self::Mirror(mirror) => mirror.release(spec).await,
            Self::Bundle(bundle) => bundle::release(bundle, spec),
        }
    }

    /// Every release this place has.
    pub async fn published(&self, progress: &dyn Progress) -> Result<Vec<Release>, OriginError> {
        match self {
            Self::GitHub(github) => Ok(github.published(progress).await?),
            Self::Mirror(mirror) => mirror.published().await,
            Self::Bundle(bundle) => Ok(vec![bundle::only_release(bundle)]),
        }
    }

    /// Where people read about a release; nothing where there is no such page.
    pub fn notes_address(&self, tag: &Tag) -> Option<String> {
        match self {
            Self::GitHub(github) => Some(SafeUrl(&github.release_page_url(tag)).to_string()),
            Self::Mirror(_) | Self::Bundle(_) => None,
        }
    }

    /// Who states the digests of a [`Listing::Index`] from here.
    pub const fn index_source(&self) -> EvidenceSource {
        match self {
            Self::GitHub(_) => EvidenceSource::ApiDigest,
            Self::Mirror(_) => EvidenceSource::MirrorIndex,
            Self::Bundle(_) => EvidenceSource::BundleManifest,
        }
    }

    /// A small file of a release; `None` where the release provably does not have it.
    pub async fn small_file(&self, tag: &Tag, asset: &Asset) -> Result<Option<Vec<u8>>, OriginError> {
        match self {
            Self::GitHub(github) => Ok(github.small_asset(tag, asset).await?),
            Self::Mirror(mirror) => mirror.small_file(tag, asset).await,
            // Its manifest has taken part in whatever these say.
            Self::Bundle(_) => Ok(None),
        }
    }

    /// The signed proofs of where an asset comes from, as they lie beside it. `listing` is what is known of its release, where
    /// somebody asked.
    pub async fn proofs(&self, listing: Option<&Listing>, tag: &Tag, asset: &str) -> Proofs {
        match self {
            Self::GitHub(github) => github::proofs(github, listing, tag, asset).await,
            Self::Bundle(bundle) => bundle::proofs(bundle, asset),
            Self::Mirror(mirror) => mirror.proofs(listing, tag, asset).await,
        }
    }

    /// What this place knows about some bytes beyond that; nothing where it can know no more.
    pub async fn more_proofs(
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

    /// Brings an asset to a new file; what another place left there goes first.
    pub async fn fetch(
        &self,
        tag: &Tag,
        asset: &Asset,
        destination: &Path,
        progress: &dyn Progress,
    ) -> Result<Written, OriginError> {
        discard(destination).map_err(NetError::Write)?;
        match self {
            Self::GitHub(github) => Ok(github.fetch(tag, asset, destination, progress).await?),
            Self::Mirror(mirror) => mirror.fetch(tag, asset, destination, progress).await,
            Self::Bundle(bundle) => bundle::fetch(bundle, asset, destination, progress),
        }
    }

    /// Whether an asset is there of which only the name is known. Where that cannot be found out, fetching it will tell.
    pub async fn has(&self, tag: &Tag, asset: &Asset) -> bool {
        match self {
            Self::GitHub(github) => github.has_page(tag, &asset.name).await,
            Self::Mirror(_) | Self::Bundle(_) => true,
        }
    }

    /// That a source on this machine has a file.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn check_local(&self, tag: &Tag, name: &str) -> Result<(), OriginError> {
        match self {
            Self::Mirror(mirror) => mirror.check_local(tag, name),
            Self::GitHub(_) | Self::Bundle(_) => Ok(()),
        }
    }

    /// The address of an asset, for reports and receipts; never with a secret in it.
    pub fn asset_address(&self, tag: &Tag, name: &str) -> String {
        match self {
            Self::GitHub(github) => SafeUrl(&github.asset_page_url(tag, name)).to_string(),
            Self::Mirror(mirror) => mirror.address(tag, name),
            Self::Bundle(bundle) => bundle::address(bundle, name),
        }
    }

    /// The lock it brings along, which is then not made anew.
    pub fn carried_lock(&self) -> Option<&Lockfile> {
        match self {
            Self::GitHub(_) | Self::Mirror(_) => None,
            Self::Bundle(bundle) => Some(bundle.lockfile()),
        }
    }
}
