//! A sign-in that was started, in a cookie of the browser that started it. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reproq_token::TokenKey;

use crate::sign_in::Next;

/// How long a person may take at the provider, in seconds.
pub(crate) const FLOW_SECONDS: i64 = 10 * 60;

/// A sign-in that was started. Its parts are random.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StartedSignIn {
    /// In Unix seconds.
    pub(crate) expires_at: i64,
    /// Returned by the provider with the code: it was started by this browser.
    pub(crate) state: [u8; 16],
    /// Returned in the token: it was issued for this sign-in.
    pub(crate) nonce: [u8; 16],
    /// The secret of PKCE: the code is worth nothing to others.
    pub(crate) verifier: [u8; 32],
    /// Where the person goes afterwards.
    pub(crate) next: Next,
}

impl StartedSignIn {
    /// The value of the cookie. It is signed, and no script can read it.
    pub(crate) fn seal(&self, key: &TokenKey) -> String {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let [state, nonce, verifier] = [encoded(&self.state), encoded(&self.nonce), encoded(&self.verifier)];
        let next = encoded(self.next.path("").as_bytes());
        let body = format!("{}.{state}.{nonce}.{verifier}.{next}", self.expires_at);
        format!("{body}.{}", encoded(&key.sign(body.as_bytes())))
    }

    /// The sign-in of a cookie, unless it was changed or took too long.
    pub(crate) fn open(cookie: &str, key: &TokenKey, now: i64) -> Option<Self> {
        let (body, signature) = cookie.rsplit_once('.')?;
        if !key.has_signed(body.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?) {
            return None;
        }
        let mut parts = body.split('.');
        let expires_at: i64 = parts.next()?.parse().ok()?;
        let mut next = || URL_SAFE_NO_PAD.decode(parts.next()?).ok();
        let [state, nonce, verifier, path] = [next()?, next()?, next()?, next()?];
        let is_valid = now < expires_at && expires_at - now <= FLOW_SECONDS;
        is_valid.then_some(Self {
            expires_at,
            state: state.try_into().ok()?,
            nonce: nonce.try_into().ok()?,
            verifier: verifier.try_into().ok()?,
            next: Next::parse(&String::from_utf8(path).ok()?, ""),
        })
    }

    /// Whether the provider returned the state of this sign-in; compared in constant time.
    pub(crate) fn is_answered_by(&self, state: &str, key: &TokenKey) -> bool {
        key.has_signed(state.as_bytes(), &key.sign(self.state().as_bytes()))
    }

    pub(crate) fn state(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.state)
    }

    pub(crate) fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.nonce)
    }

    pub(crate) fn verifier(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.verifier)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reproq_token::PairCode;

    use super::*;

    fn key() -> TokenKey {
        TokenKey::new("secret").expect("a key")
    }

    fn started(next: Next) -> StartedSignIn {
        StartedSignIn { expires_at: 5000, state: [1; 16], nonce: [2; 16], verifier: [3; 32], next }
    }

    #[test]
    fn a_started_sign_in_is_found_again_until_it_expires_and_only_unchanged() {
        for next in [Next::Home, Next::Authorize(Some(PairCode::new([7; 8])))] {
            let started = started(next);
            let cookie = started.seal(&key());
            assert!(StartedSignIn::open(&cookie, &key(), 4999) == Some(started));
            assert!(StartedSignIn::open(&cookie, &key(), 5000).is_none());
            assert!(StartedSignIn::open(&cookie, &key(), 5000 - FLOW_SECONDS - 1).is_none());
            assert!(StartedSignIn::open(&cookie, &key().derived("x"), 4999).is_none());
            for at in 0..cookie.len() {
                let other = if &cookie[at..=at] == "A" { "B" } else { "A" };
                let changed = format!("{}{other}{}", &cookie[..at], &cookie[at + 1..]);
                assert!(StartedSignIn::open(&changed, &key(), 4999).is_none(), "{changed}");
            }
        }
    }

    #[test]
    fn only_its_own_state_answers_it() {
        let started = started(Next::Home);
        assert!(started.is_answered_by(&started.state(), &key()));
        for wrong in ["", "x", &started.nonce(), &format!("{}A", started.state())] {
            assert!(!started.is_answered_by(wrong, &key()), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_started_sign_in(text in "[A-Za-z0-9._-]{0,200}") {
            prop_assert!(StartedSignIn::open(&text, &key(), 0).is_none());
        }
    }
}
