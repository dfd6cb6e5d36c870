//! Signing in: the way of reproq-tui to its token, as Django offers it, and the session of the person who approves it. Pure but
//! for the random bytes, which come from `reproq_token::random`.
//!
//! There is no database of users. A person signs in with the server's token, or is named by a reverse proxy.

mod answer;
mod cookies;
mod csrf;
mod ended;
mod form;
mod identity;
mod news;
mod next;
mod pages;
mod provider;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use answer::SignInRequest;
pub(crate) use form::Form;
pub(crate) use form::LONGEST_FORM;
pub use identity::ProxyIdentity;
pub(crate) use news::SignInAnswer;
pub use news::SignInNews;
pub(crate) use next::Next;

use core::net::IpAddr;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use http::HeaderMap;
use reproq_token::PairCode;
use reproq_token::PairLimits;
use reproq_token::Pairing;
use reproq_token::TokenHolder;
use reproq_token::TokenKey;
use reproq_token::verify;

use crate::access::AccessToken;
use crate::oidc::OidcSettings;
use ended::UsedUp;
use session::Session;

/// The name of a person who signs in with the server's token.
const TOKEN_HOLDER: &str = "reproq-serve";

/// A page of sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignInPage {
    /// A new code.
    Pair,
    /// The state of a code; `None` if it cannot be one.
    Poll(Option<PairCode>),
    /// Where a person approves a code.
    Authorize,
    /// Where a person signs in.
    Login,
    /// Where a person signs out.
    Logout,
    /// Where signing in at the provider starts.
    ToProvider,
    /// Where the provider sends the person back.
    Callback,
}

impl SignInPage {
    /// The page of a path below `/reproq/tui/`, without the slash at its end.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/reproq/tui/")? {
            "pair" => Some(Self::Pair),
            "authorize" => Some(Self::Authorize),
            "login" => Some(Self::Login),
            "logout" => Some(Self::Logout),
            "oidc" => Some(Self::ToProvider),
            "callback" => Some(Self::Callback),
            other => {
                let code = other.strip_prefix("pair/").filter(|code| !code.contains('/'))?;
                Some(Self::Poll(PairCode::parse(code)))
            }
        }
    }
}

/// Everything about signing in; there is none without a token.
pub(crate) struct SignIn {
    /// Signs the tokens of the TUI, and knows the server's token.
    token: TokenKey,
    /// Signs sessions.
    session: TokenKey,
    /// Signs the fields of forms.
    csrf: TokenKey,
    /// Signs sign-ins that were started at the provider.
    flow: TokenKey,
    /// The host of the provider, if there is one.
    provider: Option<String>,
    /// The people whom it may name.
    people: Vec<String>,
    identity: Option<ProxyIdentity>,
    /// The path of the public URL, in front of all paths.
    prefix: String,
    /// Whether browsers use https.
    is_secure: bool,
    pairing: Mutex<Pairing>,
    ended: Mutex<UsedUp>,
    /// Sign-ins at the provider that were answered.
    used: Mutex<UsedUp>,
}

impl SignIn {
    /// `public_url` has no slash at its end.
    pub(crate) fn new(token: &AccessToken, identity: Option<ProxyIdentity>, public_url: Option<&str>) -> Option<Self> {
        let key = TokenKey::new(token.expose())?;
        let url: Option<http::Uri> = public_url.and_then(|url| url.parse().ok());
        let prefix = url.as_ref().map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        Some(Self {
            session: key.derived("reproq serve: session"),
            csrf: key.derived("reproq serve: form"),
            flow: key.derived("reproq serve: oidc"),
            provider: None,
            people: Vec::new(),
            token: key,
            identity,
            prefix,
            is_secure: url.as_ref().and_then(http::Uri::scheme_str) == Some("https"),
            pairing: Mutex::new(Pairing::new(PairLimits::default())),
            ended: Mutex::default(),
            used: Mutex::default(),
        })
    }

    /// The same with a provider.
    pub(crate) fn with_provider(self, settings: &OidcSettings) -> Self {
        Self { provider: Some(settings.host.clone()), people: settings.names.clone(), ..self }
    }

    /// Whether a bearer token is one of Django's or ours, or the server's own.
    pub(crate) fn accepts(&self, token: &[u8], now: i64) -> bool {
        let text = std::str::from_utf8(token).ok();
        text.is_some_and(|token| self.token.is_secret(token) || verify(token, &self.token, now).is_ok())
    }

    /// Who is signed in: by a session, or because the reverse proxy at `remote` names them.
    pub(crate) fn holder(&self, headers: &HeaderMap, remote: IpAddr, now: i64) -> Option<TokenHolder> {
        self.signed_in(headers, remote, now).map(|person| person.holder)
    }

    /// The address of the client, for its limits.
    pub(crate) fn client(&self, headers: &HeaderMap, remote: IpAddr) -> IpAddr {
        self.identity.as_ref().map_or(remote, |identity| identity.client(headers, remote))
    }

    fn signed_in(&self, headers: &HeaderMap, remote: IpAddr, now: i64) -> Option<Person> {
        if let Some(holder) = self.identity.as_ref().and_then(|identity| identity.holder(headers, remote)) {
            return Some(Person { holder, session: String::new() });
        }
        let (session, cookie) = self.session(headers, now)?;
        Some(Person { holder: session.holder, session: cookie })
    }

    /// The session of a browser, with its cookie.
    fn session(&self, headers: &HeaderMap, now: i64) -> Option<(Session, String)> {
        let cookie = cookies::value(headers, cookies::SESSION)?;
        let session = Session::open(&cookie, &self.session, now)?;
        let name = session.holder.name();
        // A session outlives a restart of this server, with which a person may have been taken off the list.
        let is_allowed = name == TOKEN_HOLDER || self.people.iter().any(|person| person == name);
        (is_allowed && !self.ended().contains(&session.id)).then_some((session, cookie))
    }

    fn ended(&self) -> MutexGuard<'_, UsedUp> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn used(&self) -> MutexGuard<'_, UsedUp> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pairing(&self) -> MutexGuard<'_, Pairing> {
        self.pairing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A person who is signed in.
struct Person {
    holder: TokenHolder,
    /// The whole cookie, to which forms are bound; empty if a proxy names the person.
    session: String,
}
