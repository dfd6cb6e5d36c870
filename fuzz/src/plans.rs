//! The plan of a prune: whatever a repository looks like, everything has one place, and what must stay stays.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use reproq::internals::model::AssetState;
use reproq::internals::releases::prune::AssetRecord;
use reproq::internals::releases::prune::Completeness;
use reproq::internals::releases::prune::Inventory;
use reproq::internals::releases::prune::PlanFile;
use reproq::internals::releases::prune::Prerelease;
use reproq::internals::releases::prune::PrunePlan;
use reproq::internals::releases::prune::PrunePolicy;
use reproq::internals::releases::prune::ReleaseRecord;
use reproq::internals::releases::prune::RepoFacts;
use reproq::internals::releases::prune::TagKind;
use reproq::internals::releases::prune::TagRecord;
use reproq::internals::releases::prune::Unit;
use reproq::internals::releases::prune::VersionOrder;
use reproq::internals::releases::prune::still_allowed;
use reproq::internals::releases::prune::units;

/// Names that meet each other's spellings, and some that are no versions.
const NAMES: [&str; 16] = [
    "v1.0.0+build.5",
    "v1.0.0+build.6",
    "1.0.0",
    "1.2.0-rc10",
    "v1.2.0-rc.1",
    "v1.2.0-rc9",
    "v1.2.0-rc10",
    "v2.0.0-beta.1",
    "v18446744073709551615.0.0",
    "v18446744073709551616.0.0",
    "v1.0.0-0123",
    "nightly",
    "v1",
    "v1/../v2",
    "résumé",
    "untagged-8f3a",
];

/// Four bytes of policy, then four for every tag, release or draft.
pub fn plan(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<4>() else { return };
    let policy = policy(*head);
    let inventory = inventory(head[3], rest);
    let now = day(400);
    let Ok(plan) = PrunePlan::compute(&inventory, &policy, now) else { return };
    assert_everything_has_one_place(&inventory, &plan);
    assert_what_must_stay_stays(&inventory, &policy, &plan);
    let mut turned = inventory.clone();
    turned.releases.reverse();
    turned.tags.reverse();
    assert_eq!(PrunePlan::compute(&turned, &policy, now).as_ref(), Ok(&plan), "the order of a listing decides");
    let again = PrunePlan::compute(&after(&inventory, &plan), &policy, now).expect("a version is left");
    assert_eq!(again.delete(), &[], "a second run finds more");
    let file = PlanFile::from_json(&PlanFile::new(&plan, "1.0.0").to_json()).expect("what was written is read");
    assert_eq!(still_allowed(&file, &plan).as_deref(), Ok(plan.delete()), "nothing moved");
    assert_eq!(plan.guard(usize::MAX), Ok(()), "nothing installable would be left");
}

fn assert_everything_has_one_place(inventory: &Inventory, plan: &PrunePlan) {
    let standing: Vec<&Unit> =
        plan.keep().iter().chain(plan.unmanaged()).chain(plan.drafts()).map(|decision| &decision.unit).collect();
    let tags = standing.iter().filter_map(|unit| unit.tag.as_ref());
    let mut tags: Vec<_> = tags.chain(plan.delete().iter().filter_map(|unit| unit.tag.as_ref())).collect();
    let releases = standing.iter().flat_map(|unit| &unit.releases);
    let mut releases: Vec<_> = releases.chain(plan.delete().iter().flat_map(|unit| &unit.releases)).collect();
    tags.sort_by_key(|tag| &tag.name);
    releases.sort_by_key(|release| release.id);
    let mut all_tags: Vec<_> = inventory.tags.iter().collect();
    all_tags.sort_by_key(|tag| &tag.name);
    assert_eq!(tags, all_tags);
    assert_eq!(releases, inventory.releases.iter().collect::<Vec<_>>());
}

fn assert_what_must_stay_stays(inventory: &Inventory, policy: &PrunePolicy, plan: &PrunePlan) {
    let all = units(inventory);
    let goes = |unit: &&Unit| !unit.draft && plan.delete().iter().any(|gone| gone.name == unit.name);
    let drafts: BTreeSet<&str> = all.iter().filter(|unit| unit.draft).map(|unit| unit.name.as_str()).collect();
    for unit in all.iter().filter(goes) {
        let is_latest = unit.releases.iter().any(|release| inventory.latest == Some(release.id));
        let is_named = policy.protect.iter().any(|glob| glob.matches(&unit.name))
            || policy.protected_tags.iter().any(|tag| tag.trim_start_matches("refs/tags/") == unit.name);
        assert!(!is_latest, "latest goes");
        assert!(!is_named, "{} is protected and goes", unit.name);
        assert!(unit.version().is_some(), "{} is no version and goes", unit.name);
        assert!(!drafts.contains(unit.name.as_str()), "{} has a draft and goes", unit.name);
        assert!(unit.unfinished_asset().is_none(), "{} is being uploaded and goes", unit.name);
        assert!(policy.allow_immutable || !unit.is_immutable(), "{} is immutable and goes", unit.name);
    }
    let newest = |wanted: fn(&Unit) -> bool| {
        let wanted = all.iter().filter(|unit| wanted(unit)).filter_map(Unit::version);
        wanted.max_by(|one, other| one.cmp_precedence(other))
    };
    for newest in [newest(Unit::is_stable), newest(Unit::is_installable)].into_iter().flatten() {
        let is_it = |unit: &&Unit| unit.version().is_some_and(|version| version.cmp_precedence(newest).is_eq());
        assert!(!all.iter().filter(is_it).any(|unit| goes(&unit)), "the newest stable version goes");
    }
    assert_eq!(plan.drafts().len(), inventory.releases.iter().filter(|release| release.draft).count());
}

/// What is left when the plan was carried out.
fn after(inventory: &Inventory, plan: &PrunePlan) -> Inventory {
    let mut left = inventory.clone();
    left.releases.retain(|release| !plan.delete().iter().any(|gone| gone.release_ids().contains(&release.id)));
    left.tags.retain(|tag| !plan.delete().iter().any(|gone| gone.tag.as_ref() == Some(tag)));
    left
}

fn policy([first, second, third, _]: [u8; 4]) -> PrunePolicy {
    let mut policy = PrunePolicy::new(NonZeroU32::MIN.saturating_add(u32::from(first & 7)));
    policy.order = [VersionOrder::Both, VersionOrder::Semver, VersionOrder::Published, VersionOrder::Both]
        [usize::from(first >> 3 & 3)];
    policy.allow_immutable = first & 0x20 != 0;
    policy.prerelease = match first >> 6 {
        0 => Prerelease::Count,
        1 => Prerelease::Ignore,
        2 => Prerelease::Separate(None),
        _ => Prerelease::Separate(NonZeroU32::new(u32::from(second & 3))),
    };
    policy.min_age = Duration::from_secs(u64::from(second >> 2) * 7 * 86_400);
    let globs = [None, Some("v1.0.*"), Some("*-rc*"), Some("v[01].?.*")];
    policy.protect = globs[usize::from(third & 3)].iter().map(|glob| glob.parse().expect("a pattern")).collect();
    policy.protected_tags = [None, Some("v1.1.1"), Some("refs/tags/v0.1.0")][usize::from(third >> 2 & 3) % 3]
        .iter()
        .map(|tag| (*tag).to_owned())
        .collect();
    policy
}

fn inventory(latest: u8, bytes: &[u8]) -> Inventory {
    let mut inventory = Inventory {
        repository: RepoFacts {
            id: 7,
            node_id: None,
            full_name: "acme/tool".parse().expect("a repository"),
            archived: false,
            may_push: Some(true),
        },
        releases: Vec::new(),
        tags: Vec::new(),
        latest: None,
        complete: Completeness::Complete,
    };
    let mut tagged = BTreeSet::new();
    for (id, part) in (1..).zip(bytes.as_chunks::<4>().0.iter().take(64)) {
        let (name, kind) = (name(part[0]), part[1]);
        if kind & 1 == 0 && tagged.insert(name.clone()) {
            inventory.tags.push(tag(&name, part[2]));
        }
        if kind & 6 != 0 {
            inventory.releases.push(release(id, name, *part));
        }
    }
    let published: Vec<u64> =
        inventory.releases.iter().filter(|release| !release.draft).map(|release| release.id).collect();
    inventory.latest = published.get(usize::from(latest)).copied();
    inventory
}

fn name(byte: u8) -> String {
    let named = NAMES.get(usize::from(byte)).map(|name| (*name).to_owned());
    named.unwrap_or_else(|| format!("v{}.{}.{}", byte >> 6, byte >> 3 & 7, byte & 7))
}

fn tag(name: &str, date: u8) -> TagRecord {
    let dated = (date != 0).then(|| day(i64::from(date)));
    TagRecord { name: name.to_owned(), object_id: "a".repeat(40), kind: TagKind::Lightweight, dated }
}

fn release(id: u64, name: String, [_, kind, date, assets]: [u8; 4]) -> ReleaseRecord {
    let draft = kind & 6 == 6;
    let asset = |number: u8| AssetRecord {
        id: Some(id * 100 + u64::from(number)),
        name: format!("asset-{number}"),
        size: u64::MAX >> (number & 63),
        state: if assets & 0xc0 == 0xc0 { AssetState::Incomplete } else { AssetState::Uploaded },
        digest: None,
        downloads: 0,
    };
    ReleaseRecord {
        id,
        node_id: None,
        tag: name,
        name: None,
        draft,
        prerelease: kind & 8 != 0,
        immutable: [None, Some(false), Some(true), Some(false)][usize::from(kind >> 4 & 3)],
        created_at: None,
        published_at: (!draft && date != 0).then(|| day(i64::from(date))),
        updated_at: None,
        assets: (0..assets & 3).map(asset).collect(),
    }
}

/// A day of 2026 and after, counted from 0.
fn day(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + number * 86_400, 0).expect("a date")
}
