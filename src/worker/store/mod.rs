//! The store of an installed binary: its directory, its receipts, its lock, and the steps of a commit.
//!
//! ```text
//! .reproq/
//!   .gitignore              keeps the directory out of version control
//!   bin/reproq              the worker, a regular file
//!   state.json              the digests of the current and the previous binary, and the current file's fingerprint
//!   receipts/<sha256>.lock  the lockfile that pinned it, for rollback
//!   receipts/<sha256>.proofs  its attestations, so that they can be verified again at any time
//!   receipts/<sha256>.json  the receipt of each binary that is kept
//!   previous/<sha256>/reproq  the previous binary, for rollback
//!   staging/                files being downloaded or unpacked; empty when nothing runs
//!   lock                    held by the running installation
//! ```
//!
//! A checkout may contain links, FIFOs and hard links at any of these paths, and another user may own them. Therefore everything
//! below the project is reached through open directories ([`crate::io::fs::Dir`]), no file is written in place, and a directory
//! writable by others is refused. An unfinished file has the name [`crate::io::fs::UNFINISHED`] in its final directory, because
//! each directory may be a file system of its own.
//!
//! The binary is authoritative: its digest names its receipt. So the one rename that places it also makes it current, and a
//! process killed between any two steps leaves the old binary or the new one.

mod commit;
mod fingerprint;
mod kept;
mod layout;
mod opened;
mod project_lock;
mod receipt;
mod state;

pub use commit::Commit;
pub use commit::Staged;
pub use commit::Step;
pub use commit::apply;
pub(crate) use commit::carry_out;
pub(crate) use commit::finish;
pub(crate) use commit::is_finished;
pub use commit::steps;
pub(crate) use fingerprint::Fingerprint;
pub(crate) use kept::is_kept;
pub(crate) use kept::take_back;
pub use layout::Layout;
pub(crate) use opened::clear;
pub(crate) use opened::keep_out_of_version_control;
pub(crate) use opened::lock;
pub(crate) use opened::prepare;
pub(crate) use opened::removed;
pub use project_lock::WrittenLock;
pub(crate) use receipt::BuildRecord;
pub use receipt::Receipt;
pub(crate) use receipt::ReceiptAsset;
pub(crate) use receipt::ReceiptOrigin;
pub(crate) use receipt::SCHEMA as RECEIPT_SCHEMA;
pub use state::Installed;
pub(crate) use state::NotAFile;
pub use state::State;
pub(crate) use state::StoreError;
pub use state::glance;
pub(crate) use state::installed_from;
pub(crate) use state::kept_lock;
pub(crate) use state::kept_receipt;
pub(crate) use state::proofs;
pub(crate) use state::receipts;
pub(crate) use state::rescan;
pub use state::scan;
