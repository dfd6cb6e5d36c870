//! The store as the one installation has it that works: its lock, its staging directory, and what a killed one left there.

use std::time::Duration;

use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::staging_directory::Staging;
use crate::io::fs::Lock;
use crate::model::Sha256Digest;
use crate::worker::store;
use crate::worker::store::Installed;
use crate::worker::store::Layout;
use crate::worker::store::Receipt;
use crate::worker::store::State;
use crate::worker::store::StoreError;

/// The store, locked.
pub(super) struct StoreGuard<'a> {
    layout: &'a Layout,
    /// The asset the lock names: a binary from it stays.
    keep: Option<Sha256Digest>,
    lock: Lock,
}

impl<'a> StoreGuard<'a> {
    /// Waits for the lock as long as may be waited.
    pub(super) fn take(request: &'a InstallRequest, door: &InstallContext<'_>) -> Result<Self, InstallError> {
        let layout = &request.layout;
        store::prepare(layout).map_err(StoreError::from)?;
        let lock = store::lock(layout, door.lock_timeout, |holder| {
            door.progress.note(&format!("waiting for another installation in this project ({holder})"));
        })?;
        Ok(Self { layout, keep: request.keep, lock })
    }

    /// A directory of its own below `staging/`; what a killed installation left there goes first.
    pub(super) fn staging(&self) -> Result<Staging, StoreError> {
        store::clear(self.layout)?;
        Staging::in_directory(&self.layout.staging(), "install-")
    }

    /// The steps a killed installation did not come to. The binary is right without them, so they fail nobody.
    pub(super) fn complete(&self, receipt: &Receipt, state: &State) {
        store::finish(self.layout, receipt.sha256, state, &self.kept());
    }

    /// The binary the project's lock names, which stays even if others came after it.
    pub(super) fn kept(&self) -> Vec<Sha256Digest> {
        kept(self.layout, self.keep)
    }

    /// What somebody removed under this installation, which explains whatever failed. Without its lock it places nothing,
    /// because another installation may be at work.
    pub(super) fn store_removed(&self, staging: &Staging) -> Option<InstallError> {
        store::removed(self.layout, &self.lock, staging.path()).map(|path| InstallError::PulledAway { path })
    }
}

/// Reports what could not be done once the binary was in place.
pub(super) fn tell(unfinished: Option<StoreError>, door: &InstallContext<'_>) {
    if let Some(error) = unfinished {
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let causes = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        door.progress
            .note(&format!("the worker is installed, and the next `reproq install` completes the rest: {causes}"));
    }
}

/// Finishes what a killed installation left. Whoever cannot, because another installation runs or the directory is not
/// theirs, leaves it to the next.
pub(super) fn finish(request: &InstallRequest, receipt: &Receipt, state: &State) {
    let (layout, keep) = (&request.layout, request.keep);
    if store::is_finished(layout, receipt.sha256, state, &kept(layout, keep)) {
        return;
    }
    let Ok(lock) = store::lock(layout, Duration::ZERO, |_| {}) else { return };
    // Looked at again, because another installation may have come between.
    if let Ok((Installed::Intact { receipt }, state)) = store::scan(layout) {
        StoreGuard { layout, keep, lock }.complete(&receipt, &state);
    }
}

fn kept(layout: &Layout, keep: Option<Sha256Digest>) -> Vec<Sha256Digest> {
    keep.and_then(|asset| store::installed_from(layout, &asset)).into_iter().collect()
}
