//! Why an archive is refused: one variant for everything that can be wrong with it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::limits::EntryName;

/// Why an archive is refused, or could not be read or unpacked. Reads after "failed to unpack …: ".
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The archive could not be opened.
    #[error("{} could not be opened", .0.display())]
    Open(PathBuf, #[source] io::Error),
    /// The archive could not be read.
    #[error("the archive could not be read")]
    Read(#[source] io::Error),
    /// The executable could not be written.
    #[error("{} could not be written", .0.display())]
    Write(PathBuf, #[source] io::Error),

    /// The file is something else.
    #[error("the file is not a {0} archive")]
    NotAnArchive(&'static str),
    /// The archive ends too early.
    #[error("the archive is cut short")]
    Truncated,
    /// A checksum is wrong, or the compressed data make no sense.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    /// As `Damaged`, where the entry is known.
    #[error("entry `{0}` is damaged: {1}")]
    DamagedEntry(EntryName, String),
    /// Something follows the archive's end.
    #[error("the archive is followed by bytes that do not belong to it")]
    TrailingBytes,
    /// Something precedes the archive's first entry.
    #[error("the archive is preceded by bytes that do not belong to it")]
    LeadingBytes,
    /// Something lies between the archive's entries.
    #[error("before entry `{0}` there are bytes that belong to no entry")]
    UnclaimedBytes(EntryName),
    /// The tar archive does not end with two blocks of zeros, so it may have been cut before it was compressed.
    #[error("the tar archive has no end mark; it may be cut short")]
    NoEndMark,
    /// An entry's header breaks the format.
    #[error("entry `{0}` has a header that cannot be trusted: {1}")]
    BadHeader(EntryName, &'static str),
    /// The archive's own structure breaks the format.
    #[error("the archive's structure cannot be trusted: {0}")]
    BadStructure(String),

    /// More entries than allowed.
    #[error("the archive has more than {0} entries")]
    TooManyEntries(u64),
    /// More bytes than allowed.
    #[error("the archive unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// A decompression bomb.
    #[error("the archive unpacks to more than {0} times its size")]
    TooCompressed(u64),
    /// Names or central directory longer than allowed.
    #[error("the archive's list of entries takes more than {0} bytes")]
    IndexTooLarge(usize),

    /// A name longer than allowed.
    #[error("entry `{0}` has a name of more than {1} bytes")]
    NameTooLong(EntryName, usize),
    /// A NUL, a line feed, an escape code.
    #[error("entry `{0}` has a control character in its name")]
    ControlCharacter(EntryName),
    /// A name in no known encoding.
    #[error("entry `{0}` has a name that is not UTF-8")]
    NotUtf8(EntryName),
    /// A name that could collide with another one by Unicode's rules.
    #[error("entry `{0}` has a name that is not plain ASCII; such names can be confused and are not accepted")]
    NotAscii(EntryName),
    /// A name that starts at a root, a drive or a server.
    #[error("entry `{0}` has an absolute path")]
    AbsolutePath(EntryName),
    /// A name with `..` in it.
    #[error("entry `{0}` leaves the archive")]
    LeavesArchive(EntryName),
    /// A backslash, which is a separator on one system and a letter on another.
    #[error("entry `{0}` has a backslash in its name")]
    Backslash(EntryName),
    /// An empty name, or empty or `.` parts in it.
    #[error("entry `{0}` has a name that is not a plain path")]
    UnplainName(EntryName),

    /// The same name twice.
    #[error("entry `{0}` is there more than once")]
    Duplicate(EntryName),
    /// Two names that are one on file systems without case.
    #[error("entry `{0}` differs from `{1}` only in upper and lower case")]
    CaseCollision(EntryName, EntryName),
    /// A name that is a file and a directory.
    #[error("entry `{0}` is both a file and a directory")]
    FileAsDirectory(EntryName),
    /// A header that says file where the name says directory, or the reverse.
    #[error("entry `{0}` contradicts itself: its name and its header disagree on whether it is a directory")]
    KindConflict(EntryName),

    /// A symbolic link.
    #[error("entry `{0}` is a symbolic link")]
    SymbolicLink(EntryName),
    /// A hard link.
    #[error("entry `{0}` is a hard link")]
    HardLink(EntryName),
    /// A character or block device.
    #[error("entry `{0}` is a device")]
    Device(EntryName),
    /// A named pipe.
    #[error("entry `{0}` is a named pipe")]
    Fifo(EntryName),
    /// A file with holes.
    #[error("entry `{0}` is a sparse file")]
    Sparse(EntryName),
    /// Anything else.
    #[error("entry `{0}` is of an unknown kind ({1})")]
    UnknownKind(EntryName, String),
    /// A file that would run as somebody else.
    #[error("entry `{0}` has set-uid, set-gid or sticky bits (mode {1:o})")]
    SpecialBits(EntryName, u32),
    /// Two sizes for one entry.
    #[error("entry `{0}` has two different sizes")]
    SizeConflict(EntryName),

    /// An encrypted entry of a zip archive.
    #[error("entry `{0}` is encrypted")]
    Encrypted(EntryName),
    /// A compression other than stored and deflated.
    #[error("entry `{0}` is compressed with an unsupported method ({1})")]
    Method(EntryName, String),
    /// Flags of a zip archive that change what the bytes mean.
    #[error("entry `{0}` has unknown flags ({1:#06x})")]
    UnknownFlags(EntryName, u16),
    /// The header beside the data and the one in the central directory contradict each other.
    #[error("entry `{0}` has two headers that disagree: {1}")]
    HeadersDisagree(EntryName, String),
    /// Two entries of a zip archive share bytes.
    #[error("entry `{0}` overlaps with another one")]
    Overlap(EntryName),

    /// The executable is not there.
    #[error("none of its files is `{0}`, at the top or in one directory (or its `bin`); {1}")]
    NoMember(String, String),
    /// The executable is there twice.
    #[error("both `{0}` and `{1}` could be the executable")]
    TwoMembers(EntryName, EntryName),
    /// The executable has no bytes.
    #[error("entry `{0}` is empty")]
    EmptyMember(EntryName),
}

impl ArchiveError {
    /// Whether the archive itself is at fault, and not the disk it was read from or the executable was written to.
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Open(..) | Self::Read(_) | Self::Write(..))
    }
}
