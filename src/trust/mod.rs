//! Verification of downloaded bytes: evidence, the policy, and the verdict. Pure.

pub mod attestation;
mod checksums;
mod policy;
pub mod trusted_roots;
mod verify;

pub use checksums::ChecksumError;
pub use checksums::ChecksumFile;
pub use checksums::SIDECAR_SUFFIXES;
pub use checksums::SUMS_FILES;
pub use checksums::is_sums_file;
pub use checksums::sidecar_names;
pub use checksums::sums_files_to_try;
pub use policy::Evidence;
pub use policy::EvidenceSource;
pub use policy::Finding;
pub use policy::Level;
pub use policy::LevelError;
pub use policy::TrustPolicy;
pub use verify::Verified;
pub use verify::VerifyError;
pub(crate) use verify::judge;
pub use verify::verify;
