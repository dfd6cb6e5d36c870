//! Reads a gzip-compressed tar archive to the last byte of its last gzip member.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;

use flate2::bufread::GzDecoder;

use super::error::ArchiveError;
use super::limits::Budget;
use super::limits::Census;
use super::limits::EntryName;
use super::limits::EntryRole;
use super::output::ExtractedFile;
use super::stream::Stream;
use super::stream::Watched;
use super::stream::of_decoder;
use super::tar_stream::only_zeros_follow;
use super::tar_stream::walk;

/// The size of the read buffer.
const INPUT: usize = 256 * 1024;

/// The limit on gzip members, each of which needs a decoder. `bgzip` starts one every 64 KiB and stays below it.
const MOST_MEMBERS: u64 = 20_000;

/// What the file should be.
const FORM: &str = "gzip-compressed tar";

/// Takes the member out and gives its name.
pub(super) fn unpack<R: Read>(
    file: Watched<'_, R>,
    mut census: Census<'_>,
    budget: &mut Budget,
    output: &mut ExtractedFile<'_>,
) -> Result<String, ArchiveError> {
    let mut input = BufReader::with_capacity(INPUT, file);
    if !input.fill_buf().map_err(ArchiveError::Read)?.starts_with(&[0x1f, 0x8b]) {
        return Err(ArchiveError::NotAnArchive(FORM));
    }
    let mut stream = Stream { inner: Members::new(input), budget };
    let walked = walk(&mut stream, &mut census, FORM, &mut |file, stream| match file.role {
        EntryRole::Beside => Ok(()),
        EntryRole::Member if file.size == 0 => Err(ArchiveError::EmptyMember(EntryName::escaped(&file.name))),
        EntryRole::Member => output.take(stream, file.size).map(|()| file.left = 0),
    });
    let walked = walked.and_then(|()| only_zeros_follow(&mut stream));
    if matches!(walked, Ok(()) | Err(ArchiveError::Truncated | ArchiveError::NoEndMark)) {
        // Of an archive that seems cut, what follows the stream tells more than what is missing from it.
        nothing_follows(stream.inner.input())?;
    }
    walked?;
    census.member()
}

fn nothing_follows(input: &mut impl BufRead) -> Result<(), ArchiveError> {
    match input.fill_buf().map_err(of_decoder)? {
        [] => Ok(()),
        _ => Err(ArchiveError::TrailingBytes),
    }
}

/// The contents of all members of a gzip file, one after another, as RFC 1952 has it: `pigz`, `bgzip` and `cat` make such files. Not
/// flate2's `MultiGzDecoder`, which does not tell what follows the last member from a damaged one, and takes any number of them.
struct Members<R> {
    decoder: Option<GzDecoder<R>>,
    count: u64,
}

impl<R: BufRead> Members<R> {
    fn new(input: R) -> Self {
        Self { decoder: Some(GzDecoder::new(input)), count: 1 }
    }

    /// What was not decoded yet.
    fn input(&mut self) -> &mut R {
        self.decoder.as_mut().expect("only `read` takes it, and puts it back").get_mut()
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let decoder = self.decoder.as_mut().expect("it is put back below");
            let count = decoder.read(buffer)?;
            // The second byte may not be read yet; what begins like a member and is none is damaged.
            if count > 0 || decoder.get_mut().fill_buf()?.first() != Some(&0x1f) {
                return Ok(count);
            }
            self.count += 1;
            if self.count > MOST_MEMBERS {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("more than {MOST_MEMBERS} gzip members"),
                ));
            }
            self.decoder = self.decoder.take().map(|decoder| GzDecoder::new(decoder.into_inner()));
        }
    }
}
