//! Properties of the plan that hold for every repository.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::change::DropReason;
use crate::model::AssetState;
use crate::releases::prune::Decision;
use crate::releases::prune::Delete;
use crate::releases::prune::Inventory;
use crate::releases::prune::PlanFile;
use crate::releases::prune::Prerelease;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::Unit;
use crate::releases::prune::UnitOutcome;
use crate::releases::prune::UnitReason;
use crate::releases::prune::VersionOrder;
use crate::releases::prune::shrink;
use crate::releases::prune::still_allowed;
use crate::releases::prune::testing::SamplePart;
use crate::releases::prune::testing::after;
use crate::releases::prune::testing::bare;
use crate::releases::prune::testing::day;
use crate::releases::prune::testing::draft_of;
use crate::releases::prune::testing::keeping;
use crate::releases::prune::testing::released;
use crate::releases::prune::testing::tagless;
use crate::releases::prune::testing::undated;
use crate::releases::prune::testing::world;
use crate::releases::prune::units;

/// Few names, so that spellings, drafts and duplicates collide.
const NAMES: [&str; 18] = [
    "v1.0.0",
    "1.0.0",
    "v1.0.0+build.5",
    "v1.0.1",
    "v1.1.0",
    "v1.2.0",
    "v1.2.0-rc.1",
    "v1.2.0-rc9",
    "v1.2.0-rc10",
    "1.2.0-rc10",
    "v2.0.0",
    "v2.0.0-beta.1",
    "v0.9.0",
    "v0.8.0",
    "nightly",
    "v1",
    "a#8",
    "v1/../v2",
];

/// A part of a repository before it gets an ID.
#[derive(Debug, Clone)]
struct Seed {
    kind: u8,
    name: &'static str,
    date: i64,
    prerelease: bool,
    immutable: bool,
    assets: u8,
}

fn seed() -> impl Strategy<Value = Seed> {
    let parts = (0_u8..10, select(NAMES.to_vec()), 1_i64..6, any::<[bool; 2]>(), 0_u8..8);
    parts.prop_map(|(kind, name, date, [one, other], assets)| Seed {
        kind,
        name,
        date,
        prerelease: one && other,
        immutable: one && !other,
        assets,
    })
}

fn part(id: u64, seed: &Seed, tagged: &mut HashSet<&'static str>) -> SamplePart {
    let untagged = tagged.insert(seed.name);
    match seed.kind {
        0 if untagged => bare(seed.name, seed.date),
        1 if untagged => undated(seed.name),
        2 => draft_of(id, seed.name),
        kind => {
            let whole = if untagged && kind > 3 { released } else { tagless };
            whole(id, seed.name, seed.date).with(|release| {
                release.prerelease = seed.prerelease;
                release.immutable = Some(seed.immutable);
                match seed.assets {
                    0 => release.assets.clear(),
                    1 => release.assets[0].state = AssetState::Incomplete,
                    2 => release.published_at = None,
                    _ => {}
                }
            })
        }
    }
}

prop_compose! {
    /// A repository with at least one version.
    fn any_world()(
        seeds in vec(seed(), 0..24),
        latest in any::<prop::sample::Index>(),
        has_latest in any::<bool>(),
        has_stable in any::<bool>(),
    ) -> Inventory {
        let mut tagged = HashSet::from(["v0.7.0"]);
        let mut parts = vec![released(1000, "v0.7.0", 1).with(|release| release.prerelease = !has_stable)];
        for (id, seed) in (1..).zip(&seeds) {
            parts.push(part(id, seed, &mut tagged));
        }
        let mut inventory = world(parts);
        let published: Vec<u64> = inventory.releases.iter().filter(|of| !of.draft).map(|of| of.id).collect();
        inventory.latest = has_latest.then(|| *latest.get(&published));
        inventory
    }
}

prop_compose! {
    fn any_policy()(
        keep in 1_u32..6,
        order in select(vec![VersionOrder::Both, VersionOrder::Semver, VersionOrder::Published]),
        prerelease in prop_oneof![
            Just(Prerelease::Count),
            Just(Prerelease::Ignore),
            (0_u32..4).prop_map(|apart| Prerelease::Separate(NonZeroU32::new(apart))),
        ],
        protect in vec(select(vec!["v1.0.*", "*-rc*", "v0.9.0"]), 0..2),
        job in option::of(select(NAMES.to_vec())),
        age in prop_oneof![Just(0_u64), 96_u64..99],
        allow_immutable in any::<bool>(),
    ) -> PrunePolicy {
        PrunePolicy {
            order,
            protect: protect.into_iter().map(|text| text.parse().expect("a pattern")).collect(),
            min_age: Duration::from_secs(age * 86_400),
            prerelease,
            allow_immutable,
            protected_tags: job.map(str::to_owned).into_iter().collect(),
            ..keeping(keep)
        }
    }
}

fn plan(inventory: &Inventory, policy: &PrunePolicy) -> PrunePlan {
    PrunePlan::compute(inventory, policy, day(101)).expect("there is a version")
}

fn gone(plan: &PrunePlan) -> HashSet<&str> {
    plan.delete().iter().map(|unit| unit.name.as_str()).collect()
}

/// Whether the second plan deletes everything that the first one deletes.
fn deletes_no_more(fewer: &PrunePlan, more: &PrunePlan) -> bool {
    gone(fewer).is_subset(&gone(more))
}

fn stays<'a>(plan: &'a PrunePlan, name: &str) -> Option<&'a Decision> {
    plan.not_deleted().find(|decision| decision.unit.name == name && !decision.unit.draft)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_tag_and_release_is_listed_exactly_once(inventory in any_world(), policy in any_policy()) {
        let plan = plan(&inventory, &policy);
        let mut tags: Vec<_> = plan.not_deleted().filter_map(|decision| decision.unit.tag.clone()).collect();
        tags.extend(plan.delete().iter().filter_map(|unit| unit.tag.clone()));
        let mut releases: Vec<_> = plan.not_deleted().flat_map(|decision| decision.unit.releases.clone()).collect();
        releases.extend(plan.delete().iter().flat_map(|unit| unit.releases.clone()));
        let (mut all_tags, mut all_releases) = (inventory.tags.clone(), inventory.releases.clone());
        tags.sort_by(|one, other| one.name.cmp(&other.name));
        all_tags.sort_by(|one, other| one.name.cmp(&other.name));
        releases.sort_by_key(|release| release.id);
        all_releases.sort_by_key(|release| release.id);
        prop_assert_eq!(tags, all_tags);
        prop_assert_eq!(releases, all_releases);
        prop_assert_eq!(
            plan.not_deleted().count() + plan.delete().len(),
            units(&inventory).len()
        );
        prop_assert!(plan.keep().iter().all(|decision| decision.fate() == UnitOutcome::Keep));
        prop_assert!(plan.unmanaged().iter().chain(plan.drafts()).all(|decision| decision.fate() == UnitOutcome::Unmanaged));
    }

    #[test]
    fn the_order_of_the_listing_does_not_matter(
        (inventory, shuffled) in any_world().prop_flat_map(|inventory| {
            let releases = Just(inventory.releases.clone()).prop_shuffle();
            let tags = Just(inventory.tags.clone()).prop_shuffle();
            (Just(inventory), releases, tags).prop_map(|(inventory, releases, tags)| {
                let shuffled = Inventory { releases, tags, ..inventory.clone() };
                (inventory, shuffled)
            })
        }),
        policy in any_policy(),
    ) {
        prop_assert_eq!(plan(&shuffled, &policy), plan(&inventory, &policy));
    }

    #[test]
    fn planning_after_a_run_deletes_nothing(inventory in any_world(), policy in any_policy()) {
        let before = plan(&inventory, &policy);
        let again = plan(&after(&inventory, &before), &policy);
        prop_assert_eq!(again.delete(), &[]);
        prop_assert_eq!(again.keep().len(), before.keep().len());
    }

    #[test]
    fn protected_units_are_kept(inventory in any_world(), policy in any_policy()) {
        let plan = plan(&inventory, &policy);
        let all = units(&inventory);
        for unit in all.iter().filter(|unit| !unit.draft) {
            let is_latest = unit.releases.iter().any(|release| inventory.latest == Some(release.id));
            let is_foreign = unit.version().is_none();
            let is_drafted = all.iter().any(|draft| draft.draft && draft.name == unit.name);
            let is_unfinished = unit.unfinished_asset().is_some();
            let is_locked = unit.is_immutable() && !policy.allow_immutable;
            let is_named = policy.protect.iter().any(|glob| glob.matches(&unit.name))
                || policy.protected_tags.contains(&unit.name);
            if is_latest || is_foreign || is_drafted || is_unfinished || is_locked || is_named {
                prop_assert!(stays(&plan, &unit.name).is_some(), "{} is deleted", unit.name);
            }
        }
        let newest = |wanted: fn(&Unit) -> bool| {
            all.iter().filter(|unit| wanted(unit)).filter_map(Unit::version)
                .max_by(|one, other| one.cmp_precedence(other))
        };
        let always = [newest(Unit::is_stable).or_else(|| newest(Unit::is_plain)), newest(Unit::is_installable)];
        for version in always.into_iter().flatten() {
            let same = |unit: &&Unit| {
                unit.version().is_some_and(|other| other.cmp_precedence(version).is_eq())
            };
            prop_assert!(all.iter().filter(same).all(|unit| stays(&plan, &unit.name).is_some()));
        }
        prop_assert_eq!(plan.drafts().len(), inventory.releases.iter().filter(|release| release.draft).count());
        prop_assert_eq!(plan.guard(usize::MAX), Ok(()));
    }

    #[test]
    fn a_version_is_deleted_entirely_or_not_at_all(inventory in any_world(), policy in any_policy()) {
        let plan = plan(&inventory, &policy);
        let gone = gone(&plan);
        for one in units(&inventory).iter().filter(|unit| gone.contains(unit.name.as_str()) && !unit.draft) {
            for other in plan.not_deleted().filter_map(|decision| decision.unit.version()) {
                let one = one.version().expect("only versions go");
                prop_assert!(one.cmp_precedence(other).is_ne(), "{one} is deleted and {other} is kept");
            }
        }
    }

    #[test]
    fn the_requested_number_is_kept(inventory in any_world(), policy in any_policy()) {
        let plan = plan(&inventory, &policy);
        let keep = usize::try_from(policy.keep.get()).expect("small");
        let managed: Vec<_> = units(&inventory).into_iter().filter(|unit| unit.version().is_some()).collect();
        let plain = managed.iter().filter(|unit| unit.is_plain()).count();
        let kept_plain = plan.keep().iter().filter(|decision| decision.unit.is_plain()).count();
        let counted = managed.iter().filter(|unit| !unit.is_prerelease()).count();
        match policy.prerelease {
            Prerelease::Count => prop_assert!(plan.keep().len() >= keep.min(managed.len())),
            Prerelease::Ignore => prop_assert!(plan.keep().len() >= keep.min(counted)),
            Prerelease::Separate(apart) => {
                let apart = usize::try_from(apart.unwrap_or(policy.keep).get()).expect("small");
                prop_assert!(kept_plain >= keep.min(plain));
                prop_assert!(plan.keep().len() - kept_plain >= apart.min(managed.len() - plain));
            }
        }
        prop_assert_eq!(plan.over_quota() == 0, !plan.warnings().iter().any(|text| text.contains("more than the")));
    }

    #[test]
    fn a_stricter_policy_deletes_no_more(
        inventory in any_world(),
        policy in any_policy(),
        more in 0_u32..3,
        name in select(NAMES.to_vec()),
    ) {
        let base = plan(&inventory, &policy);
        let changes: [&dyn Fn(&mut PrunePolicy); 8] = [
            &|policy| policy.keep = policy.keep.saturating_add(more),
            &|policy| policy.protect.push("v*0".parse().expect("a pattern")),
            &|policy| policy.protected_tags.push(name.to_owned()),
            &|policy| policy.min_age += Duration::from_secs(86_400 * 98),
            &|policy| policy.allow_immutable = false,
            &|policy| policy.order = VersionOrder::Both,
            &|policy| policy.prerelease = Prerelease::Ignore,
            &|policy| if policy.prerelease == Prerelease::Count { policy.prerelease = Prerelease::Separate(None) },
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut careful = policy.clone();
            change(&mut careful);
            prop_assert!(deletes_no_more(&plan(&inventory, &careful), &base), "change {index}");
        }
        let later = PrunePlan::compute(&inventory, &policy, day(140)).expect("there is a version");
        prop_assert!(deletes_no_more(&base, &later), "time alone only adds deletions");
    }

    #[test]
    fn deletions_are_oldest_first_and_the_kept_list_newest_first(inventory in any_world(), policy in any_policy()) {
        let plan = plan(&inventory, &policy);
        let all = units(&inventory);
        let unit = |name: &str| all.iter().find(|unit| unit.name == name && !unit.draft).expect("it is there");
        let is_sorted = |one: &Unit, other: &Unit| match policy.order {
            VersionOrder::Both | VersionOrder::Semver => {
                let (one, other) = (one.version().expect("managed"), other.version().expect("managed"));
                one.cmp_precedence(other).is_le()
            }
            VersionOrder::Published => one.when() <= other.when(),
        };
        prop_assert!(plan.delete().is_sorted_by(|one, other| is_sorted(unit(&one.name), unit(&other.name))));
        prop_assert!(plan.keep().is_sorted_by(|one, other| is_sorted(&other.unit, &one.unit)));
    }

    #[test]
    fn commit_dates_do_not_matter(inventory in any_world(), policy in any_policy(), dates in vec(1_i64..99, 30)) {
        let mut other = inventory.clone();
        for (release, date) in other.releases.iter_mut().zip(&dates) {
            release.created_at = Some(day(*date));
            release.updated_at = Some(day(100 - *date));
        }
        let (other, plan) = (plan(&other, &policy), plan(&inventory, &policy));
        prop_assert_eq!(gone(&other), gone(&plan));
    }

    #[test]
    fn revalidation_never_adds_a_deletion(one in any_world(), other in any_world(), policy in any_policy()) {
        let (planned, now) = (plan(&one, &policy), plan(&other, &policy));
        let shrunk = shrink(planned.delete(), &now);
        prop_assert_eq!(shrunk.proceed.len() + shrunk.dropped.len(), planned.delete().len());
        for unit in &shrunk.proceed {
            prop_assert!(now.delete().contains(unit), "it is deleted now");
            let then: &Delete = planned.delete().iter().find(|then| then.name == unit.name).expect("it was planned");
            let target = |unit: &Delete| unit.tag.as_ref().map(|tag| tag.object_id.clone());
            prop_assert!(unit.tag.is_none() || target(unit) == target(then));
            prop_assert!(unit.release_ids().iter().all(|id| then.release_ids().contains(id)));
        }
        let file = PlanFile::new(&planned, "1.0.0");
        let surprised = shrunk.dropped.iter().any(|(_, why)| *why != DropReason::Gone);
        match still_allowed(&file, &now) {
            Ok(allowed) => prop_assert!(!surprised && allowed == shrunk.proceed),
            Err(moved) => prop_assert!(surprised && !moved.differences.is_empty()),
        }
        prop_assert_eq!(shrink(planned.delete(), &planned).proceed, planned.delete());
        prop_assert_eq!(PlanFile::from_json(&file.to_json()).expect("what was written is read"), file);
    }

    #[test]
    fn the_next_run_finishes_an_interrupted_one(
        mut inventory in any_world(),
        policy in any_policy(),
        cut in 0_usize..40,
    ) {
        // Releases first, then their tags, interrupted after any number of requests. Tags are older than their
        // releases.
        for tag in &mut inventory.tags {
            tag.dated = Some(day(1));
        }
        let before = plan(&inventory, &policy);
        let releases = before.delete().iter().flat_map(|unit| &unit.releases).map(|release| (Some(release.id), None));
        let tags = before.delete().iter().filter_map(|unit| unit.tag.as_ref()).map(|tag| (None, Some(&tag.name)));
        let mut half = inventory.clone();
        for (id, name) in releases.chain(tags).take(cut) {
            half.releases.retain(|release| Some(release.id) != id);
            half.tags.retain(|tag| Some(&tag.name) != name);
        }
        let finished = after(&half, &plan(&half, &policy));
        let whole = after(&inventory, &before);
        let left = |inventory: &Inventory| inventory.tags.iter().map(|tag| tag.name.clone()).collect::<Vec<_>>();
        prop_assert_eq!(&finished.releases, &whole.releases);
        prop_assert_eq!(left(&finished), left(&whole));
    }
}

/// The fastest of three runs, so that a busy host does not fail the test; quadratic work would fail it by far.
#[test]
fn five_thousand_units_are_planned() {
    let number = |n: u64| format!("v{}.{}.{}", n % 7, n % 50, n);
    let parts = (1..=5000_u64).map(|n| released(n, &number(n), i64::try_from(n * 7919 % 5000).expect("small")));
    let inventory = world(parts);
    let mut policy = keeping(3);
    policy.protect = vec!["v3.7.*".parse().expect("a pattern")];
    let plan = plan(&inventory, &policy);
    assert_eq!(plan.keep().len() + plan.delete().len(), 5000);
    assert!(plan.keep().iter().any(|kept| matches!(kept.reason, UnitReason::Protected { .. })));
    assert_eq!(shrink(plan.delete(), &plan).proceed.len(), plan.delete().len());
}
