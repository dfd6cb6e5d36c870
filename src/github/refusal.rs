//! What GitHub says to a request that changes something, told apart as far as it decides what to do next. Pure.

use std::fmt;
use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;

use crate::github::ApiError;
use crate::net::parse_retry_after;

/// How long GitHub wants a client to rest that was limited without being told for how long.
const REST: Duration = Duration::from_secs(60);

/// Why a change was not made, or is not known to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is not there, or this account may not see it: proves nothing, a new listing decides.
    Gone,
    /// The account may not do this.
    Forbidden {
        /// GitHub's words.
        message: String,
        /// The permission that is missing, where GitHub names it.
        needed: Option<String>,
    },
    /// A ruleset forbids it.
    Rule {
        /// GitHub's words.
        message: String,
    },
    /// It belongs to an immutable release, or its name once did.
    Immutable {
        /// GitHub's words.
        message: String,
    },
    /// Too many requests for now; nothing was done.
    Limited {
        /// How long to wait.
        wait: Duration,
    },
    /// The repository has another name or owner now; nothing may follow it there.
    Moved {
        /// Where to, where GitHub says so.
        to: Option<String>,
    },
    /// Something else changes the same thing right now.
    Busy,
    /// This server knows no such request.
    Unsupported,
    /// No answer, or one that does not say: it may have happened.
    Unknown {
        /// What went wrong.
        reason: String,
    },
    /// GitHub refuses it for another reason.
    Rejected {
        /// The status.
        status: u16,
        /// GitHub's words.
        message: String,
    },
}

impl Refusal {
    /// A word for the record.
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

    /// Reads the answer to a REST request that is no success.
    pub(super) fn of_answer(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let words = document["message"].as_str().unwrap_or("it gave no reason");
        let lower = words.to_ascii_lowercase();
        let spent = header("x-ratelimit-remaining") == Some("0");
        let limited = status == 429 || spent || header("retry-after").is_some() || lower.contains("rate limit");
        match status {
            403 | 429 if limited => Self::Limited { wait: wait_of(headers) },
            300..=399 => Self::Moved { to: header("location").map(str::to_owned) },
            404 | 410 => Self::Gone,
            409 => Self::Busy,
            401 | 403 => {
                let needed = header("x-accepted-github-permissions").map(str::to_owned);
                Self::Forbidden { message: one_line(words), needed }
            }
            422 => Self::of_words(words, status),
            408 | 500..=599 => Self::Unknown { reason: format!("GitHub answered HTTP {status}") },
            _ => Self::Rejected { status, message: one_line(words) },
        }
    }

    /// Reads GitHub's words alone, as in the `errors` of GraphQL.
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

    /// A request whose answer was lost.
    pub(super) fn of_lost(error: &ApiError) -> Self {
        Self::Unknown { reason: error.to_string() }
    }
}

fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// How long to wait before the next request: as told, else until the budget is whole again, else a minute.
pub(super) fn wait_of(headers: &HeaderMap) -> Duration {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let date = header("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
    // Measured by the server's own clock; this machine's may be wrong.
    let now = date.unwrap_or(DateTime::UNIX_EPOCH);
    if let Some(wait) = header("retry-after").and_then(|value| parse_retry_after(value, now)) {
        return wait.max(Duration::from_secs(1));
    }
    let spent = header("x-ratelimit-remaining") == Some("0");
    let reset = header("x-ratelimit-reset").and_then(|value| DateTime::from_timestamp(value.parse().ok()?, 0));
    match (spent, date, reset) {
        (true, Some(date), Some(reset)) => (reset - date).to_std().unwrap_or(Duration::ZERO) + Duration::from_secs(1),
        _ => REST,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("GitHub says that it does not exist"),
            Self::Forbidden { message, needed: Some(needed) } => {
                write!(f, "GitHub does not permit it: {message} (the token lacks `{needed}`)")
            }
            Self::Forbidden { message, needed: None } => write!(f, "GitHub does not permit it: {message}"),
            Self::Rule { message } => write!(f, "a rule of the repository forbids it: {message}"),
            Self::Immutable { message } => write!(f, "an immutable release holds it: {message}"),
            Self::Limited { wait } => write!(f, "GitHub limits requests for {} s", wait.as_secs()),
            Self::Moved { to: Some(to) } => write!(f, "the repository has moved to {to}"),
            Self::Moved { to: None } => f.write_str("the repository has moved"),
            Self::Busy => f.write_str("something else changes it right now"),
            Self::Unsupported => f.write_str("this server knows no such request"),
            Self::Unknown { reason } => write!(f, "the outcome is not known: {reason}"),
            Self::Rejected { status, message } => write!(f, "GitHub refuses it (HTTP {status}): {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Refusal {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
        Refusal::of_answer(status, &headers.collect(), body.as_bytes())
    }

    fn says(message: &str) -> String {
        serde_json::json!({ "message": message }).to_string()
    }

    #[test]
    fn every_answer_has_its_class() {
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
    fn waits_are_as_told_by_the_servers_clock() {
        let wait = |headers: &[(&'static str, &'static str)]| {
            let Refusal::Limited { wait } = read(429, headers, "{}") else { panic!("a 429 is a limit") };
            wait.as_secs()
        };
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(wait(&[("retry-after", "7"), date]), 7);
        assert_eq!(wait(&[("retry-after", "0"), date]), 1);
        assert_eq!(wait(&[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT"), date]), 60);
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000030"), date]), 31);
        assert_eq!(wait(&[]), 60);
    }
}
