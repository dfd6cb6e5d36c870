//! Makes a lock of a release: every machine it has an asset for, from what is known without downloading any.

use crate::flows::install::Drift;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::LockfileAction;
use crate::flows::install::acquire::Acquisition;
use crate::flows::install::choose;
use crate::flows::install::evidence;
use crate::flows::install::evidence::ChecksumFiles;
use crate::flows::install::signer::Signed;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Signer;
use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::sources::source::Source;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Finding;
use crate::trust::Level;
use crate::trust::TrustPolicy;
use crate::trust::judge;

/// Whatever is proven at all may be locked; nothing else.
const PROVEN: TrustPolicy = TrustPolicy { require: Level::Checksum, allow_unverified: false };

/// What was found out already about one machine's asset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) target: Target,
    pub(super) asset: &'a Asset,
    pub(super) evidence: &'a [Evidence],
    pub(super) signed: &'a Signed,
}

/// The lock of a release: what nothing proves is left out and named, and nothing is less than in the lock before.
///
/// # Errors
///
/// What is known already contradicts itself; or nothing is known yet, and an asset is less than the lock before records; or
/// that could not be asked.
pub(super) async fn lockfile(
    order: &Acquisition<'_>,
    source: &Source,
    listing: &Listing,
    sums: &ChecksumFiles,
    known: &[Known<'_>],
) -> Result<Lockfile, InstallError> {
    let signatures = Signatures::of(known, listing.tag())?;
    let new = match source.carried_lock() {
        Some(carried) => of_carried(order, source, listing, carried, known, signatures).await?,
        None => of_release(order, source, listing, sums, known, signatures).await?,
    };
    Ok(match &order.request.lock {
        // What was proven of the same release stays proven.
        LockfileAction::Write { old: Some(old), .. }
            if old.is_of_same_release(&new) && !order.request.changes_the_signer() =>
        {
            new.completed_by(old)
        }
        LockfileAction::Write { .. } | LockfileAction::Ignore | LockfileAction::Require => new,
    })
}

async fn of_release(
    order: &Acquisition<'_>,
    source: &Source,
    listing: &Listing,
    sums: &ChecksumFiles,
    known: &[Known<'_>],
    mut signatures: Signatures,
) -> Result<Lockfile, InstallError> {
    let (request, progress) = (order.request, order.door.progress);
    let mut assets = Vec::new();
    for target in Target::all() {
        if let Some(known) = known.iter().find(|known| known.target == target) {
            assets.extend(locked(target, known.asset, known.evidence).ok());
            continue;
        }
        let Ok(choice) = choose(listing, &request.tool, target) else { continue };
        let mut refused = None;
        for (asset, _) in &choice.candidates {
            let mut evidence = evidence::at_hand(source, listing, sums, asset);
            let says_nothing = evidence.iter().all(|statement| matches!(statement.finding, Finding::Absent { .. }));
            if says_nothing && listing.release().is_some() {
                evidence.extend(evidence::sidecars(source, listing, asset).await);
            }
            let sha256 = stated(&evidence);
            let wanted = request.clone().held_to_the_lock(target, sha256.filter(|_| is_of_the_lock(request, listing)));
            let order = Acquisition { request: &wanted, ..*order };
            match signatures.about(&order, source, listing, asset, sha256).await {
                Ok(signed) => evidence.extend(signed),
                // Whoever locks for everybody is told. Whoever installs has this machine's asset proven already, and still
                // must not lose another machine's because somebody could not be asked.
                Err(error) if known.is_empty() || is_unasked(&error) => return Err(error),
                Err(error) => {
                    refused = Some(error.to_string());
                    continue;
                }
            }
            match locked(target, asset, &evidence) {
                Ok(entry) => {
                    assets.push(entry);
                    refused = None;
                    break;
                }
                Err(why) => refused = Some(why),
            }
        }
        // Where only names are known, a machine without an asset looks the same as one whose asset nothing proves.
        if let Some(why) = refused.filter(|_| listing.release().is_some()) {
            progress.note(&format!("{target} is not locked: {why}"));
        }
    }
    signatures.refuse_unasked(listing.tag())?;
    let published = listing.release().and_then(|release| release.published_at);
    let lockfile = Lockfile::new(request.repository.clone(), listing.tag().clone(), published, assets);
    Ok(lockfile.signed_by(signatures.signer))
}

/// The lock that a bundle brings along, as far as it is worth: its digests are those of the bytes it carries, who signed is
/// proven here or not believed.
async fn of_carried(
    order: &Acquisition<'_>,
    source: &Source,
    listing: &Listing,
    carried: &Lockfile,
    known: &[Known<'_>],
    mut signatures: Signatures,
) -> Result<Lockfile, InstallError> {
    let mut assets = Vec::new();
    for entry in &carried.assets {
        let wanted = order.request.clone().held_to_the_lock(entry.target, None);
        let recorded = own_signer(order.request).map_or(Level::Unverified, |signer| signer.verdict);
        let claimed = if entry.verdict.is_signed() { entry.verdict } else { Level::Unverified };
        let least = recorded.max(claimed);
        let proven = match known.iter().find(|known| known.target == entry.target) {
            Some(known) => known.signed.level(),
            None if least == Level::Unverified => None,
            None => {
                let order = Acquisition { request: &wanted, ..*order };
                let asset = Asset {
                    id: None,
                    name: entry.name.clone(),
                    size: entry.size,
                    state: AssetState::Uploaded,
                    digest: Ok(Some(entry.sha256)),
                };
                signatures.of_carried(&order, source, listing, &asset, entry.sha256, least).await
            }
        };
        if proven.unwrap_or(Level::Unverified) < least {
            let target = entry.target;
            order.door.progress.note(&format!("{target} is not locked: the bundle does not prove who signed for it"));
            continue;
        }
        assets.push(LockedAsset {
            verdict: proven.map_or(entry.verdict, |level| level.max(entry.verdict)),
            ..entry.clone()
        });
    }
    let lockfile = Lockfile::new(carried.repository.clone(), carried.tag.clone(), carried.published, assets);
    Ok(lockfile.signed_by(signatures.signer))
}

/// Who signed for the project's own lock, unless a change is accepted.
fn own_signer(request: &InstallRequest) -> Option<&Signer> {
    let own = request.decided_from.lockfile.as_ref().filter(|_| !request.signers.accept_change);
    own.and_then(|lockfile| lockfile.signer.as_ref())
}

/// Whether a release is the one the project's lock names.
fn is_of_the_lock(request: &InstallRequest, listing: &Listing) -> bool {
    let own = request.decided_from.lockfile.as_ref();
    own.is_some_and(|lockfile| lockfile.tag == *listing.tag() && lockfile.repository.is_same(&request.repository))
}

/// Whether an error is only that somebody could not be asked.
const fn is_unasked(error: &InstallError) -> bool {
    matches!(
        error,
        InstallError::LessThanLocked { not_queried: true, .. } | InstallError::NotAsked { transient: true, .. }
    )
}

/// The signatures for a release's assets that were found so far. One of them often covers all assets, which are then not
/// asked about one by one.
#[derive(Debug, Default)]
struct Signatures {
    bundles: Vec<String>,
    signer: Option<Signer>,
    /// Whether this machine's asset was asked about and nobody is known to have signed for it: then whoever installs asks
    /// nobody about the others.
    query_failed: bool,
    /// Assets about which nobody could be asked, while nobody was known to have signed for another: each with the reason, and
    /// whether that may pass.
    not_queried: Vec<(String, String, bool)>,
}

impl Signatures {
    fn of(known: &[Known<'_>], tag: &Tag) -> Result<Self, InstallError> {
        let mut signatures = Self::default();
        for known in known {
            if let Some((first, other)) = signatures.by_another(known.signed) {
                let (asset, tag) = (known.asset.name.clone(), tag.clone());
                return Err(InstallError::SeveralSigners {
                    asset,
                    tag,
                    first: Box::new(first),
                    other: Box::new(other),
                });
            }
            signatures.add(known.signed);
        }
        signatures.query_failed = !known.is_empty() && signatures.bundles.is_empty();
        Ok(signatures)
    }

    /// What is signed about one more asset, as evidence.
    async fn about(
        &mut self,
        order: &Acquisition<'_>,
        source: &Source,
        listing: &Listing,
        asset: &Asset,
        stated: Option<Sha256Digest>,
    ) -> Result<Vec<Evidence>, InstallError> {
        if self.query_failed && order.request.signer.is_none() {
            return Ok(Vec::new());
        }
        let covered = stated.and_then(|sha256| self.covering(order, listing, asset, sha256, Level::Released));
        let signed = match covered {
            Some(signed) => signed,
            None => order.signed_as_stated(source, listing, asset, stated).await?,
        };
        if signed.level().is_none() {
            return self.without_signature(order, listing, asset, &signed).map(|()| signed.evidence);
        }
        if let Some((first, other)) = self.by_another(&signed) {
            let (asset, tag) = (asset.name.clone(), listing.tag().clone());
            return Err(InstallError::SeveralSigners { asset, tag, first: Box::new(first), other: Box::new(other) });
        }
        self.add(&signed);
        Ok(signed.evidence)
    }

    /// Nobody is known to have signed for an asset. Where somebody did for another one, that this could not be asked is no
    /// reason to lock it with less.
    fn without_signature(
        &mut self,
        order: &Acquisition<'_>,
        listing: &Listing,
        asset: &Asset,
        signed: &Signed,
    ) -> Result<(), InstallError> {
        let unknown = signed.evidence.iter().find_map(|evidence| match &evidence.finding {
            Finding::Unknown { reason, transient } => Some((reason.clone(), *transient)),
            Finding::Found { .. } | Finding::Absent { .. } => None,
        });
        match (unknown, &self.signer) {
            (Some((reason, transient)), Some(signer)) => {
                let (asset, tag, signer) = (asset.name.clone(), listing.tag().clone(), Box::new(signer.clone()));
                Err(InstallError::NotAsked { asset, tag, signer, reason, transient })
            }
            (Some((reason, transient)), None) => {
                let name = &asset.name;
                order
                    .door
                    .progress
                    .note(&format!("who signed for {name} could not be asked, and is not locked: {reason}"));
                self.not_queried.push((name.clone(), reason, transient));
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// That an asset could not be asked about is no reason to lock it with less than the others.
    fn refuse_unasked(&self, tag: &Tag) -> Result<(), InstallError> {
        let Some((signer, (asset, reason, transient))) = self.signer.as_ref().zip(self.not_queried.first()) else {
            return Ok(());
        };
        Err(InstallError::NotAsked {
            asset: asset.clone(),
            tag: tag.clone(),
            signer: Box::new(signer.clone()),
            reason: reason.clone(),
            transient: *transient,
        })
    }

    /// How well what a bundle carries proves one more asset, of which the bytes need not be there.
    async fn of_carried(
        &mut self,
        order: &Acquisition<'_>,
        source: &Source,
        listing: &Listing,
        asset: &Asset,
        sha256: Sha256Digest,
        least: Level,
    ) -> Option<Level> {
        let signed = match self.covering(order, listing, asset, sha256, least) {
            Some(signed) => signed,
            None => order.signed_as_stated(source, listing, asset, Some(sha256)).await.ok()?,
        };
        let level = signed.level().filter(|level| *level >= least && self.by_another(&signed).is_none())?;
        self.add(&signed);
        Some(level)
    }

    /// What the bundles so far prove of an asset, if it is as much as of the others.
    fn covering(
        &self,
        order: &Acquisition<'_>,
        listing: &Listing,
        asset: &Asset,
        sha256: Sha256Digest,
        least: Level,
    ) -> Option<Signed> {
        let least = self.signer.as_ref()?.verdict.max(least);
        order.signed_by(&self.bundles, least, listing, asset, sha256)
    }

    /// The signer so far and this one, where they are two workflows.
    fn by_another(&self, signed: &Signed) -> Option<(Signer, Signer)> {
        let (first, other) = (self.signer.clone()?, signed.signer()?);
        let are_two = first.workflow.is_some() && other.workflow.is_some() && !first.is_satisfied_by(&other);
        are_two.then_some((first, other))
    }

    fn add(&mut self, signed: &Signed) {
        for bundle in &signed.bundles {
            if !self.bundles.contains(bundle) {
                self.bundles.push(bundle.clone());
            }
        }
        let stronger = |signer: &Signer| self.signer.as_ref().is_none_or(|first| first.verdict < signer.verdict);
        if let Some(signer) = signed.signer().filter(stronger) {
            self.signer = Some(signer);
        }
    }
}

/// The digest that is stated for an asset.
pub(super) fn stated(evidence: &[Evidence]) -> Option<Sha256Digest> {
    evidence.iter().find_map(|statement| match statement.finding {
        Finding::Found { sha256 } => Some(sha256),
        Finding::Absent { .. } | Finding::Unknown { .. } => None,
    })
}

/// Who states the digest of an asset, as a lock records it: the same whether or not the asset's own checksum file was read, which
/// is not asked for where something else states the digest.
pub(super) fn recorded(evidence: &[Evidence]) -> Vec<String> {
    let states = |statement: &&Evidence| matches!(statement.finding, Finding::Found { .. });
    let is_beside = |statement: &Evidence| matches!(statement.source, EvidenceSource::Sidecar { .. });
    let is_listed = evidence.iter().filter(states).any(|statement| {
        matches!(
            statement.source,
            EvidenceSource::ApiDigest
                | EvidenceSource::MirrorIndex
                | EvidenceSource::BundleManifest
                | EvidenceSource::SumsFile { .. }
        )
    });
    let recorded = evidence.iter().filter(states).filter(|statement| !(is_listed && is_beside(statement)));
    recorded.map(|statement| statement.source.to_string()).collect()
}

/// Whether a lock of the same release may take the place of another: nothing that was locked may have changed.
pub(super) fn refuse_drift(old: &Lockfile, new: &Lockfile, source: &Source) -> Result<(), InstallError> {
    if !old.is_of_same_release(new) {
        return Ok(());
    }
    for before in &old.assets {
        let now = new.asset(before.target).map(|asset| asset.sha256);
        if let Some(now) = now.filter(|now| *now != before.sha256) {
            let (tag, name, locked) = (old.tag.clone(), before.name.clone(), before.sha256);
            return Err(InstallError::Drift { drift: Drift::at(source, tag, name, locked, now) });
        }
    }
    Ok(())
}

fn locked(target: Target, asset: &Asset, evidence: &[Evidence]) -> Result<LockedAsset, String> {
    let verdict = judge(None, evidence, PROVEN).map_err(|error| error.to_string())?;
    let sha256 = stated(evidence).ok_or("nothing states its digest")?;
    Ok(LockedAsset {
        target,
        name: asset.name.clone(),
        size: asset.size,
        sha256,
        evidence: recorded(evidence),
        verdict,
    })
}
