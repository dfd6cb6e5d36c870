//! Proofs of origin: which workflow of which repository built these bytes, or that GitHub released them, checked offline.
//!
//! A proof is a Sigstore bundle: a signature, the short-lived certificate of who signed, and evidence of when. The order:
//!
//! 1. `bundle` takes single bundles out of what carries them, within bounds, and refuses JSON that can be read two ways.
//! 2. `verifier` asks the cryptography, for each trusted root by that root's own rules: is this signature, certificate, log
//!    entry and timestamp genuine, and about this digest? It is the one file that names the library.
//! 3. `statement` and `identity` read what was signed and who the certificate says signed it.
//! 4. `compare` holds that against the `policy`, exactly, and names every difference.
//!
//! Nothing here reads a file, a clock or the network: bundles, roots and `now` are values. A build without the feature
//! `attestation` has all the words and proves nothing: [`verify`] answers [`NotProven::CannotVerify`].

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

pub use bundle::AttestationBundleError;
pub use bundle::MAX_BUNDLE;
pub use bundle::MAX_BUNDLES;
pub use bundle::MAX_TEXT;
pub use bundle::file_name;
pub use bundle::join;
pub use bundle::split;
#[cfg(feature = "attestation")]
pub use check::verify;
pub use policy::GITHUB_ISSUER;
pub use policy::Policy;
pub use policy::RELEASES_IDENTITY;
pub use policy::WantedAttestation;
pub use refusal::AttestationRefusal;
pub use refusal::AttestationRefusalReason;
pub use refusal::CryptoPart;
pub use refusal::Field;
pub use refusal::Mismatch;
pub use refusal::NotProven;
pub use roots::Instance;
pub use roots::KeyRole;
pub use roots::KeyValidity;
pub use roots::Root;
pub use roots::RootError;
pub use roots::RootSource;
pub use roots::Roots;
pub use verified::AttestationKind;
pub use verified::SigningTime;
pub use verified::VerifiedAttestation;
pub use verified::VerifiedAttestations;
#[cfg(not(feature = "attestation"))]
pub use verifier::verify;
pub use workflow::Workflow;
pub use workflow::WorkflowError;

/// Whether this build can verify attestations at all.
pub const fn is_available() -> bool {
    cfg!(feature = "attestation")
}
