//! Mirrors: releases in a plain directory that any web server or object store can serve. A synchronization:
//!
//! 1. [`index()`] reads what the mirror has; [`Directory::condition`] checks whether its files match the index.
//! 2. [`SyncPlan::compute`] compares that with the published releases and decides what to fetch, repair, refuse and remove.
//! 3. Fetched files are verified as for an installation. [`Directory::place`] moves them into place, then
//!    [`Directory::write_index`] lists them. A release is removed from the index before its files are deleted.
//!
//! ```text
//! DIR/OWNER/NAME/releases/index.json              every release with its files, sizes and digests
//! DIR/OWNER/NAME/releases/download/TAG/ASSET      the files, at GitHub's own paths
//! ```
//!
//! This module makes no requests. A mirror is trusted as much as a checksum file. The format is described in `docs/mirror.md`.

mod error;
mod index;
mod plan;
mod read;
mod write;

pub use error::MirrorError;
pub use index::Index;
pub use index::IndexError;
pub use index::MAX_INDEX;
pub use index::MirroredAsset;
pub use index::MirroredFile;
pub use index::MirroredRelease;
pub use index::SCHEMA;
pub use plan::Condition;
pub use plan::Offer;
pub use plan::Offered;
pub use plan::OfferedAsset;
pub use plan::Planned;
pub use plan::SyncOutcome;
pub use plan::SyncPlan;
pub use plan::SyncRefusal;
pub use plan::SyncRequest;
pub use plan::SyncWork;
pub use plan::beyond;
pub use read::copy;
pub use read::index;
pub use read::small_file;
pub use write::MirrorDirectory;
pub use write::stage;
