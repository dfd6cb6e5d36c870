//! Restores the previous binary: offline, with the lockfile that pinned it.

use std::path::Path;
use std::path::PathBuf;

use crate::flows::install::AccessError;
use crate::flows::install::AcquireError;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::install::RollbackError;
use crate::flows::install::lockfile_of_release;
use crate::flows::install::reverify;
use crate::flows::install::signer::signer_of;
use crate::flows::install::store_guard;
use crate::flows::install::store_guard::StoreGuard;
use crate::flows::integrity::Again;
use crate::lockfile;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Signer;
use crate::model::Sha256Digest;
use crate::platform;
use crate::trust::Finding;
use crate::trust::Level;
use crate::trust::attestation::VerifiedAttestation;
use crate::worker::store;
use crate::worker::store::Commit;
use crate::worker::store::Installed;
use crate::worker::store::Layout;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;
use crate::worker::store::Staged;
use crate::worker::store::WrittenLock;

/// The result of a rollback.
#[derive(Debug, Clone)]
pub(crate) struct RolledBack {
    /// The receipt of the binary before the rollback; `None` if this program did not install it.
    pub from: Option<Receipt>,
    /// The receipt of the restored binary.
    pub to: Receipt,
    /// What happened to the project's lockfile.
    pub lock: LockChange,
}

/// What a rollback does to the project's lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LockChange {
    /// There is none, and none is written.
    None,
    /// It pins the restored binary already.
    Same,
    /// It is restored to its state when the binary was installed.
    Restored,
    /// It pins the binary for this platform only, because the lockfile that pinned it is gone.
    ThisMachineOnly,
    /// It is unchanged, because the restored binary is a local build, which a lockfile cannot pin.
    CannotNameABuild,
}

/// Restores the previous binary. `old` is the project's lockfile.
pub(crate) fn rollback(
    request: &InstallRequest,
    old: Option<(PathBuf, Lockfile)>,
    context: &InstallContext<'_>,
) -> Result<RolledBack, RollbackError> {
    let layout = &request.options.layout;
    if matches!(store::scan(layout)?, (Installed::Nothing, _)) {
        return Err(RollbackError::NoPrevious { why: "nothing is installed" });
    }
    let hold = StoreGuard::take(request, context)?;
    let (installed, state) = store::scan(layout)?;
    let (found, from) = match installed {
        Installed::Intact { receipt } => (Some(receipt.sha256), Some(*receipt)),
        Installed::Changed { found, receipt } => (Some(found), Some(*receipt)),
        Installed::Foreign { found } => (Some(found), None),
        Installed::Removed { receipt } => (None, Some(*receipt)),
        Installed::Nothing => (None, None),
        Installed::NotAFile { what } => {
            let (path, what) = (layout.binary.clone(), what.as_str());
            return Err(AccessError::InTheWay { path, what, place: "the binary" }.into());
        }
    };
    let previous = state.previous.filter(|previous| Some(*previous) != found);
    let previous = previous.ok_or(RollbackError::NoPrevious { why: "there is no previous version" })?;
    let receipt = store::kept_receipt(layout, &previous)
        .ok_or(RollbackError::NoPrevious { why: "the receipt of the previous version is missing" })?;
    let proofs = reverified(&receipt, request, context)?;
    let staging = hold.staging()?;
    let staged = staging.path().join(request.options.tool.installed_name(request.options.target));
    let staged = take_back(layout, &previous, &staged)?;
    let (written, lock) = lock_of(layout, &receipt, request, &proofs, old);
    let named_by = written.as_ref().map(|written| written.text.clone());
    if let Some(error) = hold.store_removed(&staging) {
        return Err(error.into());
    }
    let commit = Commit {
        staged,
        receipt: receipt.clone(),
        found,
        state: &state,
        keep: &[],
        named_by,
        lock: written,
        // They are stored with the kept receipt.
        proofs: None,
    };
    store_guard::report_unfinished(store::carry_out(layout, &store::steps(commit))?, context);
    Ok(RolledBack { from, to: receipt, lock })
}

/// Copies the kept binary and checks the copy, because the kept file may have been modified.
fn take_back(layout: &Layout, previous: &Sha256Digest, staged: &Path) -> Result<Staged, RollbackError> {
    let failed = |doing| move |source| AcquireError::Staging { doing, source };
    let gone = RollbackError::NoPrevious { why: "the binary of the previous version is missing" };
    let written = store::take_back(layout, previous, staged)?.ok_or(gone)?;
    if written.sha256 != *previous {
        let (path, found) = (layout.kept(previous), written.sha256);
        return Err(RollbackError::PreviousChanged { path, expected: *previous, found });
    }
    platform::make_executable(staged).map_err(failed("make the binary executable"))?;
    platform::sync_file(staged).map_err(failed("write the binary to disk"))?;
    Ok(Staged { path: written.path, id: written.id })
}

/// What the kept attestations of the restored binary verify. An error if that is less than the lockfile records.
fn reverified(
    receipt: &Receipt,
    request: &InstallRequest,
    context: &InstallContext<'_>,
) -> Result<Vec<VerifiedAttestation>, RollbackError> {
    let bytes = match &receipt.origin {
        ReceiptOrigin::Release { asset, .. } => Some(asset.sha256),
        ReceiptOrigin::Build(_) => None,
    };
    let held = request.for_target(receipt.target, bytes);
    let (proofs, reason) = match reverify(receipt, &held, context)? {
        Some(Again::Proven(proofs)) => (proofs, "it has another signer".to_owned()),
        Some(Again::Gone) => (Vec::new(), "its attestations are missing".to_owned()),
        Some(Again::Failed(reason)) => (Vec::new(), reason),
        None => (Vec::new(), format!("it was installed as `{}`", receipt.verdict)),
    };
    let is_met = |signer: &Signer| signer_of(&proofs).is_some_and(|found| signer.is_satisfied_by(&found));
    match held.decided.signer.filter(|signer| !is_met(signer)) {
        None => Ok(proofs),
        Some(signer) => Err(RollbackError::LessComesBack {
            label: receipt.label(),
            locked: request.lockfile.as_ref().map(|lockfile| lockfile.tag.clone()),
            signer: Box::new(signer),
            reason,
        }),
    }
}

/// The current level: an attestation counts only if it can still be verified.
fn verdict_of(receipt: &Receipt, proofs: &[VerifiedAttestation]) -> Level {
    if !receipt.verdict.is_signed() || !proofs.is_empty() {
        return receipt.verdict;
    }
    let stated = receipt.evidence.iter().filter(|statement| matches!(statement.finding, Finding::Found { .. }));
    let levels = stated.map(|statement| statement.source.level()).filter(|level| !level.is_signed());
    levels.max().unwrap_or(Level::Checksum)
}

/// The lockfile for the restored binary.
fn lock_of(
    layout: &Layout,
    receipt: &Receipt,
    request: &InstallRequest,
    proofs: &[VerifiedAttestation],
    old: Option<(PathBuf, Lockfile)>,
) -> (Option<WrittenLock>, LockChange) {
    let Some((path, old)) = old else { return (None, LockChange::None) };
    let ReceiptOrigin::Release { repository, tag, asset } = &receipt.origin else {
        return (None, LockChange::CannotNameABuild);
    };
    let names = |lockfile: &Lockfile| {
        lockfile.tag == *tag && lockfile.asset(receipt.target).is_some_and(|locked| locked.sha256 == asset.sha256)
    };
    if names(&old) {
        return (None, LockChange::Same);
    }
    let kept = store::kept_lock(layout, &receipt.sha256, lockfile::MAX_BYTES);
    let kept = kept.and_then(|text| lockfile::parse(&text, &request.options.tool).ok());
    // A lockfile from before a signer was recorded must not drop it.
    let is_no_less = |kept: &Lockfile| match (&old.signer, &kept.signer) {
        (Some(signer), Some(kept)) => signer.is_satisfied_by(kept),
        (Some(_), None) => request.options.signers.accept_change,
        (None, _) => true,
    };
    if let Some(kept) = kept.filter(names).filter(is_no_less) {
        return (Some(WrittenLock { path, text: lockfile::render(&kept) }), LockChange::Restored);
    }
    let evidence = lockfile_of_release::recorded(&receipt.evidence);
    let alone = LockedAsset {
        target: receipt.target,
        name: asset.name.clone(),
        size: Some(asset.size),
        sha256: asset.sha256,
        evidence,
        verdict: verdict_of(receipt, proofs),
    };
    let lockfile = Lockfile::new(repository.clone(), tag.clone(), None, vec![alone]).signed_by(signer_of(proofs));
    (Some(WrittenLock { path, text: lockfile::render(&lockfile) }), LockChange::ThisMachineOnly)
}
