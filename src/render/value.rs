//! A value of a variable that is known by its digest only.

use std::fmt;

use sha2::Digest;
use sha2::Sha256;

use crate::model::secret::REDACTED;

/// The SHA-256 digest of a value. It is for comparison and is never shown, because short values can be found from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueDigest([u8; 32]);

impl ValueDigest {
    /// The digest of a value.
    pub(crate) fn of(value: &str) -> Self {
        Self(Sha256::digest(value.as_bytes()).into())
    }
}

impl fmt::Debug for ValueDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_digests_that_do_not_print() {
        assert_eq!(ValueDigest::of("a"), ValueDigest::of("a"));
        assert_ne!(ValueDigest::of("a"), ValueDigest::of("a "));
        assert_eq!(format!("{:?}", ValueDigest::of("a")), "[redacted]");
    }
}
