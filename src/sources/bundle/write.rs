//! Writes the archive. Its bytes depend on the plan only: no times, owners or directory order.
#![expect(clippy::disallowed_methods, reason = "what goes into a bundle is opened here")]

use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;
use tar::Builder;
use tar::EntryType;
use tar::Header;
use thiserror::Error;

use crate::io::fs::FileError;
use crate::io::fs::OutputFile;
use crate::model::Sha256Digest;
use crate::model::progress::Progress;
use crate::sources::bundle::BundlePlan;
use crate::sources::bundle::Member;
use crate::sources::bundle::MemberContent;
use crate::sources::bundle::PlannedMember;

/// The size of the name field in a header.
const NAME_FIELD: usize = 100;

/// Why a bundle was not written. An existing file is left unchanged.
#[derive(Debug, Error)]
pub enum WriteError {
    /// An input file cannot be read.
    #[error("failed to read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// An input file was modified while it was bundled.
    #[error("`{path}` changed while the bundle was being written", path = path.display())]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// The output name was taken meanwhile, or the system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bundle cannot be written.
    #[error("failed to write `{path}`", path = path.display())]
    Write {
        /// The bundle.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A bundle on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBundle {
    /// Its size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
}

/// Writes the bundle atomically.
pub fn write(plan: &BundlePlan, output: OutputFile, progress: &dyn Progress) -> Result<WrittenBundle, WriteError> {
    let destination = &output.path();
    let failed = |source| WriteError::Write { path: destination.to_owned(), source };
    let output = Hashed { inner: BufWriter::with_capacity(256 * 1024, output), hasher: Sha256::new(), size: 0 };
    let mut builder = Builder::new(output);
    progress.begin(&format!("Writing {}", destination.display()), Some(plan.size()));
    let appended = plan.members.iter().try_for_each(|planned| append(&mut builder, planned, destination, progress));
    progress.end();
    appended?;
    let Hashed { inner, hasher, size } = builder.into_inner().map_err(failed)?;
    let output = inner.into_inner().map_err(|error| failed(error.into_error()))?;
    output.finish()?;
    Ok(WrittenBundle { size, sha256: Sha256Digest::from_bytes(hasher.finalize().into()) })
}

fn append(
    builder: &mut Builder<Hashed>,
    planned: &PlannedMember,
    destination: &Path,
    progress: &dyn Progress,
) -> Result<(), WriteError> {
    let PlannedMember { member, content } = planned;
    let failed = |source| WriteError::Write { path: destination.to_owned(), source };
    let header = header(builder, member).map_err(failed)?;
    match content {
        MemberContent::Bytes(bytes) => {
            builder.append(&header, bytes.as_slice()).map_err(failed)?;
            progress.advance(member.size);
            Ok(())
        }
        MemberContent::File(path) => {
            let opened = File::open(path).map_err(|source| WriteError::Read { path: path.clone(), source })?;
            // Read to the end, so that a file that grew is noticed and cannot corrupt the archive.
            let mut input =
                Input { inner: opened.take(member.size + 1), hasher: Sha256::new(), failed: false, progress };
            match builder.append(&header, &mut input) {
                Err(source) if input.failed => return Err(WriteError::Read { path: path.clone(), source }),
                outcome => outcome.map_err(failed)?,
            }
            let sha256 = Sha256Digest::from_bytes(input.hasher.finalize().into());
            if sha256 == member.sha256 { Ok(()) } else { Err(WriteError::ChangedMeanwhile { path: path.clone() }) }
        }
    }
}

/// A header without anything that varies between machines or runs. A name that does not fit is put in a PAX extension.
fn header(builder: &mut Builder<Hashed>, member: &Member) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(if member.executable { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(member.size);
    if header.set_path(&member.path).is_err() {
        builder.append_pax_extensions([("path", member.path.as_bytes())])?;
        // Seen only by programs without PAX support. Names are ASCII, so any byte is a safe place to cut.
        let base = member.path.rsplit('/').next().unwrap_or_default();
        header.set_path(&base[..base.len().min(NAME_FIELD)])?;
    }
    header.set_cksum();
    Ok(header)
}

/// Hashes the bytes written.
struct Hashed {
    inner: BufWriter<OutputFile>,
    hasher: Sha256,
    size: u64,
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Hashes the bytes read, and records whether reading failed.
struct Input<'a> {
    inner: io::Take<File>,
    hasher: Sha256,
    failed: bool,
    progress: &'a dyn Progress,
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(count) => {
                self.hasher.update(&buffer[..count]);
                self.progress.advance(count as u64);
                Ok(count)
            }
            Err(error) => {
                self.failed = true;
                Err(error)
            }
        }
    }
}
