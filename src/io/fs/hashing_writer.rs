//! A file that is hashed while it is written, on a thread of its own, so that the network or the decompressor never waits
//! for SHA-256 and nothing is read a second time.
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

/// Pieces are handed over when there are this many bytes of them: a network brings 16 KiB at a time, and waking the other
/// thread for each would cost more than hashing it.
pub const BATCH: usize = 256 * 1024;

/// How many batches may wait for the disk. This bounds the memory of any transfer.
const BATCHES_IN_FLIGHT: usize = 4;

/// What was written: the file, its size and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Written {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The digest of exactly these bytes, computed before they reached the disk.
    pub sha256: Sha256Digest,
    /// Which file has these bytes, where the system tells.
    pub id: Option<FileId>,
}

/// How much may be written before the disk is asked to begin with it. So the data are nearly all on the disk when the last
/// byte arrives, and making sure of that takes no time of its own.
const FLUSH_EVERY: u64 = 16 * 1024 * 1024;

/// No worker and no asset is larger: GitHub takes no larger asset of a release.
pub const LARGEST_FILE: u64 = 2 * 1024 * 1024 * 1024;

/// What is known of the file once it is written.
type Hashed = (Sha256Digest, Option<FileId>);

enum Order {
    Append(Vec<Bytes>),
    Restart,
}

/// Writes one new file and hashes it on the way.
#[derive(Debug)]
pub struct StagingWriter {
    path: PathBuf,
    size: u64,
    batch: Vec<Bytes>,
    batched: usize,
    orders: Option<mpsc::SyncSender<Order>>,
    worker: Option<thread::JoinHandle<io::Result<Hashed>>>,
}

impl StagingWriter {
    /// Creates the file, which must not exist, readable by its owner alone.
    pub fn create(path: &Path) -> io::Result<Self> {
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

    /// How many bytes were handed over since the beginning or the last restart.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a piece; waits while the disk is behind. An error is the disk's.
    pub fn append(&mut self, piece: Bytes) -> io::Result<()> {
        self.size += piece.len() as u64;
        self.batched += piece.len();
        self.batch.push(piece);
        if self.batched < BATCH { Ok(()) } else { self.hand_over() }
    }

    /// Forgets everything written so far.
    pub fn restart(&mut self) -> io::Result<()> {
        self.size = 0;
        self.batched = 0;
        self.batch.clear();
        self.send(Order::Restart)
    }

    /// Waits until all is written and gives the digest.
    pub fn finish(mut self) -> io::Result<Written> {
        self.hand_over()?;
        let (sha256, id) = self.join()?;
        Ok(Written { path: self.path.clone(), size: self.size, sha256, id })
    }

    fn hand_over(&mut self) -> io::Result<()> {
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
        // Whoever drops the writer without `finish` has given up; the thread must not outlive the directory it writes to.
        drop(self.orders.take());
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Has the disk begin with what was written, on a thread of its own, one flush at a time. Whether a flush succeeds does not
/// matter here: whoever needs the data on the disk waits for them once more.
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

/// Hashes a whole file: a regular one, of a size that such files have.
pub fn hash_file(path: &Path) -> io::Result<Sha256Digest> {
    hash(&mut bounded_read::open_regular(path)?.0)
}

/// Hashes what is left of a file, which must not be more than [`LARGEST_FILE`].
pub fn hash(file: &mut File) -> io::Result<Sha256Digest> {
    let size = file.metadata()?.len();
    let too_large = || io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {LARGEST_FILE} bytes"));
    // A hole of terabytes costs nothing to make, and hours to read.
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

/// Copies a file to a new one, and hashes the copy: whatever happens to the original, the copy is known.
pub fn copy_new(from: &mut File, to: &Path) -> io::Result<Written> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(to)?;
    // Copies inside the kernel where it can, and shares the blocks where the file system can.
    let size = io::copy(from, &mut new)?;
    new.rewind()?;
    let sha256 = hash(&mut new)?;
    Ok(Written { path: to.to_owned(), size, sha256, id: stat_of(&new)?.id() })
}

/// What is known of a file that another program made.
pub fn made_by_another(path: &Path) -> io::Result<Written> {
    let (mut file, metadata) = bounded_read::open_regular(path)?;
    let sha256 = hash(&mut file)?;
    Ok(Written { path: path.to_owned(), size: metadata.len(), sha256, id: stat_of(&file)?.id() })
}

/// Removes a file that is not wanted after all; one that is not there is fine.
pub fn discard(path: &Path) -> io::Result<()> {
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

/// Writes all pieces with as few calls as the system allows, without copying them together first.
fn write_batch(file: &mut File, batch: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut slices = slices.as_mut_slice();
    // Empty slices at the front would make a write of nothing look like a full disk.
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
    fn the_digest_is_of_what_is_in_the_file() {
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
    fn many_pieces_of_any_size_arrive_in_order() {
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
    fn an_existing_file_is_never_taken_over() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, "mine").expect("written");
        let refused = StagingWriter::create(&path).expect_err("it exists");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_reported_as_such() {
        let file = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let (orders, inbox) = mpsc::sync_channel(1);
        orders.send(Order::Append(vec![Bytes::from_static(b"x")])).expect("sent");
        drop(orders);
        let refused = write_all(file, &inbox).expect_err("no room");
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    }
}
