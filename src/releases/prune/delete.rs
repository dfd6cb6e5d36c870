//! What goes: everything the work and the record of it need, and nothing that has to be looked up again.

use serde::Deserialize;
use serde::Serialize;

use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::TagRecord;
use crate::releases::prune::Unit;
use crate::releases::prune::UnitReason;

/// A unit that goes: its releases by id first, then its tag, if that still points at the same object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// The tag's exact name.
    pub name: String,
    /// The tag; none when only releases name it.
    pub tag: Option<TagRecord>,
    /// Its releases with their assets, by id; none for a bare tag.
    pub releases: Vec<ReleaseRecord>,
    /// Why it goes, for people.
    pub reason: String,
}

impl Delete {
    pub(super) fn new(unit: Unit, reason: &UnitReason) -> Self {
        Self { name: unit.name, tag: unit.tag, releases: unit.releases, reason: reason.to_string() }
    }

    /// The ids of its releases.
    pub fn release_ids(&self) -> Vec<u64> {
        self.releases.iter().map(|release| release.id).collect()
    }

    /// The bytes of its assets.
    pub fn bytes(&self) -> u64 {
        bytes(&self.releases)
    }

    /// Whether the name of its tag can never be used again.
    pub fn burns_name(&self) -> bool {
        self.releases.iter().any(|release| release.immutable == Some(true))
    }
}

/// The bytes of the assets of some releases; sizes come from outside, so the sum saturates.
pub(super) fn bytes(releases: &[ReleaseRecord]) -> u64 {
    releases.iter().flat_map(|release| &release.assets).fold(0, |sum, asset| sum.saturating_add(asset.size))
}
