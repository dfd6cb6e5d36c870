//! The claims of a token, and the check of each.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::token::ISSUER;
use crate::token::TokenRefusal;

/// The longest value that is repeated in a message, in characters.
const LONGEST_SHOWN: usize = 60;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Audience {
    /// The TUI.
    #[serde(rename = "reproq-tui")]
    Tui,
    /// The worker's HTTP server.
    #[serde(rename = "reproq-worker")]
    Worker,
}

impl Audience {
    /// As it is written in `aud`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tui => "reproq-tui",
            Self::Worker => "reproq-worker",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Tui, Self::Worker].into_iter().find(|audience| audience.name() == name)
    }
}

/// The claims of a token that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `sub`: whom the token was issued to; Django's primary key of the user.
    pub subject: String,
    /// `username`, if there is one.
    pub username: Option<String>,
    /// The audience that made it acceptable.
    pub audience: Audience,
    /// `exp`, in Unix seconds. At this second it is no longer valid.
    pub expires_at: i64,
}

/// Claims as they are written; nothing about them is checked but that no name appears twice.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RawClaims {
    #[serde(default)]
    sub: Option<Value>,
    #[serde(default)]
    username: Option<Value>,
    #[serde(default)]
    superuser: Option<Value>,
    #[serde(default)]
    iat: Option<Value>,
    #[serde(default)]
    exp: Option<Value>,
    #[serde(default)]
    nbf: Option<Value>,
    #[serde(default)]
    iss: Option<Value>,
    #[serde(default)]
    aud: Option<Value>,
    #[serde(default)]
    jti: Option<Value>,
}

impl RawClaims {
    pub(super) fn issuer(&self) -> Result<(), TokenRefusal> {
        match self.iss.as_ref().and_then(Value::as_str) {
            Some(ISSUER) => Ok(()),
            Some(_) | None => Err(TokenRefusal::Issuer { found: shown(self.iss.as_ref()) }),
        }
    }

    pub(super) fn audience(&self) -> Result<Audience, TokenRefusal> {
        let named = match &self.aud {
            Some(Value::String(name)) => Audience::named(name),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find_map(Audience::named),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => None,
        };
        named.ok_or_else(|| TokenRefusal::Audience { found: shown(self.aud.as_ref()) })
    }

    pub(super) fn expiry(&self, now: i64) -> Result<i64, TokenRefusal> {
        let at = seconds(self.exp.as_ref(), "exp")?.ok_or(TokenRefusal::NoExpiry)?;
        if now < at { Ok(at) } else { Err(TokenRefusal::Expired { at }) }
    }

    pub(super) fn not_before(&self, now: i64) -> Result<(), TokenRefusal> {
        match seconds(self.nbf.as_ref(), "nbf")? {
            Some(at) if now < at => Err(TokenRefusal::NotYet { at }),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn superuser(&self) -> Result<(), TokenRefusal> {
        match self.superuser {
            Some(Value::Bool(true)) => Ok(()),
            Some(_) | None => Err(TokenRefusal::Superuser { found: shown(self.superuser.as_ref()) }),
        }
    }

    pub(super) fn subject(&self) -> Result<&str, TokenRefusal> {
        let subject = self.sub.as_ref().and_then(Value::as_str).filter(|subject| !subject.trim().is_empty());
        subject.ok_or_else(|| TokenRefusal::Subject { found: shown(self.sub.as_ref()) })
    }

    pub(super) fn username(&self) -> Option<&str> {
        self.username.as_ref().and_then(Value::as_str)
    }

    /// All claims that are known, in the order in which Django writes them; `None` if there is no such claim.
    pub(super) fn all(&self) -> [(&'static str, Option<&Value>); 9] {
        [
            ("sub", self.sub.as_ref()),
            ("username", self.username.as_ref()),
            ("superuser", self.superuser.as_ref()),
            ("iat", self.iat.as_ref()),
            ("exp", self.exp.as_ref()),
            ("nbf", self.nbf.as_ref()),
            ("iss", self.iss.as_ref()),
            ("aud", self.aud.as_ref()),
            ("jti", self.jti.as_ref()),
        ]
    }
}

/// A NumericDate (RFC 7519, 2): seconds, possibly with a fraction, which is cut off.
fn seconds(value: Option<&Value>, name: &'static str) -> Result<Option<i64>, TokenRefusal> {
    let Some(value) = value else { return Ok(None) };
    let whole = value.as_i64();
    // All seconds up to the year 9999 are exact in an f64.
    #[expect(clippy::cast_possible_truncation, reason = "the value is between the limits")]
    let cut = || value.as_f64().filter(|seconds| (0.0..253_402_300_800.0).contains(seconds)).map(|it| it as i64);
    whole.filter(|seconds| *seconds >= 0).or_else(cut).map(Some).ok_or(TokenRefusal::Time { name })
}

/// A value in a message: as JSON, not too long, `missing` if there is none.
pub(super) fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "missing".to_owned() };
    let text = value.to_string();
    let end = text.char_indices().nth(LONGEST_SHOWN).map(|(end, _)| end);
    end.map_or_else(|| text.clone(), |end| format!("{}…", &text[..end]))
}
