//! What is known of a cached asset, and which go when there are too many. Pure.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;

/// Whose bytes they are. For people: nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedFrom {
    /// The repository.
    pub repository: RepoSlug,
    /// The release.
    pub tag: Tag,
    /// The asset's name.
    pub name: String,
}

/// One cached asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The digest its name promises.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was used last.
    pub used: DateTime<Utc>,
    /// Whose it is, where that can still be read.
    pub provenance: Option<CachedFrom>,
}

/// The entries that have to go so that the rest takes no more than `limit` bytes: those not used for longest.
pub fn oldest_beyond(mut entries: Vec<Entry>, limit: u64) -> Vec<Entry> {
    entries.sort_by(|a, b| b.used.cmp(&a.used).then(a.sha256.cmp(&b.sha256)));
    let mut total = 0_u64;
    entries.retain(|entry| {
        total = total.saturating_add(entry.size);
        total > limit
    });
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(byte: u8, size: u64, used: i64) -> Entry {
        Entry {
            sha256: Sha256Digest::from_bytes([byte; 32]),
            size,
            used: DateTime::from_timestamp(used, 0).expect("a time"),
            provenance: None,
        }
    }

    #[test]
    fn what_was_used_last_stays() {
        let entries = vec![entry(1, 10, 100), entry(2, 10, 300), entry(3, 10, 200)];
        let gone = |limit| {
            let gone = oldest_beyond(entries.clone(), limit);
            gone.iter().map(|entry| entry.used.timestamp()).collect::<Vec<_>>()
        };
        assert_eq!(gone(30), [0_i64; 0]);
        assert_eq!(gone(29), [100]);
        assert_eq!(gone(10), [200, 100]);
        assert_eq!(gone(0), [300, 200, 100]);
    }
}
