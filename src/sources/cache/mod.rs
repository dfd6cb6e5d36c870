//! Verified assets, shared by all projects of this user and named by their digest.
//!
//! ```text
//! <cache>/assets/<sha256>        the bytes
//! <cache>/assets/<sha256>.json   where they came from; informational
//! <cache>/assets/<sha256>.proofs  their attestations, if any
//! ```
//!
//! A name is not trusted: each file is hashed again when it is used. Files arrive by one rename, so any number of processes can
//! use the directory without a lock; removing a file that another process reads removes only its name.

mod directory;
mod entry;

pub(crate) use directory::Cache;
pub(crate) use directory::CacheError;
pub(crate) use directory::CacheLookup;
pub(crate) use entry::CachedFrom;
pub(crate) use entry::Entry;
pub(crate) use entry::oldest_beyond;
