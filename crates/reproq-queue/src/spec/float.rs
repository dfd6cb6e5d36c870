//! Floats as Python's `repr` writes them.

use std::fmt::Write;

/// The shortest digits that read back as the same number; with an exponent below 1e-4 and from 1e16 on.
pub(super) fn write_float(text: &mut String, value: f64) {
    if value.is_nan() {
        return text.push_str("NaN");
    }
    if value.is_sign_negative() {
        text.push('-');
    }
    if value.is_infinite() {
        return text.push_str("Infinity");
    }
    let (digits, exponent) = shortest(value.abs());
    match exponent {
        0..16 => fixed(text, &digits, exponent.unsigned_abs() as usize + 1),
        -4..0 => {
            let _ = write!(text, "0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let _ = write!(text, "{first}{point}{rest}");
            let sign = if exponent < 0 { '-' } else { '+' };
            let _ = write!(text, "e{sign}{:02}", exponent.unsigned_abs());
        }
    }
}

/// The digits of a finite number, and the exponent of the first one. Where two numbers with as many digits are equally close,
/// Ryu chooses the even one, as Python does; the standard library rounds up.
fn shortest(value: f64) -> (String, i32) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let zeros = all.len() - digits.len();
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return ("0".to_owned(), 0);
    }
    let shift = whole.len() as i32 - 1 - zeros as i32;
    (digits.to_owned(), exponent.parse::<i32>().unwrap_or(0) + shift)
}

/// With this many digits before the point.
fn fixed(text: &mut String, digits: &str, before: usize) {
    let (whole, fraction) = digits.split_at(before.min(digits.len()));
    let zeros = "0".repeat(before - whole.len());
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    let _ = write!(text, "{whole}{zeros}.{fraction}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        let mut text = String::new();
        write_float(&mut text, value);
        text
    }

    #[test]
    fn the_layout_is_pythons() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e22, "1e+22"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (0.0001, "0.0001"),
            (0.000_123_4, "0.0001234"),
            (1e-5, "1e-05"),
            (-1.5e-7, "-1.5e-07"),
            (f64::MAX, "1.7976931348623157e+308"),
            (2.5, "2.5"),
            // Exactly between ….812 and ….813.
            (9_803_579_646_411.812, "9803579646411.812"),
            (100.0, "100.0"),
            (1200.5, "1200.5"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, expected) in cases {
            assert_eq!(written(value), expected);
        }
    }

    proptest! {
        #[test]
        fn every_float_is_read_back(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(written(value).parse::<f64>().map(f64::to_bits), Ok(value.to_bits()));
        }
    }
}
