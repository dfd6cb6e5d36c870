//! The current installation, read from the binary, its receipt and the state file.

use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::Stat;
use crate::io::fs::hashing_writer::LARGEST_FILE;
use crate::io::fs::hashing_writer::hash;
use crate::model::Sha256Digest;
use crate::trust::attestation;
use crate::worker::store::Fingerprint;
use crate::worker::store::Layout;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;
use crate::worker::store::layout::STATE;
use crate::worker::store::opened::Store;
use crate::worker::store::opened::digests;

/// Well above the size of any receipt or state file.
const MAX_RECORD: u64 = 1024 * 1024;

/// Why the store cannot be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// One of its files or directories.
    #[error(transparent)]
    File(#[from] FileError),
    /// The verified file is not the one that would be placed.
    #[error("`{path}` changed after it was verified: its sha256 is {found}, expected {expected}", path = path.display())]
    StagedChanged {
        /// The staged file.
        path: std::path::PathBuf,
        /// The verified digest.
        expected: Sha256Digest,
        /// The current digest.
        found: Sha256Digest,
    },
}

impl StoreError {
    /// An error of this operation on this path.
    pub fn new(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let failed = FileError::io(doing, path);
        move |source| failed(source).into()
    }
}

/// The current and the previous binary. Only saves work: without it the binary is hashed instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// `reproq.state/1`.
    pub schema: String,
    /// The digest of the current binary.
    pub current: Option<Sha256Digest>,
    /// The digest of the previous binary, kept for rollback.
    pub previous: Option<Sha256Digest>,
    /// The binary's fingerprint from when its digest was computed.
    pub seen: Option<Fingerprint>,
}

/// What is at the binary's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// Nothing was installed.
    Nothing,
    /// The binary matches its receipt.
    Intact { receipt: Box<Receipt> },
    /// A binary was installed, but the file has other bytes now.
    Changed {
        /// The receipt of the installed binary.
        receipt: Box<Receipt>,
        /// The current digest.
        found: Sha256Digest,
    },
    /// A binary was installed, but the file is missing.
    Removed {
        /// The receipt of the installed binary.
        receipt: Box<Receipt>,
    },
    /// There is a file without a receipt.
    Foreign { found: Sha256Digest },
    /// There is something that is not a worker's file.
    NotAFile { what: NotAFile },
}

/// What occupies the binary's path and cannot be a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAFile {
    /// Not a regular file.
    Kind(FileKind),
    /// A file larger than any worker, which is not read.
    TooLarge,
}

impl NotAFile {
    /// As a description.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::TooLarge => "a file larger than any worker",
        }
    }
}

/// Detects a change of the binary without reading it. Readers need no lock: if they read several files, they compare this
/// before and after, and read again if it differs.
pub fn glance(layout: &Layout) -> Option<Fingerprint> {
    let bin = Store::open(layout).ok()??.bin().ok()??;
    bin.stat(layout.binary_name()).ok()?.as_ref().and_then(Fingerprint::of)
}

/// Reads the installation. Hashes the binary only if its fingerprint changed.
pub fn scan(layout: &Layout) -> Result<(Installed, State), StoreError> {
    look(layout, trusted_digest)
}

/// Like [`scan`], but always hashes the binary.
pub(crate) fn rescan(layout: &Layout) -> Result<(Installed, State), StoreError> {
    look(layout, |_, _, _| None)
}

fn look(
    layout: &Layout,
    known_digest: impl FnOnce(&State, &Stat, &Stat) -> Option<Sha256Digest>,
) -> Result<(Installed, State), StoreError> {
    let Some(store) = Store::open(layout)? else { return Ok((Installed::Nothing, State::default())) };
    let (state, kept_in) = match store.home().and_then(|home| read_record::<State>(home, STATE)) {
        Some((state, kept_in)) => (state, Some(kept_in)),
        None => (State::default(), None),
    };
    let receipts = store.receipts()?;
    let known = |digest: &Sha256Digest| receipts.as_ref().and_then(|receipts| receipt(receipts, digest));
    let bin = store.bin()?;
    let found = match &bin {
        Some(bin) => bin.stat(layout.binary_name())?,
        None => None,
    };
    let (Some(bin), Some(found)) = (bin, found) else {
        let installed = match state.current.as_ref().and_then(known) {
            Some(receipt) => Installed::Removed { receipt: Box::new(receipt) },
            None => Installed::Nothing,
        };
        return Ok((installed, state));
    };
    if let Some(what) = not_a_file(&found) {
        return Ok((Installed::NotAFile { what }, state));
    }
    let digest = match kept_in.and_then(|kept_in| known_digest(&state, &found, &kept_in)) {
        Some(digest) => digest,
        None => match bin.file(layout.binary_name())? {
            Some((mut file, _)) => hash(&mut file).map_err(StoreError::new("read", &layout.binary))?,
            None => return Ok((Installed::Nothing, state)),
        },
    };
    let installed = match known(&digest) {
        Some(receipt) => Installed::Intact { receipt: Box::new(receipt) },
        None => match state.current.as_ref().and_then(known) {
            Some(receipt) => Installed::Changed { receipt: Box::new(receipt), found: digest },
            None => Installed::Foreign { found: digest },
        },
    };
    Ok((installed, state))
}

fn not_a_file(found: &Stat) -> Option<NotAFile> {
    if found.kind != FileKind::Regular {
        return Some(NotAFile::Kind(found.kind));
    }
    (found.size > LARGEST_FILE).then_some(NotAFile::TooLarge)
}

/// The digest in the state file, if the binary's fingerprint is unchanged.
fn trusted_digest(state: &State, binary: &Stat, kept_in: &Stat) -> Option<Sha256Digest> {
    let seen = state.seen.filter(|seen| Fingerprint::of(binary).as_ref() == Some(seen))?;
    state.current.filter(|_| seen.is_older_than(kept_in))
}

/// The receipt of a binary. A receipt that is unreadable, belongs to another binary or contradicts its asset counts as missing:
/// the binary is then installed again, which writes a new one.
fn receipt(receipts: &Dir, sha256: &Sha256Digest) -> Option<Receipt> {
    let (receipt, _): (Receipt, _) = read_record(receipts, &format!("{sha256}.json"))?;
    let is_one = receipt.sha256 == *sha256 && receipt.schema == super::receipt::SCHEMA && receipt.is_of_its_asset();
    is_one.then_some(receipt)
}

/// The receipt of a kept binary.
pub(crate) fn kept_receipt(layout: &Layout, sha256: &Sha256Digest) -> Option<Receipt> {
    receipt(&opened_receipts(layout)?, sha256)
}

/// The lockfile that pinned a binary when it was installed, if it is at most this long.
pub(crate) fn kept_lock(layout: &Layout, sha256: &Sha256Digest, limit: u64) -> Option<String> {
    let (bytes, _) = opened_receipts(layout)?.read(format!("{sha256}.lock"), limit).ok()??;
    String::from_utf8(bytes).ok()
}

/// The stored attestations of a binary, if any.
pub(crate) fn proofs(layout: &Layout, sha256: &Sha256Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(store) = Store::open(layout)? else { return Ok(None) };
    let Some(receipts) = store.receipts()? else { return Ok(None) };
    let read = receipts.read(format!("{sha256}.proofs"), attestation::MAX_TEXT as u64)?;
    Ok(read.map(|(bytes, _)| bytes))
}

/// Every receipt in the store, the newest first. Unreadable ones are skipped.
pub(crate) fn receipts(layout: &Layout) -> Vec<Receipt> {
    let Some(directory) = opened_receipts(layout) else { return Vec::new() };
    let records =
        digests(&directory).into_iter().filter(|(_, name)| Path::new(name).extension() == Some("json".as_ref()));
    let mut receipts: Vec<Receipt> = records.filter_map(|(digest, _)| receipt(&directory, &digest)).collect();
    receipts.sort_by(|a, b| b.installed_at.cmp(&a.installed_at).then(a.sha256.cmp(&b.sha256)));
    receipts
}

/// The binary taken from an asset, if one is kept.
pub(crate) fn installed_from(layout: &Layout, asset: &Sha256Digest) -> Option<Sha256Digest> {
    let is_from = |receipt: &Receipt| match &receipt.origin {
        ReceiptOrigin::Release { asset: from, .. } => from.sha256 == *asset,
        ReceiptOrigin::Build(_) => false,
    };
    receipts(layout).into_iter().find(is_from).map(|receipt| receipt.sha256)
}

fn opened_receipts(layout: &Layout) -> Option<Dir> {
    Store::open(layout).ok()??.receipts().ok()?
}

fn read_record<T: DeserializeOwned>(directory: &Dir, name: &str) -> Option<(T, Stat)> {
    let (bytes, stat) = directory.read(name, MAX_RECORD).ok()??;
    Some((serde_json::from_slice(&bytes).ok()?, stat))
}
