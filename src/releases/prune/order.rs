//! Sorts versions by semver precedence and by publication; every unit has a rank in both orders.

use std::cmp::Ordering;

use semver::Version;

use crate::releases::prune::Unit;
use crate::releases::prune::VersionOrder;

/// A managed unit and the version it names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Managed<'a> {
    pub(super) unit: &'a Unit,
    pub(super) version: &'a Version,
}

/// The ranks of a unit; units of equal precedence share one slot and therefore both ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rank {
    /// By semver precedence, newest first, from 1.
    pub(super) semver: usize,
    /// By publication, newest first, from 1; `None` if no unit of the slot has a date.
    pub(super) published: Option<usize>,
    /// Whether it is the newest unit of its slot.
    pub(super) leads: bool,
}

/// The rank of each unit, in input order.
pub(super) fn places(managed: &[Managed<'_>]) -> Vec<Rank> {
    let slots = slots(managed);
    let mut by_time: Vec<usize> = (0..slots.len()).filter(|slot| newest(managed, &slots[*slot]).is_dated()).collect();
    by_time.sort_by(|one, other| by_age(newest(managed, &slots[*other]), newest(managed, &slots[*one])));
    let mut published = vec![None; slots.len()];
    for (rank, slot) in by_time.into_iter().enumerate() {
        published[slot] = Some(rank + 1);
    }
    let mut places = vec![Rank { semver: 0, published: None, leads: false }; managed.len()];
    for (rank, slot) in slots.iter().enumerate() {
        let leader = newest(managed, slot);
        for member in slot {
            let leads = managed[*member].unit.name == leader.unit.name;
            places[*member] = Rank { semver: rank + 1, published: published[rank], leads };
        }
    }
    places
}

/// Which of two units is older: by the policy's order, then by the other order, so that only equal names tie.
pub(super) fn age(order: VersionOrder, one: Managed<'_>, other: Managed<'_>) -> Ordering {
    match order {
        VersionOrder::Both | VersionOrder::Semver => {
            one.version.cmp_precedence(other.version).then_with(|| by_age(one, other))
        }
        VersionOrder::Published => by_age(one, other),
    }
}

impl Managed<'_> {
    fn is_dated(self) -> bool {
        self.unit.when().is_some()
    }
}

/// Groups units of equal precedence, highest precedence first.
fn slots(managed: &[Managed<'_>]) -> Vec<Vec<usize>> {
    let mut by_precedence: Vec<usize> = (0..managed.len()).collect();
    by_precedence.sort_by(|one, other| managed[*other].version.cmp_precedence(managed[*one].version));
    let same = |one: &usize, other: &usize| managed[*one].version.cmp_precedence(managed[*other].version).is_eq();
    by_precedence.chunk_by(same).map(<[usize]>::to_vec).collect()
}

fn newest<'a>(managed: &[Managed<'a>], slot: &[usize]) -> Managed<'a> {
    let members = slot.iter().map(|member| managed[*member]);
    members.max_by(|one, other| by_age(*one, *other)).expect("a slot has at least one unit")
}

/// By publication; equal dates by release ID, which increases; for tags of one commit by precedence, then by name.
fn by_age(one: Managed<'_>, other: Managed<'_>) -> Ordering {
    let dated = |of: Managed<'_>| (of.unit.when(), of.unit.newest_release_id());
    dated(one)
        .cmp(&dated(other))
        .then_with(|| one.version.cmp_precedence(other.version))
        .then_with(|| one.unit.name.cmp(&other.unit.name))
}

#[cfg(test)]
mod tests {
    use crate::releases::prune::testing::SamplePart;
    use crate::releases::prune::testing::bare;
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::undated;
    use crate::releases::prune::testing::world;
    use crate::releases::prune::units;

    use super::*;

    fn placed<const N: usize>(parts: [SamplePart; N]) -> Vec<(String, usize, Option<usize>, bool)> {
        let units = units(&world(parts));
        let managed: Vec<_> =
            units.iter().filter_map(|unit| unit.version().map(|version| Managed { unit, version })).collect();
        let places = places(&managed);
        let row =
            |(of, place): (&Managed<'_>, Rank)| (of.unit.name.clone(), place.semver, place.published, place.leads);
        managed.iter().zip(places).map(row).collect()
    }

    fn row(name: &str, semver: usize, published: Option<usize>, leads: bool) -> (String, usize, Option<usize>, bool) {
        (name.to_owned(), semver, published, leads)
    }

    #[test]
    fn equal_precedence_shares_a_slot_that_is_as_new_as_its_newest_unit() {
        assert_eq!(
            placed([
                released(1, "1.2.3", 1),
                released(2, "v1.2.3", 8),
                released(3, "v1.2.3+build.5", 3),
                released(4, "v1.3.0", 7),
            ]),
            [
                row("1.2.3", 2, Some(1), false),
                row("v1.2.3", 2, Some(1), true),
                row("v1.2.3+build.5", 2, Some(1), false),
                row("v1.3.0", 1, Some(2), true),
            ]
        );
    }

    #[test]
    fn equal_dates_are_ordered_by_release_id_and_then_by_precedence() {
        assert_eq!(
            placed([released(9, "v1.0.0", 5), released(4, "v1.1.0", 5), bare("v0.9.0", 5), bare("v0.8.0", 5)]),
            [
                row("v0.8.0", 4, Some(4), true),
                row("v0.9.0", 3, Some(3), true),
                row("v1.0.0", 2, Some(1), true),
                row("v1.1.0", 1, Some(2), true),
            ]
        );
    }

    #[test]
    fn a_unit_without_a_date_has_no_publication_rank() {
        assert_eq!(
            placed([released(1, "v1.0.0", 1), undated("v2.0.0")]),
            [row("v1.0.0", 2, Some(1), true), row("v2.0.0", 1, None, true)]
        );
    }
}
