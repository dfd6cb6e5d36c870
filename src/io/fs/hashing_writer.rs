//! Writes a file and hashes it at the same time, on a separate thread, so that the network or the decompressor never
//! waits for SHA-256 and nothing is read twice.
#![expect(clippy::disallowed_methods, reason = "staged files are made and written here")]

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::IoSlice;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;
use sha2::Digest;
use sha2::Sha256;

use crate::io::fs::FileId;
use crate::io::fs::bounded_read;
use crate::io::fs::stat_of;
use crate::model::Sha256Digest;

/// The batch size in bytes: a network delivers 16 KiB at a time, and waking the other
/// thread for each chunk would cost more than hashing it.
pub(crate) const BATCH: usize = 256 * 1024;

/// How many batches may wait for the disk. This limits the memory of a transfer.
const BATCHES_IN_FLIGHT: usize = 4;

/// A written file with its size and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Written {
    /// Its path.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest, computed from the bytes in memory before they are written.
    pub sha256: Sha256Digest,
    /// The identity of the file, if the system has one.
    pub id: Option<FileId>,
}

/// How much is written before a flush is started in the background. Nearly all data is then on disk when the last
/// byte arrives, so the final flush takes little time.
const FLUSH_EVERY: u64 = 16 * 1024 * 1024;

/// The maximum size of a worker or an asset: GitHub's limit for release assets.
pub(crate) const LARGEST_FILE: u64 = 2 * 1024 * 1024 * 1024;

/// The result of the writer thread.
type Hashed = (Sha256Digest, Option<FileId>);

enum Order {
    Append(Vec<Bytes>),
    Restart,
}

/// Writes and hashes one new file.
#[derive(Debug)]
pub(crate) struct StagingWriter {
    path: PathBuf,
    size: u64,
    batch: Vec<Bytes>,
    batched: usize,
    orders: Option<mpsc::SyncSender<Order>>,
    worker: Option<thread::JoinHandle<io::Result<Hashed>>>,
}

impl StagingWriter {
    /// Creates the file, which must not exist, readable only by its owner.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let (orders, inbox) = mpsc::sync_channel(BATCHES_IN_FLIGHT);
        let worker = thread::Builder::new()
            .name("staging".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || write_all(file, &inbox))?;
        Ok(Self {
            path: path.to_owned(),
            size: 0,
            batch: Vec::new(),
            batched: 0,
            orders: Some(orders),
            worker: Some(worker),
        })
    }

    /// The number of bytes since the start or the last restart.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a chunk; blocks while the disk is behind. Returns the write error, if any.
    pub(crate) fn append(&mut self, piece: Bytes) -> io::Result<()> {
        self.size += piece.len() as u64;
        self.batched += piece.len();
        self.batch.push(piece);
        if self.batched < BATCH { Ok(()) } else { self.send_batch() }
    }

    /// Discards everything written so far.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.size = 0;
        self.batched = 0;
        self.batch.clear();
        self.send(Order::Restart)
    }

    /// Waits until everything is written and returns the digest.
    pub(crate) fn finish(mut self) -> io::Result<Written> {
        self.send_batch()?;
        let (sha256, id) = self.join()?;
        Ok(Written { path: self.path.clone(), size: self.size, sha256, id })
    }

    fn send_batch(&mut self) -> io::Result<()> {
        self.batched = 0;
        let batch = std::mem::take(&mut self.batch);
        self.send(Order::Append(batch))
    }

    fn send(&mut self, order: Order) -> io::Result<()> {
        let sent = self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok());
        if sent { Ok(()) } else { self.join().and_then(|_| Err(io::Error::other("the writer has stopped"))) }
    }

    fn join(&mut self) -> io::Result<Hashed> {
        drop(self.orders.take());
        match self.worker.take().map(thread::JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) | None => Err(io::Error::other("the writer has stopped")),
        }
    }
}

impl Drop for StagingWriter {
    fn drop(&mut self) {
        // The caller dropped the writer without `finish`; the thread must not outlive the directory it writes to.
        drop(self.orders.take());
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Starts flushing written data to disk, on a separate thread, one flush at a time. Errors are ignored:
/// callers that need the data on disk flush again.
#[derive(Default)]
struct Flusher {
    unflushed: u64,
    running: Option<thread::JoinHandle<()>>,
}

impl Flusher {
    fn wrote(&mut self, file: &File, bytes: u64) {
        self.unflushed += bytes;
        let busy = self.running.as_ref().is_some_and(|running| !running.is_finished());
        if self.unflushed < FLUSH_EVERY || busy {
            return;
        }
        self.unflushed = 0;
        let Ok(file) = file.try_clone() else { return };
        let flush = thread::Builder::new().name("flush".to_owned()).stack_size(64 * 1024);
        self.running = flush.spawn(move || drop(file.sync_data())).ok();
    }
}

/// Hashes an entire regular file of limited size.
pub fn hash_file(path: &Path) -> io::Result<Sha256Digest> {
    hash(&mut bounded_read::open_regular(path)?.0)
}

/// Hashes the rest of a file, at most [`LARGEST_FILE`] bytes.
pub(crate) fn hash(file: &mut File) -> io::Result<Sha256Digest> {
    let size = file.metadata()?.len();
    let too_large = || io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {LARGEST_FILE} bytes"));
    // A sparse file of terabytes is free to create and takes hours to read.
    if size > LARGEST_FILE {
        return Err(too_large());
    }
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    let mut total = 0_u64;
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok(Sha256Digest::from_bytes(hasher.finalize().into()));
        }
        total += length as u64;
        if total > LARGEST_FILE {
            return Err(too_large());
        }
        hasher.update(&piece[..length]);
    }
}

/// Copies a file and hashes the copy, so that later changes of the original do not matter.
pub(crate) fn copy_new(from: &mut File, to: &Path) -> io::Result<Written> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(to)?;
    // Copies in the kernel if possible, and shares blocks if the file system can.
    let size = io::copy(from, &mut new)?;
    new.rewind()?;
    let sha256 = hash(&mut new)?;
    Ok(Written { path: to.to_owned(), size, sha256, id: stat_of(&new)?.id() })
}

/// Hashes a file that another program wrote.
pub(crate) fn hash_existing(path: &Path) -> io::Result<Written> {
    let (mut file, metadata) = bounded_read::open_regular(path)?;
    let sha256 = hash(&mut file)?;
    Ok(Written { path: path.to_owned(), size: metadata.len(), sha256, id: stat_of(&file)?.id() })
}

/// Removes a file; a missing file is not an error.
pub(crate) fn discard(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_all(mut file: File, inbox: &mpsc::Receiver<Order>) -> io::Result<Hashed> {
    let mut hasher = Sha256::new();
    let mut flusher = Flusher::default();
    for order in inbox {
        match order {
            Order::Append(batch) => {
                write_batch(&mut file, &batch)?;
                flusher.wrote(&file, batch.iter().map(|piece| piece.len() as u64).sum());
                batch.iter().for_each(|piece| hasher.update(piece));
            }
            Order::Restart => {
                file.set_len(0)?;
                file.rewind()?;
                hasher = Sha256::new();
            }
        }
    }
    Ok((Sha256Digest::from_bytes(hasher.finalize().into()), stat_of(&file)?.id()))
}

/// Writes all chunks with as few calls as possible, without concatenating them.
fn write_batch(file: &mut File, batch: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut slices = slices.as_mut_slice();
    // Empty slices at the front would make a write of zero bytes look like a full disk.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_matches_the_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let mut writer = StagingWriter::create(&path).expect("a new file");
        writer.append(Bytes::from_static(b"given up")).expect("written");
        writer.restart().expect("restarted");
        writer.append(Bytes::from_static(b"hello ")).expect("written");
        writer.append(Bytes::from_static(b"world")).expect("written");
        let written = writer.finish().expect("finished");
        let bytes = std::fs::read(&path).expect("readable");
        assert_eq!(bytes, b"hello world");
        assert_eq!(written.size, 11);
        assert_eq!(written.sha256, Sha256Digest::from_bytes(Sha256::digest(&bytes).into()));
    }

    #[test]
    fn many_chunks_of_any_size_are_written_in_order() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let mut writer = StagingWriter::create(&path).expect("a new file");
        let mut expected = Vec::new();
        for number in 0..3000_usize {
            let piece: Vec<u8> = (0..number % 700).map(|byte| (byte ^ number) as u8).collect();
            expected.extend_from_slice(&piece);
            writer.append(piece.into()).expect("written");
        }
        let written = writer.finish().expect("finished");
        assert_eq!(written.size, expected.len() as u64);
        assert_eq!(written.sha256, Sha256Digest::from_bytes(Sha256::digest(&expected).into()));
        assert_eq!(std::fs::read(&path).expect("readable"), expected);
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, "mine").expect("written");
        let refused = StagingWriter::create(&path).expect_err("it exists");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let file = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let (orders, inbox) = mpsc::sync_channel(1);
        orders.send(Order::Append(vec![Bytes::from_static(b"x")])).expect("sent");
        drop(orders);
        let refused = write_all(file, &inbox).expect_err("no room");
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    }
}
