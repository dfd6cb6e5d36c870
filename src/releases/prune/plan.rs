//! The plan: every unit with its outcome, the deletions in order of execution, and the guards.

use std::fmt;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::model::Tag;
use crate::releases::prune::Delete;
use crate::releases::prune::GuardRefusal;
use crate::releases::prune::Inventory;
use crate::releases::prune::PlanRefusal;
use crate::releases::prune::Prerelease;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::RepoFacts;
use crate::releases::prune::Unit;
use crate::releases::prune::UnitOutcome;
use crate::releases::prune::UnitReason;
use crate::releases::prune::UnmanagedWhy;
use crate::releases::prune::VersionOrder;
use crate::releases::prune::decide::PruneFacts;
use crate::releases::prune::decide::reasons;
use crate::releases::prune::order::Managed;
use crate::releases::prune::order::age;
use crate::releases::prune::refusal::EXAMPLES;
use crate::releases::prune::refusal::refuse;
use crate::releases::prune::unit::is_installable;
use crate::releases::prune::units;
use crate::releases::prune::warnings::Seen;
use crate::releases::prune::warnings::surplus;
use crate::releases::prune::warnings::warnings;

/// A unit with the reason for its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The unit.
    pub unit: Unit,
    /// The reason, which determines the outcome.
    pub reason: UnitReason,
}

impl Decision {
    /// The outcome of the unit.
    pub const fn fate(&self) -> UnitOutcome {
        self.reason.fate()
    }
}

/// The difference between the two orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderConflict {
    /// Names that are among the newest only by semver precedence.
    pub only_semver: Vec<String>,
    /// Names that are among the newest only by publication date.
    pub only_published: Vec<String>,
}

impl fmt::Display for OrderConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        write!(
            f,
            "semver and publication order disagree: only semver keeps {}, only the publication date keeps {}",
            names(&self.only_semver),
            names(&self.only_published)
        )
    }
}

/// The outcome of every unit of a repository. Created only by [`PrunePlan::compute`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct PrunePlan {
    pub(super) repository: RepoFacts,
    pub(super) policy: PrunePolicy,
    pub(super) computed_at: DateTime<Utc>,
    pub(super) latest: Option<u64>,
    pub(super) keep: Vec<Decision>,
    pub(super) delete: Vec<Delete>,
    pub(super) unmanaged: Vec<Decision>,
    pub(super) drafts: Vec<Decision>,
    pub(super) order_conflict: Option<OrderConflict>,
    pub(super) warnings: Vec<String>,
}

impl PrunePlan {
    /// Gives every unit of the inventory one outcome. Ages are relative to `now`.
    pub fn compute(inventory: &Inventory, policy: &PrunePolicy, now: DateTime<Utc>) -> Result<Self, PlanRefusal> {
        refuse(inventory)?;
        let units = units(inventory);
        if !units.iter().any(|unit| unit.version().is_some()) {
            return Err(nothing_managed(inventory, &units));
        }
        let Sorted { managed, ignored, others } = classify(&units, policy.prerelease);
        let drafted = units.iter().filter(|unit| unit.draft).map(|unit| unit.name.as_str()).collect();
        let around = PruneFacts { policy, now, latest: inventory.latest, drafted, ignored };
        let decided: Vec<_> = managed.iter().copied().zip(reasons(&managed, &around)).collect();
        let (keep, delete) = lists(decided, policy.order);
        let order_conflict = conflict(&keep, policy.order);
        let (drafts, unmanaged) = others.into_iter().partition(|decision| decision.reason == UnitReason::Draft);
        let warnings = warnings(&Seen {
            repository: &inventory.repository,
            policy,
            units: &units,
            keep: &keep,
            delete: &delete,
            order_conflict: order_conflict.as_ref(),
        });
        Ok(Self {
            repository: inventory.repository.clone(),
            policy: policy.clone(),
            computed_at: now,
            latest: inventory.latest,
            keep,
            delete,
            unmanaged,
            drafts,
            order_conflict,
            warnings,
        })
    }

    /// Refuses to delete more than `max_delete` units, or the last installable release.
    pub fn guard(&self, max_delete: usize) -> Result<(), GuardRefusal> {
        let planned = self.delete.len();
        if planned > max_delete {
            return Err(GuardRefusal::TooMany { planned, limit: max_delete });
        }
        let goes = self.delete.iter().any(|unit| is_installable(version_of(&unit.name).as_ref(), &unit.releases));
        let stays = self.keep.iter().any(|decision| decision.unit.is_installable());
        if goes && !stays { Err(GuardRefusal::NothingInstallable) } else { Ok(()) }
    }

    /// The repository it was computed for.
    pub const fn repository(&self) -> &RepoFacts {
        &self.repository
    }

    /// The policy it was computed with.
    pub const fn policy(&self) -> &PrunePolicy {
        &self.policy
    }

    /// The time it was computed for.
    pub const fn computed_at(&self) -> DateTime<Utc> {
        self.computed_at
    }

    /// The ID of GitHub's latest release at that time.
    pub const fn latest(&self) -> Option<u64> {
        self.latest
    }

    /// The kept units, newest first.
    pub fn keep(&self) -> &[Decision] {
        &self.keep
    }

    /// The deletions, oldest first: the order of execution.
    pub fn delete(&self) -> &[Delete] {
        &self.delete
    }

    /// The units that are not managed, by name.
    pub fn unmanaged(&self) -> &[Decision] {
        &self.unmanaged
    }

    /// The drafts, by name and ID.
    pub fn drafts(&self) -> &[Decision] {
        &self.drafts
    }

    /// Where the two orders differ, if the policy uses both.
    pub const fn order_conflict(&self) -> Option<&OrderConflict> {
        self.order_conflict.as_ref()
    }

    /// How many managed units are kept beyond the requested number, for other reasons.
    pub fn over_quota(&self) -> usize {
        surplus(&self.policy, &self.keep)
    }

    /// The size of the assets to delete, in bytes.
    pub fn bytes_freed(&self) -> u64 {
        self.delete.iter().fold(0, |sum, unit| sum.saturating_add(unit.bytes()))
    }

    /// Warnings about what may be misleading.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Every unit that is not deleted, for any reason.
    pub(super) fn not_deleted(&self) -> impl Iterator<Item = &Decision> {
        self.keep.iter().chain(&self.unmanaged).chain(&self.drafts)
    }
}

/// The managed units, and what is left alone.
struct Sorted<'a> {
    managed: Vec<Managed<'a>>,
    /// The managed versions.
    ignored: Vec<Managed<'a>>,
    others: Vec<Decision>,
}

fn classify(units: &[Unit], prerelease: Prerelease) -> Sorted<'_> {
    let mut sorted = Sorted { managed: Vec::new(), ignored: Vec::new(), others: Vec::new() };
    for unit in units {
        let why = match unit.version() {
            Some(version) if prerelease == Prerelease::Ignore && unit.is_prerelease() => {
                sorted.ignored.push(Managed { unit, version });
                Some(UnmanagedWhy::PrereleaseIgnored)
            }
            Some(version) => {
                sorted.managed.push(Managed { unit, version });
                continue;
            }
            None if unit.draft => None,
            None if unit.name.parse::<Tag>().is_err() => Some(UnmanagedWhy::ForbiddenName),
            None => Some(UnmanagedWhy::NotAVersion),
        };
        let reason = why.map_or(UnitReason::Draft, |why| UnitReason::Unmanaged { why });
        sorted.others.push(Decision { unit: unit.clone(), reason });
    }
    sorted
}

/// The kept units, newest first, and the deletions, oldest first.
fn lists(mut decided: Vec<(Managed<'_>, UnitReason)>, order: VersionOrder) -> (Vec<Decision>, Vec<Delete>) {
    decided.sort_by(|(one, _), (other, _)| age(order, *one, *other));
    let mut keep = Vec::new();
    let mut delete = Vec::new();
    for (of, reason) in decided {
        match reason.fate() {
            UnitOutcome::Delete => delete.push(Delete::new(of.unit.clone(), &reason)),
            UnitOutcome::Keep | UnitOutcome::Unmanaged => keep.push(Decision { unit: of.unit.clone(), reason }),
        }
    }
    keep.reverse();
    (keep, delete)
}

fn conflict(keep: &[Decision], order: VersionOrder) -> Option<OrderConflict> {
    if order != VersionOrder::Both {
        return None;
    }
    let mut conflict = OrderConflict { only_semver: Vec::new(), only_published: Vec::new() };
    for decision in keep {
        if let UnitReason::AmongNewest(ranks) = &decision.reason {
            match (ranks.semver, ranks.published) {
                (Some(_), None) => conflict.only_semver.push(decision.unit.name.clone()),
                (None, Some(_)) => conflict.only_published.push(decision.unit.name.clone()),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
    }
    let agrees = conflict.only_semver.is_empty() && conflict.only_published.is_empty();
    (!agrees).then_some(conflict)
}

fn nothing_managed(inventory: &Inventory, units: &[Unit]) -> PlanRefusal {
    let examples = units.iter().take(EXAMPLES).map(|unit| unit.name.clone()).collect();
    PlanRefusal::NothingManaged { repository: inventory.repository.full_name.clone(), examples }
}

fn version_of(name: &str) -> Option<semver::Version> {
    name.parse::<Tag>().ok().and_then(|tag| tag.version())
}

#[cfg(test)]
mod tests {
    use crate::releases::prune::testing::day;
    use crate::releases::prune::testing::keeping;
    use crate::releases::prune::testing::plan;
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::world;

    use super::*;

    #[test]
    fn a_single_line_keeps_exactly_n_and_deletes_the_oldest_first() {
        let parts = [1, 2, 3, 4, 5].map(|n| released(n, &format!("v1.{n}.0"), i64::try_from(n).expect("small")));
        let plan = plan(&world(parts), &keeping(3));
        let names: Vec<_> = plan.keep().iter().map(|kept| kept.unit.name.as_str()).collect();
        assert_eq!(names, ["v1.5.0", "v1.4.0", "v1.3.0"]);
        let names: Vec<_> = plan.delete().iter().map(|gone| gone.name.as_str()).collect();
        assert_eq!(names, ["v1.1.0", "v1.2.0"]);
        assert_eq!(plan.keep()[0].reason.to_string(), "among the newest: semver #1, published #1");
        assert_eq!(plan.delete()[0].reason, "older: semver #5, published #5");
        assert_eq!(plan.bytes_freed(), plan.delete().iter().map(Delete::bytes).sum::<u64>());
        assert_eq!((plan.over_quota(), plan.order_conflict(), plan.warnings()), (0, None, &[][..]));
    }

    #[test]
    fn guard_counts_units() {
        let parts = [1, 2, 3, 4, 5].map(|n| released(n, &format!("v1.{n}.0"), i64::try_from(n).expect("small")));
        let plan = plan(&world(parts), &keeping(1));
        assert_eq!(plan.guard(4), Ok(()));
        assert_eq!(plan.guard(3), Err(GuardRefusal::TooMany { planned: 4, limit: 3 }));
        assert_eq!(plan.guard(0), Err(GuardRefusal::TooMany { planned: 4, limit: 0 }));
    }

    #[test]
    fn guard_refuses_to_delete_the_last_installable_release() {
        let mut plan = plan(&world([released(1, "v1.0.0", 1), released(2, "v1.1.0", 2)]), &keeping(1));
        assert_eq!(plan.guard(1), Ok(()));
        plan.keep[0].unit.releases[0].assets.clear();
        assert_eq!(plan.guard(1), Err(GuardRefusal::NothingInstallable));
        plan.delete[0].releases[0].assets.clear();
        assert_eq!(plan.guard(1), Ok(()), "there was nothing to install before either");
    }

    #[test]
    fn a_repository_without_versions_is_refused_with_examples() {
        let inventory = world([released(1, "nightly", 1), released(2, "v1", 2), released(3, "2024.01.05", 3)]);
        let refusal = PrunePlan::compute(&inventory, &keeping(1), day(9)).expect_err("nothing is managed");
        assert_eq!(
            refusal.to_string(),
            "no tag or release of acme/tool is a version such as v1.2.3; found 2024.01.05, nightly, v1"
        );
    }

    #[test]
    fn reversed_dates_keep_both_ends() {
        let inventory =
            world((1..=20_u64).map(|n| released(n, &format!("v1.{n}.0"), 21 - i64::try_from(n).expect("small"))));
        let plan = plan(&inventory, &keeping(3));
        let kept: Vec<_> = plan.keep().iter().map(|kept| kept.unit.name.as_str()).collect();
        assert_eq!(kept, ["v1.20.0", "v1.19.0", "v1.18.0", "v1.3.0", "v1.2.0", "v1.1.0"]);
        assert_eq!(plan.order_conflict().map(|conflict| conflict.only_published.len()), Some(3));
    }

    #[test]
    fn equal_dates_keep_exactly_the_requested_number() {
        let inventory = world((1..=20_u64).map(|n| released(n, &format!("v1.{n}.0"), 1)));
        let plan = plan(&inventory, &keeping(3));
        assert_eq!((plan.keep().len(), plan.delete().len(), plan.order_conflict()), (3, 17, None));
    }
}
