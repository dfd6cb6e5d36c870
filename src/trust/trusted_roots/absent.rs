//! A build without the cryptography: it fetches no root, because it could not verify one.

use chrono::DateTime;
use chrono::Utc;

use crate::trust::trusted_roots::Anchor;
use crate::trust::trusted_roots::RootRepository;
use crate::trust::trusted_roots::UpdateError;
use crate::trust::trusted_roots::Updated;

/// Refuses, whatever is asked.
#[expect(clippy::unused_async, reason = "as the one that can")]
pub(super) async fn fetch(
    _anchor: &Anchor,
    _place: &RootRepository,
    _seen: Option<&Updated>,
    _now: DateTime<Utc>,
) -> Result<Updated, UpdateError> {
    Err(UpdateError::CannotVerify)
}
