//! Errors of GitHub's API. A rate limit is never reported as "not found".

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use http::HeaderMap;
use thiserror::Error;

use crate::config::Server;
use crate::io::net::NetError;
use crate::io::net::Retry;
use crate::io::net::api::message_of;
use crate::io::net::api::one_line;
use crate::io::net::api::retry_after_of;
use crate::io::net::api::server_date;
use crate::sources::github::refusal::is_limit;
use crate::sources::github::refusal::wait_of;

/// A failed API call.
#[derive(Debug, Error)]
pub enum ApiError {
    /// The request or its response was lost on the way.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The rate limit is exceeded.
    #[error("GitHub rate limit exceeded{}", until(*.reset))]
    RateLimited {
        /// When it resets, if GitHub states that.
        reset: Option<DateTime<Utc>>,
        /// The time until then, by GitHub's own clock; one minute if GitHub does not state it.
        wait: Duration,
        /// Whether a token was sent. Without one the limit is 60 requests per hour and IP address.
        authenticated: bool,
    },
    /// It does not exist, or this account may not see it.
    #[error("{what} was not found on {server}")]
    NotFound {
        /// The thing requested.
        what: String,
        /// The server, and what selected it.
        server: Box<Server>,
    },
    /// The token is not valid, and the request failed without it as well.
    #[error("GitHub refused the token from {variable}")]
    BadToken {
        /// The variable that holds the token.
        variable: &'static str,
    },
    /// The organization requires single sign-on first.
    #[error("the organization requires single sign-on for the token{}", named_by(*.variable))]
    SingleSignOn {
        /// The URL to authorize the token.
        url: Option<String>,
        /// The variable that holds the token sent.
        variable: Option<&'static str>,
    },
    /// The account lacks the permission.
    #[error("GitHub does not permit it{}: {message}", of_variable(*.variable))]
    Forbidden {
        /// GitHub's message.
        message: String,
        /// The missing permission, if GitHub names it.
        needed: Option<String>,
        /// The variable that holds the token sent.
        variable: Option<&'static str>,
    },
    /// The response is not what the API documents.
    #[error("GitHub's response for {what} cannot be read: {reason}")]
    Shape {
        /// The thing requested.
        what: String,
        /// What is wrong with the response.
        reason: String,
    },
}

impl ApiError {
    /// Classifies an unsuccessful response to a request for `what`, sent with the token of `variable` or without one.
    pub fn from_answer(
        (what, server): (&str, &Server),
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        variable: Option<&'static str>,
    ) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let message = message(body);
        match status {
            _ if is_limit(status, headers, &message) => Self::limited(headers, variable.is_some()),
            403 if header("x-github-sso").is_some() => {
                let url =
                    header("x-github-sso").and_then(|value| value.split_once("url=")).map(|(_, url)| url.to_owned());
                Self::SingleSignOn { url, variable }
            }
            401 if variable.is_some() => Self::BadToken { variable: variable.unwrap_or_default() },
            401 | 403 => {
                let needed = header("x-accepted-github-permissions").map(str::to_owned);
                Self::Forbidden { message, needed, variable }
            }
            404 | 410 => Self::NotFound { what: what.to_owned(), server: Box::new(server.clone()) },
            _ => Self::Net(NetError::Status { url: what.to_owned(), status, retry_after: retry_after_of(headers) }),
        }
    }

    /// This error, if it refuses the token that was sent.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these refuse a token")]
    pub(super) fn refusal(&self) -> Option<Self> {
        match self {
            Self::BadToken { variable } => Some(Self::BadToken { variable }),
            Self::SingleSignOn { url, variable: variable @ Some(_) } => {
                Some(Self::SingleSignOn { url: url.clone(), variable: *variable })
            }
            Self::Forbidden { message, needed, variable: variable @ Some(_) } => {
                Some(Self::Forbidden { message: message.clone(), needed: needed.clone(), variable: *variable })
            }
            _ => None,
        }
    }

    /// Whether the token is refused for every request (it has expired, or the organization accepts no token of its kind or
    /// from this IP address), and not for lack of one permission.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these refuse a token")]
    pub(super) fn is_about_the_token(&self) -> bool {
        match self {
            Self::BadToken { .. } | Self::SingleSignOn { .. } => true,
            Self::Forbidden { message, .. } => {
                !["Resource not accessible", "Must have"].iter().any(|words| message.starts_with(words))
            }
            _ => false,
        }
    }

    /// Why a token was refused, if GitHub gives a reason.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these refuse a token")]
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Self::SingleSignOn { .. } => Some("the organization requires single sign-on"),
            Self::Forbidden { message, .. } => Some(message),
            _ => None,
        }
    }

    /// A rate limit, with its reset time read from the headers.
    pub(super) fn limited(headers: &HeaderMap, authenticated: bool) -> Self {
        Self::RateLimited { reset: reset(headers), wait: wait_of(headers), authenticated }
    }

    /// Whether the request may be repeated.
    pub(super) fn retry(&self) -> Retry {
        if self.is_transient() { Retry::After(self.asked_wait()) } else { Retry::Never }
    }

    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Net(error) => error.is_transient(),
            Self::RateLimited { .. } => true,
            Self::NotFound { .. }
            | Self::BadToken { .. }
            | Self::SingleSignOn { .. }
            | Self::Forbidden { .. }
            | Self::Shape { .. } => false,
        }
    }

    /// How long GitHub asked to wait before the next request, if it did.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only a status and a limit carry a wait")]
    pub const fn asked_wait(&self) -> Option<Duration> {
        match self {
            Self::Net(error) => error.retry_after(),
            Self::RateLimited { wait, .. } => Some(*wait),
            _ => None,
        }
    }

    /// Whether the API is unavailable to this client only, so that GitHub's web pages can be read instead.
    pub const fn is_limited(&self) -> bool {
        matches!(self, Self::RateLimited { .. })
    }
}

fn named_by(variable: Option<&'static str>) -> String {
    variable.map(|variable| format!(" from {variable}")).unwrap_or_default()
}

fn of_variable(variable: Option<&'static str>) -> String {
    variable.map(|variable| format!(" with the token from {variable}")).unwrap_or_default()
}

fn until(reset: Option<DateTime<Utc>>) -> String {
    reset.map(|reset| format!(" until {}", reset.format("%H:%M:%S UTC"))).unwrap_or_default()
}

/// When a limit resets: `retry-after` after the server's own `date`, else `x-ratelimit-reset`.
fn reset(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let (Some(wait), Some(date)) = (retry_after_of(headers), server_date(headers)) {
        return date.checked_add_signed(chrono::Duration::from_std(wait).ok()?);
    }
    let seconds = header("x-ratelimit-reset")?.parse().ok()?;
    DateTime::from_timestamp(seconds, 0)
}

/// GitHub's message on one line.
fn message(body: &[u8]) -> String {
    one_line(&message_of(body).unwrap_or_else(|| "no reason given".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> ApiError {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
        ApiError::from_answer(("release v1", &Server::default()), status, &headers.collect(), body.as_bytes(), None)
    }

    #[test]
    fn a_403_is_classified() {
        let limited = read(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000000")], "{}");
        assert_eq!(limited.to_string(), "GitHub rate limit exceeded until 22:13:20 UTC");
        let secondary = "{\"message\": \"You have exceeded a secondary rate limit\"}";
        assert!(matches!(read(403, &[], secondary), ApiError::RateLimited { reset: None, .. }));
        let after_a_greeting = "{\"message\": \"Sorry.\\nRate limit exceeded\"}";
        assert!(matches!(read(403, &[], after_a_greeting), ApiError::RateLimited { reset: None, .. }));
        let asked = [("retry-after", "60"), ("date", "Tue, 14 Nov 2023 22:13:20 GMT")];
        assert_eq!(read(429, &asked, "").to_string(), "GitHub rate limit exceeded until 22:14:20 UTC");
        let sso = read(403, &[("x-github-sso", "required; url=https://github.com/orgs/a/sso?x=1")], "{}");
        assert!(matches!(sso, ApiError::SingleSignOn { url: Some(url), .. } if url.ends_with("x=1")));
        let permission = read(
            403,
            &[("x-accepted-github-permissions", "contents=write")],
            "{\"message\": \"Resource not accessible by integration\"}",
        );
        assert!(matches!(permission, ApiError::Forbidden { needed: Some(needed), .. } if needed == "contents=write"));
        assert!(matches!(read(404, &[], ""), ApiError::NotFound { .. }));
        assert!(matches!(read(502, &[], "<html>"), ApiError::Net(NetError::Status { status: 502, .. })));
    }
}
