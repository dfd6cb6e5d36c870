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

pub(crate) use error::MirrorError;
pub use index::Index;
pub(crate) use index::IndexError;
pub(crate) use index::MAX_INDEX;
pub(crate) use index::MirroredAsset;
pub(crate) use index::MirroredFile;
pub(crate) use index::MirroredRelease;
pub use index::SCHEMA;
pub(crate) use plan::Condition;
pub(crate) use plan::Offer;
pub(crate) use plan::Offered;
pub(crate) use plan::OfferedAsset;
pub(crate) use plan::Planned;
pub(crate) use plan::SyncOutcome;
pub(crate) use plan::SyncPlan;
pub(crate) use plan::SyncRefusal;
pub(crate) use plan::SyncRequest;
pub(crate) use plan::SyncWork;
pub(crate) use plan::beyond;
pub(crate) use read::copy;
pub(crate) use read::index;
pub(crate) use read::small_file;
pub(crate) use write::MirrorDirectory;
pub(crate) use write::stage;
