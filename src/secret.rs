//! Values that must never be shown, and addresses without the parts that must not.

use std::fmt;

use url::Url;

/// What stands where a secret would.
pub const REDACTED: &str = "[redacted]";

/// A value that prints as `[redacted]`; whoever needs it says so by calling [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Keeps a value from being shown.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Shows an address without its password and without its query, which is where signed URLs carry their signature.
#[derive(Clone, Copy)]
pub struct SafeUrl<'a>(pub &'a Url);

impl fmt::Display for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        if url.password().is_some() || !url.username().is_empty() {
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        let had_query = url.query().is_some();
        url.set_query(None);
        url.set_fragment(None);
        write!(f, "{url}{}", if had_query { "?…" } else { "" })
    }
}

impl fmt::Debug for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("ghp_x".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn addresses_lose_password_and_signature() {
        let url: Url = "https://user:pass@example.org/a/b?sig=abc#x".parse().expect("a URL");
        assert_eq!(SafeUrl(&url).to_string(), "https://example.org/a/b?…");
    }
}
