//! Readers for archive data: packed bytes are reported as progress, unpacked bytes are counted against the budget.

use std::io;
use std::io::Read;

use crate::model::progress::Progress;

use super::error::ArchiveError;
use super::limits::Budget;
use super::limits::EntryName;

/// Reports how much of the archive was read.
pub(super) struct Watched<'a, R> {
    pub(super) inner: R,
    pub(super) progress: &'a dyn Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

/// A stream of unpacked bytes that counts against the budget.
pub(super) struct Stream<'a, R> {
    pub(super) inner: R,
    pub(super) budget: &'a mut Budget,
}

impl<R: Read> Stream<'_, R> {
    /// Reads until the buffer is full or the stream ends, and returns the number of bytes.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.inner.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => {
                    self.budget.spend(count as u64)?;
                    filled += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(of_decoder(error)),
            }
        }
        Ok(filled)
    }

    /// Fills the buffer completely.
    pub(super) fn exact(&mut self, buffer: &mut [u8]) -> Result<(), ArchiveError> {
        if self.fill(buffer)? == buffer.len() { Ok(()) } else { Err(ArchiveError::Truncated) }
    }

    /// Reads and discards bytes.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<(), ArchiveError> {
        let mut scratch = [0; 16 * 1024];
        let mut left = bytes;
        while left > 0 {
            let now = at_most(left, scratch.len());
            self.exact(&mut scratch[..now])?;
            left -= now as u64;
        }
        Ok(())
    }
}

/// Tells invalid data from a disk error; decoders distinguish them only by the error kind.
pub(super) fn of_decoder(error: io::Error) -> ArchiveError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        ArchiveError::Truncated
    } else if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) {
        ArchiveError::Damaged(EntryName::escaped(error.to_string().as_bytes()).to_string())
    } else {
        ArchiveError::Read(error)
    }
}

pub(super) fn at_most(bytes: u64, limit: usize) -> usize {
    usize::try_from(bytes).map_or(limit, |bytes| bytes.min(limit))
}
