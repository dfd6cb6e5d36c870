//! Errors of a JSON API, as far as a caller can act on the difference.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use http::HeaderMap;
use http::StatusCode;
use thiserror::Error;

use crate::io::net::NetError;
use crate::io::net::Retry;
use crate::io::net::api::Answer;
use crate::io::net::api::answer::header;
use crate::io::net::api::message_of;
use crate::io::net::api::one_line;
use crate::io::net::api::server_date;
use crate::io::net::parse_retry_after;

/// Larger numbers in a reset header are Unix times; smaller ones are seconds from now.
const LONGEST_RESET: i64 = 100_000_000;

/// Why a call failed.
#[derive(Debug, Error)]
pub enum JsonApiError {
    /// The request or its response was lost, or the server failed (5xx).
    #[error(transparent)]
    Net(#[from] NetError),
    /// The token is missing or not valid (401).
    #[error("{host} does not accept the token: {message}")]
    Unauthorized {
        /// The API's host.
        host: String,
        /// The server's message.
        message: String,
    },
    /// The token lacks the permission (403).
    #[error("{host} does not permit access to {what}: {message}")]
    Forbidden {
        /// The API's host.
        host: String,
        /// The thing requested.
        what: String,
        /// The server's message.
        message: String,
    },
    /// It does not exist, or this account may not see it (404, 410).
    #[error("{what} was not found on {host}")]
    NotFound {
        /// The API's host.
        host: String,
        /// The thing requested.
        what: String,
    },
    /// Its state does not allow the change (409, 412).
    #[error("{host} reports a conflict for {what}: {message}")]
    Conflict {
        /// The API's host.
        host: String,
        /// The thing requested.
        what: String,
        /// The server's message.
        message: String,
    },
    /// The rate limit is exceeded (429).
    #[error("{host} limits requests{}", until(*.reset))]
    RateLimited {
        /// The API's host.
        host: String,
        /// When it resets, if the server states that.
        reset: Option<DateTime<Utc>>,
        /// The time until then by the server's clock, if it states that.
        wait: Option<Duration>,
    },
    /// The server refuses the request for another reason (other 4xx).
    #[error("{host} refused {what} (HTTP {status}): {message}")]
    Refused {
        /// The API's host.
        host: String,
        /// The thing requested.
        what: String,
        /// The status.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The response is not what the API documents.
    #[error("the response of {host} for {what} cannot be read: {reason}")]
    Malformed {
        /// The API's host.
        host: String,
        /// The thing requested.
        what: String,
        /// What is wrong with the response.
        reason: String,
    },
}

impl JsonApiError {
    /// Classifies a response that is not a success.
    pub(super) fn of_answer(host: &str, what: &str, url: &str, answer: &Answer) -> Self {
        let (host, what) = (host.to_owned(), what.to_owned());
        let message = || one_line(&message_of(&answer.body).unwrap_or_else(|| "no reason given".to_owned()));
        let status = answer.status.as_u16();
        match status {
            300..=399 => NetError::Redirect { url: url.to_owned(), problem: "elsewhere".to_owned() }.into(),
            401 => Self::Unauthorized { host, message: message() },
            403 => Self::Forbidden { host, what, message: message() },
            404 | 410 => Self::NotFound { host, what },
            409 | 412 => Self::Conflict { host, what, message: message() },
            429 => {
                let (reset, wait) = reset_of(&answer.headers);
                Self::RateLimited { host, reset, wait }
            }
            400..=499 if status != StatusCode::REQUEST_TIMEOUT => {
                Self::Refused { host, what, status, message: message() }
            }
            _ => {
                let retry_after = retry_after_of(&answer.headers);
                NetError::Status { url: url.to_owned(), status, retry_after }.into()
            }
        }
    }

    /// Whether another attempt may succeed.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Net(error) => error.retry(),
            Self::RateLimited { wait, .. } => Retry::After(*wait),
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. } => Retry::Never,
        }
    }
}

/// `Retry-After`; a date is relative to the server's own clock.
pub(crate) fn retry_after_of(headers: &HeaderMap) -> Option<Duration> {
    let now = server_date(headers).unwrap_or(DateTime::UNIX_EPOCH);
    parse_retry_after(header(headers, "retry-after")?, now)
}

/// When the rate limit resets, and the time until then: by `Retry-After`, else by the header for it.
fn reset_of(headers: &HeaderMap) -> (Option<DateTime<Utc>>, Option<Duration>) {
    let now = server_date(headers);
    let after = |wait: Duration| now.and_then(|now| now.checked_add_signed(chrono::Duration::from_std(wait).ok()?));
    if let Some(wait) = retry_after_of(headers) {
        return (after(wait), Some(wait));
    }
    let reset = ["ratelimit-reset", "x-ratelimit-reset"].into_iter().find_map(|name| header(headers, name));
    match reset.and_then(|reset| reset.trim().parse::<i64>().ok()) {
        Some(seconds @ 0..LONGEST_RESET) => {
            let wait = Duration::from_secs(seconds.unsigned_abs());
            (after(wait), Some(wait))
        }
        Some(time) => {
            let reset = DateTime::from_timestamp(time, 0);
            let wait = reset.zip(now).map(|(reset, now)| (reset - now).to_std().unwrap_or(Duration::ZERO));
            (reset, wait)
        }
        None => (None, None),
    }
}

fn until(reset: Option<DateTime<Utc>>) -> String {
    reset.map(|reset| format!(" until {}", reset.format("%H:%M:%S UTC"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn read(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> JsonApiError {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
        let answer = Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: headers.collect(),
            body: Bytes::from_static(body.as_bytes()),
        };
        JsonApiError::of_answer("api.test", "service srv-1", "https://api.test/services/srv-1", &answer)
    }

    #[test]
    fn statuses_are_classified() {
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        for (error, expected) in [
            (read(401, &[], r#"{"message":"unauthorized"}"#), "api.test does not accept the token: unauthorized"),
            (
                read(403, &[], "{\"message\":\"read\\n only\"}"),
                "api.test does not permit access to service srv-1: read only",
            ),
            (read(404, &[], "<html>"), "service srv-1 was not found on api.test"),
            (read(410, &[], ""), "service srv-1 was not found on api.test"),
            (read(409, &[], ""), "api.test reports a conflict for service srv-1: no reason given"),
            (read(412, &[], ""), "api.test reports a conflict for service srv-1: no reason given"),
            (read(400, &[], "{}"), "api.test refused service srv-1 (HTTP 400): no reason given"),
            (read(429, &[], ""), "api.test limits requests"),
            (read(429, &[("retry-after", "60"), date], ""), "api.test limits requests until 22:14:20 UTC"),
            (read(429, &[("ratelimit-reset", "40"), date], ""), "api.test limits requests until 22:14:00 UTC"),
            (read(429, &[("x-ratelimit-reset", "1700000030")], ""), "api.test limits requests until 22:13:50 UTC"),
            (
                read(503, &[("retry-after", "5")], ""),
                "https://api.test/services/srv-1 returned HTTP 503 (retry after 5 s)",
            ),
            (read(301, &[], ""), "https://api.test/services/srv-1 redirects elsewhere"),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn what_may_be_retried_and_when() {
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        let after = |seconds| Retry::After(Some(Duration::from_secs(seconds)));
        for (error, expected) in [
            (read(401, &[], ""), Retry::Never),
            (read(403, &[("retry-after", "1")], ""), Retry::Never),
            (read(404, &[], ""), Retry::Never),
            (read(409, &[], ""), Retry::Never),
            (read(400, &[], ""), Retry::Never),
            (read(307, &[], ""), Retry::Never),
            (read(501, &[], ""), Retry::Never),
            (read(408, &[], ""), Retry::After(None)),
            (read(500, &[], ""), Retry::After(None)),
            (read(503, &[("retry-after", "7")], ""), after(7)),
            (read(429, &[], ""), Retry::After(None)),
            (read(429, &[("retry-after", "3")], ""), after(3)),
            (read(429, &[("ratelimit-reset", "40"), date], ""), after(40)),
            (read(429, &[("x-ratelimit-reset", "1700000030"), date], ""), after(30)),
            (read(429, &[("x-ratelimit-reset", "-9223372036854775808"), date], ""), Retry::After(None)),
        ] {
            assert_eq!(error.retry(), expected, "{error}");
        }
    }
}
