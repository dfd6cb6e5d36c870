//! Directories that are always removed, however the work in them ends.
#![expect(clippy::disallowed_methods, reason = "staging directories are removed here")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::io::fs::TemporaryDirectory;
use crate::platform;
use crate::worker::store::StoreError;

/// The length of the random suffix, and the number of names to try.
const RANDOM: usize = 6;
const TRIES: u32 = 100;

/// A directory that is removed on drop.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    _cleanup: platform::CleanupGuard,
    /// A lock that keeps other processes from cleaning it up, where no other lock does.
    held: Option<TemporaryDirectory>,
}

impl Staging {
    /// Creates it next to an output file. Leftovers of killed processes are removed first.
    pub(crate) fn beside(file: &Path) -> Result<Self, StoreError> {
        Self::held_in(file.parent().unwrap_or(file))
    }

    /// Creates it in the system's temporary directory.
    pub(crate) fn aside() -> Result<Self, StoreError> {
        Self::held_in(&std::env::temp_dir())
    }

    fn held_in(parent: &Path) -> Result<Self, StoreError> {
        let held = TemporaryDirectory::create(parent)?;
        let path = held.path();
        let cleanup = platform::on_interrupt_remove(&path);
        Ok(Self { path, _cleanup: cleanup, held: Some(held) })
    }

    /// Readable by this user only: files verified in it must not be modified by other users.
    pub(super) fn in_directory(parent: &Path, prefix: &str) -> Result<Self, StoreError> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let mut failure = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..TRIES {
            let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(RANDOM).collect();
            let path = parent.join(format!("{prefix}{random}"));
            match builder.create(&path) {
                Ok(()) => {
                    let cleanup = platform::on_interrupt_remove(&path);
                    return Ok(Self { path, _cleanup: cleanup, held: None });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => failure = error,
                Err(error) => return Err(StoreError::new("create a directory in", parent)(error)),
            }
        }
        Err(StoreError::new("create a directory in", parent)(failure))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file in it that marks its process as alive, if there is one.
    pub(crate) fn held(&self) -> Option<PathBuf> {
        self.held.as_ref().map(TemporaryDirectory::held)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.held.is_none() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
