//! Gives every managed unit one reason.

use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use semver::BuildMetadata;
use semver::Version;

use crate::releases::prune::Prerelease;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::Ranks;
use crate::releases::prune::Unit;
use crate::releases::prune::UnitReason;
use crate::releases::prune::VersionOrder;
use crate::releases::prune::order::Managed;
use crate::releases::prune::order::Rank;
use crate::releases::prune::order::age;
use crate::releases::prune::order::places;

/// Facts about the repository besides the units.
pub(super) struct PruneFacts<'a> {
    pub(super) policy: &'a PrunePolicy,
    pub(super) now: DateTime<Utc>,
    /// The ID of GitHub's latest release.
    pub(super) latest: Option<u64>,
    /// The tag names of drafts.
    pub(super) drafted: HashSet<&'a str>,
    /// The prereleases that the policy ignores.
    pub(super) ignored: Vec<Managed<'a>>,
}

/// The reason of each managed unit, in input order.
pub(super) fn reasons(managed: &[Managed<'_>], around: &PruneFacts<'_>) -> Vec<UnitReason> {
    let places = places_by_class(managed, around.policy);
    let newest = NewestStable::of(managed);
    let own = |(of, (place, quota)): (&Managed<'_>, &(Rank, usize))| {
        among_newest(*place, *quota, around.policy.order).or_else(|| protection(of.unit, &newest, around))
    };
    let mut kept: Vec<Option<UnitReason>> = managed.iter().zip(&places).map(own).collect();
    keep_whole_versions(managed, &around.ignored, &mut kept);
    if !around.policy.allow_immutable {
        for (of, reason) in managed.iter().zip(&mut kept) {
            if reason.is_none() && of.unit.is_immutable() {
                *reason = Some(UnitReason::Immutable);
            }
        }
        keep_whole_versions(managed, &around.ignored, &mut kept);
    }
    let older = |(reason, (place, _)): (Option<UnitReason>, &(Rank, usize))| {
        reason.unwrap_or_else(|| UnitReason::Older(ranks(*place, around.policy.order)))
    };
    kept.into_iter().zip(&places).map(older).collect()
}

/// How many versions the policy keeps: stable (or all) versions, and prereleases that are counted separately.
pub(super) fn quotas(policy: &PrunePolicy) -> (usize, usize) {
    let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let keep = whole(policy.keep.get());
    match policy.prerelease {
        Prerelease::Count | Prerelease::Ignore => (keep, 0),
        Prerelease::Separate(None) => (keep, keep),
        Prerelease::Separate(Some(apart)) => (keep, whole(apart.get())),
    }
}

/// The rank of each unit within its class, and how many of that class are kept.
fn places_by_class(managed: &[Managed<'_>], policy: &PrunePolicy) -> Vec<(Rank, usize)> {
    let (quota, apart) = quotas(policy);
    match policy.prerelease {
        Prerelease::Count | Prerelease::Ignore => places(managed).into_iter().map(|place| (place, quota)).collect(),
        Prerelease::Separate(_) => {
            let of_class = |stable: bool| managed.iter().copied().filter(move |of| of.unit.is_plain() == stable);
            let mut stable = places(&of_class(true).collect::<Vec<_>>()).into_iter();
            let mut others = places(&of_class(false).collect::<Vec<_>>()).into_iter();
            let next = |of: &Managed<'_>| {
                let (places, quota) = if of.unit.is_plain() { (&mut stable, quota) } else { (&mut others, apart) };
                (places.next().expect("each class has a place for each of its units"), quota)
            };
            managed.iter().map(next).collect()
        }
    }
}

/// The ranks that put a unit among the newest. Of several units with one version only the newest unit counts.
fn among_newest(place: Rank, quota: usize, order: VersionOrder) -> Option<UnitReason> {
    let all = ranks(place, order);
    let within = |rank: &usize| *rank <= quota;
    let ranks = Ranks { semver: all.semver.filter(within), published: all.published.filter(within) };
    let is_newest = place.leads && (ranks.semver.is_some() || ranks.published.is_some());
    is_newest.then_some(UnitReason::AmongNewest(ranks))
}

fn ranks(place: Rank, order: VersionOrder) -> Ranks {
    Ranks {
        semver: order.is_by_precedence().then_some(place.semver),
        published: place.published.filter(|_| order.is_by_time()),
    }
}

/// Why a unit that is not among the newest is kept, strongest reason first.
fn protection(unit: &Unit, newest: &NewestStable<'_>, around: &PruneFacts<'_>) -> Option<UnitReason> {
    let policy = around.policy;
    if unit.releases.iter().any(|release| around.latest == Some(release.id)) {
        return Some(UnitReason::Latest);
    }
    if newest.any == Some(unit.name.as_str()) {
        return Some(UnitReason::NewestStable);
    }
    if newest.installable == Some(unit.name.as_str()) {
        return Some(UnitReason::NewestInstallable);
    }
    if policy.protected_tags.iter().any(|tag| tag == &unit.name || is_ref_of(tag, &unit.name)) {
        return Some(UnitReason::ThisJob);
    }
    if let Some(pattern) = policy.protect.iter().find(|pattern| pattern.matches(&unit.name)) {
        return Some(UnitReason::Protected { glob: pattern.as_str().to_owned() });
    }
    if around.drafted.contains(unit.name.as_str()) {
        return Some(UnitReason::DraftNamesIt);
    }
    if let Some(asset) = unit.unfinished_asset() {
        return Some(UnitReason::UnfinishedUpload { asset: asset.to_owned() });
    }
    match unit.when() {
        Some(when) => {
            let age = age_at(around.now, when);
            (age < policy.min_age).then_some(UnitReason::TooYoung { age })
        }
        None => policy.needs_dates().then_some(UnitReason::Undated),
    }
}

/// CI systems name a run's tag with and without `refs/tags/`.
fn is_ref_of(reference: &str, tag: &str) -> bool {
    reference.strip_prefix("refs/tags/") == Some(tag)
}

/// The age of a unit; dates in the future count as now.
fn age_at(now: DateTime<Utc>, when: DateTime<Utc>) -> Duration {
    now.signed_duration_since(when).to_std().unwrap_or(Duration::ZERO)
}

/// The stable versions that every policy keeps. If nothing is published as stable, the newest version that is not a
/// prerelease by name. Bare tags count only then, so that a tag whose release was just deleted is not mistaken for the
/// newest stable version.
struct NewestStable<'a> {
    any: Option<&'a str>,
    installable: Option<&'a str>,
}

impl<'a> NewestStable<'a> {
    fn of(managed: &[Managed<'a>]) -> Self {
        let name_of_newest = |wanted: fn(&Unit) -> bool| {
            let candidates = managed.iter().copied().filter(|of| wanted(of.unit));
            let newest = candidates.max_by(|one, other| age(VersionOrder::Semver, *one, *other));
            newest.map(|of| of.unit.name.as_str())
        };
        let any = name_of_newest(Unit::is_stable).or_else(|| name_of_newest(Unit::is_plain));
        Self { any, installable: name_of_newest(Unit::is_installable) }
    }
}

/// Keeps every unit whose version has a kept unit: `v1.2.3` and `1.2.3` are one version, and which of them is used is
/// unknown.
fn keep_whole_versions(managed: &[Managed<'_>], ignored: &[Managed<'_>], kept: &mut [Option<UnitReason>]) {
    let mut with: HashMap<Version, &str> = HashMap::new();
    let staying = managed.iter().zip(kept.iter()).filter(|(_, reason)| reason.is_some()).map(|(of, _)| of);
    for of in staying.chain(ignored) {
        with.entry(without_build(of.version)).or_insert(&of.unit.name);
    }
    for (of, reason) in managed.iter().zip(kept) {
        if reason.is_none()
            && let Some(with) = with.get(&without_build(of.version))
        {
            *reason = Some(UnitReason::SamePrecedence { with: (*with).to_owned() });
        }
    }
}

/// Equal exactly for versions of equal precedence.
fn without_build(version: &Version) -> Version {
    Version { build: BuildMetadata::EMPTY, ..version.clone() }
}
