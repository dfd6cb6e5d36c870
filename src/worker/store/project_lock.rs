//! `reproq.lock` as a step of the commit: it changes together with the binary.
#![expect(clippy::disallowed_methods, reason = "the project's lock is removed here, where there was none")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::io::fs::bounded_read;
use crate::io::fs::write_through_link;
use crate::worker::store::StoreError;

/// A lock that was read before it is replaced is no longer than this.
const MAX_BYTES: u64 = 1024 * 1024;

/// A project's lock as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenLock {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// A project's lock as it was.
pub(super) struct LockBefore<'a> {
    path: &'a Path,
    bytes: Option<Vec<u8>>,
}

/// What is put back if the binary cannot be placed.
pub(super) fn remember(lock: &WrittenLock) -> LockBefore<'_> {
    LockBefore { path: &lock.path, bytes: bounded_read::read(&lock.path, MAX_BYTES).ok() }
}

impl WrittenLock {
    /// Writes it so that a reader sees the old one or the new one, also after a crash. Teams share a lock by a link to it.
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
