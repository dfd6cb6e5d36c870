//! Why an archive is refused, with one variant per reason.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::limits::EntryName;

/// Why an archive is refused, or could not be read or unpacked. Follows "failed to unpack …: ".
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The archive could not be opened.
    #[error("failed to open {}", .0.display())]
    Open(PathBuf, #[source] io::Error),
    /// The archive could not be read.
    #[error("failed to read the archive")]
    Read(#[source] io::Error),
    /// The executable could not be written.
    #[error("failed to write {}", .0.display())]
    Write(PathBuf, #[source] io::Error),

    /// The file has another format.
    #[error("the file is not a {0} archive")]
    NotAnArchive(&'static str),
    /// The archive is truncated.
    #[error("the archive is truncated")]
    Truncated,
    /// A checksum is wrong, or the compressed data is invalid.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    /// Like `Damaged`, if the entry is known.
    #[error("entry `{0}` is damaged: {1}")]
    DamagedEntry(EntryName, String),
    /// There is data after the end of the archive.
    #[error("the archive is followed by extra bytes")]
    TrailingBytes,
    /// There is data before the first entry.
    #[error("the archive is preceded by extra bytes")]
    LeadingBytes,
    /// There is data between entries.
    #[error("there are extra bytes before entry `{0}`")]
    UnclaimedBytes(EntryName),
    /// The tar archive does not end with two zero blocks, so it may have been truncated before compression.
    #[error("the tar archive has no end mark; it may be truncated")]
    NoEndMark,
    /// The header of an entry is invalid.
    #[error("entry `{0}` has an invalid header: {1}")]
    BadHeader(EntryName, &'static str),
    /// The structure of the archive is invalid.
    #[error("the archive's structure is invalid: {0}")]
    BadStructure(String),

    #[error("the archive has more than {0} entries")]
    TooManyEntries(u64),
    /// Too many bytes.
    #[error("the archive unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// A decompression bomb.
    #[error("the archive unpacks to more than {0} times its size")]
    TooCompressed(u64),
    /// The names or the central directory are too long.
    #[error("the archive's list of entries takes more than {0} bytes")]
    IndexTooLarge(usize),

    #[error("entry `{0}` has a name of more than {1} bytes")]
    NameTooLong(EntryName, usize),
    /// A NUL, a line feed or an escape code.
    #[error("entry `{0}` has a control character in its name")]
    ControlCharacter(EntryName),
    /// A name that is not UTF-8.
    #[error("entry `{0}` has a name that is not UTF-8")]
    NotUtf8(EntryName),
    /// A name that may collide with another one under Unicode normalization or case folding.
    #[error("entry `{0}` has a name that is not plain ASCII; such names are ambiguous and not accepted")]
    NotAscii(EntryName),
    /// A name that starts with a root, drive or server.
    #[error("entry `{0}` has an absolute path")]
    AbsolutePath(EntryName),
    /// A name that contains `..`.
    #[error("entry `{0}` points outside the archive")]
    LeavesArchive(EntryName),
    /// A backslash, which is a separator on Windows only.
    #[error("entry `{0}` has a backslash in its name")]
    Backslash(EntryName),
    /// A name that is empty or has empty or `.` components.
    #[error("entry `{0}` has a name that is not a plain path")]
    UnplainName(EntryName),

    /// A duplicate name.
    #[error("entry `{0}` occurs more than once")]
    Duplicate(EntryName),
    /// Two names that are equal on a case-insensitive file system.
    #[error("entry `{0}` differs from `{1}` only in upper and lower case")]
    CaseCollision(EntryName, EntryName),
    /// A name used for both a file and a directory.
    #[error("entry `{0}` is both a file and a directory")]
    FileAsDirectory(EntryName),
    /// The header and the name disagree on whether the entry is a directory.
    #[error("entry `{0}` contradicts itself: its name and its header disagree on whether it is a directory")]
    KindConflict(EntryName),

    #[error("entry `{0}` is a symbolic link")]
    SymbolicLink(EntryName),
    #[error("entry `{0}` is a hard link")]
    HardLink(EntryName),
    /// A character or block device.
    #[error("entry `{0}` is a device")]
    Device(EntryName),
    /// A named pipe.
    #[error("entry `{0}` is a named pipe")]
    Fifo(EntryName),
    /// A sparse file.
    #[error("entry `{0}` is a sparse file")]
    Sparse(EntryName),
    /// Any other kind.
    #[error("entry `{0}` is of an unknown kind ({1})")]
    UnknownKind(EntryName, String),
    /// A file with set-uid, set-gid or sticky bits.
    #[error("entry `{0}` has set-uid, set-gid or sticky bits (mode {1:o})")]
    SpecialBits(EntryName, u32),
    /// Two sizes for one entry.
    #[error("entry `{0}` has two different sizes")]
    SizeConflict(EntryName),

    /// An encrypted zip entry.
    #[error("entry `{0}` is encrypted")]
    Encrypted(EntryName),
    /// A compression method other than stored or deflated.
    #[error("entry `{0}` is compressed with an unsupported method ({1})")]
    Method(EntryName, String),
    /// Zip flags that change the meaning of the data.
    #[error("entry `{0}` has unknown flags ({1:#06x})")]
    UnknownFlags(EntryName, u16),
    /// The local header and the central directory disagree.
    #[error("entry `{0}` has two headers that disagree: {1}")]
    HeadersDisagree(EntryName, String),
    /// Two zip entries that share bytes.
    #[error("entry `{0}` overlaps with another one")]
    Overlap(EntryName),

    /// There is no executable.
    #[error("no file named `{0}` at the top level, in a single directory or in its `bin`; {1}")]
    NoMember(String, String),
    /// There are two executables.
    #[error("both `{0}` and `{1}` could be the executable")]
    TwoMembers(EntryName, EntryName),
    /// The executable is empty.
    #[error("entry `{0}` is empty")]
    EmptyMember(EntryName),
}

impl ArchiveError {
    /// Whether the fault is in the archive itself, not in the disk it was read from or the executable was written to.
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Open(..) | Self::Read(_) | Self::Write(..))
    }
}
