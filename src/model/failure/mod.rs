//! The error of a command: class, causes and hints. The errors of all directories are converted to it here or in
//! `commands`, which knows the options to suggest.

pub(crate) mod exit;
mod system;

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::failure::exit::ExitStatus;

pub(crate) use system::SystemError;
pub(crate) use system::io_advice;
pub(crate) use system::io_again;

/// An error as the user sees it.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// The class, which decides the exit code.
    pub status: ExitStatus,
    /// What happened, with its causes.
    pub error: anyhow::Error,
    /// Lines below the causes: the output of a child process, or what was checked.
    pub details: Vec<String>,
    /// What to do next, most useful first.
    pub hints: Vec<String>,
}

/// The document `--json` prints for a failure.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorDocument {
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
    /// An error without hints.
    pub(crate) fn new(status: ExitStatus, error: impl Into<anyhow::Error>) -> Self {
        Self { status, error: error.into(), details: Vec::new(), hints: Vec::new() }
    }

    /// An error that is only a message.
    pub(crate) fn message(status: ExitStatus, message: impl Into<String>) -> Self {
        Self::new(status, anyhow::Error::msg(message.into()))
    }

    /// Adds lines below the causes.
    pub(crate) fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what was being done when it failed.
    pub(crate) fn context(mut self, context: impl Into<String>) -> Self {
        self.error = self.error.context(context.into());
        self
    }

    /// An I/O error on a path; class and hint follow from the error of the system.
    pub(crate) fn io(doing: &str, path: &Path, error: io::Error) -> Self {
        let (status, hints) = io_advice(&error, Some(path));
        let failure = Self::new(status, error).context(format!("failed to {doing} `{}`", path.display()));
        Self { hints, ..failure }
    }

    /// An error of the system that is not about a file: a process that does not start, not enough memory.
    pub(crate) fn system(doing: &str, error: io::Error) -> Self {
        let (status, hints) = io_advice(&error, None);
        Self { hints, ..Self::new(status, error).context(format!("failed to {doing}")) }
    }

    /// Replaces class and hints if a resource limit of the process or the system is among the causes, whatever the step
    /// made of it. Otherwise adds the hint for the system's error number if there is no hint yet.
    pub(crate) fn with_system_advice(mut self) -> Self {
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

    /// The message and its causes, without a cause that the previous message already contains. Obscure system errors are
    /// explained.
    pub(crate) fn lines(&self) -> Vec<String> {
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

    /// The document that `--json` prints.
    pub(crate) fn document(&self) -> ErrorDocument {
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
