//! Numbers as PostgreSQL stores them in a column of type `jsonb`: decimal, without an exponent and without a negative zero.

/// A larger exponent is left as it is: PostgreSQL would refuse the number, or need more digits than anybody writes.
const LARGEST_EXPONENT: i32 = 20_000;

/// A valid JSON text with its numbers as they come back from a column of type `jsonb`.
pub(crate) fn with_stored_numbers(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '-' | '0'..='9' => rest.find(|c: char| !is_of_number(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (part, after) = rest.split_at(length);
        match stored_number(part).filter(|_| is_of_number(c)) {
            Some(number) => text.push_str(&number),
            None => text.push_str(part),
        }
        rest = after;
    }
    text
}

fn is_of_number(c: char) -> bool {
    matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-')
}

/// The length of a string in bytes, with its quotes.
pub(super) fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !is_escaped => return index + 1,
            byte => is_escaped = byte == b'\\' && !is_escaped,
        }
    }
    text.len()
}

fn stored_number(number: &str) -> Option<String> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i32 = exponent.parse().ok().filter(|it: &i32| it.abs() <= LARGEST_EXPONENT)?;
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let sign = if digits.bytes().all(|digit| digit == b'0') { "" } else { sign };
    // Where the point is among the digits, and how many digits follow it.
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let zeros_before = "0".repeat(usize::try_from(1 - point).unwrap_or(0));
    let zeros_after = usize::try_from(point).unwrap_or(0).saturating_sub(digits.len());
    let digits = format!("{zeros_before}{digits}{}", "0".repeat(zeros_after));
    let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0).max(1));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by PostgreSQL for `'…'::jsonb`.
    const STORED: [(&str, &str); 18] = [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0.0"),
        ("0e5", "0"),
        ("0.00e1", "0.0"),
        ("1.0", "1.0"),
        ("-1.50", "-1.50"),
        ("1e3", "1000"),
        ("1.5e3", "1500"),
        ("1.2345e2", "123.45"),
        ("-1.0e1", "-10"),
        ("1e+16", "10000000000000000"),
        ("1e-7", "0.0000001"),
        ("-1.25E-2", "-0.0125"),
        ("12.5e-1", "1.25"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("0.5e1", "5"),
        ("100e-2", "1.00"),
    ];

    #[test]
    fn numbers_are_those_that_postgresql_returns() {
        for (number, stored) in STORED {
            assert_eq!(with_stored_numbers(number), stored, "{number}");
            assert_eq!(with_stored_numbers(stored), stored);
        }
    }

    #[test]
    fn nothing_but_numbers_changes() {
        let json = "{\"1e3\": [1e3, \"\\\"1e3\\\\\", true, null], \"é\": -1e2}";
        let stored = "{\"1e3\": [1000, \"\\\"1e3\\\\\", true, null], \"é\": -100}";
        assert_eq!(with_stored_numbers(json), stored);
        assert_eq!(with_stored_numbers("[1e99999]"), "[1e99999]");
    }
}
