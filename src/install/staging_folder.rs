//! The folder an installation works in.

use std::path::Path;

use tempfile::TempDir;

use crate::platform;
use crate::store::Layout;
use crate::store::StoreError;

/// A folder of its own below `staging/`, removed however the installation ends; what a killed one left goes first.
pub(super) struct Staging {
    folder: TempDir,
    _cleanup: platform::CleanupGuard,
}

impl Staging {
    pub(super) fn create(layout: &Layout) -> Result<Self, StoreError> {
        let staging = layout.staging();
        platform::empty_folder(&staging).map_err(StoreError::new("empty", &staging))?;
        let folder = tempfile::Builder::new().prefix("install-").tempdir_in(&staging);
        let folder = folder.map_err(StoreError::new("make a folder in", &staging))?;
        let cleanup = platform::on_interrupt_remove(folder.path());
        Ok(Self { folder, _cleanup: cleanup })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}
