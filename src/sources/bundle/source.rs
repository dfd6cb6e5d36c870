//! Measures the files of a source before they are bundled.
#![expect(clippy::disallowed_methods, reason = "the files of a source are read here")]

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

use crate::model::Sha256Digest;
use crate::sources::bundle::SourceFile;
use crate::sources::bundle::WriteError;
use crate::sources::bundle::manifest::Measure;

/// Sizes and digests of the files. Each is given by its path in the source, its path on disk and its executable bit.
pub(crate) fn measured(
    files: impl IntoIterator<Item = (String, PathBuf, bool)>,
) -> Result<Vec<(SourceFile, PathBuf)>, WriteError> {
    let mut measured = Vec::new();
    for (path, file, executable) in files {
        match measure(&file) {
            Ok(Measure { size, sha256 }) => measured.push((SourceFile { path, size, sha256, executable }, file)),
            Err(source) => return Err(WriteError::Read { path: file, source }),
        }
    }
    Ok(measured)
}

fn measure(path: &Path) -> io::Result<Measure> {
    let mut file = File::open(path)?;
    let (mut hasher, mut size) = (Sha256::new(), 0);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok(Measure { size, sha256: Sha256Digest::from_bytes(hasher.finalize().into()) });
        }
        hasher.update(&piece[..length]);
        size += length as u64;
    }
}
