//! Warnings about a plan: where names or dates may be misleading.

use std::collections::HashMap;

use semver::Version;

use crate::releases::prune::Decision;
use crate::releases::prune::Delete;
use crate::releases::prune::OrderConflict;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::RepoFacts;
use crate::releases::prune::Unit;
use crate::releases::prune::UnitReason;
use crate::releases::prune::decide::quotas;
use crate::releases::prune::order::Managed;

/// The input of the warnings.
pub(super) struct Seen<'a> {
    pub(super) repository: &'a RepoFacts,
    pub(super) policy: &'a PrunePolicy,
    pub(super) units: &'a [Unit],
    pub(super) keep: &'a [Decision],
    pub(super) delete: &'a [Delete],
    pub(super) order_conflict: Option<&'a OrderConflict>,
}

/// One sentence per warning, in a fixed order.
pub(super) fn warnings(seen: &Seen<'_>) -> Vec<String> {
    let managed: Vec<Managed<'_>> =
        seen.units.iter().filter_map(|unit| unit.version().map(|version| Managed { unit, version })).collect();
    let mut warnings = Vec::new();
    warnings.extend(unknown_rights(seen.repository));
    warnings.extend(idle_patterns(seen.policy, seen.units));
    warnings.extend(seen.units.iter().filter_map(several_releases));
    warnings.extend(shared_versions(&managed));
    warnings.extend(lexical_numbers(&managed));
    warnings.extend(seen.order_conflict.map(ToString::to_string));
    warnings.extend(over_quota(seen.policy, seen.keep));
    warnings.extend(undated(seen.keep));
    warnings.extend(burned_names(seen.delete));
    warnings
}

/// How many managed units are kept beyond the requested number.
pub(super) fn surplus(policy: &PrunePolicy, keep: &[Decision]) -> usize {
    let (quota, apart) = quotas(policy);
    keep.len().saturating_sub(quota.saturating_add(apart))
}

fn unknown_rights(repository: &RepoFacts) -> Option<String> {
    let unknown = repository.may_push.is_none();
    unknown.then(|| {
        "GitHub does not report whether the token can push; without push access drafts are not listed".to_owned()
    })
}

/// A pattern that matches nothing may be a typo.
fn idle_patterns(policy: &PrunePolicy, units: &[Unit]) -> Vec<String> {
    let idle = policy.protect.iter().filter(|pattern| !units.iter().any(|unit| pattern.matches(&unit.name)));
    idle.map(|pattern| format!("--protect `{}` matches no tag", pattern.as_str())).collect()
}

fn several_releases(unit: &Unit) -> Option<String> {
    let number = unit.releases.len();
    (number > 1).then(|| format!("tag {} has {number} releases; they are kept or deleted together", unit.name))
}

fn shared_versions(managed: &[Managed<'_>]) -> Vec<String> {
    let mut sorted = managed.to_vec();
    sorted.sort_by(|one, other| other.version.cmp_precedence(one.version));
    let shared = sorted.chunk_by(|one, other| one.version.cmp_precedence(other.version).is_eq());
    let sentence = |slot: &[Managed<'_>]| {
        let names: Vec<&str> = slot.iter().map(|of| of.unit.name.as_str()).collect();
        format!("{} are one version by semver and count once; they are kept or deleted together", names.join(", "))
    };
    shared.filter(|slot| slot.len() > 1).map(sentence).collect()
}

/// `rc10` sorts before `rc9` in semver, because only identifiers made of digits are numbers.
fn lexical_numbers(managed: &[Managed<'_>]) -> Vec<String> {
    let mut groups: HashMap<_, Vec<(&str, &str)>> = HashMap::new();
    for of in managed {
        for (stem, digits) in mixed_identifiers(of.version) {
            let Version { major, minor, patch, .. } = of.version;
            groups.entry((*major, *minor, *patch, stem)).or_default().push((digits, &of.unit.name));
        }
    }
    let mut warnings: Vec<String> = groups.into_values().filter_map(misleading_pair).collect();
    warnings.sort();
    warnings
}

/// The identifiers with letters followed by digits, each split before the digits.
fn mixed_identifiers(version: &Version) -> Vec<(&str, &str)> {
    let text = version.pre.as_str();
    let mut found = Vec::new();
    let mut end = 0;
    for identifier in text.split('.') {
        end += identifier.len();
        let stem = identifier.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = identifier.len() - stem.len();
        if !stem.is_empty() && digits > 0 {
            found.push((&text[..end - digits], &text[end - digits..end]));
        }
        end += 1;
    }
    found
}

/// The first pair that semver orders differently from their numbers.
fn misleading_pair(mut group: Vec<(&str, &str)>) -> Option<String> {
    let number = |digits: &str| digits.trim_start_matches('0').to_owned();
    let counted = |digits: &str| (number(digits).len(), number(digits));
    group.sort_by_key(|(digits, name)| (counted(digits), (*name).to_owned()));
    let pair = group.windows(2).find(|pair| pair[0].0 > pair[1].0 && counted(pair[0].0) < counted(pair[1].0))?;
    let (lower, higher) = (pair[0].1, pair[1].1);
    Some(format!(
        "{lower} is newer than {higher} by semver, because only identifiers made of digits are compared as numbers"
    ))
}

fn over_quota(policy: &PrunePolicy, keep: &[Decision]) -> Option<String> {
    let surplus = surplus(policy, keep);
    let (all, wanted) = (keep.len(), keep.len() - surplus);
    let newest = keep.iter().filter(|kept| matches!(kept.reason, UnitReason::AmongNewest(_))).count();
    let others = match all - newest {
        0 => String::new(),
        1 => " and 1 is kept for another reason".to_owned(),
        several => format!(" and {several} are kept for other reasons"),
    };
    let sentence =
        || format!("{all} are kept, {surplus} more than the {wanted} requested: {newest} are among the newest{others}");
    (surplus > 0).then(sentence)
}

fn undated(keep: &[Decision]) -> Option<String> {
    let names: Vec<&str> =
        keep.iter().filter(|kept| kept.reason == UnitReason::Undated).map(|kept| kept.unit.name.as_str()).collect();
    let sentence = || format!("the date of {} is unknown, so it is not deleted", names.join(", "));
    (!names.is_empty()).then(sentence)
}

fn burned_names(delete: &[Delete]) -> Option<String> {
    let names: Vec<&str> = delete.iter().filter(|unit| unit.burns_name()).map(|unit| unit.name.as_str()).collect();
    let sentence = || format!("immutable, so these tag names can never be used again: {}", names.join(", "));
    (!names.is_empty()).then(sentence)
}

#[cfg(test)]
mod tests {
    use crate::releases::prune::testing::bare;
    use crate::releases::prune::testing::world;
    use crate::releases::prune::units;

    use super::*;

    fn lint<const N: usize>(names: [&str; N]) -> Vec<String> {
        let units = units(&world(names.map(|name| bare(name, 1))));
        let managed: Vec<_> =
            units.iter().filter_map(|unit| unit.version().map(|version| Managed { unit, version })).collect();
        lexical_numbers(&managed)
    }

    #[test]
    fn digits_after_letters_are_reported_only_if_misleading() {
        let found = lint(["v1.0.0-rc9", "v1.0.0-rc10", "v1.0.0-rc2"]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("v1.0.0-rc9 is newer than v1.0.0-rc10"), "{found:?}");
        assert_eq!(lint(["v1.0.0-beta.rc9.1", "v1.0.0-beta.rc10.2"]).len(), 1);
        for quiet in [
            ["v1.0.0-rc1", "v1.0.0-rc9"],
            ["v1.0.0-rc.9", "v1.0.0-rc.10"],
            ["v1.0.0-rc9", "v1.1.0-rc10"],
            ["v1.0.0-beta9", "v1.0.0-rc10"],
            ["v1.0.0-rc09", "v1.0.0-rc10"],
            ["v1.0.0-rc1", "v1.0.0-rc10"],
        ] {
            assert_eq!(lint(quiet), Vec::<String>::new(), "{quiet:?}");
        }
    }
}
