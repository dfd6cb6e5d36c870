//! Whether a token is accepted.

use crate::TokenKey;
use crate::token::Claims;
use crate::token::TokenRefusal;
use crate::token::parts::TokenParts;

/// Accepts a token or returns the first reason against it. `now` is in Unix seconds; no leeway is given.
///
/// The rules of Django and the worker, with their gaps closed: HS256 only, `iss` is `reproq-django`, `aud` is or contains
/// `reproq-tui` or `reproq-worker`, `exp` is required, `nbf` is respected, `superuser` is the boolean `true`, `sub` is a string.
///
/// # Errors
///
/// The token is not accepted.
pub fn verify(token: &str, key: &TokenKey, now: i64) -> Result<Claims, TokenRefusal> {
    let parts = TokenParts::split(token)?;
    parts.algorithm()?;
    parts.signature(key)?;
    let claims = parts.claims()?;
    claims.issuer()?;
    let audience = claims.audience()?;
    let expires_at = claims.expiry(now)?;
    claims.not_before(now)?;
    claims.superuser()?;
    let subject = claims.subject()?.to_owned();
    Ok(Claims { subject, username: claims.username().map(str::to_owned), audience, expires_at })
}
