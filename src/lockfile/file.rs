//! Finds and reads a project's lockfile.
#![expect(clippy::disallowed_methods, reason = "the lock enters here")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::io::fs::bounded_read;
use crate::lockfile::Lockfile;
use crate::lockfile::TextError;
use crate::lockfile::parse;
use crate::model::Tool;

/// The maximum size of a lockfile, in bytes. Parsing takes up to eighty times as much memory as the text.
pub(crate) const MAX_BYTES: u64 = 128 * 1024;

/// Why a project's lockfile cannot be used.
#[derive(Debug, Error)]
pub(crate) enum LockfileError {
    /// It exists and cannot be read.
    #[error("failed to read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// It is not a valid lockfile.
    #[error("`{path}` is not a valid lockfile: {reason}", path = path.display())]
    Text {
        /// The file.
        path: PathBuf,
        reason: TextError,
    },
}

/// The path of a project's lockfile.
pub(crate) fn path_in(root: &Path) -> PathBuf {
    root.join("reproq.lock")
}

/// Reads a project's lockfile; `None` if there is none.
pub(crate) fn read(root: &Path, tool: &Tool) -> Result<Option<Lockfile>, LockfileError> {
    read_file(&path_in(root), tool)
}

/// Reads a lockfile outside a project; `None` if there is none.
pub(crate) fn read_file(path: &Path, tool: &Tool) -> Result<Option<Lockfile>, LockfileError> {
    let failed = |source| LockfileError::Read { path: path.to_owned(), source };
    let no_lock = |reason| LockfileError::Text { path: path.to_owned(), reason };
    let text = match bounded_read::read_text(path, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {
            return Ok(None);
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(no_lock(TextError::Content(error.to_string())));
        }
        Err(error) => return Err(failed(error)),
    };
    parse(&text, tool).map(Some).map_err(no_lock)
}
