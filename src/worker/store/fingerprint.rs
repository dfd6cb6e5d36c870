//! Whether a file is still the one that was hashed, without hashing it again.

use serde::Deserialize;
use serde::Serialize;

use crate::io::fs::FileKind;
use crate::io::fs::Stat;

/// What the file system says of a file at the moment its digest was known. Any write, rename, copy or change of
/// permissions alters it: the time of the last change of the inode cannot be set back by ordinary means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    device: u64,
    inode: u64,
}

impl Fingerprint {
    /// Of a regular file; nothing where the system does not tell enough to rely on: Windows has no time of change that
    /// programs cannot set, so the file is hashed there.
    pub fn of(stat: &Stat) -> Option<Self> {
        let Stat { size, modified, changed, device, inode, .. } = *stat;
        let is_known = cfg!(unix) && stat.kind == FileKind::Regular;
        is_known.then_some(Self { size, modified, changed, device, inode })
    }

    /// Whether this fingerprint, kept in a file of which the system says `kept_in`, proves anything. A change within the same
    /// tick of the clock as the recorded one would look the same, so the record must be younger than what it records.
    pub fn is_older_than(&self, kept_in: &Stat) -> bool {
        self.changed < kept_in.modified
    }
}
