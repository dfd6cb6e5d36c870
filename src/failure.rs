//! How a command fails: one error with its class, its causes and its hints. Every folder's errors become this here or
//! beside the command that knows the flags, and nowhere else.

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::exit::ExitStatus;

/// A failure on its way to the user.
#[derive(Debug)]
pub struct CommandError {
    /// The class, which decides the exit code.
    pub status: ExitStatus,
    /// What happened, with its causes.
    pub error: anyhow::Error,
    /// Lines that belong to it: what a child process said, or what was looked at.
    pub details: Vec<String>,
    /// What to do next, most useful first.
    pub hints: Vec<String>,
}

/// The document `--json` prints for a failure.
#[derive(Debug, Serialize)]
pub struct ErrorDocument {
    schema: &'static str,
    status: ExitStatus,
    exit_code: u8,
    error: String,
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
    hints: Vec<String>,
}

impl CommandError {
    /// A failure of a class, without hints.
    pub fn new(status: ExitStatus, error: impl Into<anyhow::Error>) -> Self {
        Self { status, error: error.into(), details: Vec::new(), hints: Vec::new() }
    }

    /// A failure that is only a sentence.
    pub fn message(status: ExitStatus, message: impl Into<String>) -> Self {
        Self::new(status, anyhow::Error::msg(message.into()))
    }

    /// Adds lines that belong to it.
    pub fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }

    /// Adds a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says what was being done when it failed.
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.error = self.error.context(context.into());
        self
    }

    /// A failure of the file system while doing something to a path, classed and hinted by what the system said.
    pub fn io(doing: &str, path: &Path, error: io::Error) -> Self {
        let status = io_status(&error);
        let hint = io_hint(&error, path);
        let failure = Self::new(status, error).context(format!("failed to {doing} `{}`", path.display()));
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    /// The message and its causes, without repeating a cause that the message before it already said.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for cause in self.error.chain() {
            let text = cause.to_string();
            if lines.last().is_none_or(|last| !last.ends_with(&text) && !last.starts_with(&text)) {
                lines.push(text);
            }
        }
        lines
    }

    /// The failure as the one document of `--json`.
    pub fn document(&self) -> ErrorDocument {
        let mut lines = self.lines().into_iter();
        ErrorDocument {
            schema: "reproq.error/1",
            status: self.status,
            exit_code: self.status.code(),
            error: lines.next().unwrap_or_default(),
            causes: lines.collect(),
            details: self.details.clone(),
            hints: self.hints.clone(),
        }
    }
}

/// The class of a file system error.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the system knows many kinds, and only these have a class of their own"
)]
pub fn io_status(error: &io::Error) -> ExitStatus {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ExitStatus::NotPermitted,
        io::ErrorKind::NotFound => ExitStatus::NotFound,
        _ => ExitStatus::Failure,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the system knows many kinds, and only these have a way out")]
fn io_hint(error: &io::Error, path: &Path) -> Option<String> {
    let folder = path.parent().unwrap_or(path).display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Some(format!("run as the user who owns `{folder}`, or give yourself write permission there"))
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            Some(format!("`{folder}` is on a read-only file system; install elsewhere with `--to PATH`"))
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some(format!("free some space on the file system of `{folder}` and run the same command again"))
        }
        io::ErrorKind::NotADirectory => {
            Some(format!("a file stands where `{folder}` needs a folder; move it away and run the same command again"))
        }
        io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
            Some(format!("something stands in the way in `{folder}`; move it away and run the same command again"))
        }
        io::ErrorKind::InvalidFilename => {
            Some("the path is longer than the system allows; move the project to a shorter one".to_owned())
        }
        io::ErrorKind::FileTooLarge => {
            Some("a limit on the size of files is set for this process (`ulimit -f`); raise it".to_owned())
        }
        _ => None,
    }
}
