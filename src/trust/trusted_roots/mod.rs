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

pub(crate) use anchor::Anchor;
pub(crate) use directory::Accepted;
pub(crate) use directory::Refreshed;
pub(crate) use directory::TrustedRoots;
pub(crate) use error::TrustedRootsError;
pub(crate) use error::UpdateError;
pub(crate) use repository::FetchError;
pub(crate) use repository::RootRepository;
pub(crate) use updated::Updated;
pub(crate) use updated::Versions;
