//! When to retry, and how long to wait. Pure except for the jitter.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;

/// The attempts of one request, the first included.
pub(super) const TRIES: u32 = 4;

/// The longest wait a server may request; beyond it the request fails.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The upper limit of a parsed wait, so that waits can be added.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

/// Whether a failed request may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// A repetition would fail as well.
    Never,
    /// A repetition may succeed, after the wait that the server requested, if it did.
    After(Option<Duration>),
}

/// Counts the attempts of one request.
#[derive(Debug, Clone)]
pub struct Backoff {
    tried: u32,
}

impl Backoff {
    /// Before the first attempt.
    pub const fn new() -> Self {
        Self { tried: 0 }
    }

    /// After a failed attempt: how long to wait before the next, or `None` after the last. Waits grow threefold from
    /// 0.2 s, with up to 50% jitter so that many clients do not retry at once; a wait that the server requests is used
    /// instead, unless it is longer than half a minute.
    pub fn next(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        self.tried += 1;
        if self.tried >= TRIES {
            return None;
        }
        match retry_after {
            Some(asked) if asked > MAX_WAIT => None,
            Some(asked) => Some(asked),
            None => {
                let base = Duration::from_millis(200) * 3_u32.pow(self.tried - 1);
                Some(base.mul_f64(0.5 + fastrand::f64()))
            }
        }
    }

    /// The number of the next attempt and of all attempts, for messages.
    pub const fn position(&self) -> (u32, u32) {
        (self.tried + 1, TRIES)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// Parses `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3). Invalid values are `None`; a date in the past is
/// zero, and one more than a century ahead is capped.
pub fn parse_retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or(Duration::ZERO).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn four_attempts_with_growing_waits() {
        let mut backoff = Backoff::new();
        let waits: Vec<Duration> = std::iter::from_fn(|| backoff.next(None)).take(10).collect();
        assert_eq!(waits.len(), 3);
        for (wait, base) in waits.iter().zip([200, 600, 1800]) {
            let base = Duration::from_millis(base);
            assert!((base / 2..=base * 3 / 2).contains(wait), "{wait:?}");
        }
    }

    #[test]
    fn the_requested_wait_is_used_unless_too_long() {
        assert_eq!(Backoff::new().next(Some(Duration::from_secs(2))), Some(Duration::from_secs(2)));
        assert_eq!(Backoff::new().next(Some(Duration::from_secs(3600))), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("1994-11-06T08:49:00Z").expect("a date").to_utc();
        assert_eq!(parse_retry_after(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(37)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("18446744073709551615", now), Some(LONGEST));
        assert_eq!(parse_retry_after("soon", now), None);
        assert_eq!(parse_retry_after("-1", now), None);
    }

    proptest! {
        #[test]
        fn any_header_is_parsed_or_ignored(value in "\\PC*") {
            let _ = parse_retry_after(&value, DateTime::UNIX_EPOCH);
        }
    }
}
