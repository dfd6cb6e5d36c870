//! The content of a repository, as plain values to compare.

use std::collections::BTreeMap;

use crate::world::Repo;

/// The releases and tags of a repository at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// By id, the oldest first.
    pub releases: Vec<ReleaseSnapshot>,
    /// Tag name to the object id its ref points at.
    pub tags: BTreeMap<String, String>,
    /// The tag of the release with the badge.
    pub latest: Option<String>,
}

/// One release at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSnapshot {
    /// The numeric id.
    pub id: u64,
    /// The tag it names.
    pub tag: String,
    /// Not published.
    pub draft: bool,
    /// Marked as a prerelease.
    pub prerelease: bool,
    /// Has the badge.
    pub latest: bool,
    /// Its tag is fixed.
    pub immutable: bool,
    /// The names of its assets.
    pub assets: Vec<String>,
}

impl Snapshot {
    pub(crate) fn of(repo: &Repo) -> Snapshot {
        let latest = repo.latest().map(|release| release.id);
        let mut releases: Vec<ReleaseSnapshot> = repo
            .releases
            .iter()
            .map(|release| ReleaseSnapshot {
                id: release.id,
                tag: release.tag.clone(),
                draft: release.draft,
                prerelease: release.prerelease,
                latest: latest == Some(release.id),
                immutable: release.immutable,
                assets: release.assets.iter().map(|asset| asset.name.clone()).collect(),
            })
            .collect();
        releases.sort_by_key(|release| release.id);
        Snapshot { releases, tags: repo.tags.clone(), latest: repo.latest().map(|release| release.tag.clone()) }
    }

    /// The tags of all releases that are published, in the order of their ids.
    #[must_use]
    pub fn published(&self) -> Vec<&str> {
        self.releases.iter().filter(|release| !release.draft).map(|release| release.tag.as_str()).collect()
    }

    /// The tags of all drafts, in the order of their ids.
    #[must_use]
    pub fn drafts(&self) -> Vec<&str> {
        self.releases.iter().filter(|release| release.draft).map(|release| release.tag.as_str()).collect()
    }

    /// The names of all tags.
    #[must_use]
    pub fn tag_names(&self) -> Vec<&str> {
        self.tags.keys().map(String::as_str).collect()
    }
}
