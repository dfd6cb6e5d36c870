//! Folders that are removed however the work in them ends.

use std::path::Path;

use tempfile::TempDir;

use crate::platform;
use crate::store::StoreError;

/// A folder that is removed however the work in it ends.
#[derive(Debug)]
pub struct Staging {
    folder: TempDir,
    _cleanup: platform::CleanupGuard,
}

impl Staging {
    /// Beside a file that is to be made, on the same file system.
    pub fn beside(file: &Path) -> Result<Self, StoreError> {
        Self::in_folder(file.parent().unwrap_or(file), ".reproq-bundle-")
    }

    /// Where the system keeps what is soon to go.
    pub fn aside() -> Result<Self, StoreError> {
        Self::in_folder(&std::env::temp_dir(), "reproq-")
    }

    pub(super) fn in_folder(parent: &Path, prefix: &str) -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent);
        let folder = folder.map_err(StoreError::new("make a folder in", parent))?;
        let cleanup = platform::on_interrupt_remove(folder.path());
        Ok(Self { folder, _cleanup: cleanup })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}
