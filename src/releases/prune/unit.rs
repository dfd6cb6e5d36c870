//! The unit of pruning: a tag name with its tag and releases, deleted entirely or not at all.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::Utc;
use semver::Version;

use crate::model::AssetState;
use crate::model::Tag;
use crate::releases::prune::Inventory;
use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::TagRecord;

/// A name with its tag and its published releases, or one draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The exact name of the tag.
    pub name: String,
    /// The tag; `None` if only releases name it, and for a draft.
    pub tag: Option<TagRecord>,
    /// Its published releases by ID, usually one, several if GitHub allowed that; for a draft only the draft.
    pub releases: Vec<ReleaseRecord>,
    /// Whether it is a draft, which is a unit of its own even if a tag or a release has the same name.
    pub draft: bool,
    version: Option<Version>,
}

impl Unit {
    fn new(name: &str) -> Self {
        let version = name.parse::<Tag>().ok().and_then(|tag| tag.version());
        Self { name: name.to_owned(), tag: None, releases: Vec::new(), draft: false, version }
    }

    /// The version in its name: strict semver with an optional `v` in a valid git tag name. `None` for drafts and for
    /// everything that is not managed.
    pub const fn version(&self) -> Option<&Version> {
        if self.draft { None } else { self.version.as_ref() }
    }

    /// The newest publication date of its releases; for a tag without a release the date of the tag. Unknown
    /// if any release has no date, whatever the other releases or the tag have.
    pub fn when(&self) -> Option<DateTime<Utc>> {
        if self.releases.is_empty() { self.tag.as_ref().and_then(|tag| tag.dated) } else { published(&self.releases) }
    }

    /// The highest ID of its releases, the tie-breaker for equal dates.
    pub fn newest_release_id(&self) -> Option<u64> {
        self.releases.iter().map(|release| release.id).max()
    }

    /// Whether its version is not a prerelease, whatever GitHub's mark on its releases. Unlike that mark, it does not
    /// change when a release is deleted before its tag.
    pub fn is_plain(&self) -> bool {
        self.version().is_some_and(|version| version.pre.is_empty())
    }

    /// Whether it is published as stable: its version is not a prerelease, and not all of its releases are marked as
    /// one. A bare tag is not.
    pub fn is_stable(&self) -> bool {
        self.is_plain() && self.releases.iter().any(|release| !release.prerelease)
    }

    /// Whether it is a prerelease by version or by the mark on one of its releases.
    pub fn is_prerelease(&self) -> bool {
        !self.is_plain() || self.releases.iter().any(|release| release.prerelease)
    }

    /// Whether it is stable, published, and has at least one completely uploaded asset.
    pub fn is_installable(&self) -> bool {
        is_installable(self.version(), &self.releases)
    }

    /// Whether deleting it would make its tag name unusable.
    pub fn is_immutable(&self) -> bool {
        self.releases.iter().any(|release| release.immutable == Some(true))
    }

    /// The first asset whose upload is not finished.
    pub fn unfinished_asset(&self) -> Option<&str> {
        let assets = self.releases.iter().flat_map(|release| &release.assets);
        assets.filter(|asset| asset.state != AssetState::Uploaded).map(|asset| asset.name.as_str()).next()
    }
}

/// Joins tags and published releases by their exact names; every draft is a unit of its own. Sorted by name, drafts
/// last, so that the order of the listing does not matter.
pub fn units(inventory: &Inventory) -> Vec<Unit> {
    let mut named: BTreeMap<&str, Unit> = BTreeMap::new();
    for tag in &inventory.tags {
        named.entry(&tag.name).or_insert_with(|| Unit::new(&tag.name)).tag = Some(tag.clone());
    }
    let (drafts, published): (Vec<_>, Vec<_>) = inventory.releases.iter().partition(|release| release.draft);
    for release in published {
        named.entry(&release.tag).or_insert_with(|| Unit::new(&release.tag)).releases.push(sorted(release));
    }
    let mut units: Vec<Unit> = named.into_values().collect();
    for unit in &mut units {
        unit.releases.sort_by_key(|release| release.id);
    }
    let mut drafts: Vec<Unit> = drafts.into_iter().map(draft).collect();
    drafts.sort_by(|one, other| (&one.name, one.newest_release_id()).cmp(&(&other.name, other.newest_release_id())));
    units.extend(drafts);
    units
}

/// The newest publication date of some releases, unless one of them has none.
pub(super) fn published(releases: &[ReleaseRecord]) -> Option<DateTime<Utc>> {
    let dates: Option<Vec<_>> = releases.iter().map(|release| release.published_at).collect();
    dates?.into_iter().max()
}

/// Whether a version can be installed from these releases.
pub(super) fn is_installable(version: Option<&Version>, releases: &[ReleaseRecord]) -> bool {
    let whole = |release: &ReleaseRecord| release.assets.iter().any(|asset| asset.state == AssetState::Uploaded);
    version.is_some_and(|version| version.pre.is_empty())
        && releases.iter().any(|release| !release.draft && !release.prerelease && whole(release))
}

fn draft(release: &ReleaseRecord) -> Unit {
    let mut unit = Unit::new(&release.tag);
    unit.draft = true;
    unit.releases.push(sorted(release));
    unit
}

fn sorted(release: &ReleaseRecord) -> ReleaseRecord {
    let mut release = release.clone();
    release.assets.sort_by(|one, other| (one.id, &one.name).cmp(&(other.id, &other.name)));
    release
}

#[cfg(test)]
mod tests {
    use crate::releases::prune::testing::bare;
    use crate::releases::prune::testing::day;
    use crate::releases::prune::testing::draft_of;
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::tagless;
    use crate::releases::prune::testing::world;

    use super::*;

    #[test]
    fn tags_and_releases_are_joined_by_name_and_drafts_are_separate() {
        let inventory = world([
            released(1, "v1.0.0", 1),
            bare("v1.1.0", 2),
            tagless(3, "v1.2.0", 3),
            draft_of(4, "v1.0.0"),
            draft_of(5, "untagged-8f3a"),
        ]);
        let shape: Vec<_> = units(&inventory)
            .iter()
            .map(|unit| (unit.name.clone(), unit.tag.is_some(), unit.releases.len(), unit.draft))
            .collect();
        let expected = [
            ("v1.0.0", true, 1, false),
            ("v1.1.0", true, 0, false),
            ("v1.2.0", false, 1, false),
            ("untagged-8f3a", false, 1, true),
            ("v1.0.0", false, 1, true),
        ];
        assert_eq!(shape, expected.map(|(name, tag, releases, draft)| (name.to_owned(), tag, releases, draft)));
    }

    #[test]
    fn several_releases_of_one_tag_are_one_unit_with_the_newest_date() {
        let inventory = world([released(7, "v1.0.0", 5), tagless(3, "v1.0.0", 9)]);
        let units = units(&inventory);
        assert_eq!(units.len(), 1);
        assert_eq!(units[0].releases.iter().map(|release| release.id).collect::<Vec<_>>(), [3, 7]);
        assert_eq!(units[0].when(), Some(day(9)));
    }

    #[test]
    fn a_different_spelling_is_a_different_unit() {
        let inventory = world([bare("v1.0.0", 1), bare("V1.0.0", 1), bare("1.0.0", 1), bare("r\u{e9}sum\u{e9}", 1)]);
        assert_eq!(units(&inventory).len(), 4);
    }

    #[test]
    fn stable_means_published_as_stable() {
        let marked = |id, name| tagless(id, name, 1).with(|release| release.prerelease = true);
        let inventory = world([
            released(1, "v1.0.0", 1),
            marked(2, "v1.1.0"),
            bare("v1.2.0", 1),
            released(3, "v1.3.0-rc.1", 1).with(|release| release.prerelease = false),
            released(4, "v1.4.0", 1).with(|release| release.assets.clear()),
            marked(5, "v1.5.0"),
            tagless(6, "v1.5.0", 1),
        ]);
        let facts = |unit: &Unit| (unit.is_plain(), unit.is_prerelease(), unit.is_stable(), unit.is_installable());
        let found: Vec<_> = units(&inventory).iter().map(facts).collect();
        let expected = [
            (true, false, true, true),
            (true, true, false, false),
            (true, false, false, false),
            (false, true, false, false),
            (true, false, true, false),
            (true, true, true, true),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_release_without_a_date_gets_none_from_others() {
        let mut inventory = world([released(1, "v1.0.0", 1), tagless(2, "v1.0.0", 1)]);
        inventory.releases[0].published_at = None;
        assert_eq!(units(&inventory)[0].when(), None);
    }
}
