//! Iterates over the headers of a tar stream and passes on each checked file. Does not use `tar::Archive`, which buffers
//! extension headers of any size, trusts a PAX size, and does not distinguish an end mark from the end of the stream.

use std::io::Read;

use tar::Header;

use super::error::ArchiveError;
use super::limits::Census;
use super::limits::EntryKind;
use super::limits::EntryName;
use super::limits::EntryRole;
use super::stream::Stream;
use super::stream::at_most;

const BLOCK: usize = 512;

const LONG_NAME: u8 = b'L';
const LONG_LINK: u8 = b'K';
const LOCAL_EXTENSION: u8 = b'x';
const GLOBAL_EXTENSION: u8 = b'g';

/// The limit for an extension header. Extended attributes can be large, but names cannot.
const LONGEST_EXTENSION: u64 = 1024 * 1024;

/// A regular file of the stream.
pub(super) struct FileEntry {
    /// Its final name: a plain relative path.
    pub(super) name: Vec<u8>,
    pub(super) role: EntryRole,
    pub(super) mode: u32,
    pub(super) size: u64,
    /// The number of its bytes left in the stream. The visitor need not read them.
    pub(super) left: u64,
}

/// Processes a file of the stream.
pub(super) type Visit<'v, R, E> = &'v mut dyn FnMut(&mut FileEntry, &mut Stream<'_, R>) -> Result<(), E>;

/// Reads to the end mark. `form` is the expected format.
pub(super) fn walk<R: Read, E: From<ArchiveError>>(
    stream: &mut Stream<'_, R>,
    census: &mut Census<'_>,
    form: &'static str,
    visit: Visit<'_, R, E>,
) -> Result<(), E> {
    let mut extensions = Extensions::default();
    let mut block = [0; BLOCK];
    let mut is_first = true;
    loop {
        match stream.fill(&mut block)? {
            BLOCK => {}
            0 => return Err(ArchiveError::NoEndMark.into()),
            _ => return Err(ArchiveError::Truncated.into()),
        }
        if is_zero(&block) {
            return end(stream, &extensions).map_err(E::from);
        }
        let header = Header::from_byte_slice(&block);
        if !has_good_checksum(header) {
            let error = if is_first { ArchiveError::NotAnArchive(form) } else { bad(header, "its checksum is wrong") };
            return Err(error.into());
        }
        is_first = false;
        let size = check(header)?;
        stream.budget.allows(size)?;
        match header.entry_type().as_byte() {
            LONG_NAME => extensions.long_name(text(stream, header, size)?)?,
            // Only links have a link name, and links are refused.
            LONG_LINK => drop(text(stream, header, size)?),
            LOCAL_EXTENSION => extensions.local(&text(stream, header, size)?, header)?,
            GLOBAL_EXTENSION => {
                census.count()?;
                refuse_effects(&text(stream, header, size)?, header)?;
            }
            _ => {
                let file = entry(census, header, size, &std::mem::take(&mut extensions))?;
                if let Some(mut file) = file {
                    visit(&mut file, stream)?;
                    stream.skip(file.left)?;
                }
                stream.skip(padding(size))?;
            }
        }
    }
}

/// Checks an entry; `None` for a directory.
fn entry(
    census: &mut Census<'_>,
    header: &Header,
    size: u64,
    extensions: &Extensions,
) -> Result<Option<FileEntry>, ArchiveError> {
    let name = extensions.name(header)?;
    let shown = EntryName::escaped(&name);
    if extensions.is_sparse {
        return Err(ArchiveError::Sparse(shown));
    }
    if extensions.size.is_some_and(|stated| stated != Some(size)) {
        return Err(ArchiveError::SizeConflict(shown));
    }
    let kind = kind(header, &shown)?;
    let mode = header.mode().map_err(|_| ArchiveError::BadHeader(shown.clone(), "the mode is not a number"))?;
    let role = census.judge(&name, kind, mode)?;
    match kind {
        EntryKind::Directory if size > 0 => Err(ArchiveError::BadHeader(shown, "a directory with contents")),
        EntryKind::Directory => Ok(None),
        EntryKind::File => Ok(Some(FileEntry { name, role, mode, size, left: size })),
    }
}

fn kind(header: &Header, shown: &EntryName) -> Result<EntryKind, ArchiveError> {
    match header.entry_type().as_byte() {
        b'0' => Ok(EntryKind::File),
        b'5' => Ok(EntryKind::Directory),
        b'1' => Err(ArchiveError::HardLink(shown.clone())),
        b'2' => Err(ArchiveError::SymbolicLink(shown.clone())),
        b'3' | b'4' => Err(ArchiveError::Device(shown.clone())),
        b'6' => Err(ArchiveError::Fifo(shown.clone())),
        b'S' => Err(ArchiveError::Sparse(shown.clone())),
        letter => Err(ArchiveError::UnknownKind(shown.clone(), EntryName::escaped(&[letter]).to_string())),
    }
}

/// Whether a header's checksum is correct; the checksum field itself counts as spaces.
fn has_good_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum: u32 = bytes[..148].iter().chain(&bytes[156..]).map(|byte| u32::from(*byte)).sum();
    header.cksum().is_ok_and(|stated| stated == sum + 8 * u32::from(b' '))
}

/// Checks what all headers have in common, and returns the size of the data that follows.
fn check(header: &Header) -> Result<u64, ArchiveError> {
    if header.as_ustar().is_none() && header.as_gnu().is_none() {
        return Err(bad(header, "it is neither a POSIX nor a GNU header"));
    }
    header.entry_size().map_err(|_| bad(header, "the size is not a number"))
}

/// The data of an extension header.
fn text<R: Read>(stream: &mut Stream<'_, R>, header: &Header, size: u64) -> Result<Vec<u8>, ArchiveError> {
    if size > LONGEST_EXTENSION {
        return Err(bad(header, "its extension is too long"));
    }
    let mut text = Vec::new();
    let mut left = size;
    // Grows with the actual data, not with the stated size.
    while left > 0 {
        let start = text.len();
        text.resize(start + at_most(left, 16 * 1024), 0);
        stream.exact(&mut text[start..])?;
        left -= (text.len() - start) as u64;
    }
    stream.skip(padding(size))?;
    Ok(text)
}

/// The extension headers of the next entry.
#[derive(Debug, Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    /// The size from a PAX header; the inner `None` means it is not a number.
    size: Option<Option<u64>>,
    is_sparse: bool,
    has_local: bool,
}

impl Extensions {
    fn long_name(&mut self, mut name: Vec<u8>) -> Result<(), ArchiveError> {
        // GNU terminates the name with a NUL; any other NUL is part of the name and refused with it.
        if name.last() == Some(&0) {
            name.pop();
        }
        self.rename(name)
    }

    fn local(&mut self, text: &[u8], header: &Header) -> Result<(), ArchiveError> {
        if std::mem::replace(&mut self.has_local, true) {
            return Err(bad(header, "two extensions for one entry"));
        }
        for record in records(text, header)? {
            match record.key {
                b"path" => self.rename(record.value.to_vec())?,
                b"size" if self.size.is_some() => {
                    return Err(bad(header, "two sizes for one entry"));
                }
                b"size" => self.size = Some(str::from_utf8(record.value).ok().and_then(|size| size.parse().ok())),
                key => self.is_sparse |= is_of_sparse(key),
            }
        }
        Ok(())
    }

    fn rename(&mut self, name: Vec<u8>) -> Result<(), ArchiveError> {
        match self.name.replace(name) {
            None => Ok(()),
            Some(first) => Err(ArchiveError::BadHeader(EntryName::escaped(&first), "two names for one entry")),
        }
    }

    /// The final name of the entry.
    fn name(&self, header: &Header) -> Result<Vec<u8>, ArchiveError> {
        match &self.name {
            Some(name) => Ok(name.clone()),
            None => {
                let hidden = header.as_ustar().is_some_and(|ustar| hides_bytes(&ustar.prefix));
                if hidden || hides_bytes(&header.as_old().name) {
                    return Err(ArchiveError::ControlCharacter(EntryName::escaped(without_filling(
                        &header.as_old().name,
                    ))));
                }
                Ok(header.path_bytes().into_owned())
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.name.is_none() && !self.has_local
    }
}

/// A global header may contain a comment, like those of `git archive`, but nothing that changes entries.
fn refuse_effects(text: &[u8], header: &Header) -> Result<(), ArchiveError> {
    let changes_entries = |key: &[u8]| {
        matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"hdrcharset") || is_of_sparse(key)
    };
    if records(text, header)?.iter().any(|record| changes_entries(record.key)) {
        return Err(bad(header, "a global extension that changes all entries"));
    }
    Ok(())
}

fn is_of_sparse(key: &[u8]) -> bool {
    key.starts_with(b"GNU.sparse.") || key == b"SCHILY.realsize"
}

struct Record<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

/// The records of a PAX header: `LENGTH KEY=VALUE\n`; a value may contain line feeds, as extended attributes do.
fn records<'a>(text: &'a [u8], header: &Header) -> Result<Vec<Record<'a>>, ArchiveError> {
    let mut records = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (record, behind) = record(rest).ok_or_else(|| bad(header, "its extension is not a valid PAX header"))?;
        records.push(record);
        rest = behind;
    }
    Ok(records)
}

fn record(text: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = text.iter().take(20).position(|byte| *byte == b' ')?;
    let digits = &text[..space];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = str::from_utf8(digits).ok()?.parse().ok()?;
    let (record, behind) = text.split_at_checked(length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((Record { key: &body[..equals], value: &body[equals + 1..] }, behind))
}

/// The end mark is two zero blocks; an extension before it would describe an entry that was cut off.
fn end<R: Read>(stream: &mut Stream<'_, R>, extensions: &Extensions) -> Result<(), ArchiveError> {
    let mut block = [0; BLOCK];
    match stream.fill(&mut block)? {
        _ if !extensions.is_empty() => Err(ArchiveError::Truncated),
        BLOCK if is_zero(&block) => Ok(()),
        BLOCK => Err(ArchiveError::TrailingBytes),
        _ => Err(ArchiveError::NoEndMark),
    }
}

/// Archives are zero-padded to a full record. Reading the padding also makes the decoder verify its checksum and length.
pub(super) fn only_zeros_follow<R: Read>(stream: &mut Stream<'_, R>) -> Result<(), ArchiveError> {
    let mut scratch = [0; 16 * 1024];
    loop {
        match stream.fill(&mut scratch)? {
            0 => return Ok(()),
            count if is_zero(&scratch[..count]) => {}
            _ => return Err(ArchiveError::TrailingBytes),
        }
    }
}

fn bad(header: &Header, reason: &'static str) -> ArchiveError {
    ArchiveError::BadHeader(EntryName::escaped(&header.path_bytes()), reason)
}

/// Whether there is more data in a name field after its terminating NUL.
fn hides_bytes(field: &[u8]) -> bool {
    field.iter().skip_while(|byte| **byte != 0).any(|byte| *byte != 0)
}

/// The field without trailing zeros.
fn without_filling(field: &[u8]) -> &[u8] {
    let end = field.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &field[..end]
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}
