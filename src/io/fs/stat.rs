//! What the file system says of a name or of an open file.

use crate::io::fs::FileKind;

/// What the file system says of a name, links not followed, or of an open file. Windows tells the kind and the size alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// How many names it has.
    pub links: u64,
    /// When its content changed last, in seconds and nanoseconds.
    pub modified: (i64, i64),
    /// When anything about it changed last, which no program can set.
    pub changed: (i64, i64),
    /// Its file system.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// The user it belongs to.
    pub owner: u32,
    /// The group it belongs to.
    pub group: u32,
    /// Its permissions.
    pub mode: u32,
}

/// Which file it is, whatever its name, and that its content was not written to since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stat {
    /// Tells the file from others and from itself with another content. Nothing where the system does not tell.
    pub fn id(&self) -> Option<FileId> {
        let Self { device, inode, size, modified, .. } = *self;
        cfg!(unix).then_some(FileId { device, inode, size, modified })
    }

    /// Whether both are the same file, by whatever names.
    pub fn is_same_file(&self, other: &Self) -> bool {
        !cfg!(unix) || (self.device, self.inode) == (other.device, other.inode)
    }
}
