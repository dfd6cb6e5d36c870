//! Makes a lock of a release: every machine it has an asset for, from what is known without downloading any.

use crate::install::Drift;
use crate::install::InstallError;
use crate::install::LockOrder;
use crate::install::acquire::Order;
use crate::install::choose;
use crate::install::evidence;
use crate::install::evidence::Sums;
use crate::install::signed::Signed;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Signer;
use crate::origin::Origin;
use crate::release::Asset;
use crate::release::Listing;
use crate::release::Sha256Digest;
use crate::release::Target;
use crate::trust::Evidence;
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

/// The lock of a release. What nothing proves is left out and named. An error only where the lock as a whole would be less
/// than the one before, and nothing is known yet.
pub(super) async fn lockfile(
    order: &Order<'_>,
    origin: &Origin,
    listing: &Listing,
    sums: &Sums,
    known: &[Known<'_>],
) -> Result<Lockfile, InstallError> {
    let (request, progress) = (order.request, order.door.progress);
    if let Some(carried) = origin.carried_lock() {
        return Ok(match &request.lock {
            LockOrder::Write { old: Some(old), .. } if old.is_of_same_release(carried) => carried.completed_by(old),
            LockOrder::Write { .. } | LockOrder::Leave | LockOrder::Obey => carried.clone(),
        });
    }
    let mut assets = Vec::new();
    let mut signatures = Signatures::of(known);
    for target in Target::all() {
        if let Some(known) = known.iter().find(|known| known.target == target) {
            assets.extend(locked(target, known.asset, known.evidence).ok());
            continue;
        }
        let Ok(choice) = choose(listing, &request.tool, target) else { continue };
        let mut refused = None;
        for (asset, _) in &choice.candidates {
            let mut evidence = evidence::at_hand(origin, listing, sums, asset);
            let says_nothing = evidence.iter().all(|statement| matches!(statement.finding, Finding::Absent { .. }));
            if says_nothing && listing.release().is_some() {
                evidence.extend(evidence::sidecar(origin, listing, asset).await);
            }
            let wanted = request.clone().held_to_the_lock(target);
            let order = Order { request: &wanted, ..*order };
            match signatures.about(&order, origin, listing, asset, stated(&evidence)).await {
                Ok(signed) => evidence.extend(signed),
                // Whoever locks for everybody is told; whoever installs has this machine's asset proven already.
                Err(error) if known.is_empty() => return Err(error),
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
    let published = listing.release().and_then(|release| release.published_at);
    let lockfile = Lockfile::new(request.repository.clone(), listing.tag().clone(), published, assets);
    Ok(lockfile.signed_by(signatures.signer))
}

/// The signatures for a release's assets that were found so far. One of them often covers all assets, which are then not
/// asked about one by one.
#[derive(Debug, Default)]
struct Signatures {
    bundles: Vec<String>,
    signer: Option<Signer>,
    /// Whether an asset was asked about and nobody had signed for it: then nobody is asked about the others.
    in_vain: bool,
}

impl Signatures {
    fn of(known: &[Known<'_>]) -> Self {
        let mut signatures = Self::default();
        for known in known {
            signatures.add(known.signed);
        }
        signatures.in_vain = !known.is_empty() && signatures.bundles.is_empty();
        signatures
    }

    /// What is signed about one more asset, as evidence. Somebody else's signature than the first asset's counts for nothing:
    /// a lock has one signer.
    async fn about(
        &mut self,
        order: &Order<'_>,
        origin: &Origin,
        listing: &Listing,
        asset: &Asset,
        stated: Option<Sha256Digest>,
    ) -> Result<Vec<Evidence>, InstallError> {
        if self.in_vain && order.request.signer.is_none() {
            return Ok(Vec::new());
        }
        let covered = stated.and_then(|sha256| order.signed_by(&self.bundles, listing, asset, sha256));
        let signed = match covered {
            Some(signed) => signed,
            None => order.signed_as_stated(origin, listing, asset, stated).await?,
        };
        if signed.level().is_none() {
            self.in_vain = self.bundles.is_empty();
            return Ok(signed.evidence);
        }
        let by_another = self
            .signer
            .as_ref()
            .zip(signed.signer())
            .is_some_and(|(first, other)| first.workflow.is_some() && other.workflow.is_some() && *first != other);
        if by_another {
            let name = &asset.name;
            order
                .door
                .progress
                .note(&format!("{name} was signed by somebody else than the others; that is not locked"));
            return Ok(Vec::new());
        }
        self.add(&signed);
        Ok(signed.evidence)
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

/// Whether a lock of the same release may take the place of another: nothing that was locked may have changed.
pub(super) fn refuse_drift(old: &Lockfile, new: &Lockfile, origin: &Origin) -> Result<(), InstallError> {
    if !old.is_of_same_release(new) {
        return Ok(());
    }
    for before in &old.assets {
        let now = new.asset(before.target).map(|asset| asset.sha256);
        if let Some(now) = now.filter(|now| *now != before.sha256) {
            let (tag, name, locked) = (old.tag.clone(), before.name.clone(), before.sha256);
            return Err(InstallError::Drift { drift: Drift::at(origin, tag, name, locked, now) });
        }
    }
    Ok(())
}

fn locked(target: Target, asset: &Asset, evidence: &[Evidence]) -> Result<LockedAsset, String> {
    let verdict = judge(None, evidence, PROVEN).map_err(|error| error.to_string())?;
    let stated: Vec<(String, Sha256Digest)> = evidence
        .iter()
        .filter_map(|statement| match statement.finding {
            Finding::Found { sha256 } => Some((statement.source.to_string(), sha256)),
            Finding::Absent { .. } | Finding::Unknown { .. } => None,
        })
        .collect();
    let (_, sha256) = stated.first().ok_or("nothing states its digest")?;
    Ok(LockedAsset {
        target,
        name: asset.name.clone(),
        size: asset.size,
        sha256: *sha256,
        evidence: stated.iter().map(|(source, _)| source.clone()).collect(),
        verdict,
    })
}
