//! The releases and tags of a repository, read from GitHub to the last page: the input of every decision about them. Pure.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::model::AssetState;
use crate::model::RepoSlug;

/// The input of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The repository itself.
    pub repository: RepoFacts,
    /// Every release, drafts included. A set, because GitHub guarantees no order.
    pub releases: Vec<ReleaseRecord>,
    /// Every tag, also a set.
    pub tags: Vec<TagRecord>,
    /// The ID of GitHub's latest release.
    pub latest: Option<u64>,
    /// Whether the lists are complete.
    pub complete: Completeness,
}

/// The facts about a repository that matter here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoFacts {
    /// GitHub's ID of the repository, which a rename does not change.
    pub id: u64,
    /// GitHub's GraphQL node ID.
    pub node_id: Option<String>,
    /// `OWNER/NAME` as GitHub currently spells it.
    pub full_name: RepoSlug,
    /// Archived repositories cannot be changed.
    pub archived: bool,
    /// Whether the token has push access; `None` if GitHub does not report it.
    pub may_push: Option<bool>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// GitHub's ID of the release; deletions use only this.
    pub id: u64,
    /// GitHub's GraphQL node ID.
    pub node_id: Option<String>,
    /// Its tag name as GitHub spells it, which need not be a tag, such as the `untagged-…` of some drafts.
    pub tag: String,
    /// Its title.
    pub name: Option<String>,
    /// Whether it is unpublished, and possibly still being created.
    pub draft: bool,
    /// Whether the author marked it as a prerelease.
    pub prerelease: bool,
    /// Whether it is immutable: GitHub refuses to change it, and deleting it makes its tag name unusable. `None` on
    /// servers without immutable releases.
    pub immutable: Option<bool>,
    /// The date of its commit. Recorded only; no decision depends on it.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was published; `None` for drafts.
    pub published_at: Option<DateTime<Utc>>,
    /// When it was last edited.
    pub updated_at: Option<DateTime<Utc>>,
    /// Its files.
    pub assets: Vec<AssetRecord>,
}

/// One asset of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetRecord {
    /// GitHub's ID of the asset; `None` if the listing does not have it. Only one of GitHub's two APIs returns it, so listings
    /// for a plan never have it. Plan files state 0 then, as they always did: their digests cover it.
    #[serde(with = "absent_as_zero")]
    pub id: Option<u64>,
    /// Its exact name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether its upload is complete.
    #[serde(with = "AssetStateText")]
    pub state: AssetState,
    /// The digest that GitHub reports, such as `sha256:…`.
    pub digest: Option<String>,
    /// The download count.
    pub downloads: u64,
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// Its name below `refs/tags/`.
    pub name: String,
    /// The object the ref itself points at, in hexadecimal: the tag object of an annotated tag. Compare-and-delete uses
    /// this.
    pub object_id: String,
    /// The type of that object.
    pub kind: TagKind,
    /// The tagger's date, or the commit's.
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

/// Whether an inventory is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completeness {
    /// All pages were read, and the totals match.
    Complete,
    /// Something is missing.
    Incomplete {
        /// Whether reading it again cannot help.
        #[serde(default)]
        is_final: bool,
        /// What is missing, as a fragment such as `page 3 of the releases did not come`.
        why: String,
    },
}

/// The spelling of [`AssetState`] in a plan file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "AssetState", rename_all = "kebab-case")]
enum AssetStateText {
    Uploaded,
    Incomplete,
}

/// An ID that may be absent, as a number.
mod absent_as_zero {
    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serialize;
    use serde::Serializer;

    pub(super) fn serialize<S: Serializer>(id: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        id.unwrap_or(0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        u64::deserialize(deserializer).map(|id| (id != 0).then_some(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_round_trips_through_json_and_an_absent_id_is_zero() {
        for (id, number) in [(None, 0), (Some(7), 7)] {
            let asset = AssetRecord {
                id,
                name: "a".to_owned(),
                size: 1,
                state: AssetState::Incomplete,
                digest: None,
                downloads: 2,
            };
            let document = serde_json::to_value(&asset).expect("plain values serialize");
            assert_eq!((&document["id"], &document["state"]), (&number.into(), &"incomplete".into()));
            assert_eq!(serde_json::from_value::<AssetRecord>(document).expect("what was written is read"), asset);
        }
    }
}
