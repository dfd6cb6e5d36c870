//! Who may read: the token, and the names under which this server is called. Pure.

use core::net::IpAddr;
use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::header::HOST;
use reproq_token::AttemptLimit;

use crate::sign_in::SignIn;

/// The header that upstream accepts beside `Authorization`.
const TOKEN_HEADER: &str = "x-reproq-token";

/// Wrong tokens of an address; the worker allows as many.
pub(crate) const WRONG_TOKENS: AttemptLimit = AttemptLimit { attempts: 30, window: 60 };

/// The token that clients send. It is never shown.
#[derive(Clone)]
pub struct AccessToken(String);

impl AccessToken {
    /// Wraps a token that is not empty.
    pub fn new(token: String) -> Option<Self> {
        (!token.is_empty()).then_some(Self(token))
    }

    /// The token itself, as the key of signatures.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([redacted])")
    }
}

/// Whether a request may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Granted,
    /// No token was sent.
    Missing,
    /// The token is wrong.
    Wrong,
}

/// Whether the headers of a request allow it to read. Without a token, everybody on this machine may. With one, it is accepted,
/// and so are tokens that it signed, and people who are signed in. `remote` is the other end of the connection, `now` in Unix
/// seconds.
pub(crate) fn is_authorized(headers: &HeaderMap, sign_in: Option<&SignIn>, remote: IpAddr, now: i64) -> Access {
    let Some(sign_in) = sign_in else { return Access::Granted };
    let sent: Vec<&[u8]> =
        bearer(headers).into_iter().chain(headers.get(TOKEN_HEADER).map(|it| it.as_bytes())).collect();
    if sent.iter().any(|given| sign_in.accepts(given, now)) {
        return Access::Granted;
    }
    match (sent.is_empty(), sign_in.holder(headers, remote, now)) {
        (true, Some(_)) => Access::Granted,
        (true, None) => Access::Missing,
        (false, _) => Access::Wrong,
    }
}

/// The token of `Authorization: Bearer TOKEN`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Names in the `Host` header under which this server may be called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// The names of this machine, and these.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// The `Host` header, if it is one of the names. A web page elsewhere can let its own name lead to this machine, and would
    /// read what is served here; its requests carry that name.
    pub(crate) fn host<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut all = headers.get_all(HOST).iter();
        let host = all.next()?.to_str().ok()?;
        if all.next().is_some() {
            return None;
        }
        let name = without_port(host)?.to_ascii_lowercase();
        let is_own = ["localhost", "127.0.0.1", "[::1]"].contains(&name.as_str());
        (is_own || self.0.contains(&name)).then_some(host)
    }
}

/// The name without its port, if both are well formed.
fn without_port(host: &str) -> Option<&str> {
    let end = host.rfind(']').map_or(0, |bracket| bracket + 1);
    let (name, port) = match host[end..].find(':') {
        Some(colon) => (&host[..end + colon], &host[end + colon + 1..]),
        None => (host, ""),
    };
    let is_port = port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte));
    (is_port && is_name && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        headers
    }

    #[test]
    fn the_token_is_accepted_in_both_headers() {
        let token = AccessToken::new("s3cret-token".to_owned()).expect("a token");
        let sign_in = SignIn::new(&token, None, None).expect("a token");
        let remote = IpAddr::from([192, 0, 2, 1]);
        for (pairs, expected) in [
            (&[][..], Access::Missing),
            (&[("authorization", "Bearer s3cret-token")], Access::Granted),
            (&[("authorization", "bearer  s3cret-token ")], Access::Granted),
            (&[("x-reproq-token", "s3cret-token")], Access::Granted),
            (&[("authorization", "Bearer wrong"), ("x-reproq-token", "s3cret-token")], Access::Granted),
            (&[("authorization", "Bearer s3cret-token2")], Access::Wrong),
            (&[("authorization", "Bearer ")], Access::Wrong),
            (&[("authorization", "Basic s3cret-token")], Access::Missing),
            (&[("authorization", "Bearer")], Access::Missing),
            (&[("x-reproq-token", "")], Access::Wrong),
        ] {
            assert_eq!(is_authorized(&headers(pairs), Some(&sign_in), remote, 0), expected, "{pairs:?}");
        }
        assert_eq!(is_authorized(&headers(&[]), None, remote, 0), Access::Granted);
        assert!(AccessToken::new(String::new()).is_none());
        assert!(!format!("{token:?}").contains("s3cret"));
    }

    #[test]
    fn only_the_names_of_this_machine_and_allowed_ones_are_hosts() {
        let allowed = AllowedHosts::new(["Queue.Example.org".to_owned()]);
        for (host, is_allowed) in [
            ("localhost", true),
            ("LOCALHOST:80", true),
            ("127.0.0.1:9180", true),
            ("[::1]:9180", true),
            ("[::1]", true),
            ("queue.example.org", true),
            ("queue.example.org:443", true),
            ("evil.example.org", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.nip.io:80", false),
            ("localhost:80@evil", false),
            ("localhost:123456", false),
            ("", false),
            (":80", false),
        ] {
            assert_eq!(allowed.host(&headers(&[("host", host)])).is_some(), is_allowed, "{host}");
        }
        assert!(allowed.host(&headers(&[])).is_none());
        assert!(allowed.host(&headers(&[("host", "localhost"), ("host", "localhost")])).is_none());
    }
}
