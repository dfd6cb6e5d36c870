//! The metadata of a name or of an open file.

use crate::io::fs::FileKind;

/// The metadata of a name (links not followed) or of an open file. Windows provides only the type and the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The type.
    pub kind: FileKind,
    /// The size in bytes.
    pub size: u64,
    /// The number of hard links.
    pub links: u64,
    /// The modification time, in seconds and nanoseconds.
    pub modified: (i64, i64),
    /// The change time, which no program can set.
    pub changed: (i64, i64),
    /// The device.
    pub device: u64,
    /// The inode number.
    pub inode: u64,
    /// The user ID of the owner.
    pub owner: u32,
    /// The group ID.
    pub group: u32,
    /// The mode.
    pub mode: u32,
}

/// The identity of a file and its content, independent of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stat {
    /// The identity of the file and its current content. `None` if the system does not provide it.
    pub fn id(&self) -> Option<FileId> {
        let Self { device, inode, size, modified, .. } = *self;
        cfg!(unix).then_some(FileId { device, inode, size, modified })
    }

    /// Whether both are the same file, under any name.
    pub fn is_same_file(&self, other: &Self) -> bool {
        !cfg!(unix) || (self.device, self.inode) == (other.device, other.inode)
    }
}
