//! Finds and reads a project's lock.
#![expect(clippy::disallowed_methods, reason = "the lock enters here")]

use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::lockfile::Lockfile;
use crate::lockfile::TextError;
use crate::lockfile::parse;
use crate::release::Tool;

/// No lock comes near this many bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why a project's lock cannot be used.
#[derive(Debug, Error)]
pub enum LockfileError {
    /// It is there and cannot be read.
    #[error("failed to read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no lock.
    #[error("`{path}` is no lock: {reason}", path = path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: TextError,
    },
}

/// Where a project's lock is.
pub fn path_in(root: &Path) -> PathBuf {
    root.join("reproq.lock")
}

/// Reads a project's lock; `None` where it has none.
pub fn read(root: &Path, tool: &Tool) -> Result<Option<Lockfile>, LockfileError> {
    read_file(&path_in(root), tool)
}

/// Reads a lock that lies somewhere else than in a project; `None` where there is none.
pub fn read_file(path: &Path, tool: &Tool) -> Result<Option<Lockfile>, LockfileError> {
    let failed = |source| LockfileError::Read { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        // A pipe or a device would never end.
        Ok(_) => return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    }
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    let no_lock =
        |reason: &str| LockfileError::Text { path: path.to_owned(), reason: TextError::Content(reason.to_owned()) };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(no_lock("it has more than a million bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| no_lock("it is not text"))?;
    match parse(&text, tool) {
        Ok(lockfile) => Ok(Some(lockfile)),
        Err(reason) => Err(LockfileError::Text { path: path.to_owned(), reason }),
    }
}
