//! A plan as a file: written now and carried out later, if the repository still allows it.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::change::PlanFileError;
use crate::change::digest_of;
use crate::change::read_plan_file;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::releases::prune::Decision;
use crate::releases::prune::Delete;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::PrunePolicy;

/// The schema of a plan file.
pub(super) const PLAN_SCHEMA: &str = "reproq.prune-plan/1";

/// The fields that affect the decision.
const DECISIVE: [&str; 5] = ["schema", "repository", "policy", "keep", "delete"];

/// Fields that do not affect the decision: dates, counters, explanations, fields that only one API returns, and the limit per
/// run.
const UNDECISIVE: [&str; 8] =
    ["created_at", "published_at", "updated_at", "dated", "downloads", "reason", "node_id", "max_delete"];

/// A stored plan, with everything that [`crate::releases::prune::still_allowed`] needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// `PLAN_SCHEMA`.
    pub schema: String,
    /// The version of reproq that wrote it.
    pub tool_version: String,
    /// When it was computed.
    pub computed_at: DateTime<Utc>,
    /// The repository, by ID and by name.
    pub repository: PlannedRepository,
    /// The policy; a later run computes with the same one.
    pub policy: PrunePolicy,
    /// The number of units by outcome.
    pub counts: PlanCounts,
    /// The kept units, newest first.
    pub keep: Vec<KeepEntry>,
    /// The deletions, oldest first.
    pub delete: Vec<Delete>,
    /// Warnings about what may be misleading.
    pub warnings: Vec<String>,
    /// SHA-256 of the decisions; dates, download counts and explanations are excluded.
    pub plan_digest: Sha256Digest,
}

/// The repository of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRepository {
    /// GitHub's ID of the repository.
    pub id: u64,
    /// Its name when the plan was computed.
    pub full_name: RepoSlug,
}

/// The number of units by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCounts {
    /// Kept managed units.
    pub keep: usize,
    /// Managed units to delete.
    pub delete: usize,
    /// Units that are not managed.
    pub unmanaged: usize,
    /// Drafts.
    pub drafts: usize,
    /// The size of the assets to delete, in bytes.
    pub bytes_freed: u64,
}

/// A kept unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepEntry {
    /// The exact name of the tag.
    pub name: String,
    /// The object the tag points at; `None` if only releases name it.
    pub object_id: Option<String>,
    /// Its releases.
    pub release_ids: Vec<u64>,
    /// Why it is kept, for people.
    pub reason: String,
}

impl PlanFile {
    /// The plan as a file of this version.
    pub fn new(plan: &PrunePlan, tool_version: &str) -> Self {
        let mut file = Self {
            schema: PLAN_SCHEMA.to_owned(),
            tool_version: tool_version.to_owned(),
            computed_at: plan.computed_at,
            repository: PlannedRepository { id: plan.repository.id, full_name: plan.repository.full_name.clone() },
            policy: plan.policy.clone(),
            counts: PlanCounts::of(plan),
            keep: plan.keep.iter().map(KeepEntry::of).collect(),
            delete: plan.delete.clone(),
            warnings: plan.warnings.clone(),
            plan_digest: Sha256Digest::from_bytes([0; 32]),
        };
        file.plan_digest = file.computed_digest();
        file
    }

    /// Parses a plan and verifies its digest.
    pub fn from_json(text: &str) -> Result<Self, PlanFileError> {
        read_plan_file(text, PLAN_SCHEMA, |file: &Self| (file.plan_digest, file.computed_digest()))
    }

    /// The text of the file, for people and for [`PlanFile::from_json`].
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a plan is serializable as JSON");
        text + "\n"
    }

    fn computed_digest(&self) -> Sha256Digest {
        let document = serde_json::to_value(self).expect("a plan is serializable as JSON");
        digest_of(&document, &DECISIVE, &UNDECISIVE)
    }
}

impl PrunePlan {
    /// SHA-256 of the decisions: equal for equal decisions, whenever they are made.
    pub fn digest(&self) -> Sha256Digest {
        PlanFile::new(self, "").plan_digest
    }
}

impl PlanCounts {
    pub(super) fn of(plan: &PrunePlan) -> Self {
        Self {
            keep: plan.keep.len(),
            delete: plan.delete.len(),
            unmanaged: plan.unmanaged.len(),
            drafts: plan.drafts.len(),
            bytes_freed: plan.bytes_freed(),
        }
    }
}

impl KeepEntry {
    fn of(decision: &Decision) -> Self {
        let unit = &decision.unit;
        Self {
            name: unit.name.clone(),
            object_id: unit.tag.as_ref().map(|tag| tag.object_id.clone()),
            release_ids: unit.releases.iter().map(|release| release.id).collect(),
            reason: decision.reason.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::releases::prune::Inventory;
    use crate::releases::prune::testing::day;
    use crate::releases::prune::testing::keeping;
    use crate::releases::prune::testing::plan;
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::world;

    use super::*;

    fn three() -> Inventory {
        world([released(1, "v1.0.0", 1), released(2, "v1.1.0", 2), released(3, "v1.2.0", 3)])
    }

    #[test]
    fn a_plan_round_trips_through_its_file() {
        let file = PlanFile::new(&plan(&three(), &keeping(2)), "1.2.3");
        assert_eq!(file.counts, PlanCounts { keep: 2, delete: 1, unmanaged: 0, drafts: 0, bytes_freed: 1000 });
        assert_eq!(PlanFile::from_json(&file.to_json()).expect("what was written is read"), file);
    }

    #[test]
    fn the_digest_covers_only_the_decisions() {
        let mut policy = keeping(2);
        policy.min_age = Duration::from_secs(60);
        let digest = |inventory: &Inventory, policy: &PrunePolicy, now: i64| {
            PrunePlan::compute(inventory, policy, day(now)).expect("a plan").digest()
        };
        let first = digest(&three(), &policy, 30);
        let mut same = three();
        same.releases.reverse();
        same.tags.reverse();
        for release in &mut same.releases {
            release.assets[0].downloads += 17;
            release.updated_at = Some(day(29));
        }
        let mut generous = policy.clone();
        generous.max_delete = 400;
        assert_eq!(digest(&same, &generous, 31), first);

        let damages: [fn(&mut Inventory); 5] = [
            |world| world.tags[0].object_id = "f".repeat(40),
            |world| world.tags[2].object_id = "f".repeat(40),
            |world| world.releases[0].assets[0].digest = None,
            |world| world.releases[0].id = 77,
            |world| world.repository.id = 8,
        ];
        for damage in damages {
            let mut other = three();
            damage(&mut other);
            assert_ne!(digest(&other, &policy, 30), first);
        }
        assert_ne!(digest(&three(), &keeping(2), 30), first);
    }

    #[test]
    fn a_modified_file_is_refused() {
        let text = PlanFile::new(&plan(&three(), &keeping(2)), "1.2.3").to_json();
        let edited = text.replace("\"v1.0.0\"", "\"v1.2.0\"");
        assert!(matches!(PlanFile::from_json(&edited), Err(PlanFileError::Digest { .. })));
        let newer = text.replace(PLAN_SCHEMA, "reproq.prune-plan/2");
        assert!(matches!(PlanFile::from_json(&newer), Err(PlanFileError::Schema { .. })));
        for text in ["", "{", "[]", "null", "{\"schema\":7}"] {
            assert!(PlanFile::from_json(text).is_err(), "{text:?}");
        }
        assert!(matches!(PlanFile::from_json(&text[..text.len() / 2]), Err(PlanFileError::Json(_))));
    }

    #[test]
    fn fields_of_a_later_version_are_ignored() {
        let text = PlanFile::new(&plan(&three(), &keeping(2)), "1.2.3").to_json();
        let later = text.replacen('{', "{\"added_later\": 1,", 1);
        assert!(PlanFile::from_json(&later).is_ok());
    }
}
