//! Numbers, booleans, durations and lists in the syntax of Go's standard library.

use std::fmt;

use serde::Serialize;
use serde::Serializer;

const NANOSECONDS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    // The micro sign and the Greek letter.
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A duration in nanoseconds, printed as Go prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GoDuration(pub i64);

impl GoDuration {
    /// `time.ParseDuration`: numbers with units, such as `1h30m` or `-1.5s`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (is_negative, mut rest) = match text.strip_prefix(['-', '+']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err("it must be a duration, such as 30s or 1h30m");
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (number, behind) =
                rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len()));
            let (unit, behind) =
                behind.split_at(behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len()));
            rest = behind;
            if unit.is_empty() {
                return Err("it must be a duration with a unit, such as 30s or 1h30m");
            }
            let unit = NANOSECONDS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
            let part = unit.and_then(|unit| nanoseconds(number, unit));
            let part =
                part.ok_or("it must be a duration with the units h, m, s, ms, us or ns, such as 30s or 1h30m")?;
            total = total.checked_add(part).filter(|total| *total <= 1 << 63).ok_or("the duration is too long")?;
        }
        let value = if is_negative { -i128::from(total) } else { i128::from(total) };
        i64::try_from(value).map(Self).map_err(|_| "the duration is too long")
    }
}

fn nanoseconds(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
    whole.checked_mul(unit)?.checked_add((fraction * unit as f64) as u64)
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000_000;
        let (sign, all) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let fraction = |whole: u64, rest: u64, width: usize| {
            let digits = format!("{rest:0width$}");
            let digits = digits.trim_end_matches('0');
            if digits.is_empty() { whole.to_string() } else { format!("{whole}.{digits}") }
        };
        match all {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{sign}{all}ns"),
            1_000..1_000_000 => write!(f, "{sign}{}\u{b5}s", fraction(all / 1_000, all % 1_000, 3)),
            1_000_000..SECOND => write!(f, "{sign}{}ms", fraction(all / 1_000_000, all % 1_000_000, 6)),
            _ => {
                let seconds = all / SECOND;
                let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
                let in_minute = fraction(seconds % 60, all % SECOND, 9);
                match (hours, minutes) {
                    (0, 0) => write!(f, "{sign}{in_minute}s"),
                    (0, minutes) => write!(f, "{sign}{minutes}m{in_minute}s"),
                    (hours, minutes) => write!(f, "{sign}{hours}h{minutes}m{in_minute}s"),
                }
            }
        }
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `strconv.ParseInt(text, 0, 64)`: a prefix selects the base, `_` may separate digits.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter();
    let (radix, digits) = prefixed
        .filter_map(|(prefix, radix)| Some((radix, lower.strip_prefix(prefix)?)))
        .next()
        .or_else(|| Some((8, lower.strip_prefix('0').filter(|rest| !rest.is_empty())?)))
        .unwrap_or((10, lower.as_str()));
    let after_prefix = if radix == 10 { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
    if after_prefix.split('_').any(str::is_empty) || !after_prefix.chars().all(|c| c == '_' || c.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{}", after_prefix.replace('_', "")), radix).ok()
}

/// `strconv.Atoi`, and greater than zero.
pub(super) fn positive_decimal(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_decimal = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    digits.parse().ok().filter(|number| is_decimal && *number > 0)
}

/// `strconv.ParseFloat`, without its hexadecimal form.
pub(super) fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// `strconv.ParseBool`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// The items of a comma-separated list, without blanks around them and without empty ones.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_printed_as_in_go() {
        let cases = [
            ("0", "0s"),
            ("-0", "0s"),
            ("100ms", "100ms"),
            ("1.5s", "1.5s"),
            (".5m", "30s"),
            ("1h30m0.5s", "1h30m0.5s"),
            ("90s", "1m30s"),
            ("3600s", "1h0m0s"),
            ("250us", "250\u{b5}s"),
            ("1500ns", "1.5\u{b5}s"),
            ("-5s", "-5s"),
            ("999ns", "999ns"),
        ];
        for (text, expected) in cases {
            assert_eq!(GoDuration::parse(text).map(|it| it.to_string()).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "5", "s", ".s", "1.2.3s", "5d", "-", "9223372036s9223372036s", "1 s"] {
            assert!(GoDuration::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_as_in_go() {
        let integers =
            [("12", 12), ("010", 8), ("0o10", 8), ("0x1F", 31), ("-0b11", -3), ("1_000", 1000), ("0_7", 7), ("0", 0)];
        for (text, expected) in integers {
            assert_eq!(integer(text), Some(expected), "{text}");
        }
        for text in ["", "09", "_1", "1_", "1__0", "0x", "1.0", "--1", "9223372036854775808", "0x_"] {
            assert_eq!(integer(text), None, "{text}");
        }
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
        assert_eq!((positive_decimal("+3"), positive_decimal("0"), positive_decimal("0x1")), (Some(3), None, None));
        assert_eq!((boolean("T"), boolean("False"), boolean("yes")), (Some(true), Some(false), None));
        assert_eq!(list(" a , ,b,"), ["a", "b"]);
    }
}
