//! The user's trusted roots: the embedded roots, newer ones of the same instances that were fetched, and accepted roots
//! of other instances.
//!
//! They are stored in one directory of the user's data, which no other user may write to:
//!
//! ```text
//! updated/public_good.json   the newer root of an instance, with the record and the metadata it was verified by
//! updated/github.json
//! accepted/<sha256>.json     an accepted root, unchanged
//! ```
//!
//! They apply to every verification, so unreadable files are never skipped silently.

mod anchor;
#[cfg(all(test, feature = "attestation"))]
mod attacks;
mod copy;
mod directory;
mod error;
#[cfg(feature = "attestation")]
mod read;
mod repository;
#[cfg(all(test, feature = "attestation"))]
mod samples;
#[cfg(feature = "attestation")]
mod update;
#[cfg(not(feature = "attestation"))]
#[path = "absent.rs"]
mod update;
mod updated;

pub use anchor::Anchor;
pub use directory::Accepted;
pub use directory::Refreshed;
pub use directory::TrustedRoots;
pub use error::TrustedRootsError;
pub use error::UpdateError;
pub use repository::FetchError;
pub use repository::RootRepository;
pub use updated::Updated;
pub use updated::Versions;
