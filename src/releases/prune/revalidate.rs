//! What of an earlier plan may still be deleted: a new listing can remove deletions and never adds one.

use std::collections::HashMap;
use std::fmt;

use thiserror::Error;

use crate::change;
use crate::change::Revalidated;
use crate::change::Shrunk;
use crate::releases::prune::AssetRecord;
use crate::releases::prune::Delete;
use crate::releases::prune::PlanFile;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::TagRecord;

/// A difference between the repository now and when the plan was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSincePlan {
    /// The plan is for another repository, or this one was renamed.
    Repository {
        /// The repository of the plan.
        planned: String,
        /// The current repository.
        found: String,
    },
    /// The unit is now kept.
    NowKept {
        /// The name of the unit.
        name: String,
        /// Why it is kept.
        reason: String,
    },
    /// The tag points at a different object.
    TagMoved {
        /// The tag.
        name: String,
        /// The object it pointed at.
        planned: String,
        /// The object it points at.
        found: String,
    },
    /// The tag did not exist.
    TagAppeared {
        /// The tag.
        name: String,
        /// The object it points at.
        found: String,
    },
    /// The tag has a new release.
    ReleaseAppeared {
        /// The tag.
        name: String,
        /// The release.
        id: u64,
    },
    /// A planned release has a different tag.
    ReleaseElsewhere {
        /// The tag it had.
        name: String,
        /// The release.
        id: u64,
        /// The tag it has now.
        now_on: String,
    },
    /// A planned release is now a draft.
    BecameDraft {
        /// The tag it had.
        name: String,
        /// The release.
        id: u64,
    },
    /// A release has an asset that is not in the plan.
    AssetChanged {
        /// The tag.
        name: String,
        /// The file.
        asset: String,
    },
}

/// Why a plan file is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the repository has changed since the plan was made: {}", joined(.differences))]
pub struct WorldMoved {
    /// All differences.
    pub differences: Vec<ChangeSincePlan>,
}

/// The deletions of a plan file that are still allowed, in their current state: what is already gone is left
/// out. If one planned unit is now kept, moved or extended, the entire plan is refused. `current` must be computed with
/// the policy of the file and the protected tags of the current job.
pub fn still_allowed(file: &PlanFile, current: &PrunePlan) -> Result<Vec<Delete>, WorldMoved> {
    let repository = (file.repository.id, &file.repository.full_name);
    let here = &current.repository;
    if repository.0 != here.id || !repository.1.is_same(&here.full_name) {
        let name = |id: u64, name: &dyn fmt::Display| format!("{name} (id {id})");
        return Err(WorldMoved {
            differences: vec![ChangeSincePlan::Repository {
                planned: name(repository.0, repository.1),
                found: name(here.id, &here.full_name),
            }],
        });
    }
    let world = CurrentState::of(current);
    let left = change::shrink(&file.delete, |unit| world.state_of(unit));
    left.unless_changed().map_err(|differences| WorldMoved { differences })
}

/// The remainder of planned deletions after another listing of the same repository.
pub(crate) fn shrink(planned: &[Delete], now: &PrunePlan) -> Shrunk<Delete, ChangeSincePlan> {
    let world = CurrentState::of(now);
    change::shrink(planned, |unit| world.state_of(unit))
}

/// The current plan, indexed by name and by release.
struct CurrentState<'a> {
    deletable: HashMap<&'a str, &'a Delete>,
    kept: HashMap<&'a str, Kept<'a>>,
    releases: HashMap<u64, Home<'a>>,
}

/// A unit that the current plan does not delete.
struct Kept<'a> {
    tag: Option<&'a TagRecord>,
    releases: &'a [ReleaseRecord],
    reason: String,
}

struct Home<'a> {
    name: &'a str,
    draft: bool,
}

impl<'a> CurrentState<'a> {
    fn of(plan: &'a PrunePlan) -> Self {
        let mut world = Self { deletable: HashMap::new(), kept: HashMap::new(), releases: HashMap::new() };
        for unit in &plan.delete {
            world.deletable.insert(&unit.name, unit);
            world.releases.extend(unit.releases.iter().map(|of| (of.id, Home { name: &unit.name, draft: false })));
        }
        for decision in plan.not_deleted() {
            let unit = &decision.unit;
            let home = |of: &ReleaseRecord| (of.id, Home { name: &unit.name, draft: unit.draft });
            world.releases.extend(unit.releases.iter().map(home));
            if !unit.draft {
                let reason = decision.reason.to_string();
                world.kept.insert(&unit.name, Kept { tag: unit.tag.as_ref(), releases: &unit.releases, reason });
            }
        }
        world
    }

    fn state_of(&self, planned: &Delete) -> Revalidated<Delete, ChangeSincePlan> {
        let mut differences = self.moved_releases(planned);
        let name = planned.name.as_str();
        if let Some(kept) = self.kept.get(name) {
            differences.push(ChangeSincePlan::NowKept { name: name.to_owned(), reason: kept.reason.clone() });
            differences.extend(changes(planned, kept.tag, kept.releases));
        }
        let left = self.deletable.get(name);
        if let Some(left) = left {
            differences.extend(changes(planned, left.tag.as_ref(), &left.releases));
        }
        match left {
            _ if !differences.is_empty() => Revalidated::Changed(differences),
            Some(left) => Revalidated::Allowed((*left).clone()),
            None => Revalidated::Gone,
        }
    }

    /// The planned releases that now belong to another tag.
    fn moved_releases(&self, planned: &Delete) -> Vec<ChangeSincePlan> {
        let mut moved_releases = Vec::new();
        for id in planned.release_ids() {
            let name = planned.name.clone();
            match self.releases.get(&id) {
                Some(home) if home.draft => moved_releases.push(ChangeSincePlan::BecameDraft { name, id }),
                Some(home) if home.name != name => {
                    moved_releases.push(ChangeSincePlan::ReleaseElsewhere { name, id, now_on: home.name.to_owned() });
                }
                Some(_) | None => {}
            }
        }
        moved_releases
    }
}

/// What a unit has now that is not in the plan; missing parts are not a change.
fn changes(planned: &Delete, tag: Option<&TagRecord>, releases: &[ReleaseRecord]) -> Vec<ChangeSincePlan> {
    let mut found = Vec::new();
    let name = || planned.name.clone();
    match (&planned.tag, tag) {
        (Some(then), Some(now)) if then.object_id != now.object_id => found.push(ChangeSincePlan::TagMoved {
            name: name(),
            planned: then.object_id.clone(),
            found: now.object_id.clone(),
        }),
        (None, Some(now)) => found.push(ChangeSincePlan::TagAppeared { name: name(), found: now.object_id.clone() }),
        (Some(_), Some(_)) | (Some(_) | None, None) => {}
    }
    for release in releases {
        match planned.releases.iter().find(|then| then.id == release.id) {
            None => found.push(ChangeSincePlan::ReleaseAppeared { name: name(), id: release.id }),
            Some(then) => {
                let unknown = |now: &&AssetRecord| !then.assets.iter().any(|then| is_same_file(then, now));
                let changed = release.assets.iter().filter(unknown);
                found.extend(
                    changed.map(|asset| ChangeSincePlan::AssetChanged { name: name(), asset: asset.name.clone() }),
                );
            }
        }
    }
    found
}

fn is_same_file(one: &AssetRecord, other: &AssetRecord) -> bool {
    (one.id, &one.name, one.size, &one.digest) == (other.id, &other.name, other.size, &other.digest)
}

fn joined(differences: &[ChangeSincePlan]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for ChangeSincePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { planned, found } => write!(f, "the plan is for {planned}, but this is {found}"),
            Self::NowKept { name, reason } => write!(f, "{name} is now kept ({reason})"),
            Self::TagMoved { name, planned, found } => write!(f, "tag {name} moved from {planned} to {found}"),
            Self::TagAppeared { name, found } => write!(f, "tag {name} was created at {found}"),
            Self::ReleaseAppeared { name, id } => write!(f, "{name} has a new release ({id})"),
            Self::ReleaseElsewhere { name, id, now_on } => write!(f, "release {id} moved from {name} to {now_on}"),
            Self::BecameDraft { name, id } => write!(f, "release {id} of {name} is now a draft"),
            Self::AssetChanged { name, asset } => write!(f, "{name} has a new or changed asset ({asset})"),
        }
    }
}

#[cfg(test)]
mod tests;
