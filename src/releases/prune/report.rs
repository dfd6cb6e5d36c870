//! A plan as a report: the same rows for people and for JSON.

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::model::Sha256Digest;
use crate::releases::prune::Decision;
use crate::releases::prune::Delete;
use crate::releases::prune::OrderConflict;
use crate::releases::prune::PlanCounts;
use crate::releases::prune::PlannedRepository;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::TagRecord;
use crate::releases::prune::delete::bytes;
use crate::releases::prune::reason::OLDER_CODE;
use crate::releases::prune::unit::published;

/// A plan, ready for display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PlanReport {
    /// The repository.
    pub repository: PlannedRepository,
    /// The policy.
    pub policy: PrunePolicy,
    /// The time that ages are relative to.
    pub computed_at: DateTime<Utc>,
    /// The number of units by outcome.
    pub counts: PlanCounts,
    /// The kept units, newest first.
    pub keep: Vec<PlanRow>,
    /// The deletions, oldest first.
    pub delete: Vec<PlanRow>,
    /// The units that are not managed.
    pub unmanaged: Vec<PlanRow>,
    /// The drafts.
    pub drafts: Vec<PlanRow>,
    /// Where the two orders differ.
    pub order_conflict: Option<OrderConflict>,
    /// How many units are kept beyond the requested number.
    pub over_quota: usize,
    /// Warnings about what may be misleading.
    pub warnings: Vec<String>,
    /// The digest that a plan file of this plan contains.
    pub plan_digest: Sha256Digest,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PlanRow {
    /// The exact name of the tag.
    pub name: String,
    /// The object the tag points at; `None` if only releases name it.
    pub object_id: Option<String>,
    /// Its releases; empty for a bare tag.
    pub release_ids: Vec<u64>,
    /// The newest publication date of its releases; for a bare tag the date of the tag.
    pub dated: Option<DateTime<Utc>>,
    /// Whether it is GitHub's latest release.
    pub latest: bool,
    /// Whether the author marked it as a prerelease.
    pub prerelease: bool,
    /// Whether deleting it makes its tag name unusable.
    pub immutable: bool,
    /// The number of its assets.
    pub assets: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// Their download count.
    pub downloads: u64,
    /// The reason as a stable identifier.
    pub code: String,
    /// The reason for people.
    pub reason: String,
}

impl PlanReport {
    /// Creates the report of a plan.
    pub(crate) fn new(plan: &PrunePlan) -> Self {
        let rows = |decisions: &[Decision]| decisions.iter().map(|of| decided(of, plan.latest)).collect();
        Self {
            repository: PlannedRepository { id: plan.repository.id, full_name: plan.repository.full_name.clone() },
            policy: plan.policy.clone(),
            computed_at: plan.computed_at,
            counts: PlanCounts::of(plan),
            keep: rows(&plan.keep),
            delete: plan.delete.iter().map(|of| deleted(of, plan.latest)).collect(),
            unmanaged: rows(&plan.unmanaged),
            drafts: rows(&plan.drafts),
            order_conflict: plan.order_conflict.clone(),
            over_quota: plan.over_quota(),
            warnings: plan.warnings.clone(),
            plan_digest: plan.digest(),
        }
    }
}

fn decided(of: &Decision, latest: Option<u64>) -> PlanRow {
    let unit = &of.unit;
    let (code, reason) = (of.reason.code(), of.reason.to_string());
    row(&unit.name, unit.tag.as_ref(), &unit.releases, latest, code, reason)
}

fn deleted(of: &Delete, latest: Option<u64>) -> PlanRow {
    row(&of.name, of.tag.as_ref(), &of.releases, latest, OLDER_CODE, of.reason.clone())
}

fn row(
    name: &str,
    tag: Option<&TagRecord>,
    releases: &[ReleaseRecord],
    latest: Option<u64>,
    code: &str,
    reason: String,
) -> PlanRow {
    let tag_date = tag.filter(|_| releases.is_empty()).and_then(|tag| tag.dated);
    let assets = || releases.iter().flat_map(|release| &release.assets);
    PlanRow {
        name: name.to_owned(),
        object_id: tag.map(|tag| tag.object_id.clone()),
        release_ids: releases.iter().map(|release| release.id).collect(),
        dated: published(releases).or(tag_date),
        latest: releases.iter().any(|release| latest == Some(release.id)),
        prerelease: releases.iter().any(|release| release.prerelease),
        immutable: releases.iter().any(|release| release.immutable == Some(true)),
        assets: assets().count(),
        bytes: bytes(releases),
        downloads: assets().fold(0, |sum, asset| sum.saturating_add(asset.downloads)),
        code: code.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::releases::prune::testing::bare;
    use crate::releases::prune::testing::draft_of;
    use crate::releases::prune::testing::keeping;
    use crate::releases::prune::testing::plan;
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::world;

    use super::*;

    #[test]
    fn rows_have_the_outcome_and_the_reason() {
        let mut inventory = world([
            released(1, "v1.0.0", 1),
            released(2, "v1.1.0", 2),
            bare("v0.9.0", 1),
            bare("nightly", 3),
            draft_of(4, "v2.0.0"),
        ]);
        inventory.latest = Some(2);
        let report = serde_json::to_value(PlanReport::new(&plan(&inventory, &keeping(1)))).expect("plain values");
        assert_eq!(report["counts"], json!({"keep": 1, "delete": 2, "unmanaged": 1, "drafts": 1, "bytes_freed": 1000}));
        assert_eq!(report["keep"][0]["latest"], json!(true));
        assert_eq!(report["keep"][0]["code"], json!("among-newest"));
        assert_eq!(report["delete"][0]["name"], json!("v0.9.0"));
        assert_eq!(report["delete"][0]["release_ids"], json!([]));
        assert_eq!(report["delete"][0]["dated"], json!("2026-01-01T00:00:00Z"));
        assert_eq!(report["delete"][1]["assets"], json!(1));
        assert_eq!(report["delete"][1]["reason"], json!("older: semver #2, published #2"));
        assert_eq!(report["unmanaged"][0]["code"], json!("not-a-version"));
        assert_eq!(report["drafts"][0]["reason"], json!("draft"));
    }
}
