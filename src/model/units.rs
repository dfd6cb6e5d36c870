//! Durations and sizes on the command line, in variables and in settings. Pure.

use std::time::Duration;

/// The units of a duration in seconds, smallest first.
const SECONDS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

/// The units of a size in bytes, smallest first.
const BYTES: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// A thousand years. Anything longer is a typo, and this is within the range of dates.
const LONGEST: u64 = 1000 * 366 * 86_400;

/// Parses `90`, `90s`, `5m`, `24h`, `7d` or `2w`: a whole number, in seconds if it has no unit.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected seconds, or a number with s, m, h, d or w such as 5m or 24h; found `{text}`");
    let text = text.trim();
    let unit = SECONDS.iter().find(|(letter, _)| text.ends_with(*letter));
    let (digits, seconds) = unit.map_or((text, 1), |(_, seconds)| (&text[..text.len() - 1], *seconds));
    let total = whole(digits).and_then(|amount| amount.checked_mul(seconds)).filter(|total| *total <= LONGEST);
    total.map(Duration::from_secs).ok_or_else(wrong)
}

/// Parses `512KiB`, `500MiB`, `2GiB` or `1TiB` as bytes: a whole number, in MiB if it has no unit.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("expected a number of MiB, or one with KiB, MiB, GiB or TiB such as 2GiB; found `{text}`");
    let text = text.trim();
    let unit = BYTES.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim_end(), *bytes)));
    let (digits, bytes) = unit.unwrap_or((text, 1 << 20));
    whole(digits).and_then(|amount| amount.checked_mul(bytes)).ok_or_else(wrong)
}

/// Digits only: no sign, no white space.
fn whole(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_one_spelling() {
        for (text, seconds) in [
            ("0", 0),
            ("90", 90),
            ("90s", 90),
            ("5m", 300),
            ("24h", 86_400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            (" 30 ", 30),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text:?}");
        }
        for text in [
            "",
            " ",
            "h",
            "-1",
            "+1",
            "1.5h",
            "24 h",
            "24H",
            "1y",
            "5min",
            "99999999999999999999d",
            "9999999w",
            "1\u{e9}",
        ] {
            assert!(parse_duration(text).is_err_and(|reason| reason.contains("24h")), "{text:?}");
        }
    }

    #[test]
    fn sizes_have_one_spelling() {
        for (text, bytes) in [
            ("0", 0),
            ("3", 3 << 20),
            ("512KiB", 512 << 10),
            ("500MiB", 500 << 20),
            ("2GiB", 2 << 30),
            ("1 TiB", 1 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text:?}");
        }
        for text in ["", "MiB", "-1", "1.5GiB", "2GB", "2g", "99999999TiB"] {
            assert!(parse_size(text).is_err_and(|reason| reason.contains("2GiB")), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,12}") {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
