//! Whose keys a user trusts: the embedded roots, newer ones of the same instances that were fetched, and roots of others
//! that were accepted by name.
//!
//! All of it lies in one directory of the user's data, which nobody else may write:
//!
//! ```text
//! updated/public_good.json   the newer root of an instance, with the record and the metadata it was verified by
//! updated/github.json
//! accepted/<sha256>.json     a root somebody accepted, as it came
//! ```
//!
//! What lies there holds for every proof, so what cannot be read is never left out in silence.

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
