//! A plan as a file, written on one day and carried out on another if the world still allows it.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::releases::prune::Decision;
use crate::releases::prune::Delete;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::digest::digest_of;

/// What a plan file calls its own form.
pub const PLAN_SCHEMA: &str = "reproq.prune-plan/1";

/// The parts that decide something.
const DECISIVE: [&str; 5] = ["schema", "repository", "policy", "keep", "delete"];

/// A plan, complete enough to be judged later by [`crate::releases::prune::still_allowed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The version of this program that wrote it.
    pub tool_version: String,
    /// When it was computed.
    pub computed_at: DateTime<Utc>,
    /// The repository, by number and by name.
    pub repository: PlannedRepository,
    /// What was asked for; a later run computes with the same.
    pub policy: PrunePolicy,
    /// How much of everything there was.
    pub counts: PlanCounts,
    /// What stays, newest first.
    pub keep: Vec<KeepEntry>,
    /// What goes, oldest first.
    pub delete: Vec<Delete>,
    /// Sentences about what may mislead.
    pub warnings: Vec<String>,
    /// SHA-256 of what the plan decides; dates, downloads and sentences do not count.
    pub plan_digest: Sha256Digest,
}

/// Which repository a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRepository {
    /// GitHub's number for it.
    pub id: u64,
    /// Its name then.
    pub full_name: RepoSlug,
}

/// How many units have each fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCounts {
    /// Managed units that stay.
    pub keep: usize,
    /// Managed units that go.
    pub delete: usize,
    /// Units that are not managed.
    pub unmanaged: usize,
    /// Drafts.
    pub drafts: usize,
    /// The bytes of the assets that go.
    pub bytes_freed: u64,
}

/// A unit that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepEntry {
    /// The tag's exact name.
    pub name: String,
    /// What the tag points at; none when only releases name it.
    pub object_id: Option<String>,
    /// Its releases.
    pub release_ids: Vec<u64>,
    /// Why it stays, for people.
    pub reason: String,
}

/// Why a text is not a plan that can be carried out.
#[derive(Debug, Error)]
pub enum PlanFileError {
    /// It is not JSON of the right shape.
    #[error("failed to parse the plan")]
    Json(#[from] serde_json::Error),
    /// It is of another form, perhaps of another version of this program.
    #[error("expected a plan with the schema {PLAN_SCHEMA}, found `{found}`")]
    Schema {
        /// What it calls itself.
        found: String,
    },
    /// It was changed after it was written.
    #[error("the plan was modified after it was written: its digest field is {stated}, but its contents have the digest {computed}")]
    Digest {
        /// What it states.
        stated: Sha256Digest,
        /// What its contents give.
        computed: Sha256Digest,
    },
}

impl PlanFile {
    /// The plan as a file of this version of the program.
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

    /// Reads a plan and checks that it is what was written.
    pub fn from_json(text: &str) -> Result<Self, PlanFileError> {
        // Of another form the rest may be anything and of any size; it is not kept.
        #[derive(Deserialize)]
        struct Form {
            schema: Option<String>,
        }
        let found = serde_json::from_str::<Form>(text)?.schema.unwrap_or_else(|| "nothing".to_owned());
        if found != PLAN_SCHEMA {
            return Err(PlanFileError::Schema { found });
        }
        let file: Self = serde_json::from_str(text)?;
        let (stated, computed) = (file.plan_digest, file.computed_digest());
        if stated != computed {
            return Err(PlanFileError::Digest { stated, computed });
        }
        Ok(file)
    }

    /// The text of the file, for people and for [`PlanFile::from_json`].
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a plan holds nothing that JSON cannot say");
        text + "\n"
    }

    fn computed_digest(&self) -> Sha256Digest {
        let document = serde_json::to_value(self).expect("a plan holds nothing that JSON cannot say");
        digest_of(&document, &DECISIVE)
    }
}

impl PrunePlan {
    /// SHA-256 of what the plan decides: equal for equal decisions, whenever they are made.
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
    fn a_plan_survives_its_file() {
        let file = PlanFile::new(&plan(&three(), &keeping(2)), "1.2.3");
        assert_eq!(file.counts, PlanCounts { keep: 2, delete: 1, unmanaged: 0, drafts: 0, bytes_freed: 1000 });
        assert_eq!(PlanFile::from_json(&file.to_json()).expect("what was written is read"), file);
    }

    #[test]
    fn the_digest_is_of_the_decision_alone() {
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
    fn a_file_that_was_changed_is_refused() {
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
    fn fields_of_a_later_version_are_passed_over() {
        let text = PlanFile::new(&plan(&three(), &keeping(2)), "1.2.3").to_json();
        let later = text.replacen('{', "{\"added_later\": 1,", 1);
        assert!(PlanFile::from_json(&later).is_ok());
    }
}
