//! Detects whether a file is unchanged since it was hashed, without hashing it again.

use serde::Deserialize;
use serde::Serialize;

use crate::io::fs::FileKind;
use crate::io::fs::Stat;

/// File metadata from when the digest was computed. Any write, rename, copy or change of permissions alters it: the inode's
/// change time cannot be set back by ordinary means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    device: u64,
    inode: u64,
}

impl Fingerprint {
    /// The fingerprint of a regular file; `None` if the system does not provide reliable metadata. Windows has no change time that
    /// programs cannot set, so the file is always hashed there.
    pub fn of(stat: &Stat) -> Option<Self> {
        let Stat { size, modified, changed, device, inode, .. } = *stat;
        let is_known = cfg!(unix) && stat.kind == FileKind::Regular;
        is_known.then_some(Self { size, modified, changed, device, inode })
    }

    /// Whether this fingerprint, stored in a file with the metadata `kept_in`, is conclusive. A change within the same clock tick
    /// would look the same, so the record must be newer than what it records.
    pub fn is_older_than(&self, kept_in: &Stat) -> bool {
        self.changed < kept_in.modified
    }
}
