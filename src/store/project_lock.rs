//! `reproq.lock` as a step of the commit: it changes together with the binary.
#![expect(clippy::disallowed_methods, reason = "the project's lock is written here")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::fs::set_mode;
use crate::store::StoreError;

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
    LockBefore { path: &lock.path, bytes: fs::read(&lock.path).ok() }
}

impl WrittenLock {
    pub(super) fn write(&self) -> Result<(), StoreError> {
        write_atomically(&self.path, self.text.as_bytes())
    }
}

impl LockBefore<'_> {
    pub(super) fn put_back(&self) -> Result<(), StoreError> {
        match &self.bytes {
            Some(bytes) => write_atomically(self.path, bytes),
            None => fs::remove_file(self.path).map_err(StoreError::new("remove", self.path)),
        }
    }
}

/// Writes a small file so that a reader sees the old one or the new one, also after a crash.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".reproq-").tempfile_in(path.parent().unwrap_or(path))?;
        file.write_all(bytes)?;
        set_mode(file.as_file(), 0o644)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).map_err(without_path).map_err(StoreError::new("write", path))
}

/// What the system said, without the made-up name of a file that is not there yet, which tempfile adds.
fn without_path(error: std::io::Error) -> std::io::Error {
    let said = error.to_string();
    match said.split_once(" at path ") {
        Some((said, _)) if error.get_ref().is_some() => std::io::Error::new(error.kind(), said),
        Some(_) | None => error,
    }
}
