//! Compares the published releases with the mirror: what to fetch, repair, refuse and remove. Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use thiserror::Error;

use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::sources::mirror::Index;
use crate::sources::mirror::MirroredRelease;
use crate::sources::mirror::index::newest_first;

/// A published release, limited to what is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub tag: Tag,
    /// Whether it is marked as a prerelease.
    pub prerelease: bool,
    /// The assets for the requested platforms.
    pub assets: Vec<OfferedAsset>,
    /// Its checksum and signature files.
    pub files: Vec<Offered>,
    /// What is still being uploaded, if anything.
    pub unfinished: Option<String>,
}

/// A file of a release, with its stated size and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub name: String,
    /// Its size, if stated.
    pub size: Option<u64>,
    /// Its digest, if stated.
    pub sha256: Option<Sha256Digest>,
}

/// An asset of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferedAsset {
    /// The platform it is for.
    pub target: Target,
    pub file: Offered,
}

/// The state of a file in the mirror, compared with the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It matches the index.
    Intact,
    Missing,
    /// It differs from the index.
    Damaged,
}

/// What a synchronization is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SyncRequest {
    /// The releases to mirror; empty for every release that is not a prerelease.
    pub tags: Vec<Tag>,
    /// How many versions to keep; `None` for all.
    pub keep: Option<usize>,
}

/// What happens to each release, the newest version first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) struct SyncPlan {
    pub releases: Vec<Planned>,
    /// Requested tags that are neither published nor in the mirror.
    pub absent: Vec<Tag>,
}

/// What happens to one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub tag: Tag,
    pub outcome: SyncOutcome,
}

/// What happens to a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyncOutcome {
    /// The mirror has everything requested.
    Complete,
    /// The release has nothing requested.
    Empty,
    /// Files are fetched.
    Work(SyncWork),
    /// It is left unchanged, which counts as a failure.
    Refuse(SyncRefusal),
    /// It is removed, because enough newer versions are kept.
    Remove,
}

/// What to fetch for a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SyncWork {
    /// Whether the mirror does not have the release yet.
    pub is_new: bool,
    /// The assets to fetch.
    pub assets: Vec<(Target, String)>,
    /// Whether to fetch its checksum and signature files.
    pub files: bool,
    /// Assets that are damaged or missing in the mirror.
    pub damaged: Vec<String>,
    /// Those of `repaired` that are no longer published, so they can only be restored from another copy.
    pub lost: Vec<String>,
}

/// Why a release is left unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SyncRefusal {
    /// Other bytes are published under a name the mirror has.
    #[error(
        "{name} changed on GitHub since it was mirrored: the mirror has sha256 {held}, GitHub now states {}",
        now.map_or_else(|| "another size".to_owned(), |now| now.to_string())
    )]
    Changed {
        /// The asset.
        name: String,
        /// The digest in the mirror.
        held: Sha256Digest,
        /// The published digest, if stated.
        now: Option<Sha256Digest>,
    },
    /// It cannot be mirrored as it is.
    #[error("{0}")]
    Obstacle(String),
    /// It is still being uploaded.
    #[error("{0}")]
    Unfinished(String),
    /// GitHub became unreachable earlier in this run.
    #[error("skipped because GitHub became unreachable")]
    OutOfReach,
}

/// The state of each file of the mirror, by tag and name.
type Conditions = BTreeMap<(Tag, String), Condition>;

impl SyncPlan {
    /// Computes the plan. The order of the input does not matter.
    pub(crate) fn compute(offers: &[Offer], index: &Index, conditions: &Conditions, wanted: &SyncRequest) -> Self {
        let held: BTreeSet<&Tag> = index.releases.iter().map(|release| &release.tag).collect();
        let offered: BTreeMap<&Tag, &Offer> = offers
            .iter()
            .filter(|offer| offer.tag.version().is_some())
            .filter(|offer| is_wanted(offer, &wanted.tags) || held.contains(&offer.tag))
            .map(|offer| (&offer.tag, offer))
            .collect();
        let absent = wanted.tags.iter().filter(|tag| !offered.contains_key(tag) && !held.contains(tag));
        let absent = absent.cloned().collect();
        let all: BTreeSet<&Tag> = offered.keys().copied().chain(held.iter().copied()).collect();
        // A release without requested files does not count towards `keep`.
        let counted = all
            .iter()
            .copied()
            .filter(|tag| held.contains(tag) || offered.get(tag).is_some_and(|offer| !offer.assets.is_empty()));
        let beyond: BTreeSet<Tag> = beyond(counted, wanted).into_iter().collect();
        let mut all: Vec<&Tag> = all.into_iter().collect();
        all.sort_by(|a, b| newest_first(a, b));
        let planned = |tag: &Tag| {
            let outcome = match (index.release(tag), beyond.contains(tag)) {
                (Some(_), true) => SyncOutcome::Remove,
                (None, true) => return None,
                (release, false) => outcome(offered.get(tag).copied(), release, conditions),
            };
            Some(Planned { tag: tag.clone(), outcome })
        };
        Self { releases: all.into_iter().filter_map(planned).collect(), absent }
    }
}

/// The versions beyond `keep`: all but the newest and those requested by name.
pub(crate) fn beyond<'a>(tags: impl Iterator<Item = &'a Tag>, wanted: &SyncRequest) -> Vec<Tag> {
    let Some(keep) = wanted.keep else { return Vec::new() };
    let mut tags: Vec<&Tag> = tags.collect();
    tags.sort_by(|a, b| newest_first(a, b));
    tags.into_iter().skip(keep).filter(|tag| !wanted.tags.contains(tag)).cloned().collect()
}

fn is_wanted(offer: &Offer, tags: &[Tag]) -> bool {
    if !tags.is_empty() {
        return tags.contains(&offer.tag);
    }
    let is_prerelease = offer.tag.version().is_some_and(|version| !version.pre.is_empty());
    !offer.prerelease && !is_prerelease
}

fn outcome(offer: Option<&Offer>, held: Option<&MirroredRelease>, conditions: &Conditions) -> SyncOutcome {
    let condition = |release: &MirroredRelease, name: &str| {
        conditions.get(&(release.tag.clone(), name.to_owned())).copied().unwrap_or(Condition::Missing)
    };
    if let Some(unfinished) = offer.and_then(|offer| offer.unfinished.clone()) {
        return SyncOutcome::Refuse(SyncRefusal::Unfinished(unfinished));
    }
    let mut work = SyncWork { is_new: held.is_none(), ..SyncWork::default() };
    for OfferedAsset { target, file } in offer.into_iter().flat_map(|offer| &offer.assets) {
        let before = held.and_then(|release| release.assets.iter().find(|asset| asset.name == file.name));
        let condition = held.map_or(Condition::Missing, |release| condition(release, &file.name));
        // If the user removed a file from the directory, the published one is fetched.
        if let Some(before) = before.filter(|_| condition != Condition::Missing) {
            let is_other = file.sha256.is_some_and(|now| now != before.sha256);
            if is_other || file.size.is_some_and(|now| now != before.size) {
                let (name, held, now) = (file.name.clone(), before.sha256, file.sha256.filter(|_| is_other));
                return SyncOutcome::Refuse(SyncRefusal::Changed { name, held, now });
            }
        }
        if before.is_none() || condition != Condition::Intact {
            work.assets.push((*target, file.name.clone()));
        }
    }
    let Some(held) = held else {
        work.files = offer.is_some_and(|offer| !offer.files.is_empty());
        return if work.assets.is_empty() { SyncOutcome::Empty } else { SyncOutcome::Work(work) };
    };
    for file in offer.into_iter().flat_map(|offer| &offer.files) {
        let before = held.files.iter().find(|before| before.name == file.name);
        let is_same = before.is_some_and(|before| {
            file.sha256.is_none_or(|now| now == before.sha256) && file.size.is_none_or(|now| now == before.size)
        });
        work.files |= !is_same || condition(held, &file.name) != Condition::Intact;
    }
    for (name, _, _) in held.everything().filter(|(name, _, _)| condition(held, name) != Condition::Intact) {
        work.damaged.push(name.to_owned());
        let is_offered = offer.is_some_and(|offer| {
            offer.assets.iter().any(|asset| asset.file.name == name) || offer.files.iter().any(|file| file.name == name)
        });
        if !is_offered {
            work.lost.push(name.to_owned());
        }
    }
    let is_complete = work.assets.is_empty() && !work.files && work.damaged.is_empty();
    if is_complete { SyncOutcome::Complete } else { SyncOutcome::Work(work) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Tool;
    use crate::sources::mirror::MirroredAsset;
    use crate::sources::mirror::MirroredFile;

    fn tag(text: &str) -> Tag {
        text.parse().expect("a tag")
    }

    fn digest(byte: u8) -> Sha256Digest {
        Sha256Digest::from_bytes([byte; 32])
    }

    fn target(text: &str) -> Target {
        text.parse().expect("a target")
    }

    fn offer(text: &str, byte: u8) -> Offer {
        let file = |name: &str| Offered { name: name.to_owned(), size: Some(1), sha256: Some(digest(byte)) };
        let asset = |machine: &str| OfferedAsset { target: target(machine), file: file(&format!("reproq-{machine}")) };
        Offer {
            tag: tag(text),
            prerelease: false,
            assets: vec![asset("linux-amd64"), asset("darwin-arm64")],
            files: vec![file("SHA256SUMS")],
            unfinished: None,
        }
    }

    /// The mirror after fetching everything in these offers.
    fn mirrored(offers: &[Offer]) -> (Index, Conditions) {
        let release = |offer: &Offer| MirroredRelease {
            tag: offer.tag.clone(),
            version: None,
            published: None,
            prerelease: offer.prerelease,
            assets: offer
                .assets
                .iter()
                .map(|OfferedAsset { target, file }| MirroredAsset {
                    target: Some(*target),
                    name: file.name.clone(),
                    size: 1,
                    sha256: file.sha256.unwrap_or_else(|| digest(0)),
                })
                .collect(),
            files: offer
                .files
                .iter()
                .map(|file| MirroredFile {
                    name: file.name.clone(),
                    size: 1,
                    sha256: file.sha256.unwrap_or_else(|| digest(0)),
                })
                .collect(),
        };
        let repository = "a/b".parse().expect("a repository");
        let index = Index::new(&Tool::WORKER, repository, offers.iter().map(release).collect());
        let conditions = index
            .releases
            .iter()
            .flat_map(|release| release.everything().map(|(name, ..)| (release.tag.clone(), name.to_owned())))
            .map(|file| (file, Condition::Intact))
            .collect();
        (index, conditions)
    }

    fn planned(
        offers: &[Offer],
        (index, conditions): &(Index, Conditions),
        wanted: &SyncRequest,
    ) -> Vec<(String, SyncOutcome)> {
        let plan = SyncPlan::compute(offers, index, conditions, wanted);
        plan.releases.into_iter().map(|planned| (planned.tag.to_string(), planned.outcome)).collect()
    }

    fn only(outcomes: Vec<(String, SyncOutcome)>) -> SyncOutcome {
        assert_eq!(outcomes.len(), 1);
        outcomes.into_iter().next().expect("one").1
    }

    #[test]
    fn present_releases_are_kept_and_new_ones_are_fetched() {
        let offers = [offer("v1.0.0", 1), offer("v1.1.0", 2)];
        let held = mirrored(&offers[..1]);
        let outcomes = planned(&offers, &held, &SyncRequest::default());
        assert!(
            matches!(&outcomes[0], (tag, SyncOutcome::Work(SyncWork { is_new: true, files: true, assets, .. })) if tag == "v1.1.0" && assets.len() == 2)
        );
        assert_eq!(outcomes[1], ("v1.0.0".to_owned(), SyncOutcome::Complete));
        // Pruned on GitHub.
        assert_eq!(only(planned(&[], &held, &SyncRequest::default())), SyncOutcome::Complete);
    }

    #[test]
    fn a_changed_asset_is_refused_and_a_damaged_one_is_fetched_again() {
        let mut held = mirrored(&[offer("v1.0.0", 1)]);
        let outcome =
            |offers: &[Offer], held: &(Index, Conditions)| only(planned(offers, held, &SyncRequest::default()));
        assert!(matches!(outcome(&[offer("v1.0.0", 2)], &held), SyncOutcome::Refuse(SyncRefusal::Changed { .. })));
        let linux = (tag("v1.0.0"), "reproq-linux-amd64".to_owned());
        held.1.insert(linux.clone(), Condition::Damaged);
        let SyncOutcome::Work(work) = outcome(&[offer("v1.0.0", 1)], &held) else { panic!("work") };
        let names = vec!["reproq-linux-amd64".to_owned()];
        assert_eq!((work.assets.len(), &work.damaged, work.lost.len(), work.files), (1, &names, 0, false));
        assert!(
            matches!(outcome(&[offer("v1.0.0", 2)], &held), SyncOutcome::Refuse(_)),
            "a changed asset is refused even if the mirror's copy is damaged"
        );
        let SyncOutcome::Work(work) = outcome(&[], &held) else { panic!("work") };
        assert_eq!((work.assets.len(), work.lost), (0, names));
        // Deleted from the directory by the user.
        held.1.remove(&linux);
        held.1.remove(&(tag("v1.0.0"), "reproq-darwin-arm64".to_owned()));
        assert!(
            matches!(outcome(&[offer("v1.0.0", 2)], &held), SyncOutcome::Work(work) if work.assets.len() == 2 && work.files)
        );
    }

    #[test]
    fn prereleases_are_mirrored_only_by_name() {
        let offers = [offer("v1.0.0", 1), offer("v1.1.0-rc.1", 2), Offer { prerelease: true, ..offer("v1.2.0", 3) }];
        let none = mirrored(&[]);
        let tags =
            |wanted: &SyncRequest| planned(&offers, &none, wanted).into_iter().map(|(tag, _)| tag).collect::<Vec<_>>();
        assert_eq!(tags(&SyncRequest::default()), ["v1.0.0"]);
        let named = SyncRequest { tags: vec![tag("v1.2.0"), tag("v9.9.9")], keep: None };
        assert_eq!(tags(&named), ["v1.2.0"]);
        assert_eq!(SyncPlan::compute(&offers, &none.0, &none.1, &named).absent, [tag("v9.9.9")]);
        // Once mirrored, it is maintained.
        assert_eq!(planned(&offers, &mirrored(&offers), &SyncRequest::default()).len(), 3);
    }

    #[test]
    fn only_the_newest_and_the_named_versions_are_kept() {
        let offers: Vec<Offer> = (1..=4).map(|number| offer(&format!("v1.{number}.0"), number)).collect();
        let two = SyncRequest { tags: Vec::new(), keep: Some(2) };
        let outcomes = planned(&offers, &mirrored(&offers[..3]), &two);
        let shown: Vec<(&str, bool)> =
            outcomes.iter().map(|(tag, outcome)| (tag.as_str(), matches!(outcome, SyncOutcome::Remove))).collect();
        assert_eq!(shown, [("v1.4.0", false), ("v1.3.0", false), ("v1.2.0", true), ("v1.1.0", true)]);
        assert_eq!(
            planned(&offers, &mirrored(&[]), &two).len(),
            2,
            "a release that would be removed at once is not fetched"
        );
        let named = SyncRequest { tags: vec![tag("v1.1.0")], ..two };
        let outcomes = planned(&offers, &mirrored(&offers[..3]), &named);
        assert_eq!(outcomes.iter().filter(|(_, outcome)| *outcome == SyncOutcome::Remove).count(), 0);
        let empty = Offer { assets: Vec::new(), ..offer("v2.0.0", 9) };
        let with_empty = [offers.clone(), vec![empty]].concat();
        let gone = planned(&with_empty, &mirrored(&offers), &SyncRequest { tags: Vec::new(), keep: Some(4) });
        assert!(
            gone.iter().all(|(_, outcome)| *outcome != SyncOutcome::Remove),
            "an empty release does not displace another one"
        );
    }

    proptest! {
        #[test]
        fn after_a_plan_is_applied_the_next_one_is_empty(
            published in prop::collection::btree_map(0_u64..12, any::<u8>(), 0..8),
            held in prop::collection::btree_map(0_u64..12, any::<u8>(), 0..8),
            keep in prop::option::of(1_usize..6),
            reverse in any::<bool>(),
        ) {
            let offers = |releases: &BTreeMap<u64, u8>| {
                releases.iter().map(|(minor, byte)| offer(&format!("v1.{minor}.0"), *byte)).collect::<Vec<_>>()
            };
            let (mut published, held) = (offers(&published), mirrored(&offers(&held)));
            let wanted = SyncRequest { tags: Vec::new(), keep };
            let plan = SyncPlan::compute(&published, &held.0, &held.1, &wanted);
            if reverse {
                published.reverse();
                prop_assert_eq!(&SyncPlan::compute(&published, &held.0, &held.1, &wanted), &plan);
            }
            let stays = plan.releases.iter().filter(|planned| planned.outcome != SyncOutcome::Remove).count();
            prop_assert!(keep.is_none_or(|keep| stays <= keep));
            let removed = plan.releases.len() - stays;
            prop_assert!(keep.is_some() || removed == 0, "nothing is removed without `keep`");
            // The mirror after the plan is applied.
            let mut index = held.0;
            for Planned { tag, outcome } in &plan.releases {
                match outcome {
                    SyncOutcome::Work(_) => {
                        let offer = published.iter().find(|offer| offer.tag == *tag).expect("offered");
                        index = index.with(mirrored(std::slice::from_ref(offer)).0.releases.remove(0));
                    }
                    SyncOutcome::Remove => index = index.without(tag),
                    SyncOutcome::Complete | SyncOutcome::Empty | SyncOutcome::Refuse(_) => {}
                }
            }
            let intact = index.releases.iter().flat_map(|release| {
                release.everything().map(|(name, ..)| ((release.tag.clone(), name.to_owned()), Condition::Intact))
            });
            let again = SyncPlan::compute(&published, &index, &intact.collect(), &wanted);
            let is_done = |planned: &Planned| matches!(planned.outcome, SyncOutcome::Complete | SyncOutcome::Refuse(_));
            prop_assert!(again.releases.iter().all(is_done), "{again:?}");
        }
    }
}
