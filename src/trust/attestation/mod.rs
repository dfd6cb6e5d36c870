//! Attestations: which workflow of which repository built these bytes, or that GitHub released them, verified offline.
//!
//! An attestation is a Sigstore bundle: a signature, the short-lived certificate of the signer, and evidence of the
//! time. The order:
//!
//! 1. `bundle` extracts single bundles from their containers, within limits, and rejects ambiguous JSON.
//! 2. `verifier` runs the cryptography, for each trusted root by the rules of that root: are the signature,
//!    certificate, log entry and timestamp valid, and are they for this digest? It is the only file that uses the library.
//! 3. `statement` and `identity` parse the signed content and the signer in the certificate.
//! 4. `compare` compares that with the `policy`, exactly, and reports every difference.
//!
//! Nothing here accesses a file, the clock or the network: bundles, roots and `now` are parameters. A build without the
//! feature `attestation` has all the types and verifies nothing: [`verify`] returns [`NotProven::CannotVerify`].

mod bundle;
#[cfg(feature = "attestation")]
mod check;
#[cfg(feature = "attestation")]
mod compare;
#[cfg(feature = "attestation")]
mod identity;
mod json;
mod policy;
mod refusal;
mod roots;
#[cfg(feature = "attestation")]
mod statement;
mod verified;
#[cfg(feature = "attestation")]
mod verifier;
#[cfg(not(feature = "attestation"))]
#[path = "absent.rs"]
mod verifier;
mod workflow;

pub use bundle::MAX_BUNDLE;
pub use bundle::MAX_BUNDLES;
pub(crate) use bundle::MAX_TEXT;
pub(crate) use bundle::file_name;
pub(crate) use bundle::join;
pub use bundle::split;
#[cfg(feature = "attestation")]
pub use check::verify;
pub use policy::Policy;
pub use policy::WantedAttestation;
pub(crate) use refusal::AttestationRefusal;
pub use refusal::AttestationRefusalReason;
pub use refusal::CryptoPart;
pub use refusal::Field;
pub(crate) use refusal::Mismatch;
pub use refusal::NotProven;
pub(crate) use roots::Instance;
pub(crate) use roots::KeyRole;
pub(crate) use roots::KeyValidity;
pub(crate) use roots::Root;
pub(crate) use roots::RootError;
pub(crate) use roots::RootSource;
pub use roots::Roots;
pub use verified::AttestationKind;
pub use verified::SigningTime;
pub use verified::VerifiedAttestation;
pub(crate) use verified::VerifiedAttestations;
#[cfg(not(feature = "attestation"))]
pub use verifier::verify;
pub use workflow::Workflow;

/// Whether this build can verify attestations.
pub(crate) const fn is_available() -> bool {
    cfg!(feature = "attestation")
}
