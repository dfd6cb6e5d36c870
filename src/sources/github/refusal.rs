//! Classifies GitHub's responses to requests that change something, as far as the next step depends on it. Pure.

use std::fmt;
use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;

use crate::io::net::api::message_of;
use crate::io::net::api::one_line;
use crate::io::net::api::retry_after_of;
use crate::io::net::api::server_date;

/// The pause GitHub recommends for a rate limit without a stated wait.
const REST: Duration = Duration::from_secs(60);

/// The longest possible time until the rate limit resets.
const HOUR: Duration = Duration::from_secs(3600);

/// Why a change was not made, or may not have been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MutationRefusal {
    /// It does not exist, or this account may not see it. Inconclusive; a new listing decides.
    Gone,
    /// The account lacks the permission.
    Forbidden {
        /// GitHub's message.
        message: String,
        /// The missing permission, if GitHub names it.
        needed: Option<String>,
    },
    /// A ruleset forbids it.
    Rule {
        /// GitHub's message.
        message: String,
    },
    /// It belongs to an immutable release, or its name once did.
    Immutable {
        /// GitHub's message.
        message: String,
    },
    /// Rate limited; nothing was changed.
    Limited {
        /// How long to wait.
        wait: Duration,
    },
    /// The repository was renamed or transferred; changes must not follow it there.
    Moved {
        /// The new location, if GitHub states it.
        to: Option<String>,
    },
    /// Another client is changing the same thing.
    Busy,
    /// This server does not support the request.
    Unsupported,
    /// No response, or an inconclusive one: the change may have been made.
    Unknown {
        /// What went wrong.
        reason: String,
    },
    /// GitHub refuses it for another reason.
    Rejected {
        status: u16,
        /// GitHub's message.
        message: String,
    },
}

impl MutationRefusal {
    /// The code used in audit records.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Forbidden { .. } => "forbidden",
            Self::Rule { .. } => "rule",
            Self::Immutable { .. } => "immutable",
            Self::Limited { .. } => "limited",
            Self::Moved { .. } => "moved",
            Self::Busy => "busy",
            Self::Unsupported => "unsupported",
            Self::Unknown { .. } => "unknown",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// Classifies an unsuccessful response to a REST request.
    pub fn of_answer(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let words = message_of(body).unwrap_or_else(|| "no reason given".to_owned());
        let words = words.as_str();
        match status {
            _ if is_limit(status, headers, &one_line(words)) => Self::Limited { wait: wait_of(headers) },
            300..=399 => Self::Moved { to: text(headers, "location").map(str::to_owned) },
            404 | 410 => Self::Gone,
            409 => Self::Busy,
            401 | 403 => {
                let needed = text(headers, "x-accepted-github-permissions").map(str::to_owned);
                Self::Forbidden { message: one_line(words), needed }
            }
            422 => Self::of_words(words, status),
            408 | 500..=599 => Self::Unknown { reason: format!("GitHub returned HTTP {status}") },
            _ => Self::Rejected { status, message: one_line(words) },
        }
    }

    /// Classifies GitHub's message alone, as in GraphQL's `errors`.
    pub(super) fn of_words(words: &str, status: u16) -> Self {
        let lower = words.to_ascii_lowercase();
        let says = |part: &str| lower.contains(part);
        let message = one_line(words);
        if says("reference does not exist") {
            Self::Gone
        } else if says("immutable") || says("creations being restricted") {
            Self::Immutable { message }
        } else if says("rule violation") || says("protected ref") || says("gh013") {
            Self::Rule { message }
        } else {
            Self::Rejected { status, message }
        }
    }

    /// A request whose response was lost.
    pub(super) fn of_lost(error: &dyn fmt::Display) -> Self {
        Self::Unknown { reason: error.to_string() }
    }
}

/// Whether a response is a rate limit, by its headers or GitHub's message on [`one_line`]: otherwise a 403 is about permissions.
pub(super) fn is_limit(status: u16, headers: &HeaderMap, words: &str) -> bool {
    let says_so = || {
        text(headers, "x-ratelimit-remaining") == Some("0")
            || headers.contains_key("retry-after")
            || words.to_ascii_lowercase().contains("rate limit")
    };
    status == 429 || (status == 403 && says_so())
}

/// How long to wait before the next request: as stated, else until the limit resets, else one minute.
pub(super) fn wait_of(headers: &HeaderMap) -> Duration {
    if let Some(wait) = retry_after_of(headers) {
        return wait.max(Duration::from_secs(1));
    }
    let is_spent = text(headers, "x-ratelimit-remaining") == Some("0");
    match until_reset(headers) {
        Some(wait) if is_spent => wait + Duration::from_secs(1),
        Some(_) | None => REST,
    }
}

/// The remaining requests of the hour, if the response counted against the REST API's limit, and the time until they are
/// reset: an hour if GitHub does not state it.
pub fn requests_left(headers: &HeaderMap) -> (Option<u64>, Duration) {
    let is_core = text(headers, "x-ratelimit-resource").is_none_or(|resource| resource == "core");
    let left = text(headers, "x-ratelimit-remaining").filter(|_| is_core).and_then(|value| value.parse().ok());
    (left, until_reset(headers).unwrap_or(HOUR))
}

/// The time from the response until the limit resets; `None` for a time beyond the calendar.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let reset = DateTime::from_timestamp(text(headers, "x-ratelimit-reset")?.parse().ok()?, 0)?;
    Some((reset - server_date(headers)?).to_std().unwrap_or(Duration::ZERO))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl fmt::Display for MutationRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("GitHub reports that it does not exist"),
            Self::Forbidden { message, needed: Some(needed) } => {
                write!(f, "GitHub does not permit it: {message} (the token lacks `{needed}`)")
            }
            Self::Forbidden { message, needed: None } => write!(f, "GitHub does not permit it: {message}"),
            Self::Rule { message } => write!(f, "a rule of the repository forbids it: {message}"),
            Self::Immutable { message } => write!(f, "it belongs to an immutable release: {message}"),
            Self::Limited { wait } => write!(f, "GitHub rate limit exceeded; retry in {} s", wait.as_secs()),
            Self::Moved { to: Some(to) } => write!(f, "the repository has moved to {to}"),
            Self::Moved { to: None } => f.write_str("the repository has moved"),
            Self::Busy => f.write_str("another client is changing it"),
            Self::Unsupported => f.write_str("this server does not support the request"),
            Self::Unknown { reason } => write!(f, "the outcome is unknown: {reason}"),
            Self::Rejected { status, message } => write!(f, "GitHub refuses it (HTTP {status}): {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> MutationRefusal {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
        MutationRefusal::of_answer(status, &headers.collect(), body.as_bytes())
    }

    fn says(message: &str) -> String {
        serde_json::json!({ "message": message }).to_string()
    }

    #[test]
    fn responses_are_classified() {
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        for (refusal, code) in [
            (read(404, &[], ""), "gone"),
            (read(422, &[], &says("Reference does not exist")), "gone"),
            (
                read(422, &[], &says("Repository rule violations found\n\nCannot delete this protected ref.\n\n")),
                "rule",
            ),
            (read(422, &[], &says("Cannot delete asset from an immutable release")), "immutable"),
            (
                read(422, &[], &says("Repository rule violations found\n\nIt belongs to an immutable release.")),
                "immutable",
            ),
            (read(422, &[], &says("Validation Failed")), "rejected"),
            (read(403, &[], &says("Resource not accessible by integration")), "forbidden"),
            (read(403, &[("retry-after", "5"), date], "{}"), "limited"),
            (read(403, &[("x-ratelimit-remaining", "0")], "{}"), "limited"),
            (read(403, &[], &says("You have exceeded a secondary rate limit.")), "limited"),
            (read(429, &[], "{}"), "limited"),
            (read(401, &[], &says("Bad credentials")), "forbidden"),
            (read(301, &[("location", "https://api.github.com/repositories/1")], "{}"), "moved"),
            (read(307, &[], "{}"), "moved"),
            (read(409, &[], "{}"), "busy"),
            (read(502, &[], "<html>"), "unknown"),
            (read(418, &[], "{}"), "rejected"),
        ] {
            assert_eq!(refusal.code(), code, "{refusal}");
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        let refusal =
            read(403, &[("x-accepted-github-permissions", "contents=write")], &says("Resource not accessible"));
        assert_eq!(
            refusal.to_string(),
            "GitHub does not permit it: Resource not accessible (the token lacks `contents=write`)"
        );
    }

    #[test]
    fn waits_follow_the_servers_clock() {
        let wait = |headers: &[(&'static str, &'static str)]| {
            let MutationRefusal::Limited { wait } = read(429, headers, "{}") else { panic!("a 429 is a limit") };
            wait.as_secs()
        };
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(wait(&[("retry-after", "7"), date]), 7);
        assert_eq!(wait(&[("retry-after", "0"), date]), 1);
        assert_eq!(wait(&[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT"), date]), 60);
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000030"), date]), 31);
        assert_eq!(wait(&[]), 60);
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9223372036854775807"), date]), 60);
    }

    #[test]
    fn the_remaining_requests_are_read_from_the_headers() {
        let left = |headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
            let (left, whole_in) = requests_left(&headers.collect());
            (left, whole_in.as_secs())
        };
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        let reset = |moment| ("x-ratelimit-reset", moment);
        assert_eq!(left(&[("x-ratelimit-remaining", "49"), reset("1700000030"), date]), (Some(49), 30));
        assert_eq!(left(&[("x-ratelimit-remaining", "49"), ("x-ratelimit-resource", "graphql")]), (None, 3600));
        assert_eq!(left(&[reset("1600000000"), date]), (None, 0));
        assert_eq!(left(&[reset("9223372036854775807"), ("date", "Mon, 1 Jan 1900 00:00:00 GMT")]), (None, 3600));
    }
}
