//! How a command fails: one error with its class, its causes and its hints. Every directory's errors become this here or
//! beside the command that knows the flags, and nowhere else.

pub mod exit;
mod system;

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::failure::exit::ExitStatus;

pub use system::SystemError;
pub use system::io_advice;
pub use system::io_again;

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
        let (status, hints) = io_advice(&error, Some(path));
        let failure = Self::new(status, error).context(format!("failed to {doing} `{}`", path.display()));
        Self { hints, ..failure }
    }

    /// A failure of the system that is about no file: a process that does not start, memory that is not there.
    pub fn system(doing: &str, error: io::Error) -> Self {
        let (status, hints) = io_advice(&error, None);
        Self { hints, ..Self::new(status, error).context(format!("failed to {doing}")) }
    }

    /// The failure as the last word of the operating system has it: where this process or the system has run out of
    /// something, that is the failure, whatever it looked like to the step that met it; and where nobody knew a way out, the
    /// error number has one.
    pub fn as_the_system_has_it(mut self) -> Self {
        match SystemError::among_causes(&*self.error) {
            Some(row) if row.is_limit() => Self { status: row.status(), hints: vec![row.hint(None)], ..self },
            Some(row) => {
                if self.hints.is_empty() {
                    self.hints.push(row.hint(None));
                }
                self
            }
            None => self,
        }
    }

    /// The message and its causes, without repeating a cause that the message before it already said. What the system calls
    /// by a name that few know is said in words.
    pub fn lines(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let mut lines = Vec::new();
        for cause in self.error.chain() {
            let text = cause.to_string();
            if texts.last().is_some_and(|last| last.ends_with(&text) || last.starts_with(&text)) {
                continue;
            }
            let system = cause.downcast_ref::<io::Error>().filter(|error| error.raw_os_error().is_some());
            lines.push(match system.and_then(SystemError::of).and_then(SystemError::meaning) {
                Some(meaning) => format!("{meaning} ({text})"),
                None => text.clone(),
            });
            texts.push(text);
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
