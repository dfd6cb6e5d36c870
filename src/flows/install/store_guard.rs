//! Exclusive access to the store for one installation: its lock, its staging directory, and leftovers of a killed one.

use std::time::Duration;

use crate::flows::install::AccessError;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::install::acquire_error::with_causes;
use crate::flows::install::staging_directory::Staging;
use crate::io::fs::Lock;
use crate::model::Sha256Digest;
use crate::worker::store;
use crate::worker::store::Installed;
use crate::worker::store::Layout;
use crate::worker::store::Receipt;
use crate::worker::store::State;
use crate::worker::store::StoreError;

/// The locked store.
pub(super) struct StoreGuard<'a> {
    layout: &'a Layout,
    /// The locked asset: a binary from it is kept.
    keep: Option<Sha256Digest>,
    lock: Lock,
}

impl<'a> StoreGuard<'a> {
    /// Waits for the lock, up to the timeout.
    pub(super) fn take(request: &'a InstallRequest, context: &InstallContext<'_>) -> Result<Self, AccessError> {
        let layout = &request.options.layout;
        store::prepare(layout).map_err(StoreError::from)?;
        let lock = store::lock(layout, context.lock_timeout, |holder| {
            context.progress.note(&format!("waiting for another installation in this project ({holder})"));
        })?;
        Ok(Self { layout, keep: request.decided.keep, lock })
    }

    /// Creates a directory below `staging/`, after removing those of killed installations.
    pub(super) fn staging(&self) -> Result<Staging, StoreError> {
        store::clear(self.layout)?;
        Staging::in_directory(&self.layout.staging(), "install-")
    }

    /// Carries out the steps a killed installation did not reach. Errors are ignored: the binary is right without them.
    pub(super) fn complete(&self, receipt: &Receipt, state: &State) {
        store::finish(self.layout, receipt.sha256, state, &self.kept());
    }

    /// The binary pinned by the project's lockfile, which is kept even if newer ones were installed.
    pub(super) fn kept(&self) -> Vec<Sha256Digest> {
        kept(self.layout, self.keep)
    }

    /// The part of the store that was removed during this installation, which explains any other error. Without its lock file the
    /// installation stops, because another one may be running.
    pub(super) fn store_removed(&self, staging: &Staging) -> Option<AccessError> {
        store::removed(self.layout, &self.lock, staging.path()).map(|path| AccessError::PulledAway { path })
    }
}

/// Reports a step that failed after the binary was installed.
pub(super) fn report_unfinished(unfinished: Option<StoreError>, context: &InstallContext<'_>) {
    if let Some(error) = unfinished {
        context.progress.note(&format!(
            "the worker is installed; the next `reproq install` completes the remaining steps: {}",
            with_causes(&error)
        ));
    }
}

/// Finishes what a killed installation left. If another installation is running or the directory is not writable, the next
/// one does it.
pub(super) fn finish(request: &InstallRequest, receipt: &Receipt, state: &State) {
    let (layout, keep) = (&request.options.layout, request.decided.keep);
    if store::is_finished(layout, receipt.sha256, state, &kept(layout, keep)) {
        return;
    }
    let Ok(lock) = store::lock(layout, Duration::ZERO, |_| {}) else { return };
    // Read again, because another installation may have finished meanwhile.
    if let Ok((Installed::Intact { receipt }, state)) = store::scan(layout) {
        StoreGuard { layout, keep, lock }.complete(&receipt, &state);
    }
}

fn kept(layout: &Layout, keep: Option<Sha256Digest>) -> Vec<Sha256Digest> {
    keep.and_then(|asset| store::installed_from(layout, &asset)).into_iter().collect()
}
