//! A release and its assets.

use chrono::DateTime;
use chrono::Utc;

use super::Sha256Digest;
use super::Tag;

/// Whether an asset's upload is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetState {
    /// Complete.
    Uploaded,
    /// The upload was started but not finished; GitHub calls it `open` or `starter`.
    Incomplete,
}

/// An asset of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its ID at the source; `None` if the list is not from an API.
    pub id: Option<u64>,
    /// Its exact name.
    pub name: String,
    /// Its size in bytes; `None` if the list is not from an API.
    pub size: Option<u64>,
    /// Whether its upload is complete.
    pub state: AssetState,
    /// The digest that GitHub computed at upload: `Ok(None)` if there is none (assets uploaded before June
    /// 2025), `Err` with the text if it is not a SHA-256 digest.
    pub digest: Result<Option<Sha256Digest>, String>,
}

/// A release: a tag with assets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its ID at the source; `None` if it is not from an API.
    pub id: Option<u64>,
    pub tag: Tag,
    /// Whether it is unpublished.
    pub draft: bool,
    /// Whether the author marked it as a prerelease.
    pub prerelease: bool,
    /// Whether it is immutable: GitHub refuses every later change.
    pub immutable: bool,
    /// When it was published. Not GitHub's `created_at`, which is the date of the commit.
    pub published_at: Option<DateTime<Utc>>,
    pub assets: Vec<Asset>,
}

impl Release {
    /// The asset with exactly this name.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name == name)
    }
}
