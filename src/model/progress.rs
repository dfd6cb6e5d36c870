//! The progress of long steps. The user interface implements it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How progress is shown (`--progress`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProgressStyle {
    /// Lines that move on a terminal, otherwise as `Plain`.
    #[default]
    Auto,
    /// One line per step.
    Plain,
    /// One JSON object per line.
    Json,
    /// Only warnings and errors.
    None,
}

/// A string that names no style.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("it must be auto, plain, json or none; found `{0}`")]
pub struct ProgressStyleError(String);

impl ProgressStyle {
    /// The name of each style.
    pub const NAMES: [&'static str; 4] = ["auto", "plain", "json", "none"];
}

impl fmt::Display for ProgressStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::Json => "json",
            Self::None => "none",
        })
    }
}

impl FromStr for ProgressStyle {
    type Err = ProgressStyleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let styles = [Self::Auto, Self::Plain, Self::Json, Self::None];
        let found = styles.into_iter().find(|style| style.to_string() == text.trim().to_ascii_lowercase());
        found.ok_or_else(|| ProgressStyleError(text.to_owned()))
    }
}

/// Receives the progress of long steps. All methods take `&self`, so that one receiver can serve an entire command.
pub trait Progress {
    /// A step begins. `total` is in bytes, if known.
    fn begin(&self, label: &str, total: Option<u64>);

    /// The step has processed this many more bytes.
    fn advance(&self, bytes: u64);

    /// The step starts over, because it could not be resumed.
    fn restart(&self);

    /// The step has ended, successfully or not.
    fn end(&self);

    /// A message during the step: a retry, or output of a child process.
    fn note(&self, line: &str);

    /// The receiver of another step that runs at the same time. By default it is not shown.
    fn beside(&self) -> Box<dyn Progress + '_> {
        Box::new(NoProgress)
    }
}

/// Discards progress, for tests and for steps that are not shown.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _label: &str, _total: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn restart(&self) {}
    fn end(&self) {}
    fn note(&self, _line: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_style_and_the_style_has_that_name() {
        for name in ProgressStyle::NAMES {
            let style: ProgressStyle = name.to_uppercase().parse().expect("a style");
            assert_eq!(style.to_string(), name);
        }
        let refused = "bars".parse::<ProgressStyle>().expect_err("not a style").to_string();
        assert_eq!(refused, "it must be auto, plain, json or none; found `bars`");
    }
}
