//! Assets that were verified once, kept for every project of this user, by their digest.
//!
//! ```text
//! <cache>/assets/<sha256>        the bytes
//! <cache>/assets/<sha256>.json   whose they are, for people
//! <cache>/assets/<sha256>.proofs  the signed proofs of where they come from, where there are any
//! ```
//!
//! A name is a promise nobody has to believe: what is taken out is hashed again. Files arrive by one rename, so any number of
//! processes can use the directory without a lock; whoever removes a file another one reads takes only its name away.

mod directory;
mod entry;

pub use directory::Cache;
pub use directory::CacheError;
pub use directory::CacheLookup;
pub use entry::CachedFrom;
pub use entry::Entry;
pub use entry::oldest_beyond;
