//! Why a program told nothing.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::failure::SystemError;

/// Why a program told nothing. Whatever the reason, nothing of it is left running.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The system did not start it.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It could not be watched to its end.
    #[error("failed to monitor {}", program.display())]
    Lost {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It did not end in time.
    #[error("timed out after {} seconds", limit.as_secs_f64())]
    TimedOut {
        /// The time it had.
        limit: Duration,
        /// What it had written to its standard error.
        stderr: Vec<u8>,
    },
    /// It printed more than anybody reads.
    #[error("its output is longer than {limit} bytes")]
    Flooded {
        /// How much it may print.
        limit: usize,
    },
    /// The caller gave up.
    #[error("canceled")]
    GivenUp,
}

impl ProcessError {
    /// Whether the program itself is the reason. Otherwise the system had no process, file or memory left for it, and
    /// another program would fare no better.
    pub fn is_of_the_program(&self) -> bool {
        match self {
            Self::Start { source, .. } => !SystemError::of(source).is_some_and(SystemError::is_limit),
            Self::Lost { .. } => false,
            Self::TimedOut { .. } | Self::Flooded { .. } | Self::GivenUp => true,
        }
    }

    /// The error and its cause in one line, with the cause in words.
    pub fn line(&self) -> String {
        match self {
            Self::Start { source, .. } | Self::Lost { source, .. } => {
                let meaning = SystemError::of(source).and_then(SystemError::meaning);
                let meaning = meaning.map_or_else(|| source.to_string(), |meaning| format!("{meaning} ({source})"));
                format!("{self}: {meaning}")
            }
            Self::TimedOut { .. } | Self::Flooded { .. } | Self::GivenUp => self.to_string(),
        }
    }

    /// What to do where the system is the reason.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Start { source, .. } | Self::Lost { source, .. } if !self.is_of_the_program() => {
                SystemError::of(source).map(|row| row.hint(None))
            }
            Self::Start { .. } | Self::Lost { .. } | Self::TimedOut { .. } | Self::Flooded { .. } | Self::GivenUp => {
                None
            }
        }
    }
}
