//! Writes tokens with the claims that Django writes, in its order.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::TokenKey;
use crate::token::Audience;
use crate::token::ISSUER;

/// How long a token is valid: 30 days, as with Django.
pub const TOKEN_SECONDS: i64 = 30 * 24 * 60 * 60;

/// The longest name of a holder, in bytes, so that a token is never longer than what is accepted.
const LONGEST_NAME: usize = 254;

/// Whom a token is issued to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHolder(String);

impl TokenHolder {
    /// A holder with this name, which becomes `sub` and `username`. `None` if it is blank, longer than 254 bytes, or has
    /// control characters.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_usable = !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.contains(char::is_control);
        is_usable.then(|| Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// What a new token states.
#[derive(Debug, Clone)]
pub struct TokenGrant {
    /// Whom it is issued to.
    pub holder: TokenHolder,
    /// What it is for.
    pub audience: Audience,
    /// When it is issued, in Unix seconds.
    pub issued_at: i64,
    /// Random, so that no two tokens are equal.
    pub id: [u8; 8],
}

impl TokenGrant {
    /// When it expires, in Unix seconds.
    #[must_use]
    pub const fn expires_at(&self) -> i64 {
        self.issued_at.saturating_add(TOKEN_SECONDS)
    }
}

#[derive(Serialize)]
struct HeaderDocument {
    alg: &'static str,
    typ: &'static str,
}

#[derive(Serialize)]
struct ClaimsDocument<'a> {
    sub: &'a str,
    username: &'a str,
    superuser: bool,
    iat: i64,
    exp: i64,
    iss: &'static str,
    aud: Audience,
    jti: String,
}

/// Writes a token.
#[must_use]
pub fn mint(grant: &TokenGrant, key: &TokenKey) -> String {
    let header = encoded(&HeaderDocument { alg: "HS256", typ: "JWT" });
    let payload = encoded(&ClaimsDocument {
        sub: grant.holder.name(),
        username: grant.holder.name(),
        superuser: true,
        iat: grant.issued_at,
        exp: grant.expires_at(),
        iss: ISSUER,
        aud: grant.audience,
        jti: grant.id.iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    let signed = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn encoded(document: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(document).expect("strings and numbers are serializable as JSON"))
}
