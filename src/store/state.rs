//! What is installed: read from the binary, its receipt and the state file.
#![expect(clippy::disallowed_methods, reason = "the store is read and its small files are written here")]

use std::fs;
use std::fs::Metadata;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::attestation;
use crate::release::Sha256Digest;
use crate::small_file;
use crate::staging::hash_file;
use crate::store::Fingerprint;
use crate::store::Layout;
use crate::store::Receipt;
use crate::store::ReceiptOrigin;

/// No receipt and no state file comes near this many bytes.
const MAX_RECORD: u64 = 1024 * 1024;

const IGNORE: &[u8] = b"# Made by reproq: what is here is not for version control.\n*\n";

/// Why the store cannot be read or written.
#[derive(Debug, Error)]
#[error("failed to {doing} `{path}`", path = path.display())]
pub struct StoreError {
    /// What was tried.
    pub doing: &'static str,
    /// On which file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl StoreError {
    /// Names what was tried, and on what.
    pub fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, path: path.to_owned(), source: without_path(source) }
    }
}

/// What the system said, without the made-up name of a file that is not there yet, which tempfile adds.
fn without_path(error: io::Error) -> io::Error {
    let said = error.to_string();
    match said.split_once(" at path ") {
        Some((said, _)) if error.get_ref().is_some() => io::Error::new(error.kind(), said),
        Some(_) | None => error,
    }
}

/// Which binary is current and which came before. A hint that saves work: without it the binary is hashed instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// `reproq.state/1`.
    pub schema: String,
    /// The digest of the binary that was installed last.
    pub current: Option<Sha256Digest>,
    /// The digest of the one before it, kept for rollback.
    pub previous: Option<Sha256Digest>,
    /// What the binary looked like when its digest was known.
    pub seen: Option<Fingerprint>,
}

/// What is at the binary's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// Nothing was ever installed here.
    Nothing,
    /// The binary is exactly the one its receipt is about.
    Intact {
        /// Its receipt.
        receipt: Box<Receipt>,
    },
    /// A binary was installed, and what is there now is something else.
    Changed {
        /// The receipt of what was installed.
        receipt: Box<Receipt>,
        /// The digest of what is there now.
        found: Sha256Digest,
    },
    /// A binary was installed, and nothing is there now.
    Removed {
        /// The receipt of what was installed.
        receipt: Box<Receipt>,
    },
    /// A file is there that no receipt is about.
    Foreign {
        /// Its digest.
        found: Sha256Digest,
    },
    /// Something that is no regular file is there.
    NotAFile {
        /// What it is.
        what: &'static str,
    },
}

/// What tells the binary in place from the next one without reading it. Readers need no lock: those who read more than
/// one thing look before and after, and again when it is not the same.
pub fn glance(layout: &Layout) -> Option<Fingerprint> {
    fs::symlink_metadata(&layout.binary).ok().and_then(|metadata| Fingerprint::of(&metadata))
}

/// Reads what is installed. Hashes the binary only when it does not look as it did when it was hashed last.
pub fn scan(layout: &Layout) -> Result<(Installed, State), StoreError> {
    look(layout, trusted_digest)
}

/// As [`scan`], but hashes the binary whatever it looks like.
pub fn rescan(layout: &Layout) -> Result<(Installed, State), StoreError> {
    look(layout, |_, _, _| None)
}

fn look(
    layout: &Layout,
    known_digest: impl FnOnce(&Layout, &State, &Metadata) -> Option<Sha256Digest>,
) -> Result<(Installed, State), StoreError> {
    let state: State = read_record(&layout.state()).unwrap_or_default();
    let known = |digest: &Option<Sha256Digest>| digest.as_ref().and_then(|digest| receipt(layout, digest));
    let metadata = match fs::symlink_metadata(&layout.binary) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let installed = match known(&state.current) {
                Some(receipt) => Installed::Removed { receipt: Box::new(receipt) },
                None => Installed::Nothing,
            };
            return Ok((installed, state));
        }
        Err(error) => return Err(StoreError::new("look at", &layout.binary)(error)),
    };
    if metadata.is_dir() {
        return Ok((Installed::NotAFile { what: "a folder" }, state));
    }
    if metadata.is_symlink() {
        return Ok((Installed::NotAFile { what: "a link" }, state));
    }
    if !metadata.is_file() {
        return Ok((Installed::NotAFile { what: "no regular file" }, state));
    }
    let found = match known_digest(layout, &state, &metadata) {
        Some(digest) => digest,
        None => hash_file(&layout.binary).map_err(StoreError::new("read", &layout.binary))?,
    };
    let installed = match (receipt(layout, &found), known(&state.current)) {
        (Some(receipt), _) => Installed::Intact { receipt: Box::new(receipt) },
        (None, Some(receipt)) => Installed::Changed { receipt: Box::new(receipt), found },
        (None, None) => Installed::Foreign { found },
    };
    Ok((installed, state))
}

/// The digest the state file vouches for, if the binary looks exactly as it did then.
fn trusted_digest(layout: &Layout, state: &State, binary: &Metadata) -> Option<Sha256Digest> {
    let seen = state.seen.filter(|seen| Fingerprint::of(binary).as_ref() == Some(seen))?;
    let kept_in = fs::metadata(layout.state()).ok()?;
    state.current.filter(|_| seen.is_older_than(&kept_in))
}

/// The receipt of a binary. One that cannot be read, or is about another binary or says that it came from an asset of other
/// bytes, is no receipt: the binary is then installed again, which writes a new one.
fn receipt(layout: &Layout, sha256: &Sha256Digest) -> Option<Receipt> {
    let receipt: Receipt = read_record(&layout.receipt(sha256))?;
    let is_one = receipt.sha256 == *sha256 && receipt.schema == super::receipt::SCHEMA && receipt.is_of_its_asset();
    is_one.then_some(receipt)
}

/// The receipt of a binary that is kept.
pub fn kept_receipt(layout: &Layout, sha256: &Sha256Digest) -> Option<Receipt> {
    receipt(layout, sha256)
}

/// The proofs that are kept of where a binary comes from; nothing where there are none.
pub fn proofs(layout: &Layout, sha256: &Sha256Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let path = layout.proofs(sha256);
    match small_file::read(&path, attestation::MAX_TEXT as u64) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::new("read", &path)(error)),
    }
}

/// Every receipt in the store, the youngest first. What cannot be read is no receipt.
pub fn receipts(layout: &Layout) -> Vec<Receipt> {
    let Ok(entries) = fs::read_dir(layout.receipts()) else { return Vec::new() };
    let digest = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok();
    let digests = entries.flatten().filter_map(digest);
    let mut receipts: Vec<Receipt> = digests.filter_map(|digest| receipt(layout, &digest)).collect();
    receipts.sort_by(|a, b| b.installed_at.cmp(&a.installed_at).then(a.sha256.cmp(&b.sha256)));
    receipts
}

/// The binary that was taken from an asset, if one is kept.
pub fn installed_from(layout: &Layout, asset: &Sha256Digest) -> Option<Sha256Digest> {
    let is_from = |receipt: &Receipt| match &receipt.origin {
        ReceiptOrigin::Release { asset: from, .. } => from.sha256 == *asset,
        ReceiptOrigin::Build(_) => false,
    };
    receipts(layout).into_iter().find(is_from).map(|receipt| receipt.sha256)
}

fn read_record<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = small_file::read(path, MAX_RECORD).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Makes the folder in which everything begins, and keeps the store out of version control.
pub fn prepare(layout: &Layout) -> Result<(), StoreError> {
    let folder = layout.staging();
    fs::create_dir_all(&folder).map_err(StoreError::new("create the folder", &folder))?;
    keep_out_of_version_control(&layout.home)
}

/// Keeps a folder out of version control, whatever lies in it. Needs no lock and leaves nothing for others to clear away:
/// all write the same text into the same new file, and whoever finds it renamed already is content.
pub fn keep_out_of_version_control(home: &Path) -> Result<(), StoreError> {
    let (ignore, new) = (home.join(".gitignore"), home.join(".gitignore.new"));
    if fs::symlink_metadata(&ignore).is_ok() {
        let _ = fs::remove_file(&new);
        return Ok(());
    }
    // Not emptied first, because another process may have written it and be about to rename it.
    let open = || OpenOptions::new().write(true).create(true).truncate(false).open(&new);
    match open().and_then(|mut file| file.write_all(IGNORE)).and_then(|()| fs::rename(&new, &ignore)) {
        Err(error) if !ignore.is_file() => Err(StoreError::new("write", &ignore)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a small file so that a reader sees the old one or the new one, also after a crash.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_by_way_of(path.parent().unwrap_or(path), path, bytes)
}

/// As [`write_atomically`], with the new file in this folder of the same file system until it is whole.
pub(super) fn write_by_way_of(folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".reproq-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        #[cfg(unix)]
        {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            file.as_file().set_permissions(permissions)?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).map_err(StoreError::new("write", path))
}
