//! Whether a file is still the one that was hashed, without hashing it again.

use std::fs::Metadata;

use serde::Deserialize;
use serde::Serialize;

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
    /// Of a regular file; nothing where the system does not tell enough to rely on.
    #[cfg(unix)]
    pub fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;

        metadata.is_file().then(|| Self {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    /// Of a regular file; Windows has no time of change that programs cannot set, so the file is hashed there.
    #[cfg(not(unix))]
    pub fn of(_metadata: &Metadata) -> Option<Self> {
        None
    }

    /// Whether this fingerprint, kept in a file with the metadata `kept_in`, proves anything. A change within the same tick
    /// of the clock as the recorded one would look the same, so the record must be younger than what it records.
    #[cfg(unix)]
    pub fn is_older_than(&self, kept_in: &Metadata) -> bool {
        use std::os::unix::fs::MetadataExt;

        self.changed < (kept_in.mtime(), kept_in.mtime_nsec())
    }

    /// Whether this fingerprint, kept in a file with the metadata `kept_in`, proves anything.
    #[cfg(not(unix))]
    pub fn is_older_than(&self, _kept_in: &Metadata) -> bool {
        false
    }
}
