//! `reproq.lock` as a step of the commit, so that it changes together with the binary.
#![expect(clippy::disallowed_methods, reason = "the project's lockfile is removed here if there was none before")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::io::fs::bounded_read;
use crate::io::fs::write_through_link;
use crate::worker::store::StoreError;

/// The size limit for reading a lockfile before it is replaced.
const MAX_BYTES: u64 = 1024 * 1024;

/// The new content of a project's lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenLock {
    /// The file.
    pub path: PathBuf,
    pub text: String,
}

/// The previous content of a project's lockfile.
pub(super) struct LockBefore<'a> {
    path: &'a Path,
    bytes: Option<Vec<u8>>,
}

/// What is restored if the binary cannot be placed.
pub(super) fn remember(lock: &WrittenLock) -> LockBefore<'_> {
    LockBefore { path: &lock.path, bytes: bounded_read::read(&lock.path, MAX_BYTES).ok() }
}

impl WrittenLock {
    /// Writes it atomically, also across a crash. Follows a link, because teams share a lockfile that way.
    pub fn write(&self) -> Result<(), StoreError> {
        Ok(write_through_link(&self.path, self.text.as_bytes())?)
    }
}

impl LockBefore<'_> {
    pub(super) fn put_back(&self) -> Result<(), StoreError> {
        match &self.bytes {
            Some(bytes) => Ok(write_through_link(self.path, bytes)?),
            None => fs::remove_file(self.path).map_err(StoreError::new("remove", self.path)),
        }
    }
}
