//! Verification of downloaded bytes: evidence, the policy, and the verdict. Pure.
#![cfg_attr(
    not(feature = "attestation"),
    allow(dead_code, reason = "without the feature, the types are there and nothing is verified")
)]

pub(crate) mod attestation;
mod checksums;
mod policy;
pub(crate) mod trusted_roots;
mod verify;

pub(crate) use checksums::ChecksumError;
pub use checksums::ChecksumFile;
pub(crate) use checksums::SIDECAR_SUFFIXES;
pub(crate) use checksums::SUMS_FILES;
pub(crate) use checksums::is_sums_file;
pub(crate) use checksums::sidecar_names;
pub(crate) use checksums::sums_files_to_try;
pub(crate) use policy::Evidence;
pub(crate) use policy::EvidenceSource;
pub(crate) use policy::Finding;
pub use policy::Level;
pub(crate) use policy::TrustPolicy;
pub(crate) use verify::Verified;
pub(crate) use verify::VerifyError;
pub(crate) use verify::judge;
pub(crate) use verify::verify;
