//! Computes the lockfile of a release: every platform it has an asset for, without downloading the assets.

use std::cell::RefCell;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::flows::install::AcquireError;
use crate::flows::install::Drift;
use crate::flows::install::InstallRequest;
use crate::flows::install::SignerError;
use crate::flows::install::choose;
use crate::flows::install::evidence;
use crate::flows::install::evidence::ChecksumFiles;
use crate::flows::install::resolved::Acquisition;
use crate::flows::install::several::AT_ONCE;
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

/// Any verification level may be locked, but not an unverified asset.
const PROVEN: TrustPolicy = TrustPolicy { require: Level::Checksum, allow_unverified: false };

/// What is already known about the asset for one platform.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) target: Target,
    pub(super) asset: &'a Asset,
    pub(super) evidence: &'a [Evidence],
    pub(super) signed: &'a Signed,
}

/// The lockfile of a release. Unverifiable assets are left out with a note; nothing is weaker than in the previous lockfile.
///
/// # Errors
///
/// The known facts contradict each other; or nothing is known yet and an asset is weaker than the previous lockfile records, or
/// its attestations could not be queried.
pub(super) async fn lockfile(
    acquisition: Acquisition<'_>,
    source: &Source,
    listing: &Listing,
    sums: &ChecksumFiles,
    known: &[Known<'_>],
) -> Result<Lockfile, AcquireError> {
    let signatures = Signatures::of(known, listing.tag())?;
    let new = match source.carried_lock() {
        Some(carried) => of_carried(acquisition, source, listing, carried, known, signatures).await?,
        None => of_release(acquisition, source, listing, sums, known, signatures).await?,
    };
    // Assets of the same release that were verified before stay locked at that level.
    let old = acquisition.request.previous_lockfile().filter(|old| old.is_of_same_release(&new));
    let old = old.filter(|_| !acquisition.request.changes_the_signer());
    Ok(match old {
        Some(old) => new.completed_by(old),
        None => new,
    })
}

async fn of_release(
    acquisition: Acquisition<'_>,
    source: &Source,
    listing: &Listing,
    sums: &ChecksumFiles,
    known: &[Known<'_>],
    signatures: Signatures,
) -> Result<Lockfile, AcquireError> {
    let Acquisition { request, context } = acquisition;
    let here = known.iter().filter_map(|known| locked(known.target, known.asset, known.evidence).ok());
    let mut assets: Vec<LockedAsset> = here.collect();
    let others = Target::all().filter(|target| known.iter().all(|known| known.target != *target));
    let others: Vec<(Target, Vec<Asset>)> = others.filter_map(|target| candidates(listing, request, target)).collect();
    let signatures = RefCell::new(signatures);
    // One attestation often covers all assets, so the first asset is queried alone.
    let (first, rest) = others.split_at(if known.is_empty() { others.len().min(1) } else { 0 });
    for group in [first, rest] {
        let queries = group
            .iter()
            .map(|(target, candidates)| query(acquisition, source, listing, sums, *target, candidates, &signatures));
        let mut queried = stream::iter(queries).buffered(AT_ONCE);
        while let Some((target, candidates)) = queried.next().await {
            let mut refused = None;
            for Queried { asset, mut evidence, signed } in candidates {
                let signed =
                    signed.and_then(|signed| Ok(signatures.borrow_mut().about(acquisition, listing, asset, signed)?));
                match signed {
                    Ok(signed) => evidence.extend(signed),
                    // When locking for everyone, report it. An installation has already verified the asset for this platform,
                    // but must not drop another platform's entry because a query failed.
                    Err(error) if known.is_empty() || is_query_failure(&error) => return Err(error),
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
            // If only names are known, a missing asset cannot be told from an unverifiable one.
            if let Some(why) = refused.filter(|_| listing.release().is_some()) {
                context.progress.note(&format!("{target} was not locked: {why}"));
            }
        }
    }
    let signatures = signatures.into_inner();
    signatures.refuse_unqueried(listing.tag())?;
    let published = listing.release().and_then(|release| release.published_at);
    let lockfile = Lockfile::new(request.options.repository.clone(), listing.tag().clone(), published, assets);
    Ok(lockfile.signed_by(signatures.signer))
}

fn candidates(listing: &Listing, request: &InstallRequest, target: Target) -> Option<(Target, Vec<Asset>)> {
    let choice = choose(listing, &request.options.tool, target).ok()?;
    Some((target, choice.candidates.into_iter().map(|(asset, _)| asset).collect()))
}

/// What a source states about an asset, and its attestations.
struct Queried<'a> {
    asset: &'a Asset,
    evidence: Vec<Evidence>,
    /// `None` if no query is needed.
    signed: Result<Option<Signed>, AcquireError>,
}

/// Queries the assets for a platform, until one can be locked.
async fn query<'a>(
    acquisition: Acquisition<'_>,
    source: &Source,
    listing: &Listing,
    sums: &ChecksumFiles,
    target: Target,
    candidates: &'a [Asset],
    signatures: &RefCell<Signatures>,
) -> (Target, Vec<Queried<'a>>) {
    let mut all = Vec::new();
    for asset in candidates {
        let mut evidence = evidence::at_hand(source, listing, sums, asset);
        let says_nothing = evidence.iter().all(|statement| matches!(statement.finding, Finding::Absent { .. }));
        if says_nothing && listing.release().is_some() {
            evidence.extend(evidence::sidecars(source, listing, asset).await);
        }
        let sha256 = stated(&evidence);
        let bytes = sha256.filter(|_| is_of_the_lock(acquisition.request, listing));
        let request = acquisition.request.for_target(target, bytes);
        let acquisition = Acquisition { request: &request, ..acquisition };
        let covered = {
            let signatures = signatures.borrow();
            let covering = |sha256| signatures.covering(acquisition, listing, asset, sha256, Level::Released);
            if signatures.query_failed && request.decided.signer.is_none() {
                Some(None)
            } else {
                sha256.and_then(covering).map(Some)
            }
        };
        let signed = match covered {
            Some(signed) => Ok(signed),
            None => acquisition.signed_as_stated(source, listing, asset, sha256).await.map(Some),
        };
        let attested = signed.iter().flatten().flat_map(|signed| &signed.evidence).cloned();
        let is_enough = signed.is_ok()
            && locked(target, asset, &evidence.iter().cloned().chain(attested).collect::<Vec<_>>()).is_ok();
        all.push(Queried { asset, evidence, signed });
        if is_enough {
            break;
        }
    }
    (target, all)
}

/// The lockfile in a bundle, as far as it can be trusted: its digests are those of the bundled bytes, and its signer is verified
/// here or ignored.
async fn of_carried(
    acquisition: Acquisition<'_>,
    source: &Source,
    listing: &Listing,
    carried: &Lockfile,
    known: &[Known<'_>],
    mut signatures: Signatures,
) -> Result<Lockfile, AcquireError> {
    let mut assets = Vec::new();
    for entry in &carried.assets {
        let wanted = acquisition.request.for_target(entry.target, None);
        let recorded = own_signer(acquisition.request).map_or(Level::Unverified, |signer| signer.verdict);
        let claimed = if entry.verdict.is_signed() { entry.verdict } else { Level::Unverified };
        let least = recorded.max(claimed);
        let level = match known.iter().find(|known| known.target == entry.target) {
            Some(known) => known.signed.level(),
            None if least == Level::Unverified => None,
            None => {
                let acquisition = Acquisition { request: &wanted, ..acquisition };
                let asset = Asset {
                    id: None,
                    name: entry.name.clone(),
                    size: entry.size,
                    state: AssetState::Uploaded,
                    digest: Ok(Some(entry.sha256)),
                };
                signatures.of_carried(acquisition, source, listing, &asset, entry.sha256, least).await
            }
        };
        if level.unwrap_or(Level::Unverified) < least {
            let target = entry.target;
            acquisition
                .context
                .progress
                .note(&format!("{target} was not locked: the bundle has no valid attestation for it"));
            continue;
        }
        assets.push(LockedAsset {
            verdict: level.map_or(entry.verdict, |level| level.max(entry.verdict)),
            ..entry.clone()
        });
    }
    let lockfile = Lockfile::new(carried.repository.clone(), carried.tag.clone(), carried.published, assets);
    Ok(lockfile.signed_by(signatures.signer))
}

/// The signer in the project's lockfile, unless a change is accepted.
fn own_signer(request: &InstallRequest) -> Option<&Signer> {
    let own = request.lockfile.as_ref().filter(|_| !request.options.signers.accept_change);
    own.and_then(|lockfile| lockfile.signer.as_ref())
}

/// Whether a release is the one pinned by the project's lockfile.
fn is_of_the_lock(request: &InstallRequest, listing: &Listing) -> bool {
    let own = request.lockfile.as_ref();
    own.is_some_and(|lockfile| {
        lockfile.tag == *listing.tag() && lockfile.repository.is_same(&request.options.repository)
    })
}

/// Whether an error only means that a query failed.
const fn is_query_failure(error: &AcquireError) -> bool {
    matches!(
        error,
        AcquireError::Signer(
            SignerError::LessThanLocked { not_queried: true, .. } | SignerError::NotAsked { transient: true, .. }
        )
    )
}

/// The attestations of a release's assets found so far. One often covers all assets, which then need no query of their
/// own.
#[derive(Debug, Default)]
struct Signatures {
    bundles: Vec<String>,
    signer: Option<Signer>,
    /// Whether this platform's asset was queried and has no known attestation; an installation then makes no requests for the
    /// other assets.
    query_failed: bool,
    /// Assets whose query failed while no other asset was known to be attested, with the reason and whether a retry may
    /// succeed.
    not_queried: Vec<(String, String, bool)>,
}

impl Signatures {
    fn of(known: &[Known<'_>], tag: &Tag) -> Result<Self, SignerError> {
        let mut signatures = Self::default();
        for known in known {
            if let Some((first, other)) = signatures.by_another(known.signed) {
                let (asset, tag) = (known.asset.name.clone(), tag.clone());
                return Err(SignerError::SeveralSigners { asset, tag, first: Box::new(first), other: Box::new(other) });
            }
            signatures.add(known.signed);
        }
        signatures.query_failed = !known.is_empty() && signatures.bundles.is_empty();
        Ok(signatures)
    }

    /// Adds the attestations of another asset, and returns them as evidence.
    fn about(
        &mut self,
        acquisition: Acquisition<'_>,
        listing: &Listing,
        asset: &Asset,
        signed: Option<Signed>,
    ) -> Result<Vec<Evidence>, SignerError> {
        let Some(signed) = signed else { return Ok(Vec::new()) };
        if signed.level().is_none() {
            return self.without_signature(acquisition, listing, asset, &signed).map(|()| signed.evidence);
        }
        if let Some((first, other)) = self.by_another(&signed) {
            let (asset, tag) = (asset.name.clone(), listing.tag().clone());
            return Err(SignerError::SeveralSigners { asset, tag, first: Box::new(first), other: Box::new(other) });
        }
        self.add(&signed);
        Ok(signed.evidence)
    }

    /// No attestation is known for an asset. If another asset is attested, a failed query is no reason to lock this one at a
    /// lower level.
    fn without_signature(
        &mut self,
        acquisition: Acquisition<'_>,
        listing: &Listing,
        asset: &Asset,
        signed: &Signed,
    ) -> Result<(), SignerError> {
        let unknown = signed.evidence.iter().find_map(|evidence| match &evidence.finding {
            Finding::Unknown { reason, transient } => Some((reason.clone(), *transient)),
            Finding::Found { .. } | Finding::Absent { .. } => None,
        });
        match (unknown, &self.signer) {
            (Some((reason, transient)), Some(signer)) => {
                let (asset, tag, signer) = (asset.name.clone(), listing.tag().clone(), Box::new(signer.clone()));
                Err(SignerError::NotAsked { asset, tag, signer, reason, transient })
            }
            (Some((reason, transient)), None) => {
                let name = &asset.name;
                acquisition.context.progress.note(&format!(
                    "the attestations of {name} could not be queried, so its signer was not locked: {reason}"
                ));
                self.not_queried.push((name.clone(), reason, transient));
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// A failed query is no reason to lock an asset at a lower level than the others.
    fn refuse_unqueried(&self, tag: &Tag) -> Result<(), SignerError> {
        let Some((signer, (asset, reason, transient))) = self.signer.as_ref().zip(self.not_queried.first()) else {
            return Ok(());
        };
        Err(SignerError::NotAsked {
            asset: asset.clone(),
            tag: tag.clone(),
            signer: Box::new(signer.clone()),
            reason: reason.clone(),
            transient: *transient,
        })
    }

    /// The level that bundled attestations give to another asset, whose bytes need not be present.
    async fn of_carried(
        &mut self,
        acquisition: Acquisition<'_>,
        source: &Source,
        listing: &Listing,
        asset: &Asset,
        sha256: Sha256Digest,
        least: Level,
    ) -> Option<Level> {
        let signed = match self.covering(acquisition, listing, asset, sha256, least) {
            Some(signed) => signed,
            None => acquisition.signed_as_stated(source, listing, asset, Some(sha256)).await.ok()?,
        };
        let level = signed.level().filter(|level| *level >= least && self.by_another(&signed).is_none())?;
        self.add(&signed);
        Some(level)
    }

    /// The attestations found so far that cover an asset, if they are as strong as for the others.
    fn covering(
        &self,
        acquisition: Acquisition<'_>,
        listing: &Listing,
        asset: &Asset,
        sha256: Sha256Digest,
        least: Level,
    ) -> Option<Signed> {
        let least = self.signer.as_ref()?.verdict.max(least);
        acquisition.signed_by(&self.bundles, least, listing, asset, sha256)
    }

    /// The signer so far and this one, if they are different workflows.
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

/// The digest stated for an asset.
pub(super) fn stated(evidence: &[Evidence]) -> Option<Sha256Digest> {
    evidence.iter().find_map(|statement| match statement.finding {
        Finding::Found { sha256 } => Some(sha256),
        Finding::Absent { .. } | Finding::Unknown { .. } => None,
    })
}

/// What stated the digest of an asset, as recorded in a lockfile. Independent of whether the asset's own checksum file was read,
/// because that is requested only if nothing else states the digest.
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

/// Refuses a new lockfile of the same release if a locked digest changed.
pub(super) fn refuse_drift(old: Option<&Lockfile>, new: &Lockfile, source: &Source) -> Result<(), AcquireError> {
    let Some(old) = old.filter(|old| old.is_of_same_release(new)) else { return Ok(()) };
    for before in &old.assets {
        let now = new.asset(before.target).map(|asset| asset.sha256);
        if let Some(now) = now.filter(|now| *now != before.sha256) {
            let (tag, name, locked) = (old.tag.clone(), before.name.clone(), before.sha256);
            return Err(AcquireError::Drift { drift: Drift::at(source, tag, name, locked, now) });
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
