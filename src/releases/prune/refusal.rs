//! When no plan can be computed, and when a plan is not carried out.

use std::collections::HashSet;

use thiserror::Error;

use crate::model::RepoSlug;
use crate::releases::prune::Completeness;
use crate::releases::prune::Inventory;

/// The maximum number of unmanaged names that an error shows.
pub(super) const EXAMPLES: usize = 5;

/// Why no plan can be computed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanRefusal {
    /// The listing is incomplete or inconsistent, so the newest release may be missing from it.
    #[error("the list of releases and tags is incomplete: {why}")]
    Incomplete {
        /// Whether reading it again cannot help.
        is_final: bool,
        /// What is missing or inconsistent.
        why: String,
    },
    /// The repository cannot be changed.
    #[error("{repository} is archived, so nothing in it can be deleted")]
    Archived {
        /// The repository.
        repository: RepoSlug,
    },
    /// Without push access GitHub hides drafts, so the names they protect are unknown.
    #[error("the token cannot push to {repository}, so it can neither list drafts nor delete anything")]
    NoPush {
        /// The repository.
        repository: RepoSlug,
    },
    /// No name is a version. It never means that everything matches.
    #[error("no tag or release of {repository} is a version such as v1.2.3; {}", found(.examples))]
    NothingManaged {
        /// The repository.
        repository: RepoSlug,
        /// Some existing names.
        examples: Vec<String>,
    },
}

/// Why a plan is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardRefusal {
    /// More units would be deleted than allowed.
    #[error("{planned} versions would be deleted, but the limit per run is {limit}")]
    TooMany {
        /// The number of deletions.
        planned: usize,
        /// The limit.
        limit: usize,
    },
    /// A release can be installed now, and none could be afterwards.
    #[error("no stable release with an installable asset would remain")]
    NothingInstallable,
}

/// Refuses to plan from an unsuitable inventory.
pub(super) fn refuse(inventory: &Inventory) -> Result<(), PlanRefusal> {
    let repository = || inventory.repository.full_name.clone();
    if let Completeness::Incomplete { why, is_final } = &inventory.complete {
        return Err(PlanRefusal::Incomplete { why: why.clone(), is_final: *is_final });
    }
    if let Some(why) = contradiction(inventory) {
        return Err(PlanRefusal::Incomplete { why, is_final: false });
    }
    if inventory.repository.archived {
        return Err(PlanRefusal::Archived { repository: repository() });
    }
    if inventory.repository.may_push == Some(false) {
        return Err(PlanRefusal::NoPush { repository: repository() });
    }
    Ok(())
}

/// Signs that the repository changed while it was listed: pages overlap if an entry was added or removed, and then
/// another entry may have been skipped.
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

/// SHA-1 or SHA-256 in hexadecimal, but not the null ID, which in a deletion would mean "must not exist".
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
    fn inconsistent_listings_are_incomplete() {
        let whole = world([released(1, "v1.0.0", 1), released(2, "v1.1.0", 2), bare("nightly", 3)]);
        assert_eq!(refuse(&whole), Ok(()));
        type Damage = fn(&mut Inventory);
        let broken: [(&str, Damage); 6] = [
            ("page 3", |world| {
                world.complete = Completeness::Incomplete { why: "page 3 did not come".to_owned(), is_final: false };
            }),
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
    fn only_a_known_lack_of_push_access_is_refused() {
        let mut world = world([released(1, "v1.0.0", 1)]);
        world.repository.may_push = None;
        assert_eq!(refuse(&world), Ok(()));
        world.repository.may_push = Some(false);
        assert!(matches!(refuse(&world), Err(PlanRefusal::NoPush { .. })));
        world.repository.archived = true;
        assert!(matches!(refuse(&world), Err(PlanRefusal::Archived { .. })));
    }
}
