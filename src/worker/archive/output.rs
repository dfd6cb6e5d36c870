//! The output file for the executable, removed again if the archive is refused.
#![expect(clippy::disallowed_methods, reason = "refused executables are removed here")]

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use bytes::BytesMut;

use crate::io::fs::hashing_writer;
use crate::io::fs::hashing_writer::StagingWriter;
use crate::io::fs::hashing_writer::Written;

use super::error::ArchiveError;
use super::stream::Stream;
use super::stream::at_most;

/// How much is unpacked at once: as much as the writer takes in one call.
pub(super) const PIECE: usize = hashing_writer::BATCH;

/// The number of buffers: those the writer can queue, and one being filled. The oldest of them is free again.
const PIECES: usize = 6;

/// The output file; created with the first byte of the executable.
pub(super) struct ExtractedFile<'a> {
    destination: &'a Path,
    writer: Option<StagingWriter>,
    was_created: bool,
    lent: VecDeque<Bytes>,
}

impl<'a> ExtractedFile<'a> {
    pub(super) fn new(destination: &'a Path) -> Self {
        Self { destination, writer: None, was_created: false, lent: VecDeque::new() }
    }

    /// Writes `size` bytes of the stream. While one buffer is filled, earlier ones are hashed and written.
    pub(super) fn take<R: Read>(&mut self, stream: &mut Stream<'_, R>, bytes: u64) -> Result<(), ArchiveError> {
        let mut writer = StagingWriter::create(self.destination).map_err(|error| self.failed(error))?;
        self.was_created = true;
        let mut left = bytes;
        while left > 0 {
            let mut piece = self.piece();
            piece.resize(at_most(left, PIECE), 0);
            stream.exact(&mut piece)?;
            left -= piece.len() as u64;
            let piece = piece.freeze();
            self.lent.push_back(piece.clone());
            writer.append(piece).map_err(|error| self.failed(error))?;
        }
        self.writer = Some(writer);
        Ok(())
    }

    /// A buffer the writer has released, or a new one; reuse avoids a page fault for every page.
    fn piece(&mut self) -> BytesMut {
        let oldest = if self.lent.len() < PIECES { None } else { self.lent.pop_front() };
        oldest.and_then(|piece| piece.try_into_mut().ok()).unwrap_or_default()
    }

    pub(super) fn finish(&mut self) -> Result<Written, ArchiveError> {
        let writer = self.writer.take().expect("a member was found, so it was written");
        writer.finish().map_err(|error| self.failed(error))
    }

    /// Removes the file. The archive's own error is the one to report.
    pub(super) fn discard(&mut self) {
        drop(self.writer.take());
        if self.was_created {
            let _ = fs::remove_file(self.destination);
        }
    }

    fn failed(&self, error: io::Error) -> ArchiveError {
        ArchiveError::Write(self.destination.to_owned(), error)
    }
}
