//! Stub for builds without the `attestation` feature: roots are not fetched, because they could not be verified.

use chrono::DateTime;
use chrono::Utc;

use crate::trust::trusted_roots::Anchor;
use crate::trust::trusted_roots::RootRepository;
use crate::trust::trusted_roots::UpdateError;
use crate::trust::trusted_roots::Updated;

/// Always refuses.
#[expect(clippy::unused_async, reason = "has the signature of the real implementation")]
pub(super) async fn fetch(
    _anchor: &Anchor,
    _place: &RootRepository,
    _seen: Option<&Updated>,
    _now: DateTime<Utc>,
) -> Result<Updated, UpdateError> {
    Err(UpdateError::CannotVerify)
}
