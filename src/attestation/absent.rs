//! A build without the cryptography: it reads roots and bundles, and proves nothing.

use chrono::DateTime;
use chrono::Utc;

use crate::release::Sha256Digest;

use super::policy::Policy;
use super::proof::Proven;
use super::refusal::NotProven;
use super::roots::Root;
use super::roots::Roots;

/// No root is embedded.
pub(super) const EMBEDDED: &[&str] = &[];

/// Nobody looks at the keys.
pub(super) const fn usable(_: &Root) -> Result<(), String> {
    Ok(())
}

/// Refuses, whatever is asked.
pub const fn verify(
    _bundles: &[&[u8]],
    _digest: Sha256Digest,
    _policy: &Policy,
    _roots: &Roots,
    _now: DateTime<Utc>,
) -> Result<Proven, NotProven> {
    Err(NotProven::CannotVerify)
}
