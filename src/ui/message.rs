//! The kinds of messages on stderr, and their form as a line of text.

use serde::Serialize;

/// What a line on stderr is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MessageKind {
    Status,
    Debug,
    Warning,
    Hint,
    Error,
    /// A cause of the error before it.
    Cause,
    /// More about the error before it.
    Detail,
    /// A line of what a question is about.
    Preview,
    /// A question, answered on stdin.
    Question,
}

impl MessageKind {
    /// The line, which ends with a line feed.
    pub(super) fn line(self, text: &str, is_colored: bool) -> String {
        let (label, style) = match self {
            Self::Status | Self::Preview | Self::Question => return format!("{text}\n"),
            Self::Cause => return format!("  caused by: {text}\n"),
            Self::Detail => return format!("  {text}\n"),
            Self::Debug => ("debug", "2"),
            Self::Warning => ("warning", "1;33"),
            Self::Hint => ("hint", "1;36"),
            Self::Error => ("error", "1;31"),
        };
        if is_colored { format!("\x1b[{style}m{label}:\x1b[0m {text}\n") } else { format!("{label}: {text}\n") }
    }
}
