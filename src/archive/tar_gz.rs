//! Reads a gzip-compressed tar archive to the last byte of its one gzip stream.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;

use flate2::bufread::GzDecoder;

use super::error::ArchiveError;
use super::limits::Budget;
use super::limits::Census;
use super::limits::EntryName;
use super::limits::Role;
use super::output::Output;
use super::stream::Stream;
use super::stream::Watched;
use super::stream::of_decoder;
use super::tar_stream::only_zeros_follow;
use super::tar_stream::walk;

/// How much of the file is read at once.
const INPUT: usize = 256 * 1024;

/// What the file should be.
const FORM: &str = "gzip-compressed tar";

/// Takes the member out and gives its name.
pub(super) fn unpack<R: Read>(
    file: Watched<'_, R>,
    mut census: Census<'_>,
    budget: &mut Budget,
    output: &mut Output<'_>,
) -> Result<String, ArchiveError> {
    let mut input = BufReader::with_capacity(INPUT, file);
    if !input.fill_buf().map_err(ArchiveError::Read)?.starts_with(&[0x1f, 0x8b]) {
        return Err(ArchiveError::NotAnArchive(FORM));
    }
    // Not MultiGzDecoder: releases are written as one stream, and whether a second one counts differs between readers.
    let mut stream = Stream { inner: GzDecoder::new(input), budget };
    let walked = walk(&mut stream, &mut census, FORM, &mut |file, stream| match file.role {
        Role::Beside => Ok(()),
        Role::Member if file.size == 0 => Err(ArchiveError::EmptyMember(EntryName::escaped(&file.name))),
        Role::Member => output.take(stream, file.size).map(|()| file.left = 0),
    });
    let walked = walked.and_then(|()| only_zeros_follow(&mut stream));
    if matches!(walked, Ok(()) | Err(ArchiveError::Truncated | ArchiveError::NoEndMark)) {
        // Of an archive that seems cut, what follows the stream tells more than what is missing from it.
        nothing_follows(stream.inner.get_mut())?;
    }
    walked?;
    census.member()
}

fn nothing_follows(input: &mut impl BufRead) -> Result<(), ArchiveError> {
    match input.fill_buf().map_err(of_decoder)? {
        [] => Ok(()),
        [0x1f, 0x8b, ..] => Err(ArchiveError::SecondStream),
        _ => Err(ArchiveError::TrailingBytes),
    }
}
