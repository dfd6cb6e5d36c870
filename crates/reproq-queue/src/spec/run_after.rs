//! The time before which a task does not run, as Python's `datetime.isoformat` writes it.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use thiserror::Error;

/// A point in time with its offset from UTC, in whole microseconds. The offset is part of the hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAfter {
    local: DateTime,
    offset: Offset,
}

/// The text is not a time with an offset.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a time with an offset, such as 2026-03-29T01:30:00+02:00")]
pub struct RunAfterError(String);

impl FromStr for RunAfter {
    type Err = RunAfterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let pieces = Pieces::parse(text).ok()?;
            // Django accepts no time zone names here, and no naive times.
            if pieces.time_zone_annotation().is_some() {
                return None;
            }
            let offset = pieces.to_numeric_offset()?;
            Some(Self { local: pieces.date().to_datetime(pieces.time()?), offset })
        };
        read().ok_or_else(|| RunAfterError(text.to_owned()))
    }
}

impl fmt::Display for RunAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.local.date(), self.local.time());
        write!(f, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day())?;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        let microseconds = time.subsec_nanosecond() / 1000;
        if microseconds != 0 {
            write!(f, ".{microseconds:06}")?;
        }
        let seconds = self.offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let seconds = seconds.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
        if !seconds.is_multiple_of(60) {
            write!(f, ":{:02}", seconds % 60)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_isoformat_does() {
        let cases = [
            ("2025-01-01T12:00:00Z", "2025-01-01T12:00:00+00:00"),
            ("2026-03-29T01:30:00.000005+02:00", "2026-03-29T01:30:00.000005+02:00"),
            ("2026-03-29 01:30:00.5-03:30", "2026-03-29T01:30:00.500000-03:30"),
            ("2026-03-29T01:30:00.1234569+00", "2026-03-29T01:30:00.123456+00:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<RunAfter>().map(|time| time.to_string()), Ok(expected.to_owned()), "{text}");
        }
        for text in ["2025-01-01T12:00:00", "2025-01-01", "tomorrow", "2025-01-01T12:00:00+02:00[Europe/Berlin]"] {
            assert!(text.parse::<RunAfter>().is_err(), "{text}");
        }
    }
}
