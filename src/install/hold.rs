//! The store as the one installation has it that works: its lock, its staging folder, and what a killed one left there.

use std::time::Duration;

use crate::install::Door;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::staging_folder::Staging;
use crate::platform;
use crate::release::Sha256Digest;
use crate::store;
use crate::store::Installed;
use crate::store::Layout;
use crate::store::Lock;
use crate::store::Obstacle;
use crate::store::Receipt;
use crate::store::State;
use crate::store::StoreError;

/// The store, locked.
pub(super) struct Hold<'a> {
    layout: &'a Layout,
    /// The asset the lock names: a binary from it stays.
    keep: Option<Sha256Digest>,
    lock: Lock,
}

impl<'a> Hold<'a> {
    /// Waits for the lock as long as may be waited.
    pub(super) fn take(request: &'a InstallRequest, door: &Door<'_>) -> Result<Self, InstallError> {
        let layout = &request.layout;
        clear(layout)?;
        store::prepare(layout)?;
        let lock = Lock::acquire(&layout.lock(), door.lock_timeout, |holder| {
            door.progress.note(&format!("waiting for another installation in this project ({holder})"));
        })?;
        Ok(Self { layout, keep: request.keep, lock })
    }

    /// A folder of its own below `staging/`; what a killed installation left there goes first.
    pub(super) fn staging(&self) -> Result<Staging, StoreError> {
        let staging = self.layout.staging();
        platform::empty_folder(&staging).map_err(StoreError::new("empty", &staging))?;
        Staging::in_folder(&staging, "install-")
    }

    /// The steps a killed installation did not come to. The binary is right without them, so they fail nobody.
    pub(super) fn complete(&self, receipt: &Receipt, state: &State) {
        let _ = platform::empty_folder(&self.layout.staging());
        for step in &store::unfinished(self.layout, receipt.sha256, state, &self.kept()) {
            if store::apply(self.layout, step).is_err() {
                return;
            }
        }
    }

    /// The binary the project's lock names, which stays even if others came after it.
    pub(super) fn kept(&self) -> Vec<Sha256Digest> {
        kept(self.layout, self.keep)
    }

    /// What somebody removed under this installation, which explains whatever failed. Without its lock it places nothing,
    /// because another installation may be at work.
    pub(super) fn pulled_away(&self, staging: &Staging) -> Option<InstallError> {
        let missing = if !platform::is_folder(&self.layout.home) {
            self.layout.home.clone()
        } else if !platform::is_folder(staging.path()) {
            self.layout.staging()
        } else if !self.lock.is_guarding() {
            self.layout.lock()
        } else {
            return None;
        };
        Some(InstallError::PulledAway { path: missing })
    }
}

/// Nothing of the store may be a link or something else that is not its own.
pub(super) fn clear(layout: &Layout) -> Result<(), InstallError> {
    match store::obstacle(layout) {
        None => Ok(()),
        Some(Obstacle { path, what, place }) => Err(InstallError::InTheWay { path, what, place }),
    }
}

/// Finishes what a killed installation left. Whoever cannot, because another installation runs or the folder is not
/// theirs, leaves it to the next.
pub(super) fn finish(request: &InstallRequest, receipt: &Receipt, state: &State) {
    let (layout, keep) = (&request.layout, request.keep);
    let unfinished = store::unfinished(layout, receipt.sha256, state, &kept(layout, keep));
    if unfinished.is_empty() && platform::is_empty_folder(&layout.staging()) {
        return;
    }
    if store::obstacle(layout).is_some() {
        return;
    }
    let Ok(lock) = Lock::acquire(&layout.lock(), Duration::ZERO, |_| {}) else { return };
    // Looked at again, because another installation may have come between.
    if let Ok((Installed::Intact { receipt }, state)) = store::scan(layout) {
        Hold { layout, keep, lock }.complete(&receipt, &state);
    }
}

fn kept(layout: &Layout, keep: Option<Sha256Digest>) -> Vec<Sha256Digest> {
    keep.and_then(|asset| store::installed_from(layout, &asset)).into_iter().collect()
}
