//! Where an installed binary lives: its directory, its receipts, its lock, and the steps that put a new one in place.
//!
//! ```text
//! .reproq/
//!   .gitignore              keeps the directory out of version control
//!   bin/reproq              the worker, a regular file
//!   state.json              which digest is installed, which came before, what the file looked like
//!   receipts/<sha256>.lock  the lock that named it, for rollback
//!   receipts/<sha256>.proofs  the signed proofs of where it comes from, to be proven again at any time
//!   receipts/<sha256>.json  one for each binary that was ever accepted and is still kept
//!   previous/<sha256>/reproq  the binary before this one, for rollback
//!   staging/                what is being downloaded or unpacked; empty when nothing runs
//!   lock                    held by the one installation that works
//! ```
//!
//! A checkout may bring links, FIFOs and hard links in any of these places, and another user may own them. So everything below
//! the project is reached through open directories ([`crate::io::fs::Dir`]), no file is written in place, and a directory that
//! others may change is refused. What is not finished has the name [`crate::io::fs::UNFINISHED`] in the directory it will be in,
//! because each of them may be a file system of its own.
//!
//! The binary is the truth: its digest names its receipt. So the one rename that places it is also what makes it current,
//! and a process killed between any two steps leaves the old world or the new one.

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
pub use commit::carry_out;
pub use commit::finish;
pub use commit::is_finished;
pub use commit::steps;
pub use fingerprint::Fingerprint;
pub use kept::is_kept;
pub use kept::take_back;
pub use layout::Layout;
pub use opened::clear;
pub use opened::keep_out_of_version_control;
pub use opened::lock;
pub use opened::prepare;
pub use opened::removed;
pub use project_lock::WrittenLock;
pub use receipt::BuildRecord;
pub use receipt::Receipt;
pub use receipt::ReceiptAsset;
pub use receipt::ReceiptOrigin;
pub use receipt::SCHEMA as RECEIPT_SCHEMA;
pub use state::Installed;
pub use state::NotAFile;
pub use state::State;
pub use state::StoreError;
pub use state::glance;
pub use state::installed_from;
pub use state::kept_lock;
pub use state::kept_receipt;
pub use state::proofs;
pub use state::receipts;
pub use state::rescan;
pub use state::scan;
