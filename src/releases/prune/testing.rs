//! Small repositories for the tests of this directory.

use std::num::NonZeroU32;

use chrono::DateTime;
use chrono::Duration;
use chrono::Utc;

use crate::model::AssetState;
use crate::releases::prune::AssetRecord;
use crate::releases::prune::Completeness;
use crate::releases::prune::Delete;
use crate::releases::prune::Inventory;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::RepoFacts;
use crate::releases::prune::TagKind;
use crate::releases::prune::TagRecord;

/// A release, a tag, or both.
#[derive(Debug, Clone)]
pub(super) struct SamplePart {
    pub(super) release: Option<ReleaseRecord>,
    pub(super) tag: Option<TagRecord>,
}

impl SamplePart {
    /// The same part with its release changed.
    pub(super) fn with(mut self, change: impl FnOnce(&mut ReleaseRecord)) -> Self {
        change(self.release.as_mut().expect("a part with a release"));
        self
    }
}

/// The start of a day of 2026, from 1.
pub(super) fn day(number: i64) -> DateTime<Utc> {
    let new_year = DateTime::from_timestamp(1_767_225_600, 0).expect("2026-01-01 is a date");
    new_year + Duration::days(number - 1)
}

/// A published release with one asset of 1000 bytes, and its tag.
pub(super) fn released(id: u64, name: &str, published: i64) -> SamplePart {
    SamplePart { tag: bare(name, published).tag, ..tagless(id, name, published) }
}

/// A published release without a tag.
pub(super) fn tagless(id: u64, name: &str, published: i64) -> SamplePart {
    let release = ReleaseRecord {
        id,
        node_id: Some(format!("RE_{id}")),
        tag: name.to_owned(),
        name: None,
        draft: false,
        prerelease: name.contains('-'),
        immutable: Some(false),
        // All have the same commit: nothing may depend on it.
        created_at: Some(day(1)),
        published_at: Some(day(published)),
        updated_at: None,
        assets: vec![AssetRecord {
            id: Some(id * 100),
            name: "reproq-linux-amd64".to_owned(),
            size: 1000,
            state: AssetState::Uploaded,
            digest: Some(format!("sha256:{id:064x}")),
            downloads: 3,
        }],
    };
    SamplePart { release: Some(release), tag: None }
}

/// A tag without a release.
pub(super) fn bare(name: &str, dated: i64) -> SamplePart {
    SamplePart { tag: undated(name).tag.map(|tag| TagRecord { dated: Some(day(dated)), ..tag }), release: None }
}

/// A tag without a date.
pub(super) fn undated(name: &str) -> SamplePart {
    let object_id = format!("{:040x}", name.bytes().fold(1_u128, |sum, byte| sum * 31 % (1 << 100) + u128::from(byte)));
    let tag = TagRecord { name: name.to_owned(), object_id, kind: TagKind::Lightweight, dated: None };
    SamplePart { release: None, tag: Some(tag) }
}

/// A draft with a tag name.
pub(super) fn draft_of(id: u64, name: &str) -> SamplePart {
    tagless(id, name, 1).with(|release| {
        release.draft = true;
        release.published_at = None;
    })
}

/// A complete listing of these parts, without a latest release.
pub(super) fn world(parts: impl IntoIterator<Item = SamplePart>) -> Inventory {
    let (releases, tags): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.release, part.tag)).unzip();
    Inventory {
        repository: RepoFacts {
            id: 7,
            node_id: None,
            full_name: "acme/tool".parse().expect("a repository"),
            archived: false,
            may_push: Some(true),
        },
        releases: releases.into_iter().flatten().collect(),
        tags: tags.into_iter().flatten().collect(),
        latest: None,
        complete: Completeness::Complete,
    }
}

/// The policy that keeps `number` versions, with defaults.
pub(super) fn keeping(number: u32) -> PrunePolicy {
    PrunePolicy::new(NonZeroU32::new(number).expect("at least one"))
}

/// The plan as of the hundredth day.
pub(super) fn plan(inventory: &Inventory, policy: &PrunePolicy) -> PrunePlan {
    PrunePlan::compute(inventory, policy, day(100)).expect("a plan")
}

/// The names to delete, oldest first.
pub(super) fn deleted_names(plan: &PrunePlan) -> Vec<&str> {
    plan.delete().iter().map(|unit| unit.name.as_str()).collect()
}

/// The printed reason of a kept unit.
pub(super) fn reason_of(plan: &PrunePlan, name: &str) -> String {
    let found = plan.not_deleted().find(|decision| decision.unit.name == name);
    found.unwrap_or_else(|| panic!("{name} is not kept")).reason.to_string()
}

/// What remains after a plan was carried out: releases by ID, tags by name.
pub(super) fn after(inventory: &Inventory, plan: &PrunePlan) -> Inventory {
    let ids: Vec<u64> = plan.delete().iter().flat_map(Delete::release_ids).collect();
    let names: Vec<&str> =
        plan.delete().iter().filter(|unit| unit.tag.is_some()).map(|unit| unit.name.as_str()).collect();
    let mut left = inventory.clone();
    left.releases.retain(|release| !ids.contains(&release.id));
    left.tags.retain(|tag| !names.contains(&tag.name.as_str()));
    left
}
