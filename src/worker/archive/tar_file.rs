//! Reads a plain tar archive, member by member, as strictly as a compressed one.
#![expect(clippy::disallowed_methods, reason = "archives are opened here")]

use std::fs::File;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use bytes::BytesMut;

use crate::model::progress::Progress;

use super::error::ArchiveError;
use super::limits::Budget;
use super::limits::Census;
use super::limits::EntryName;
use super::limits::Limits;
use super::output::PIECE;
use super::stream::Stream;
use super::stream::Watched;
use super::stream::at_most;
use super::tar_stream::FileEntry;
use super::tar_stream::only_zeros_follow;
use super::tar_stream::walk;

/// The size of the read buffer.
const INPUT: usize = 256 * 1024;

/// The expected format.
const FORM: &str = "plain tar";

/// One file of a tar archive.
pub(crate) struct TarMember<'a> {
    entry: &'a mut FileEntry,
    contents: &'a mut dyn Contents,
}

/// The source of a member's bytes, for any stream.
trait Contents {
    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), ArchiveError>;
}

impl<R: Read> Contents for Stream<'_, R> {
    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), ArchiveError> {
        Stream::exact(self, buffer)
    }
}

impl TarMember<'_> {
    /// Its name as spelled in the archive: a plain relative ASCII path.
    pub(crate) fn name(&self) -> &str {
        str::from_utf8(&self.entry.name).expect("a name that was judged is ASCII")
    }

    /// Its size in bytes, from the header.
    pub(crate) const fn size(&self) -> u64 {
        self.entry.size
    }

    /// Whether it is executable by its owner.
    pub(crate) const fn is_executable(&self) -> bool {
        self.entry.mode & 0o100 != 0
    }

    /// The next bytes; empty at the end.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Bytes>, ArchiveError> {
        if self.entry.left == 0 {
            return Ok(None);
        }
        let mut piece = BytesMut::zeroed(at_most(self.entry.left, PIECE));
        self.contents.exact(&mut piece)?;
        self.entry.left -= piece.len() as u64;
        Ok(Some(piece.freeze()))
    }
}

/// Passes each file of a tar archive to `visit`, in order. The archive is accepted only if it is complete, every byte is
/// accounted for, and no entry is hostile. The caller must not use any file before this returns successfully.
///
/// # Errors
///
/// The problem with the archive, or the first error of `visit`.
pub(crate) fn read_tar<E: From<ArchiveError>>(
    archive: &Path,
    limits: &Limits,
    progress: &dyn Progress,
    visit: &mut dyn FnMut(&mut TarMember<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let opened = File::open(archive).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (packed, file) = opened.map_err(|error| ArchiveError::Open(archive.to_owned(), error))?;
    let mut budget = Budget::new(limits, packed);
    let mut census = Census::new(&[], limits);
    let name = archive.file_name().unwrap_or_default();
    progress.begin(&format!("Reading {}", EntryName::escaped(name.as_encoded_bytes())), Some(packed));
    let inner = BufReader::with_capacity(INPUT, Watched { inner: file, progress });
    let mut stream = Stream { inner, budget: &mut budget };
    let walked =
        walk(&mut stream, &mut census, FORM, &mut |entry, stream| visit(&mut TarMember { entry, contents: stream }));
    let walked = walked.and_then(|()| only_zeros_follow(&mut stream).map_err(E::from));
    progress.end();
    walked
}
