//! Makes a lock of a release: every machine it has an asset for, from what is known without downloading any.

use crate::install::Drift;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::LockOrder;
use crate::install::choose;
use crate::install::evidence;
use crate::install::evidence::Sums;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::origin::Origin;
use crate::progress::Progress;
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
pub(super) type Known<'a> = (Target, &'a Asset, &'a [Evidence]);

/// The lock of a release. What nothing proves is left out and named.
pub(super) async fn lockfile(
    request: &InstallRequest,
    origin: &Origin,
    listing: &Listing,
    sums: &Sums,
    known: &[Known<'_>],
    progress: &dyn Progress,
) -> Lockfile {
    if let Some(carried) = origin.carried_lock() {
        return match &request.lock {
            LockOrder::Write { old: Some(old), .. } if old.is_of_same_release(carried) => carried.completed_by(old),
            LockOrder::Write { .. } | LockOrder::Leave | LockOrder::Obey => carried.clone(),
        };
    }
    let mut assets = Vec::new();
    for target in Target::all() {
        if let Some((_, asset, evidence)) = known.iter().find(|(known, _, _)| *known == target) {
            assets.extend(locked(target, asset, evidence).ok());
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
    Lockfile::new(request.repository.clone(), listing.tag().clone(), published, assets)
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
