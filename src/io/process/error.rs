//! Why running a program failed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::failure::SystemError;

/// Why running a program failed. In every case no process is left running.
#[derive(Debug, Error)]
pub(crate) enum ProcessError {
    /// The system did not start it.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// It could not be monitored.
    #[error("failed to monitor {}", program.display())]
    Lost {
        /// The program.
        program: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// It did not end in time.
    #[error("timed out after {} seconds", limit.as_secs_f64())]
    TimedOut {
        /// The time limit.
        limit: Duration,
        /// Its standard output so far.
        stdout: Vec<u8>,
        /// Its standard error so far.
        stderr: Vec<u8>,
    },
    /// Its output is larger than the limit.
    #[error("its output is longer than {limit} bytes")]
    Flooded {
        /// The limit in bytes.
        limit: usize,
    },
    /// The caller canceled it.
    #[error("canceled")]
    GivenUp,
}

impl ProcessError {
    /// Whether the program itself is the cause. Otherwise the system had no process, file or memory left, and
    /// another program would also fail.
    pub(crate) fn is_of_the_program(&self) -> bool {
        match self {
            Self::Start { source, .. } => !SystemError::of(source).is_some_and(SystemError::is_limit),
            Self::Lost { .. } => false,
            Self::TimedOut { .. } | Self::Flooded { .. } | Self::GivenUp => true,
        }
    }

    /// The error and its cause in one line.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Start { source, .. } | Self::Lost { source, .. } => {
                let meaning = SystemError::of(source).and_then(SystemError::meaning);
                let meaning = meaning.map_or_else(|| source.to_string(), |meaning| format!("{meaning} ({source})"));
                format!("{self}: {meaning}")
            }
            Self::TimedOut { .. } | Self::Flooded { .. } | Self::GivenUp => self.to_string(),
        }
    }

    /// A hint if the system is the cause.
    pub(crate) fn hint(&self) -> Option<String> {
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
