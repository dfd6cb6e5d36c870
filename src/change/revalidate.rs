//! What of an earlier plan may still be done: a new listing can remove changes and never adds one. Pure.

use std::fmt;

/// A planned change, compared with a new listing. `C` describes a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Revalidated<T, C> {
    /// What is left of it may still be done.
    Allowed(T),
    /// Nothing is left of it.
    Gone,
    /// It differs from the plan.
    Changed(Vec<C>),
}

/// Why a planned change is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DropReason<C> {
    /// Nothing is left of it.
    Gone,
    /// It differs from the plan.
    Changed(Vec<C>),
}

/// The remainder of some planned changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) struct Shrunk<T, C> {
    /// What may still be done, in the planned order, each with only what still exists.
    pub proceed: Vec<T>,
    /// What must not or need not be done.
    pub dropped: Vec<(T, DropReason<C>)>,
}

/// The remainder of planned changes.
pub(crate) fn shrink<T: Clone, C>(planned: &[T], now: impl Fn(&T) -> Revalidated<T, C>) -> Shrunk<T, C> {
    let mut shrunk = Shrunk { proceed: Vec::new(), dropped: Vec::new() };
    for unit in planned {
        match now(unit) {
            Revalidated::Allowed(left) => shrunk.proceed.push(left),
            Revalidated::Gone => shrunk.dropped.push((unit.clone(), DropReason::Gone)),
            Revalidated::Changed(differences) => shrunk.dropped.push((unit.clone(), DropReason::Changed(differences))),
        }
    }
    shrunk
}

impl<T, C> Shrunk<T, C> {
    /// All or nothing: the remainder, if nothing differs from the plan; otherwise all differences.
    pub(crate) fn unless_changed(self) -> Result<Vec<T>, Vec<C>> {
        let changed = |(_, why): (T, DropReason<C>)| match why {
            DropReason::Gone => Vec::new(),
            DropReason::Changed(differences) => differences,
        };
        let differences: Vec<C> = self.dropped.into_iter().flat_map(changed).collect();
        if differences.is_empty() { Ok(self.proceed) } else { Err(differences) }
    }
}

impl<C: fmt::Display> fmt::Display for DropReason<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("already gone"),
            Self::Changed(differences) => {
                let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
                f.write_str(&differences.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Odd numbers are gone, multiples of four have changed, the rest lose their last digit.
    fn now(unit: &u32) -> Revalidated<u32, String> {
        match unit {
            odd if odd % 2 == 1 => Revalidated::Gone,
            changed if changed % 4 == 0 => Revalidated::Changed(vec![format!("{changed} moved")]),
            left => Revalidated::Allowed(left / 10),
        }
    }

    #[test]
    fn a_plan_only_shrinks() {
        let shrunk = shrink(&[22, 7, 24, 38, 40], now);
        assert_eq!(shrunk.proceed, [2, 3]);
        let dropped: Vec<String> = shrunk.dropped.iter().map(|(unit, why)| format!("{unit}: {why}")).collect();
        assert_eq!(dropped, ["7: already gone", "24: 24 moved", "40: 40 moved"]);
        assert_eq!(shrunk.unless_changed(), Err(vec!["24 moved".to_owned(), "40 moved".to_owned()]));
    }

    #[test]
    fn what_is_gone_is_no_difference() {
        assert_eq!(shrink(&[22, 7], now).unless_changed(), Ok(vec![2]));
        assert_eq!(shrink(&[], now).unless_changed(), Ok(vec![]));
    }
}
