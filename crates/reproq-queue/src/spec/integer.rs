//! An integer of any size, as its digits.

use std::cmp::Ordering;
use std::fmt;

/// Python's limit for reading an integer from text.
const MAX_DIGITS: usize = 4300;

/// An integer as Python writes it: no leading zeros, no plus sign, no negative zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integer(String);

impl Integer {
    /// Reads a JSON integer. `None` if it is not one, or has more digits than Python reads.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        Some(Self(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") }))
    }

    /// Its digits, with a minus sign if it is negative.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares it with a float, exactly where the float has an integral value that matters.
    pub(super) fn compare_to_float(&self, float: f64) -> Ordering {
        if float.is_finite() && float.abs() < 1e30 {
            let whole = Self(format!("{:.0}", float.trunc()));
            let whole = Self::parse(whole.as_str()).unwrap_or(whole);
            let rest = float - float.trunc();
            return self.cmp(&whole).then_with(|| 0.0_f64.total_cmp(&(rest + 0.0)));
        }
        self.0.parse::<f64>().unwrap_or(0.0).total_cmp(&float)
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |integer: &Self| -> (bool, String) {
            match integer.0.strip_prefix('-') {
                Some(digits) => (true, digits.to_owned()),
                None => (false, integer.0.clone()),
            }
        };
        let ((negative, one), (other_negative, two)) = (parts(self), parts(other));
        let magnitude = one.len().cmp(&two.len()).then_with(|| one.cmp(&two));
        match (negative, other_negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Integer {
    fn from(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zeros_and_signs_are_written_as_python_does() {
        let cases = [("0", Some("0")), ("-0", Some("0")), ("007", Some("7")), ("-12", Some("-12"))];
        for (text, expected) in cases {
            assert_eq!(Integer::parse(text).map(|integer| integer.to_string()), expected.map(str::to_owned), "{text}");
        }
        for text in ["", "-", "+1", "1.0", "1e3", "\u{661}", &"9".repeat(4301)] {
            assert_eq!(Integer::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_numbers(one: i64, other: i64) {
            prop_assert_eq!(Integer::from(one).cmp(&Integer::from(other)), one.cmp(&other));
        }

        #[test]
        fn the_order_among_floats_is_that_of_numbers(one in -1000_i32..1000, other in -1000.0_f64..1000.0) {
            let expected = f64::from(one).partial_cmp(&other);
            prop_assert_eq!(Some(Integer::from(i64::from(one)).compare_to_float(other)), expected);
        }
    }
}
