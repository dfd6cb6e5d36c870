//! A bounded view of a file for the header parsers: limits the size and number of reads that a hostile header can cause.

use std::cell::Cell;
use std::io::Read;
use std::io::Seek;
use std::ops::Range;

use object::ReadCache;
use object::ReadRef;

/// The longest single read in bytes. Real headers, tables and Go build information are far smaller.
pub(super) const LONGEST_READ: u64 = 1 << 20;

/// The limit for all reads of one file, in bytes.
const ALL_READS: u64 = 4 << 20;

/// The limit on the number of reads of one file; an ordinary program needs fewer than two hundred.
const MOST_READS: u32 = 4000;

/// A string costs one read of about this many bytes.
const STRING_READ: u64 = 256;

/// Counts the bytes read from one file, so that the sum is limited as well: the cache keeps every piece in memory.
#[derive(Debug, Default)]
pub(super) struct Meter {
    bytes: Cell<u64>,
    reads: Cell<u32>,
}

impl Meter {
    fn take(&self, bytes: u64) -> Result<(), ()> {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        self.reads.set(self.reads.get().saturating_add(1));
        let within = bytes <= LONGEST_READ && self.bytes.get() <= ALL_READS && self.reads.get() <= MOST_READS;
        if within { Ok(()) } else { Err(()) }
    }
}

/// A part of a file, read on demand and never beyond its bounds.
#[derive(Debug)]
pub(super) struct FileWindow<'a, R: Read + Seek> {
    cache: &'a ReadCache<R>,
    meter: &'a Meter,
    start: u64,
    length: u64,
}

impl<R: Read + Seek> Clone for FileWindow<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Read + Seek> Copy for FileWindow<'_, R> {}

impl<'a, R: Read + Seek> FileWindow<'a, R> {
    /// The whole file; fails only if its length cannot be determined.
    pub(super) fn whole(cache: &'a ReadCache<R>, meter: &'a Meter) -> Result<Self, ()> {
        Ok(Self { cache, meter, start: 0, length: cache.len()? })
    }

    /// A part of this window, as needed for a universal binary; `None` if it exceeds the bounds.
    pub(super) fn part(self, offset: u64, length: u64) -> Option<Self> {
        let end = offset.checked_add(length)?;
        (end <= self.length).then(|| Self { start: self.start + offset, length, ..self })
    }

    /// Its length in bytes.
    pub(super) const fn length(self) -> u64 {
        self.length
    }
}

impl<'a, R: Read + Seek> ReadRef<'a> for FileWindow<'a, R> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        if size == 0 {
            return Ok(&[]);
        }
        let part = self.part(offset, size).ok_or(())?;
        // Checked before the cache, which allocates before it reads.
        self.meter.take(size)?;
        self.cache.read_bytes_at(part.start, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let length = range.end.checked_sub(range.start).ok_or(())?;
        let part = self.part(range.start, length).ok_or(())?;
        self.meter.take(STRING_READ)?;
        let text = self.cache.read_bytes_at_until(part.start..part.start + part.length, delimiter)?;
        // The cache identifies strings by their start only, and may return one that ends outside this range.
        if (text.len() as u64) < length { Ok(text) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::io::Cursor;
    use std::io::SeekFrom;

    use super::*;

    /// A virtual file of half a gigabyte of zeros.
    struct Huge(u64);

    const HUGE: u64 = 500 << 20;

    impl Read for Huge {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(0);
            Ok(buffer.len())
        }
    }

    impl Seek for Huge {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            self.0 = match position {
                SeekFrom::Start(offset) => offset,
                SeekFrom::End(_) | SeekFrom::Current(_) => HUGE,
            };
            Ok(self.0)
        }
    }

    #[test]
    fn one_read_has_a_limit() {
        let (cache, meter) = (ReadCache::new(Huge(0)), Meter::default());
        let window = FileWindow::whole(&cache, &meter).expect("a length");
        assert_eq!(window.length(), HUGE);
        assert!(window.read_bytes_at(0, LONGEST_READ).is_ok());
        assert!(window.read_bytes_at(0, LONGEST_READ + 1).is_err());
        assert!(window.read_bytes_at(0, u64::MAX).is_err());
    }

    #[test]
    fn all_reads_together_have_a_limit() {
        let (cache, meter) = (ReadCache::new(Huge(0)), Meter::default());
        let window = FileWindow::whole(&cache, &meter).expect("a length");
        let granted = (0..100).filter(|n| window.read_bytes_at(n * LONGEST_READ, LONGEST_READ).is_ok()).count();
        assert_eq!(granted as u64, ALL_READS / LONGEST_READ);
        let (cache, meter) = (ReadCache::new(Huge(0)), Meter::default());
        let window = FileWindow::whole(&cache, &meter).expect("a length");
        let granted = (0..10_000).filter(|n| window.read_bytes_at(*n, 1).is_ok()).count();
        assert_eq!(granted, MOST_READS as usize);
    }

    #[test]
    fn a_part_ends_where_it_ends() {
        let (cache, meter) = (ReadCache::new(Cursor::new(b"0123\x0056789".to_vec())), Meter::default());
        let whole = FileWindow::whole(&cache, &meter).expect("a length");
        let part = whole.part(2, 4).expect("inside");
        assert_eq!(part.read_bytes_at(0, 4), Ok(&b"23\x005"[..]));
        assert_eq!(part.read_bytes_at(1, 4), Err(()));
        assert_eq!(part.read_bytes_at_until(0..4, 0), Ok(&b"23"[..]));
        assert_eq!(part.read_bytes_at_until(0..2, 0), Err(()), "the string's end lies outside the range");
        assert!(part.part(3, 2).is_none());
        assert!(part.part(u64::MAX, 2).is_none());
    }
}
