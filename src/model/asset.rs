//! A release and the files attached to it, as an origin describes them.

use chrono::DateTime;
use chrono::Utc;

use super::Sha256Digest;
use super::Tag;

/// Whether GitHub has received all of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetState {
    /// Complete.
    Uploaded,
    /// The upload began and did not finish; GitHub calls it `open` or `starter`.
    Incomplete,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The origin's number for it; absent where the list did not come from an API.
    pub id: Option<u64>,
    /// The file's exact name.
    pub name: String,
    /// Its size in bytes; absent where the list did not come from an API.
    pub size: Option<u64>,
    /// Whether all of it is there.
    pub state: AssetState,
    /// The digest GitHub computed when the file was uploaded: `Ok(None)` where it states none (assets uploaded before June
    /// 2025), `Err` with the text where it states something that is no SHA-256.
    pub digest: Result<Option<Sha256Digest>, String>,
}

/// One release: a tag with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The origin's number for it; absent where it did not come from an API.
    pub id: Option<u64>,
    /// The tag it was made for.
    pub tag: Tag,
    /// Not published yet.
    pub draft: bool,
    /// Marked by its author as not ready for everyone.
    pub prerelease: bool,
    /// Whether GitHub refuses every later change to it.
    pub immutable: bool,
    /// When it was published. Never GitHub's `created_at`, which is the date of the commit.
    pub published_at: Option<DateTime<Utc>>,
    /// Its files.
    pub assets: Vec<Asset>,
}

impl Release {
    /// The asset with exactly this name.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name == name)
    }
}
