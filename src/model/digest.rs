//! A SHA-256 digest, parsed once and compared as bytes.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;
use thiserror::Error;

/// Why a text is not a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DigestError {
    /// The text has a different algorithm, such as `sha512:…`.
    #[error("unknown digest algorithm `{0}`; expected sha256")]
    Algorithm(String),
    /// The text is not 64 hexadecimal digits.
    #[error("expected 64 hexadecimal digits, found {0} characters")]
    Shape(usize),
}

/// A SHA-256 digest. Its text form is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// Wraps the 32 bytes of a hasher.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Parses the `digest` of an asset in GitHub's API: `sha256:` and 64 hexadecimal digits. A missing prefix is an
    /// error, so that a digest of another algorithm of the same length is never taken for SHA-256.
    pub fn parse_prefixed(text: &str) -> Result<Self, DigestError> {
        match text.split_once(':') {
            Some((algorithm, hex)) if algorithm.eq_ignore_ascii_case("sha256") => hex.parse(),
            Some((algorithm, _)) => Err(DigestError::Algorithm(algorithm.to_owned())),
            None => Err(DigestError::Shape(text.chars().count())),
        }
    }

    /// The first twelve digits, for messages.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl FromStr for Sha256Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let shape = || DigestError::Shape(text.chars().count());
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(shape());
        }
        let nibble = |digit: u8| (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (nibble(pair[0]).ok_or_else(shape)?, nibble(pair[1]).ok_or_else(shape)?);
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Sha256Digest> for String {
    fn from(digest: Sha256Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "2d6721014757fa10799d528b6b15aee6c76a841b9ea74e187875f4abfcdbedd5";

    #[test]
    fn upper_case_is_the_same_digest() {
        assert_eq!(HEX.parse::<Sha256Digest>(), HEX.to_uppercase().parse());
    }

    #[test]
    fn prefixed_form_needs_its_algorithm() {
        assert!(Sha256Digest::parse_prefixed(&format!("sha256:{HEX}")).is_ok());
        assert_eq!(
            Sha256Digest::parse_prefixed(&format!("sha512:{HEX}")),
            Err(DigestError::Algorithm("sha512".to_owned()))
        );
        assert_eq!(Sha256Digest::parse_prefixed(HEX), Err(DigestError::Shape(64)));
        assert_eq!(Sha256Digest::parse_prefixed("sha256:"), Err(DigestError::Shape(0)));
    }

    #[test]
    fn sixty_four_bytes_that_are_not_digits_are_refused() {
        assert!("é".repeat(32).parse::<Sha256Digest>().is_err());
        assert!("+1".repeat(32).parse::<Sha256Digest>().is_err());
    }

    proptest! {
        #[test]
        fn text_round_trips(bytes: [u8; 32]) {
            let digest = Sha256Digest::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse::<Sha256Digest>(), Ok(digest));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            let _ = text.parse::<Sha256Digest>();
            let _ = Sha256Digest::parse_prefixed(&text);
        }
    }
}
