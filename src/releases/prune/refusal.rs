//! When there is no plan at all, and when a plan is more than may be done.

use std::collections::HashSet;

use thiserror::Error;

use crate::model::RepoSlug;
use crate::releases::prune::Completeness;
use crate::releases::prune::Inventory;

/// How many names of what is not managed an error shows.
pub(super) const EXAMPLES: usize = 5;

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanRefusal {
    /// The listing is not whole or contradicts itself, so the newest may be what is missing.
    #[error("the list of releases and tags is incomplete: {why}")]
    Incomplete {
        /// What is missing or contradictory.
        why: String,
    },
    /// The repository cannot be changed.
    #[error("{repository} is archived, so nothing in it can be deleted")]
    Archived {
        /// Which.
        repository: RepoSlug,
    },
    /// Without push access GitHub hides the drafts, so what a draft protects would be invisible.
    #[error("the token cannot push to {repository}, so it can neither list drafts nor delete anything")]
    NoPush {
        /// Which.
        repository: RepoSlug,
    },
    /// No name is a version; "everything matches" is never meant.
    #[error("no tag or release of {repository} is a version such as v1.2.3; {}", found(.examples))]
    NothingManaged {
        /// Which.
        repository: RepoSlug,
        /// Some names that are there instead.
        examples: Vec<String>,
    },
}

/// Why a plan is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardRefusal {
    /// More units would go than may.
    #[error("{planned} versions would be deleted, but the limit per run is {limit}")]
    TooMany {
        /// How many would go.
        planned: usize,
        /// How many may.
        limit: usize,
    },
    /// Something can be installed now, and nothing could be afterwards.
    #[error("no stable release with an installable asset would remain")]
    NothingInstallable,
}

/// Refuses what no plan may be made from.
pub(super) fn refuse(inventory: &Inventory) -> Result<(), PlanRefusal> {
    let repository = || inventory.repository.full_name.clone();
    if let Completeness::Incomplete { why } = &inventory.complete {
        return Err(PlanRefusal::Incomplete { why: why.clone() });
    }
    if let Some(why) = contradiction(inventory) {
        return Err(PlanRefusal::Incomplete { why });
    }
    if inventory.repository.archived {
        return Err(PlanRefusal::Archived { repository: repository() });
    }
    if inventory.repository.may_push == Some(false) {
        return Err(PlanRefusal::NoPush { repository: repository() });
    }
    Ok(())
}

/// What shows that the listing moved while it was read: pages overlap where something was added or removed, and where
/// two overlap, another entry may have slipped through.
fn contradiction(inventory: &Inventory) -> Option<String> {
    let mut ids = HashSet::new();
    if let Some(twice) = inventory.releases.iter().find(|release| !ids.insert(release.id)) {
        return Some(format!("release {} is listed twice", twice.id));
    }
    let mut names = HashSet::new();
    if let Some(twice) = inventory.tags.iter().find(|tag| !names.insert(&tag.name)) {
        return Some(format!("tag {} is listed twice", twice.name));
    }
    if let Some(odd) = inventory.tags.iter().find(|tag| !is_object_id(&tag.object_id)) {
        return Some(format!("tag {} points at `{}`, which is not an object ID", odd.name, odd.object_id));
    }
    let latest = inventory.latest.filter(|id| !ids.contains(id))?;
    Some(format!("the latest release, {latest}, is not in it"))
}

/// SHA-1 or SHA-256 in hexadecimal, and not the null id, which in a deletion would mean "must not exist".
pub(super) fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'0')
}

fn found(examples: &[String]) -> String {
    if examples.is_empty() { "the repository has none".to_owned() } else { format!("found {}", examples.join(", ")) }
}

#[cfg(test)]
mod tests {
    use crate::releases::prune::testing::bare;
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::world;

    use super::*;

    #[test]
    fn contradictory_listings_are_incomplete() {
        let whole = world([released(1, "v1.0.0", 1), released(2, "v1.1.0", 2), bare("nightly", 3)]);
        assert_eq!(refuse(&whole), Ok(()));
        type Damage = fn(&mut Inventory);
        let broken: [(&str, Damage); 6] = [
            ("page 3", |world| world.complete = Completeness::Incomplete { why: "page 3 did not come".to_owned() }),
            ("release 1 is listed twice", |world| world.releases[1].id = 1),
            ("tag v1.0.0 is listed twice", |world| world.tags[1].name = "v1.0.0".to_owned()),
            ("not an object ID", |world| world.tags[0].object_id.truncate(7)),
            ("not an object ID", |world| world.tags[0].object_id = "0".repeat(40)),
            ("latest release, 9,", |world| world.latest = Some(9)),
        ];
        for (why, damage) in broken {
            let mut world = whole.clone();
            damage(&mut world);
            let refusal = refuse(&world).expect_err(why).to_string();
            assert!(refusal.contains(why), "{refusal}");
        }
    }

    #[test]
    fn only_a_known_lack_of_rights_refuses() {
        let mut world = world([released(1, "v1.0.0", 1)]);
        world.repository.may_push = None;
        assert_eq!(refuse(&world), Ok(()));
        world.repository.may_push = Some(false);
        assert!(matches!(refuse(&world), Err(PlanRefusal::NoPush { .. })));
        world.repository.archived = true;
        assert!(matches!(refuse(&world), Err(PlanRefusal::Archived { .. })));
    }
}
