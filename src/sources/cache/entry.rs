//! Metadata of cached assets, and which entries to evict. Pure.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;

/// Where the bytes came from. Informational; no decision depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CachedFrom {
    pub repository: RepoSlug,
    /// The release.
    pub tag: Tag,
    /// The asset's name.
    pub name: String,
}

/// One cached asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The digest in its name.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The time of its last use.
    pub used: DateTime<Utc>,
    /// Where it came from, if the record is readable.
    pub provenance: Option<CachedFrom>,
}

/// The entries to evict so that the rest takes at most `limit` bytes: the least recently used ones.
pub(crate) fn oldest_beyond(mut entries: Vec<Entry>, limit: u64) -> Vec<Entry> {
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
    fn the_most_recently_used_entry_is_kept() {
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
