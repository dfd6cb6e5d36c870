//! Walks the headers of a tar stream, and hands over each file in it, judged. The walk is our own and not `tar::Archive`'s,
//! which keeps extension headers of any size in memory, believes a PAX size, and does not tell an end mark from the end of
//! the stream.

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

/// How long the text of an extension header may be. Extended attributes can be large, names cannot.
const LONGEST_EXTENSION: u64 = 1024 * 1024;

/// A regular file of the stream.
pub(super) struct FileEntry {
    /// Its final name, as it is spelled; a plain relative path.
    pub(super) name: Vec<u8>,
    pub(super) role: EntryRole,
    pub(super) mode: u32,
    pub(super) size: u64,
    /// How many of its bytes are still in the stream. Whoever visits may leave them there.
    pub(super) left: u64,
}

/// What is done with a file of the stream.
pub(super) type Visit<'v, R, E> = &'v mut dyn FnMut(&mut FileEntry, &mut Stream<'_, R>) -> Result<(), E>;

/// Walks to the end mark. `form` is what the file should be.
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
            // Only a link has such a name, and links are refused.
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

/// Judges an entry; none where it is a directory.
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

/// Whether the sum a header states is that of its bytes, where the field of the sum itself counts as spaces.
fn has_good_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum: u32 = bytes[..148].iter().chain(&bytes[156..]).map(|byte| u32::from(*byte)).sum();
    header.cksum().is_ok_and(|stated| stated == sum + 8 * u32::from(b' '))
}

/// Checks what every header must have, and gives the size of what follows it.
fn check(header: &Header) -> Result<u64, ArchiveError> {
    if header.as_ustar().is_none() && header.as_gnu().is_none() {
        return Err(bad(header, "it is neither of POSIX nor of GNU form"));
    }
    header.entry_size().map_err(|_| bad(header, "the size is not a number"))
}

/// The short text behind an extension header.
fn text<R: Read>(stream: &mut Stream<'_, R>, header: &Header, size: u64) -> Result<Vec<u8>, ArchiveError> {
    if size > LONGEST_EXTENSION {
        return Err(bad(header, "its extension is too long"));
    }
    let mut text = Vec::new();
    let mut left = size;
    // Grows with what is there, not with what the header says.
    while left > 0 {
        let start = text.len();
        text.resize(start + at_most(left, 16 * 1024), 0);
        stream.exact(&mut text[start..])?;
        left -= (text.len() - start) as u64;
    }
    stream.skip(padding(size))?;
    Ok(text)
}

/// What extension headers say about the entry after them.
#[derive(Debug, Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    /// The size a PAX header states; inside, none when it is no number.
    size: Option<Option<u64>>,
    is_sparse: bool,
    has_local: bool,
}

impl Extensions {
    fn long_name(&mut self, mut name: Vec<u8>) -> Result<(), ArchiveError> {
        // GNU ends the name with a NUL; any other NUL is part of the name and will be refused with it.
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

    /// The entry's final name.
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

/// A global header may carry a comment, as those of `git archive` do, but nothing that changes entries.
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

/// The records of a PAX header: `LENGTH KEY=VALUE\n`, where a value may hold line feeds, as extended attributes do.
fn records<'a>(text: &'a [u8], header: &Header) -> Result<Vec<Record<'a>>, ArchiveError> {
    let mut records = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (record, behind) = record(rest).ok_or_else(|| bad(header, "its extension is not of PAX form"))?;
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

/// The end mark is two blocks of zeros; an extension before it would describe an entry that was cut off.
fn end<R: Read>(stream: &mut Stream<'_, R>, extensions: &Extensions) -> Result<(), ArchiveError> {
    let mut block = [0; BLOCK];
    match stream.fill(&mut block)? {
        _ if !extensions.is_empty() => Err(ArchiveError::Truncated),
        BLOCK if is_zero(&block) => Ok(()),
        BLOCK => Err(ArchiveError::TrailingBytes),
        _ => Err(ArchiveError::NoEndMark),
    }
}

/// Archives are padded with zeros to a full record. Reading on also makes the decoder check its checksum and length.
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

/// Whether a name's field goes on behind the NUL that ends it.
fn hides_bytes(field: &[u8]) -> bool {
    field.iter().skip_while(|byte| **byte != 0).any(|byte| *byte != 0)
}

/// The field without the zeros that fill it up.
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
