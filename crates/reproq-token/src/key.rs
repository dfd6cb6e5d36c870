//! The shared secret, as a key that signs and compares in constant time.

use std::fmt;

use aws_lc_rs::hmac;

/// The secret that signs tokens (`METRICS_AUTH_TOKEN`). It cannot be printed.
#[derive(Clone)]
pub struct TokenKey {
    key: hmac::Key,
    /// The secret, signed by itself. What is presented as the secret is compared with this.
    own_tag: hmac::Tag,
}

impl TokenKey {
    /// The key of a secret. `None` if it is empty: everyone could sign.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        if secret.is_empty() {
            return None;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let own_tag = hmac::sign(&key, secret.as_bytes());
        Some(Self { key, own_tag })
    }

    /// A key for another purpose, from which the secret cannot be found. `purpose` is a constant, so that no signature for one
    /// purpose is one for another.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> Self {
        let derived = hmac::sign(&self.key, purpose.as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        let own_tag = hmac::sign(&key, derived.as_ref());
        Self { key, own_tag }
    }

    /// Whether a text is the secret itself. Both are signed and the signatures are compared in constant time, so the time shows
    /// neither the length of the secret nor how much of it is right.
    #[must_use]
    pub fn is_secret(&self, candidate: &str) -> bool {
        hmac::verify(&self.key, candidate.as_bytes(), self.own_tag.as_ref()).is_ok()
    }

    /// The signature of a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key, message).as_ref().to_vec()
    }

    /// Whether a signature belongs to a message; compared in constant time.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.key, message, signature).is_ok()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_is_the_secret() {
        assert!(TokenKey::new("").is_none());
        let key = TokenKey::new("correct horse").expect("a key");
        assert!(key.is_secret("correct horse"));
        for other in ["", "correct", "correct horse ", "Correct horse", "correct horsf"] {
            assert!(!key.is_secret(other), "{other}");
        }
        assert_eq!(format!("{key:?}"), "TokenKey([redacted])");
    }

    #[test]
    fn a_purpose_has_its_own_key() {
        let key = TokenKey::new("secret").expect("a key");
        let (one, other) = (key.derived("one"), key.derived("other"));
        let signature = one.sign(b"message");
        assert!(one.has_signed(b"message", &signature));
        assert!(key.derived("one").has_signed(b"message", &signature));
        assert!(!other.has_signed(b"message", &signature));
        assert!(!key.has_signed(b"message", &signature));
        assert!(!one.has_signed(b"messagf", &signature));
        assert!(!one.has_signed(b"message", &signature[..31]));
        assert!(!one.is_secret("secret"));
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_signature_is_hmac_sha256() {
        let key = TokenKey::new("Jefe").expect("a key");
        let hex: String = key.sign(b"what do ya want for nothing?").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
