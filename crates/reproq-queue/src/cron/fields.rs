//! The fields of an expression: lists of values, ranges and steps.

use thiserror::Error;

/// The bit of a field that matches any value, as `*` and `?` do.
const ANY: u64 = 1 << 63;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Why an expression is not in the worker's dialect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CronError {
    /// Not five fields.
    #[error("expected 5 fields (minute, hour, day, month, weekday), found {0}")]
    FieldCount(usize),
    /// A zone, and nothing after it.
    #[error("the time zone is not followed by a schedule")]
    NoFields,
    /// The zone is not in the database of time zones. Names are case-sensitive.
    #[error("unknown time zone `{0}`")]
    UnknownZone(String),
    /// `@daily` and the like.
    #[error("`{0}` is not supported by the worker")]
    Descriptor(String),
    /// A part of a field that is not a number, a name, a range or a step.
    #[error("`{part}` is not a valid {field}")]
    NotANumber {
        /// The field.
        field: &'static str,
        /// The part of its list.
        part: String,
    },
    /// Outside of the range of the field.
    #[error("`{part}` is not a valid {field} ({low}-{high})")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The part of its list.
        part: String,
        /// The smallest value.
        low: u8,
        /// The largest value.
        high: u8,
    },
    /// The range is empty, such as 5-1.
    #[error("the range `{part}` of the {field} ends before it begins")]
    Backwards {
        /// The field.
        field: &'static str,
        /// The part of its list.
        part: String,
    },
    /// A step of 0.
    #[error("the step of `{part}` in the {field} must be at least 1")]
    NoStep {
        /// The field.
        field: &'static str,
        /// The part of its list.
        part: String,
    },
}

/// Which field it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
}

impl FieldKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of the month",
            Self::Month => "month",
            Self::Weekday => "weekday",
        }
    }

    /// The smallest and the largest value.
    const fn bounds(self) -> (u8, u8) {
        match self {
            Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (0, 6),
        }
    }

    /// The names of its values, and the value of the first one.
    const fn names(self) -> (&'static [&'static str], u64) {
        match self {
            Self::Month => (&MONTHS, 1),
            Self::Weekday => (&WEEKDAYS, 0),
            Self::Minute | Self::Hour | Self::Day => (&[], 0),
        }
    }
}

/// The values of a field, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CronField(u64);

impl CronField {
    /// Reads a comma-separated list. Empty elements are ignored; a list of nothing else matches nothing.
    pub(super) fn parse(text: &str, kind: FieldKind) -> Result<Self, CronError> {
        let mut bits = 0;
        for part in text.split(',').filter(|part| !part.is_empty()) {
            bits |= Part { text: part, kind }.bits()?;
        }
        Ok(Self(bits))
    }

    /// Whether a value matches.
    pub(super) const fn contains(self, value: u8) -> bool {
        self.0 & (1 << value) != 0
    }

    /// Whether the field is not restricted. `*/2` is restricted.
    pub(super) const fn is_any(self) -> bool {
        self.0 & ANY != 0
    }

    /// Whether no value matches.
    pub(super) const fn is_empty(self) -> bool {
        self.0 & !ANY == 0
    }

    /// The smallest matching value that is at least this one.
    pub(super) fn next_from(self, value: u8) -> Option<u8> {
        (value..60).find(|value| self.contains(*value))
    }
}

/// One element of a list.
struct Part<'a> {
    text: &'a str,
    kind: FieldKind,
}

impl Part<'_> {
    fn bits(&self) -> Result<u64, CronError> {
        let (low, high) = (u64::from(self.kind.bounds().0), u64::from(self.kind.bounds().1));
        let (range, step_text) = match self.text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (self.text, None),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (first, Some(last)),
            None => (range, None),
        };
        let step = step_text.map_or(Ok(1), |step| self.number(step))?;
        // `*-5` is `*` for the worker: what follows the star is not read.
        let is_any = matches!(first, "*" | "?");
        let (start, end) = if is_any {
            (low, high)
        } else {
            let start = self.value(first)?;
            let end = match last {
                Some(last) => self.value(last)?,
                // `5/15` is every 15th from 5 on.
                None if step_text.is_some() => high,
                None => start,
            };
            (start, end)
        };
        let (field, part) = (self.kind.name(), self.text.to_owned());
        if start < low || end > high {
            let (low, high) = self.kind.bounds();
            return Err(CronError::OutOfRange { field, part, low, high });
        }
        if start > end {
            return Err(CronError::Backwards { field, part });
        }
        if step == 0 {
            return Err(CronError::NoStep { field, part });
        }
        let step_by = usize::try_from(step).unwrap_or(usize::MAX);
        let bits = (start..=end).step_by(step_by).fold(0, |bits, value| bits | 1 << value);
        Ok(if is_any && step == 1 { bits | ANY } else { bits })
    }

    fn value(&self, text: &str) -> Result<u64, CronError> {
        let (names, first) = self.kind.names();
        let named = (first..).zip(names).find(|(_, name)| name.eq_ignore_ascii_case(text));
        named.map_or_else(|| self.number(text), |(value, _)| Ok(value))
    }

    /// A number, with an optional plus sign.
    fn number(&self, text: &str) -> Result<u64, CronError> {
        let number = text.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| CronError::NotANumber { field: self.kind.name(), part: self.text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, kind: FieldKind) -> Vec<u8> {
        let field = CronField::parse(text, kind).expect("a field");
        (0..60).filter(|value| field.contains(*value)).collect()
    }

    #[test]
    fn lists_ranges_and_steps() {
        assert_eq!(values("1,,3,", FieldKind::Minute), [1, 3]);
        assert_eq!(values("+5", FieldKind::Minute), [5]);
        assert_eq!(values("20/20", FieldKind::Minute), [20, 40]);
        assert_eq!(values("5-30/10", FieldKind::Minute), [5, 15, 25]);
        assert_eq!(values("0-59/61", FieldKind::Minute), [0]);
        assert_eq!(values("?/12", FieldKind::Hour), [0, 12]);
        assert_eq!(values("*-nonsense", FieldKind::Weekday), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(values("JAN,feb-Apr", FieldKind::Month), [1, 2, 3, 4]);
        assert_eq!(values("fri/1", FieldKind::Weekday), [5, 6]);
        assert_eq!(values(",", FieldKind::Day), Vec::<u8>::new());
    }

    #[test]
    fn only_a_star_without_a_step_matches_anything() {
        let is_any = |text| CronField::parse(text, FieldKind::Day).expect("a field").is_any();
        assert!(is_any("*") && is_any("?") && is_any("*/1") && is_any("3,*") && is_any("*-5"));
        assert!(!is_any("*/2") && !is_any("1-31") && !is_any("1/1"));
    }

    #[test]
    fn each_mistake_has_its_error() {
        let error = |text, kind| CronField::parse(text, kind).expect_err("a mistake").to_string();
        assert_eq!(error("60", FieldKind::Minute), "`60` is not a valid minute (0-59)");
        assert_eq!(error("0", FieldKind::Month), "`0` is not a valid month (1-12)");
        assert_eq!(error("7", FieldKind::Weekday), "`7` is not a valid weekday (0-6)");
        assert_eq!(error("5-1", FieldKind::Weekday), "the range `5-1` of the weekday ends before it begins");
        assert_eq!(error("*/0", FieldKind::Minute), "the step of `*/0` in the minute must be at least 1");
        for text in
            ["L", "15W", "5#2", "1-2-3", "1/2/3", "-5", "", "1 ", "1_0", "\u{661}", "99999999999999999999", "5/-1"]
        {
            let found = CronField::parse(text, FieldKind::Day);
            assert!(text.is_empty() == found.is_ok(), "{text}: {found:?}");
        }
    }
}
