//! The session of a person, in a cookie that is signed and holds everything. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reproq_token::TokenHolder;
use reproq_token::TokenKey;

/// How long a session lasts, in seconds. It is needed to approve a code and to read the page.
pub(super) const SESSION_SECONDS: i64 = 60 * 60;

/// A person, until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) holder: TokenHolder,
    /// In Unix seconds.
    pub(super) expires_at: i64,
    /// Random, so that no two sessions are equal.
    pub(super) id: [u8; 16],
}

impl Session {
    /// The value of the cookie.
    pub(super) fn seal(&self, key: &TokenKey) -> String {
        let name = URL_SAFE_NO_PAD.encode(self.holder.name());
        let body = format!("{}.{}.{name}", self.expires_at, URL_SAFE_NO_PAD.encode(self.id));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(body.as_bytes()));
        format!("{body}.{signature}")
    }

    /// The session of a cookie, unless it was changed or is over.
    pub(super) fn open(cookie: &str, key: &TokenKey, now: i64) -> Option<Self> {
        let (body, signature) = cookie.rsplit_once('.')?;
        if !key.has_signed(body.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?) {
            return None;
        }
        let mut parts = body.split('.');
        let (expires_at, id, name) = (parts.next()?, parts.next()?, parts.next()?);
        let expires_at: i64 = expires_at.parse().ok()?;
        let name = String::from_utf8(URL_SAFE_NO_PAD.decode(name).ok()?).ok()?;
        let id = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        // A session from the future means that the clock was set back.
        let is_valid = now < expires_at && expires_at - now <= SESSION_SECONDS;
        is_valid.then_some(Self { holder: TokenHolder::new(&name)?, expires_at, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TokenKey {
        TokenKey::new("secret").expect("a key")
    }

    #[test]
    fn a_session_is_opened_until_it_is_over_and_only_unchanged() {
        let holder = TokenHolder::new("ada é").expect("a name");
        let session = Session { holder, expires_at: 5000, id: [7; 16] };
        let cookie = session.seal(&key());
        assert_eq!(Session::open(&cookie, &key(), 4999), Some(session));
        assert_eq!(Session::open(&cookie, &key(), 5000), None);
        assert_eq!(Session::open(&cookie, &key(), 5000 - SESSION_SECONDS - 1), None);
        assert_eq!(Session::open(&cookie, &key().derived("x"), 4999), None);
        for at in 0..cookie.len() {
            let other = if &cookie[at..=at] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &cookie[..at], &cookie[at + 1..]);
            assert_eq!(Session::open(&changed, &key(), 4999), None, "{changed}");
        }
        for text in ["", ".", "....", "5000"] {
            assert_eq!(Session::open(text, &key(), 4999), None, "{text}");
        }
    }
}
