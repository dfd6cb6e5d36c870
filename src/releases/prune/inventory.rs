//! What a repository has, as read from GitHub to the last page: the input of every decision about pruning.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::model::AssetState;
use crate::model::RepoSlug;

/// Everything a plan is computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The repository itself.
    pub repository: RepoFacts,
    /// Every release, drafts included; a set, because GitHub promises no order.
    pub releases: Vec<ReleaseRecord>,
    /// Every tag; a set too.
    pub tags: Vec<TagRecord>,
    /// The id of the release GitHub calls `latest`.
    pub latest: Option<u64>,
    /// Whether the lists are whole.
    pub complete: Completeness,
}

/// What matters of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoFacts {
    /// GitHub's number for it, which a rename does not change.
    pub id: u64,
    /// GitHub's name for it in GraphQL.
    pub node_id: Option<String>,
    /// `OWNER/NAME` as GitHub spells it now.
    pub full_name: RepoSlug,
    /// Archived repositories cannot be changed.
    pub archived: bool,
    /// Whether the token may push; `None` where GitHub does not say.
    pub may_push: Option<bool>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// GitHub's number for it; deletions name nothing else.
    pub id: u64,
    /// GitHub's name for it in GraphQL.
    pub node_id: Option<String>,
    /// Its tag exactly as GitHub spells it, which may be no tag at all, as the `untagged-…` of some drafts.
    pub tag: String,
    /// Its title.
    pub name: Option<String>,
    /// Not published, perhaps in the middle of being made.
    pub draft: bool,
    /// Marked by its author as not ready for everyone.
    pub prerelease: bool,
    /// Whether GitHub refuses to change it and burns its tag's name; `None` on servers that know no such releases.
    pub immutable: Option<bool>,
    /// The date of its commit. Kept for the record; no decision reads it.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was published; none for drafts.
    pub published_at: Option<DateTime<Utc>>,
    /// When it was last edited.
    pub updated_at: Option<DateTime<Utc>>,
    /// Its files.
    pub assets: Vec<AssetRecord>,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetRecord {
    /// GitHub's number for it.
    pub id: u64,
    /// Its exact name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether all of it arrived.
    #[serde(with = "AssetStateText")]
    pub state: AssetState,
    /// What GitHub states as its digest, as in `sha256:…`.
    pub digest: Option<String>,
    /// How often it was downloaded.
    pub downloads: u64,
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// Its name below `refs/tags/`.
    pub name: String,
    /// What the ref itself points at, in hexadecimal: the tag object of an annotated tag. A deletion that compares
    /// first compares with this.
    pub object_id: String,
    /// What kind of object that is.
    pub kind: TagKind,
    /// The tagger's date, else the commit's.
    pub dated: Option<DateTime<Utc>>,
}

/// What a tag points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagKind {
    /// A commit.
    Lightweight,
    /// A tag object.
    Annotated,
}

/// Whether an inventory was read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completeness {
    /// Every page came, and the totals match.
    Complete,
    /// Something is missing.
    Incomplete {
        /// What, as a fragment: `page 3 of the releases did not come`.
        why: String,
    },
}

/// How a plan file spells [`AssetState`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "AssetState", rename_all = "kebab-case")]
enum AssetStateText {
    Uploaded,
    Incomplete,
}

#[cfg(test)]
mod tests {
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::world;

    use super::*;

    #[test]
    fn an_inventory_survives_json() {
        let mut inventory = world([released(1, "v1.0.0", 1), released(2, "v1.1.0", 2)]);
        inventory.releases[0].assets[0].state = AssetState::Incomplete;
        let text = serde_json::to_string(&inventory).expect("plain values serialise");
        assert_eq!(serde_json::from_str::<Inventory>(&text).expect("what was written is read"), inventory);
    }
}
