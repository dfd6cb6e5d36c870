//! The key of a variable that a request may name. A key becomes part of a URL, where `.` and `..` would name another
//! resource: the one that replaces all variables.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// The maximum length of a key, in bytes.
const MAX_KEY_LENGTH: usize = 256;

/// A valid key: letters, digits, `_`, `-` and `.`, without a digit at the start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EnvKey(String);

/// Why a string is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EnvKeyError {
    /// It is empty.
    #[error("a key must not be empty")]
    Empty,
    /// It is too long.
    #[error("a key has at most {MAX_KEY_LENGTH} characters")]
    TooLong,
    /// It has other characters.
    #[error("a key has only letters, digits, `_`, `-` and `.`, and does not start with a digit")]
    Characters,
    /// It is `.` or `..`.
    #[error("a key needs a letter, a digit, `_` or `-`")]
    OnlyDots,
}

impl EnvKey {
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvKey {
    type Err = EnvKeyError;

    fn from_str(text: &str) -> Result<Self, EnvKeyError> {
        let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        match text {
            "" => Err(EnvKeyError::Empty),
            _ if text.len() > MAX_KEY_LENGTH => Err(EnvKeyError::TooLong),
            _ if text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(is_key) => {
                Err(EnvKeyError::Characters)
            }
            _ if text.chars().all(|c| c == '.') => Err(EnvKeyError::OnlyDots),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for EnvKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_leave_their_segment_of_a_url() {
        for key in ["DATABASE_URL", "a", "_", "-x", "a.b-c", ".env"] {
            assert_eq!(key.parse::<EnvKey>().map(|key| key.to_string()).as_deref(), Ok(key));
        }
        for key in ["", ".", "..", "...", "a/b", "%2e", "a b", "1A", "K\u{e4}y", "A\n", "a?b", "a#b"] {
            assert!(key.parse::<EnvKey>().is_err(), "{key}");
        }
        assert_eq!("A".repeat(257).parse::<EnvKey>(), Err(EnvKeyError::TooLong));
    }
}
