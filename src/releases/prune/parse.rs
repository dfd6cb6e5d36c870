//! Parses policies from the command line and from files. Anything that cannot be parsed is an error and never means
//! "nothing is protected".

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use glob::Pattern;
use thiserror::Error;

use crate::model::units::parse_duration;
use crate::releases::prune::Prerelease;
use crate::releases::prune::ProtectPattern;
use crate::releases::prune::VersionOrder;

/// Why part of a policy is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// The value is empty or white space, for example from an unset variable.
    #[error("{option} is blank")]
    Blank {
        /// The option.
        option: &'static str,
    },
    /// Nothing would be kept.
    #[error("{option} is 0, but at least 1 version is always kept")]
    Zero {
        /// The option.
        option: &'static str,
    },
    /// The value is not a whole number in decimal digits, or is too large.
    #[error("{option} must be a whole number, found `{found}`")]
    NotANumber {
        /// The option.
        option: &'static str,
        /// The value.
        found: String,
    },
    /// The value is not one of the option's keywords.
    #[error("{option} must be {wanted}, found `{found}`")]
    UnknownWord {
        /// The option.
        option: &'static str,
        /// The keywords.
        wanted: &'static str,
        /// The value.
        found: String,
    },
    /// The value is not a number with a unit.
    #[error("--min-age must be a number with a unit, such as 90m, 24h or 7d, found `{found}`")]
    Age {
        /// The value.
        found: String,
    },
    /// The pattern is invalid and would protect nothing.
    #[error("--protect cannot parse the pattern `{found}`: {why}")]
    Pattern {
        /// The value.
        found: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Parses `--keep`: a whole number of at least 1, decimal digits only.
pub(crate) fn parse_keep(text: &str) -> Result<NonZeroU32, PolicyError> {
    positive("--keep", text)
}

/// Parses `--max-delete`: a whole number; 0 allows no deletion.
pub(crate) fn parse_max_delete(text: &str) -> Result<usize, PolicyError> {
    number("--max-delete", text)
}

/// Parses `--min-age`: a whole number and `s`, `m`, `h`, `d` or `w`, as in `24h`.
pub(crate) fn parse_min_age(text: &str) -> Result<Duration, PolicyError> {
    let age = || PolicyError::Age { found: text.to_owned() };
    if text.trim().is_empty() {
        return Err(PolicyError::Blank { option: "--min-age" });
    }
    // A number without a unit would mean seconds, but a user who omits the unit of an age means days.
    let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
    parse_duration(text).ok().filter(|_| has_unit).ok_or_else(age)
}

fn positive(option: &'static str, text: &str) -> Result<NonZeroU32, PolicyError> {
    NonZeroU32::new(number(option, text)?).ok_or(PolicyError::Zero { option })
}

/// Digits only: no sign and no white space, so that a blank is not 0.
fn number<N: FromStr>(option: &'static str, text: &str) -> Result<N, PolicyError> {
    if text.trim().is_empty() {
        return Err(PolicyError::Blank { option });
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = || PolicyError::NotANumber { option, found: text.to_owned() };
    text.parse().ok().filter(|_| digits).ok_or_else(wrong)
}

impl FromStr for VersionOrder {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let option = "--order";
        match text {
            "both" => Ok(Self::Both),
            "semver" => Ok(Self::Semver),
            "published" => Ok(Self::Published),
            blank if blank.trim().is_empty() => Err(PolicyError::Blank { option }),
            other => {
                Err(PolicyError::UnknownWord { option, wanted: "both, semver or published", found: other.to_owned() })
            }
        }
    }
}

impl fmt::Display for VersionOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "both",
            Self::Semver => "semver",
            Self::Published => "published",
        })
    }
}

impl FromStr for Prerelease {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let option = "--prerelease";
        match (text, text.strip_prefix("separate=")) {
            (_, Some(amount)) => positive("--prerelease separate", amount).map(|amount| Self::Separate(Some(amount))),
            ("count", None) => Ok(Self::Count),
            ("separate", None) => Ok(Self::Separate(None)),
            ("ignore", None) => Ok(Self::Ignore),
            (blank, None) if blank.trim().is_empty() => Err(PolicyError::Blank { option }),
            (other, None) => Err(PolicyError::UnknownWord {
                option,
                wanted: "count, separate, separate=N or ignore",
                found: other.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Prerelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Separate(None) => f.write_str("separate"),
            Self::Separate(Some(amount)) => write!(f, "separate={amount}"),
            Self::Ignore => f.write_str("ignore"),
        }
    }
}

impl TryFrom<String> for Prerelease {
    type Error = PolicyError;

    fn try_from(text: String) -> Result<Self, PolicyError> {
        text.parse()
    }
}

impl From<Prerelease> for String {
    fn from(prerelease: Prerelease) -> Self {
        prerelease.to_string()
    }
}

impl FromStr for ProtectPattern {
    type Err = PolicyError;

    /// Rejects syntax that other tools read as alternatives or escapes: taken literally, it would silently protect
    /// nothing.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        if text.trim().is_empty() {
            return Err(PolicyError::Blank { option: "--protect" });
        }
        let wrong = |why: &str| PolicyError::Pattern { found: text.to_owned(), why: why.to_owned() };
        if text.contains(['{', '}']) {
            return Err(wrong("braces are not supported; repeat --protect for each alternative"));
        }
        if text.contains('\\') {
            return Err(wrong("a tag cannot contain a backslash; write special characters in brackets, as in [*]"));
        }
        Pattern::new(text).map(Self).map_err(|error| wrong(error.msg))
    }
}

impl TryFrom<String> for ProtectPattern {
    type Error = PolicyError;

    fn try_from(text: String) -> Result<Self, PolicyError> {
        text.parse()
    }
}

impl From<ProtectPattern> for String {
    fn from(pattern: ProtectPattern) -> Self {
        pattern.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keep_must_be_a_positive_number() {
        let option = "--keep";
        assert_eq!(parse_keep("3").map(NonZeroU32::get), Ok(3));
        assert_eq!(parse_keep("0"), Err(PolicyError::Zero { option }));
        assert_eq!(parse_keep("00"), Err(PolicyError::Zero { option }));
        for blank in ["", " ", "\t\n"] {
            assert_eq!(parse_keep(blank), Err(PolicyError::Blank { option }), "{blank:?}");
        }
        for wrong in ["-1", "+3", "three", "3.0", " 3", "3 ", "0x3", "1e3", "4294967296", "٣", "NaN", "null"] {
            assert_eq!(parse_keep(wrong), Err(PolicyError::NotANumber { option, found: wrong.to_owned() }));
        }
        assert!(parse_max_delete("x").is_err());
        assert!(parse_max_delete("").is_err());
        assert_eq!(parse_max_delete("397"), Ok(397));
    }

    #[test]
    fn ages_need_a_unit() {
        for (text, seconds) in [("90m", 5400), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600), ("0s", 0)] {
            assert_eq!(parse_min_age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", " ", "24", "h", "-1h", "1.5h", "24 h", "24H", "1y", "99999999999999999999d", "9999999w", "1é"]
        {
            assert!(parse_min_age(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn keywords_are_exact() {
        for order in [VersionOrder::Both, VersionOrder::Semver, VersionOrder::Published] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        let three = NonZeroU32::new(3);
        for prerelease in
            [Prerelease::Count, Prerelease::Separate(None), Prerelease::Separate(three), Prerelease::Ignore]
        {
            assert_eq!(prerelease.to_string().parse(), Ok(prerelease));
        }
        for wrong in ["", "Both", "time", "created"] {
            assert!(wrong.parse::<VersionOrder>().is_err(), "{wrong:?}");
        }
        for wrong in ["", "separate=", "separate=0", "separate=-1", "separate3", "superseded", "Ignore"] {
            assert!(wrong.parse::<Prerelease>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn patterns_match_whole_names_and_invalid_ones_are_rejected() {
        for (pattern, name, matches) in [
            ("v1.0.*", "v1.0.7", true),
            ("v1.0.*", "v1.0", false),
            ("v1.0.?", "v1.0.12", false),
            ("v[12].*", "v2.0.0-rc.1", true),
            ("*", "release/1.0", true),
            ("v1.0.0", "V1.0.0", false),
            ("r\u{e9}s*", "r\u{e9}sum\u{e9}", true),
        ] {
            let parsed: ProtectPattern = pattern.parse().expect("a pattern");
            assert_eq!(parsed.matches(name), matches, "{pattern} {name}");
        }
        for wrong in ["", " ", "v[1", "v{1,2}.*", "v1\\.*", "v1.***"] {
            assert!(wrong.parse::<ProtectPattern>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = parse_keep(&text);
            let _ = parse_max_delete(&text);
            let _ = parse_min_age(&text);
            let _ = text.parse::<VersionOrder>();
            let _ = text.parse::<Prerelease>();
            if let Ok(pattern) = text.parse::<ProtectPattern>() {
                let _ = pattern.matches(&text);
                prop_assert_eq!(pattern.as_str(), text.as_str());
            }
        }
    }
}
