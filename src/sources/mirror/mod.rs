//! Mirrors: releases in a plain directory that any web server or object store can serve. The order of a synchronization:
//!
//! 1. [`index()`] says what the mirror has, [`Directory::condition`] whether its files are still what the index says.
//! 2. [`SyncPlan::compute`] compares that with what is published: what is fetched, repaired, refused, removed. Pure.
//! 3. What is fetched is verified as for an installation; [`Directory::place`] puts it in place, and [`Directory::write_index`]
//!    says so, in that order. What goes leaves the index first.
//!
//! ```text
//! DIR/OWNER/NAME/releases/index.json              every release with its files, sizes and digests
//! DIR/OWNER/NAME/releases/download/TAG/ASSET      the files, at GitHub's own paths
//! ```
//!
//! Nothing in here asks anybody, and a mirror is trusted as far as a checksum file. The format is in `docs/mirror.md`.

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
