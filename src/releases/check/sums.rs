//! Writes `SHA256SUMS` for a directory of assets: deterministic and atomic.
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

use crate::io::fs::FileError;
use crate::io::fs::check_output;
use crate::io::fs::write_file;
use crate::model::Sha256Digest;
use crate::trust::SIDECAR_SUFFIXES;
use crate::trust::SUMS_FILES;

/// The name of the checksum file.
pub(super) const SUMS_NAME: &str = SUMS_FILES[0];

/// One line of a checksum file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Sum {
    /// The asset.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// Why no checksum file was written.
#[derive(Debug, Error)]
pub(crate) enum SumsError {
    /// A file or the directory cannot be read or written.
    #[error("failed to {doing} `{path}`", path = path.display())]
    Io {
        /// The operation.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// Something else has the name of the checksum file, or an I/O error occurs.
    #[error(transparent)]
    File(#[from] FileError),
    /// The directory contains no assets.
    #[error("`{path}` contains no files", path = path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// GitHub changes these names on upload, so the names in the checksum file would be wrong.
    #[error("GitHub renames {} on upload, so the checksum file would list a wrong name", listed(names))]
    Names {
        /// The names.
        names: Vec<String>,
    },
}

/// A file that is left out, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    /// The name.
    pub name: String,
    /// Why.
    pub reason: &'static str,
}

/// A checksum file that was written.
#[derive(Debug)]
pub(crate) struct Sums {
    /// Its path.
    pub path: PathBuf,
    /// Its lines.
    pub assets: Vec<Sum>,
    /// The files of the directory that are left out.
    pub left_out: Vec<LeftOut>,
}

/// The characters that GitHub keeps in an asset name. GitHub does not document them; this list is from observation.
fn is_kept(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@')
}

/// Whether GitHub keeps a name: it replaces other characters with a period, merges consecutive periods, and strips
/// periods at both ends.
fn is_name_of_an_asset(name: &str) -> bool {
    name.chars().all(is_kept) && !name.contains("..") && !name.starts_with('.') && !name.ends_with('.')
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(5);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// Why a directory entry is not an asset.
fn left_out(name: &str, is_file: bool) -> Option<&'static str> {
    if !is_file {
        Some("it is not a file")
    } else if name.starts_with('.') {
        Some("it is hidden")
    } else if is_checksum_file(name) {
        Some("it is a checksum file")
    } else {
        None
    }
}

/// Hashes every file of a directory except checksum files and hidden files, and writes the result to the same
/// directory.
pub(crate) fn write_sums(directory: &Path) -> Result<Sums, SumsError> {
    let io = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| SumsError::Io { doing, path, source }
    };
    let path = directory.join(SUMS_NAME);
    // Fails before hashing if the file cannot be written.
    if directory.is_dir() {
        check_output(&path)?;
    }
    let (mut names, mut others) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(directory).map_err(io("read", directory))? {
        let entry = entry.map_err(io("read", directory))?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| SumsError::Names { names: vec![name.to_string_lossy().into_owned()] })?;
        // A link counts as its target, which is what would be uploaded.
        let is_file = std::fs::metadata(entry.path()).map_err(io("read", &entry.path()))?.is_file();
        match left_out(&name, is_file) {
            // The checksum file itself is not reported as left out.
            Some(_) if name == SUMS_NAME => {}
            Some(reason) => others.push(LeftOut { name, reason }),
            None => names.push(name),
        }
    }
    names.sort();
    others.sort_by(|one, other| one.name.cmp(&other.name));
    let changed: Vec<String> = names.iter().filter(|name| !is_name_of_an_asset(name)).cloned().collect();
    if !changed.is_empty() {
        return Err(SumsError::Names { names: changed });
    }
    if names.is_empty() {
        return Err(SumsError::Empty { path: directory.to_owned() });
    }
    let mut sums = Vec::new();
    for name in names {
        let asset = directory.join(&name);
        let (sha256, size) = hash(&asset).map_err(io("read", &asset))?;
        sums.push(Sum { name, size, sha256 });
    }
    let text: String = sums.iter().map(|sum| format!("{}  {}\n", sum.sha256, sum.name)).collect();
    write_file(&path, text.as_bytes())?;
    Ok(Sums { path, assets: sums, left_out: others })
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

/// Checksum files are not listed in another checksum file.
fn is_checksum_file(name: &str) -> bool {
    SUMS_FILES.iter().any(|known| known.eq_ignore_ascii_case(name))
        || SIDECAR_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use crate::trust::ChecksumFile;

    use super::*;

    #[test]
    fn the_output_is_deterministic_and_our_parser_reads_it() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in [("b", "two"), ("a", "one"), (".hidden", "x"), ("a.sha256", "x"), ("checksums.txt", "x")] {
            std::fs::write(directory.path().join(name), text).expect("written");
        }
        std::fs::create_dir(directory.path().join("sub")).expect("made");
        let Sums { path, assets: sums, left_out } = write_sums(directory.path()).expect("sums");
        let left_out: Vec<_> = left_out.iter().map(|other| (other.name.as_str(), other.reason)).collect();
        assert_eq!(
            left_out,
            [
                (".hidden", "it is hidden"),
                ("a.sha256", "it is a checksum file"),
                ("checksums.txt", "it is a checksum file"),
                ("sub", "it is not a file"),
            ]
        );
        let first = std::fs::read(&path).expect("read");
        assert_eq!(sums.iter().map(|sum| sum.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        write_sums(directory.path()).expect("sums again");
        assert_eq!(std::fs::read(&path).expect("read"), first);
        let parsed = ChecksumFile::parse(&first).expect("our own format");
        assert_eq!(parsed.digest_of("b"), Some(sums[1].sha256));
    }

    #[test]
    fn names_that_github_changes_are_refused() {
        for name in ["a b", "a~b", "a(1)", "a:b", "\u{e9}t\u{e9}", "a..b", "a.", "a,b", "a\\b", "a\nb", "a%20b"] {
            let directory = tempfile::tempdir().expect("a directory");
            if std::fs::write(directory.path().join(name), "x").is_err() {
                continue;
            }
            let refused = write_sums(directory.path());
            assert!(matches!(&refused, Err(SumsError::Names { names }) if names == &[name]), "{name:?}: {refused:?}");
            assert!(!directory.path().join(SUMS_NAME).exists());
        }
        for name in ["tool_1.2.3-linux.x86-64.tar.gz", "tool-1.2.3+build@5", "_a"] {
            let directory = tempfile::tempdir().expect("a directory");
            std::fs::write(directory.path().join(name), "x").expect("written");
            assert_eq!(write_sums(directory.path()).expect(name).assets[0].name, name);
        }
    }

    #[test]
    fn an_empty_directory_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(matches!(write_sums(directory.path()), Err(SumsError::Empty { .. })));
        assert!(matches!(write_sums(&directory.path().join("x")), Err(SumsError::Io { .. })));
    }
}
