//! Numbers, times and ages, as the page shows them. Pure.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::text::span;

/// A number with a comma between groups of three digits.
pub(super) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::from(if value < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How far a time is from now: `in 5 min`, `5 min ago`.
pub(super) fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (at - now).num_seconds();
    if seconds > 0 { format!("in {}", span(seconds)) } else { format!("{} ago", span(-seconds)) }
}

/// A time in UTC to the second.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A time as `datetime` attributes have it.
pub(super) fn machine_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let cases = [0, 999, 1000, 1_234_567, -1000, i64::MIN].map(number);
        assert_eq!(cases, ["0", "999", "1,000", "1,234,567", "-1,000", "-9,223,372,036,854,775,808"]);
    }

    #[test]
    fn times_are_relative_in_both_directions() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let now = at("2026-01-31T12:00:00Z");
        assert_eq!(relative(at("2026-01-31T12:05:00Z"), now), "in 5 min");
        assert_eq!(relative(at("2026-01-31T11:59:00Z"), now), "60 s ago");
        assert_eq!(relative(now, now), "0 s ago");
        assert_eq!(time(now), "2026-01-31 12:00:00 UTC");
    }
}
