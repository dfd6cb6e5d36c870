//! Directories that are removed however the work in them ends.
#![expect(clippy::disallowed_methods, reason = "staging directories are removed here")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::io::fs::TemporaryDirectory;
use crate::platform;
use crate::worker::store::StoreError;

/// How many random characters a name ends with, and how many names are tried.
const RANDOM: usize = 6;
const TRIES: u32 = 100;

/// A directory that is removed however the work in it ends.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    _cleanup: platform::CleanupGuard,
    /// Where no other lock keeps others from sweeping it.
    held: Option<TemporaryDirectory>,
}

impl Staging {
    /// Beside a file that is to be made. What killed processes left there goes first.
    pub fn beside(file: &Path) -> Result<Self, StoreError> {
        Self::held_in(file.parent().unwrap_or(file))
    }

    /// Where the system keeps what is soon to go.
    pub fn aside() -> Result<Self, StoreError> {
        Self::held_in(&std::env::temp_dir())
    }

    fn held_in(parent: &Path) -> Result<Self, StoreError> {
        let held = TemporaryDirectory::create(parent)?;
        let path = held.path();
        let cleanup = platform::on_interrupt_remove(&path);
        Ok(Self { path, _cleanup: cleanup, held: Some(held) })
    }

    /// Only this user may look into it: what is verified there must not change under other users' hands.
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
                Err(error) => return Err(StoreError::new("make a directory in", parent)(error)),
            }
        }
        Err(StoreError::new("make a directory in", parent)(failure))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file in it that says that its process lives, where there is one.
    pub fn held(&self) -> Option<PathBuf> {
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
