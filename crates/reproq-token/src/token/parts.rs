//! The three parts of a token, decoded.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::TokenKey;
use crate::token::TokenRefusal;
use crate::token::claims::RawClaims;
use crate::token::claims::shown;

/// The longest token that is looked at, in bytes. Django's have about 330.
pub const LONGEST_TOKEN: usize = 4096;

/// A token whose signature was not checked.
#[derive(Debug)]
pub(super) struct TokenParts<'a> {
    /// What was signed: header and payload, encoded.
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    header: Header,
}

/// The fields of a header that matter. A field that appears twice is an error, as is `alg` next to another `alg`.
#[derive(Debug, Deserialize)]
struct Header {
    #[serde(default)]
    alg: Option<Value>,
    #[serde(default)]
    typ: Option<Value>,
    #[serde(default)]
    crit: Option<Value>,
}

impl<'a> TokenParts<'a> {
    /// Splits and decodes a token. The JSON of its payload is read after its signature was checked.
    pub(super) fn split(token: &'a str) -> Result<Self, TokenRefusal> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenRefusal::TooLong { limit: LONGEST_TOKEN });
        }
        let found = token.split('.').count();
        let (Some((signed, signature)), 3) = (token.rsplit_once('.'), found) else {
            return Err(TokenRefusal::Parts { found });
        };
        let (header, payload) = signed.split_once('.').ok_or(TokenRefusal::Parts { found })?;
        let header = object(&decoded(header, "header")?, "header")?;
        let (payload, signature) = (decoded(payload, "payload")?, decoded(signature, "signature")?);
        Ok(Self { signed, payload, signature, header })
    }

    /// Whether it is signed in the one way that is supported.
    pub(super) fn algorithm(&self) -> Result<(), TokenRefusal> {
        if self.header.alg.as_ref().and_then(Value::as_str) != Some("HS256") {
            return Err(TokenRefusal::Algorithm { found: shown(self.header.alg.as_ref()) });
        }
        if self.header.crit.is_some() {
            return Err(TokenRefusal::Header { name: "crit" });
        }
        let is_a_token = |typ: &Value| typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"));
        if !self.header.typ.as_ref().is_none_or(is_a_token) {
            return Err(TokenRefusal::Header { name: "another `typ` than JWT" });
        }
        Ok(())
    }

    /// Whether it was signed with this key.
    pub(super) fn signature(&self, key: &TokenKey) -> Result<(), TokenRefusal> {
        if key.has_signed(self.signed.as_bytes(), &self.signature) { Ok(()) } else { Err(TokenRefusal::Signature) }
    }

    /// The claims, which mean nothing unless the signature was checked.
    pub(super) fn claims(&self) -> Result<RawClaims, TokenRefusal> {
        object(&self.payload, "payload")
    }

    /// The algorithm in the header, as JSON.
    pub(super) fn algorithm_shown(&self) -> String {
        shown(self.header.alg.as_ref())
    }
}

fn object<T: DeserializeOwned>(bytes: &[u8], part: &'static str) -> Result<T, TokenRefusal> {
    // An array would be read as the fields in their order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(TokenRefusal::Json { part });
    }
    serde_json::from_slice(bytes).map_err(|_| TokenRefusal::Json { part })
}

fn decoded(text: &str, part: &'static str) -> Result<Vec<u8>, TokenRefusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenRefusal::Base64 { part })
}
