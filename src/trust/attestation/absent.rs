//! Stub for builds without the `attestation` feature: it reads roots and bundles and verifies nothing.

use chrono::DateTime;
use chrono::Utc;

use crate::model::Sha256Digest;

use super::policy::Policy;
use super::refusal::NotProven;
use super::roots::Root;
use super::roots::Roots;
use super::verified::VerifiedAttestations;

/// No root is embedded.
pub(super) const EMBEDDED: &[&str] = &[];

/// Keys are not checked.
pub(super) const fn usable(_: &Root) -> Result<(), String> {
    Ok(())
}

/// Always refuses.
pub const fn verify(
    _bundles: &[&[u8]],
    _digest: Sha256Digest,
    _policy: &Policy,
    _roots: &Roots,
    _now: DateTime<Utc>,
) -> Result<VerifiedAttestations, NotProven> {
    Err(NotProven::CannotVerify)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_verified() {
        let policy = Policy::of_repository("acme/tool".parse().expect("a repository"));
        let digest = Sha256Digest::from_bytes([7; 32]);
        let now = DateTime::<Utc>::UNIX_EPOCH;
        for bundles in [&[][..], &[b"{}".as_slice()]] {
            assert_eq!(verify(bundles, digest, &policy, &Roots::embedded(), now), Err(NotProven::CannotVerify));
        }
    }
}
