//! Reads a zip archive from its end record to the data of every entry. The `zip` crate parses the central directory and
//! compares it with the local headers. This module adds what the crate leaves open: limits, that every byte of the file is
//! accounted for, and which kinds of entries are allowed.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;

use ::zip::CompressionMethod;
use ::zip::ZipArchive;
use ::zip::read::ArchiveOffset;
use ::zip::read::Config;
use ::zip::read::ZipReadOptions;
use ::zip::result::ZipError;
use flate2::CrcReader;
use flate2::bufread::DeflateDecoder;

use crate::model::progress::Progress;

use super::error::ArchiveError;
use super::limits::Budget;
use super::limits::Census;
use super::limits::EntryKind;
use super::limits::EntryName;
use super::limits::EntryRole;
use super::output::ExtractedFile;
use super::output::PIECE;
use super::stream::Stream;
use super::stream::Watched;
use super::zip_directory::Directory;
use super::zip_directory::FilePosition;
use super::zip_directory::ListedEntry;
use super::zip_directory::number;
use super::zip_directory::read_at;
use super::zip_directory::structure;

const DESCRIPTOR_SIGNATURE: &[u8] = b"PK\x07\x08";

const LOCAL_LENGTH: u64 = 30;

/// Extracts the executable and returns its name. All other entries are unpacked as well and discarded, so that a wrong
/// checksum or a bomb is found in any of them, as in a tar archive.
pub(super) fn unpack(
    file: &File,
    progress: &dyn Progress,
    mut census: Census<'_>,
    budget: &mut Budget,
    output: &mut ExtractedFile<'_>,
) -> Result<String, ArchiveError> {
    let directory = Directory::find(file)?;
    let listed = directory.list(file, &mut census)?;
    let mut archive = open(file, &directory, &listed)?;
    let entries = listed.into_iter().enumerate().map(|(index, listed)| locate(&mut archive, file, index, listed));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    check_places(file, &entries, directory.start)?;
    for entry in &entries {
        unpack_entry(&mut archive, entry, progress, budget, output)?;
    }
    census.member()
}

/// An entry and its position.
#[derive(Debug)]
struct Entry {
    listed: ListedEntry,
    index: usize,
    header_start: u64,
    data_end: u64,
    packed: u64,
    size: u64,
    crc: u32,
    is_stored: bool,
    has_descriptor: bool,
}

type Zip<'a> = ZipArchive<BufReader<FilePosition<'a>>>;

fn open<'a>(file: &'a File, directory: &Directory, listed: &[ListedEntry]) -> Result<Zip<'a>, ArchiveError> {
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let archive = ZipArchive::with_config(config, BufReader::new(FilePosition { file, position: 0 }));
    let archive = archive.map_err(|error| of_crate(error, structure))?;
    // Both parsers must agree.
    if archive.len() != listed.len() || archive.central_directory_start() != directory.start {
        return Err(structure("its central directory is ambiguous"));
    }
    Ok(archive)
}

/// Locates an entry's data and compares its two headers.
fn locate(archive: &mut Zip<'_>, file: &File, index: usize, listed: ListedEntry) -> Result<Entry, ArchiveError> {
    let metadata = archive.metadata();
    let disagreement = |reason: &str| disagree(&listed.shown, reason);
    let central = metadata.entry(index).map_err(|error| of_crate(error, disagreement))?;
    let is_stored = central.compression() == CompressionMethod::Stored;
    if !is_stored && central.compression() != CompressionMethod::Deflated {
        return Err(ArchiveError::Method(listed.shown, central.compression().to_string()));
    }
    if central.name_raw() != listed.name {
        return Err(disagreement("an extra field gives another name"));
    }
    let strictly = ZipReadOptions::new().enforce_header_consistency(true);
    let compared = archive.by_index_with_options(index, strictly);
    let data_start = compared.map_err(|error| of_crate(error, disagreement))?.data_start();
    let data_end = data_start.and_then(|start| start.checked_add(central.compressed_size()));
    let data_end = data_end.ok_or_else(|| disagreement("the position of its data is unknown"))?;
    // The crate compares only the flags it knows.
    let local = read_at(file, central.header_start(), LOCAL_LENGTH)?;
    if number(&local, 6, 2) != u64::from(central.flags().as_u16()) {
        return Err(disagreement("the flags differ"));
    }
    Ok(Entry {
        index,
        header_start: central.header_start(),
        data_end,
        packed: central.compressed_size(),
        size: central.size(),
        crc: central.crc32(),
        is_stored,
        has_descriptor: central.flags().is_using_data_descriptor(),
        listed,
    })
}

fn disagree(shown: &EntryName, reason: &str) -> ArchiveError {
    let reason = EntryName::escaped(reason.as_bytes());
    ArchiveError::HeadersDisagree(shown.clone(), reason.to_string())
}

/// Converts an error of the crate into the given refusal; I/O errors stay as they are.
fn of_crate(error: ZipError, refusal: impl FnOnce(&str) -> ArchiveError) -> ArchiveError {
    let message = error.to_string();
    // The crate's prefixes add nothing to ours.
    let reason =
        message.trim_start_matches("invalid Zip archive: ").trim_start_matches("header inconsistency detected: ");
    let refused = refusal(reason);
    if let ZipError::Io(error) = error
        && error.kind() != io::ErrorKind::UnexpectedEof
    {
        return ArchiveError::Read(error);
    }
    refused
}

fn unpack_entry(
    archive: &mut Zip<'_>,
    entry: &Entry,
    progress: &dyn Progress,
    budget: &mut Budget,
    output: &mut ExtractedFile<'_>,
) -> Result<(), ArchiveError> {
    let raw = archive.by_index_raw(entry.index).map_err(|error| of_crate(error, |_| ArchiveError::Truncated))?;
    let mut packed = BufReader::with_capacity(PIECE, Watched { inner: raw, progress });
    let damaged = |reason: &str| ArchiveError::DamagedEntry(entry.listed.shown.clone(), reason.to_owned());
    let drained = if entry.is_stored {
        drain(&mut packed, entry, budget, output).map(|()| entry.size)
    } else {
        let mut decoder = DeflateDecoder::new(packed);
        drain(&mut decoder, entry, budget, output).map(|()| decoder.total_in())
    };
    match drained {
        Ok(used) if used == entry.packed => Ok(()),
        Ok(_) => Err(damaged("its compressed size is wrong")),
        Err(ArchiveError::Damaged(reason)) => Err(damaged(&reason)),
        Err(error) => Err(error),
    }
}

/// Reads an entry completely, into the output if it is the executable, and compares size and checksum.
fn drain<R: Read>(
    unpacked: R,
    entry: &Entry,
    budget: &mut Budget,
    output: &mut ExtractedFile<'_>,
) -> Result<(), ArchiveError> {
    let wrong = |reason: &str| ArchiveError::Damaged(reason.to_owned());
    budget.allows(entry.size)?;
    let mut stream = Stream { inner: CrcReader::new(unpacked), budget };
    let read = match (entry.listed.kind, entry.listed.role) {
        (EntryKind::Directory, _) if entry.size > 0 => {
            return Err(ArchiveError::BadHeader(entry.listed.shown.clone(), "a directory with contents"));
        }
        (EntryKind::File, EntryRole::Member) if entry.size == 0 => {
            return Err(ArchiveError::EmptyMember(entry.listed.shown.clone()));
        }
        (EntryKind::File, EntryRole::Member) => output.take(&mut stream, entry.size),
        (EntryKind::File | EntryKind::Directory, _) => stream.skip(entry.size),
    };
    match read {
        Ok(()) if stream.fill(&mut [0])? == 0 => {}
        Ok(()) => return Err(wrong("it is larger than its header states")),
        Err(ArchiveError::Truncated) => return Err(wrong("it is smaller than its header states")),
        Err(error) => return Err(error),
    }
    if stream.inner.crc().sum() == entry.crc { Ok(()) } else { Err(wrong("its checksum is wrong")) }
}

/// Checks that the entries are contiguous, from the first byte of the file to the central directory.
fn check_places(file: &File, entries: &[Entry], directory_start: u64) -> Result<(), ArchiveError> {
    let mut placed: Vec<_> = entries.iter().collect();
    placed.sort_by_key(|entry| entry.header_start);
    let mut claimed = 0;
    for (position, entry) in placed.iter().enumerate() {
        let shown = || entry.listed.shown.clone();
        if entry.header_start < claimed {
            return Err(ArchiveError::Overlap(shown()));
        }
        if entry.header_start > claimed {
            return Err(if position == 0 { ArchiveError::LeadingBytes } else { ArchiveError::UnclaimedBytes(shown()) });
        }
        let next = placed.get(position + 1).map_or(directory_start, |next| next.header_start);
        let gap = next.checked_sub(entry.data_end).ok_or_else(|| ArchiveError::Overlap(shown()))?;
        claimed = entry.data_end;
        if entry.has_descriptor {
            // Only its length shows whether the descriptor has a signature and 64-bit sizes.
            let descriptor = read_at(file, entry.data_end, gap.min(24))?;
            if !describes(&descriptor, entry) {
                return Err(disagree(&shown(), "the data descriptor differs"));
            }
            claimed += descriptor.len() as u64;
        }
    }
    if claimed == directory_start {
        Ok(())
    } else {
        Err(structure("there are extra bytes before its central directory"))
    }
}

fn describes(descriptor: &[u8], entry: &Entry) -> bool {
    let (bare, width) = match descriptor.len() {
        12 => (Some(descriptor), 4),
        16 => (descriptor.strip_prefix(DESCRIPTOR_SIGNATURE), 4),
        20 => (Some(descriptor), 8),
        24 => (descriptor.strip_prefix(DESCRIPTOR_SIGNATURE), 8),
        _ => return false,
    };
    bare.is_some_and(|bare| {
        number(bare, 0, 4) == u64::from(entry.crc)
            && number(bare, 4, width) == entry.packed
            && number(bare, 4 + width, width) == entry.size
    })
}
