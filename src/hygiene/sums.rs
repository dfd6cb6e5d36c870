//! `SHA256SUMS` of a folder of assets: the same bytes for the same files, and there whole or not at all.
#![expect(clippy::disallowed_methods, reason = "assets are read and their checksums written here")]

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;
use thiserror::Error;

use crate::fs::FileError;
use crate::fs::check_output;
use crate::fs::write_file;
use crate::release::Sha256Digest;
use crate::trust::SIDECAR_SUFFIXES;
use crate::trust::SUMS_FILES;

/// The file's name.
pub const SUMS_NAME: &str = SUMS_FILES[0];

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// The asset.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// Why there is no checksum file.
#[derive(Debug, Error)]
pub enum SumsError {
    /// A file or the folder cannot be read or written.
    #[error("failed to {doing} `{path}`", path = path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else has the name of the checksum file, or the system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder holds no assets.
    #[error("`{path}` holds no files", path = path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A name that a checksum file cannot hold, or no asset has.
    #[error("`{name}` is no name for an asset")]
    Name {
        /// The name.
        name: String,
    },
}

/// Hashes every file of a folder, checksum files and hidden ones apart, and writes the result beside them.
pub fn write_sums(folder: &Path) -> Result<(PathBuf, Vec<Sum>), SumsError> {
    let io = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| SumsError::Io { doing, path, source }
    };
    let path = folder.join(SUMS_NAME);
    // Before everything is hashed.
    if folder.is_dir() {
        check_output(&path)?;
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io("read", folder))? {
        let entry = entry.map_err(io("read", folder))?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| SumsError::Name { name: name.to_string_lossy().into_owned() })?;
        // A link counts as what it leads to: that is what would be uploaded.
        let is_file = std::fs::metadata(entry.path()).map_err(io("read", &entry.path()))?.is_file();
        if is_file && !name.starts_with('.') && !is_checksum_file(&name) {
            names.push(name);
        }
    }
    names.sort();
    if let Some(name) = names.iter().find(|name| name.contains(['\n', '\r', '\\'])) {
        return Err(SumsError::Name { name: name.clone() });
    }
    if names.is_empty() {
        return Err(SumsError::Empty { path: folder.to_owned() });
    }
    let mut sums = Vec::new();
    for name in names {
        let asset = folder.join(&name);
        let (sha256, size) = hash(&asset).map_err(io("read", &asset))?;
        sums.push(Sum { name, size, sha256 });
    }
    let text: String = sums.iter().map(|sum| format!("{}  {}\n", sum.sha256, sum.name)).collect();
    write_file(&path, text.as_bytes())?;
    Ok((path, sums))
}

fn hash(path: &Path) -> io::Result<(Sha256Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((Sha256Digest::from_bytes(hasher.finalize().into()), size));
        }
        hasher.update(&piece[..read]);
        size += read as u64;
    }
}

/// A file of checksums is not listed in another one.
fn is_checksum_file(name: &str) -> bool {
    SUMS_FILES.iter().any(|known| known.eq_ignore_ascii_case(name))
        || SIDECAR_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use crate::trust::ChecksumFile;

    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes_and_our_own_parser_reads_them() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("b", "two"), ("a", "one"), (".hidden", "x"), ("a.sha256", "x"), ("checksums.txt", "x")] {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let (path, sums) = write_sums(folder.path()).expect("sums");
        let first = std::fs::read(&path).expect("read");
        assert_eq!(sums.iter().map(|sum| sum.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        write_sums(folder.path()).expect("sums again");
        assert_eq!(std::fs::read(&path).expect("read"), first);
        let parsed = ChecksumFile::parse(&first).expect("our own format");
        assert_eq!(parsed.digest_of("b"), Some(sums[1].sha256));
    }

    #[test]
    fn an_empty_folder_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(write_sums(folder.path()), Err(SumsError::Empty { .. })));
        assert!(matches!(write_sums(&folder.path().join("x")), Err(SumsError::Io { .. })));
    }
}
