//! A deletion: everything needed to carry it out and to record it.

use serde::Deserialize;
use serde::Serialize;

use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::TagRecord;
use crate::releases::prune::Unit;
use crate::releases::prune::UnitReason;

/// A unit to delete: its releases by ID first, then its tag, if the tag still points at the same object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// The exact name of the tag.
    pub name: String,
    /// The tag; `None` if only releases name it.
    pub tag: Option<TagRecord>,
    /// Its releases with their assets, by ID; empty for a bare tag.
    pub releases: Vec<ReleaseRecord>,
    /// Why it is deleted, for people.
    pub reason: String,
}

impl Delete {
    pub(super) fn new(unit: Unit, reason: &UnitReason) -> Self {
        Self { name: unit.name, tag: unit.tag, releases: unit.releases, reason: reason.to_string() }
    }

    /// The IDs of its releases.
    pub fn release_ids(&self) -> Vec<u64> {
        self.releases.iter().map(|release| release.id).collect()
    }

    /// The size of its assets in bytes.
    pub fn bytes(&self) -> u64 {
        bytes(&self.releases)
    }

    /// Whether deleting it makes the tag name permanently unusable.
    pub fn burns_name(&self) -> bool {
        self.releases.iter().any(|release| release.immutable == Some(true))
    }
}

/// The size of the assets of some releases in bytes. The sizes are untrusted input, so the sum saturates.
pub(super) fn bytes(releases: &[ReleaseRecord]) -> u64 {
    releases.iter().flat_map(|release| &release.assets).fold(0, |sum, asset| sum.saturating_add(asset.size))
}
