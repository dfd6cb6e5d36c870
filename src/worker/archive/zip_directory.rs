//! Finds the end record and the central directory of a zip archive, and checks every entry the directory lists.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use super::error::ArchiveError;
use super::limits::Census;
use super::limits::EntryKind;
use super::limits::EntryName;
use super::limits::EntryRole;

const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END64_SIGNATURE: &[u8] = b"PK\x06\x06";
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";

const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: u64 = 22;
const END64_LENGTH: u64 = 56;
const LOCATOR_LENGTH: u64 = 20;

const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Encrypted, strongly encrypted, and masked headers.
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// The compression effort, a data descriptor, and a UTF-8 name.
const FLAGS_HARMLESS: u16 = 0b110 | FLAG_DESCRIPTOR | 1 << 11;

const DOS_DIRECTORY: u32 = 0x10;
/// A reparse point, which Windows uses for links.
const DOS_REPARSE: u32 = 0x400;

/// The position of the central directory, according to the end record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directory {
    count: u64,
    size: u64,
    pub(super) start: u64,
}

impl Directory {
    /// Finds the end record. There must be exactly one, and it must end the file together with its comment.
    pub(super) fn find(file: &File) -> Result<Self, ArchiveError> {
        let length = file.metadata().map_err(ArchiveError::Read)?.len();
        let head = read_at(file, 0, length.min(4))?;
        let tail_start = length.saturating_sub(END_LENGTH + u64::from(u16::MAX));
        let tail = read_at(file, tail_start, length - tail_start)?;
        let signatures = || tail.windows(4).enumerate().filter(|(_, bytes)| *bytes == END_SIGNATURE).map(|(at, _)| at);
        let mut fitting = signatures().filter(|at| reaches_end(&tail[*at..]));
        let starts_as_zip = head == LOCAL_SIGNATURE || head == END_SIGNATURE;
        match (fitting.next(), fitting.next()) {
            (Some(_), Some(_)) => Err(structure("it has two end records")),
            (Some(_), None) if !starts_as_zip => Err(ArchiveError::LeadingBytes),
            (Some(at), None) => Self::parse(file, &tail[at..], tail_start + at as u64),
            (None, _) => Err(match signatures().next_back() {
                Some(at) if is_whole(&tail[at..]) => ArchiveError::TrailingBytes,
                Some(_) => ArchiveError::Truncated,
                None if starts_as_zip => ArchiveError::Truncated,
                None => ArchiveError::NotAnArchive("zip"),
            }),
        }
    }

    fn parse(file: &File, record: &[u8], record_start: u64) -> Result<Self, ArchiveError> {
        let narrow = Self { count: number(record, 10, 2), size: number(record, 12, 4), start: number(record, 16, 4) };
        if number(record, 4, 4) != 0 || number(record, 8, 2) != narrow.count {
            return Err(structure("it is a multi-part archive"));
        }
        let (directory, end) = match Self::parse64(file, record_start)? {
            Some((wide, end)) => {
                let agrees = |narrow: u64, most: u64, wide: u64| narrow == most || narrow == wide;
                let all_agree = agrees(narrow.count, 0xffff, wide.count)
                    && agrees(narrow.size, 0xffff_ffff, wide.size)
                    && agrees(narrow.start, 0xffff_ffff, wide.start);
                if !all_agree {
                    return Err(structure("its two end records disagree"));
                }
                (wide, end)
            }
            None => (narrow, record_start),
        };
        if directory.start.checked_add(directory.size) != Some(end) {
            return Err(structure("the central directory is not where the end record says"));
        }
        Ok(directory)
    }

    /// The zip64 end record, if its locator precedes the end record.
    fn parse64(file: &File, record_start: u64) -> Result<Option<(Self, u64)>, ArchiveError> {
        let Some(locator_start) = record_start.checked_sub(LOCATOR_LENGTH) else { return Ok(None) };
        let locator = read_at(file, locator_start, LOCATOR_LENGTH)?;
        if !locator.starts_with(LOCATOR_SIGNATURE) {
            return Ok(None);
        }
        let start = number(&locator, 8, 8);
        // They must be adjacent: extensible data sectors are not supported.
        if start.checked_add(END64_LENGTH) != Some(locator_start) {
            return Err(structure("the zip64 end record is not where its locator says"));
        }
        let record = read_at(file, start, END64_LENGTH)?;
        if !record.starts_with(END64_SIGNATURE) || number(&record, 4, 8) != END64_LENGTH - 12 {
            return Err(structure("the zip64 end record is damaged"));
        }
        let directory =
            Self { count: number(&record, 32, 8), size: number(&record, 40, 8), start: number(&record, 48, 8) };
        let is_whole =
            number(&record, 16, 8) == 0 && number(&record, 24, 8) == directory.count && number(&locator, 4, 4) == 0;
        if is_whole { Ok(Some((directory, start))) } else { Err(structure("it is a multi-part archive")) }
    }

    /// Checks every entry by its header in the central directory, before anything else reads it.
    pub(super) fn list(&self, file: &File, census: &mut Census<'_>) -> Result<Vec<ListedEntry>, ArchiveError> {
        census.allows(self.count, self.size)?;
        let directory = read_at(file, self.start, self.size)?;
        let mut rest = &directory[..];
        let mut listed = Vec::new();
        while !rest.is_empty() {
            let (header, name, behind) =
                central_header(rest).ok_or_else(|| structure("its central directory is damaged"))?;
            let shown = EntryName::escaped(name);
            if number(header, 34, 2) != 0 {
                return Err(structure("it is a multi-part archive"));
            }
            check_flags(number(header, 8, 2) as u16, &shown)?;
            let attributes = number(header, 38, 4) as u32;
            let kind = kind(attributes, name, &shown)?;
            let role = census.judge(name, kind, attributes >> 16)?;
            listed.push(ListedEntry { name: name.to_vec(), shown, kind, role });
            rest = behind;
        }
        if listed.len() as u64 != self.count {
            return Err(structure("its end record states another number of entries than its central directory has"));
        }
        Ok(listed)
    }
}

fn central_header(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(CENTRAL_LENGTH)?;
    if !header.starts_with(CENTRAL_SIGNATURE) {
        return None;
    }
    let length = |at| number(header, at, 2) as usize;
    let (name, rest) = rest.split_at_checked(length(28))?;
    let (_extra_and_comment, behind) = rest.split_at_checked(length(30) + length(32))?;
    Some((header, name, behind))
}

fn check_flags(flags: u16, shown: &EntryName) -> Result<(), ArchiveError> {
    if flags & FLAGS_ENCRYPTED != 0 {
        Err(ArchiveError::Encrypted(shown.clone()))
    } else if flags & !FLAGS_HARMLESS != 0 {
        Err(ArchiveError::UnknownFlags(shown.clone(), flags))
    } else {
        Ok(())
    }
}

/// The kind of an entry. The Unix mode in the upper half of the attributes counts whatever system the header names, because
/// other unpackers use it as well.
fn kind(attributes: u32, name: &[u8], shown: &EntryName) -> Result<EntryKind, ArchiveError> {
    let named = if name.ends_with(b"/") { EntryKind::Directory } else { EntryKind::File };
    let stated = match attributes >> 16 & 0o170_000 {
        0 => None,
        0o100_000 => Some(EntryKind::File),
        0o040_000 => Some(EntryKind::Directory),
        0o120_000 => return Err(ArchiveError::SymbolicLink(shown.clone())),
        0o010_000 => return Err(ArchiveError::Fifo(shown.clone())),
        0o020_000 | 0o060_000 => return Err(ArchiveError::Device(shown.clone())),
        other => return Err(ArchiveError::UnknownKind(shown.clone(), format!("{other:o}"))),
    };
    if attributes & DOS_REPARSE != 0 {
        return Err(ArchiveError::SymbolicLink(shown.clone()));
    }
    let is_dos_directory = attributes & DOS_DIRECTORY != 0;
    if stated.is_some_and(|stated| stated != named) || (is_dos_directory && named == EntryKind::File) {
        return Err(ArchiveError::KindConflict(shown.clone()));
    }
    Ok(named)
}

/// A checked entry of the central directory.
#[derive(Debug)]
pub(super) struct ListedEntry {
    pub(super) name: Vec<u8>,
    pub(super) shown: EntryName,
    pub(super) kind: EntryKind,
    pub(super) role: EntryRole,
}

/// Whether an end record, with its comment, ends exactly at the end of the file.
fn reaches_end(rest: &[u8]) -> bool {
    is_whole(rest) && rest.len() as u64 == END_LENGTH + number(rest, 20, 2)
}

/// Whether an end record, with its comment, ends before the end of the file.
fn is_whole(rest: &[u8]) -> bool {
    rest.len() as u64 >= END_LENGTH && rest.len() as u64 >= END_LENGTH + number(rest, 20, 2)
}

/// A little-endian number in bytes whose length was checked.
pub(super) fn number(bytes: &[u8], start: usize, width: usize) -> u64 {
    bytes[start..start + width].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

pub(super) fn structure(reason: &str) -> ArchiveError {
    ArchiveError::BadStructure(EntryName::escaped(reason.as_bytes()).to_string())
}

pub(super) fn read_at(file: &File, start: u64, length: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    FilePosition { file, position: start }.take(length).read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(ArchiveError::Truncated) }
}

/// A reader with its own position, independent of other readers of the file.
pub(super) struct FilePosition<'a> {
    pub(super) file: &'a File,
    pub(super) position: u64,
}

impl Read for FilePosition<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.position))?;
        let count = file.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for FilePosition<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
