//! The clock of a run: real, or simulated to estimate long runs.

use std::cell::Cell;
use std::time::Duration;
use std::time::Instant;

use chrono::DateTime;
use chrono::SubsecRound;
use chrono::Utc;

/// The current time, and waiting.
#[derive(Debug)]
pub enum Clock {
    /// The wall clock.
    Wall {
        /// The start of the run.
        began: DateTime<Utc>,
        /// The start as an instant, for durations.
        at: Instant,
    },
    /// Adds up waits without waiting; benchmarks use it to estimate the duration of a run.
    Modelled {
        /// The start of the run.
        began: DateTime<Utc>,
        /// The total of all waits.
        waited: Cell<Duration>,
    },
}

impl Clock {
    /// A real clock.
    pub fn wall(now: DateTime<Utc>) -> Self {
        Self::Wall { began: now, at: Instant::now() }
    }

    /// A simulated clock.
    pub const fn modelled(now: DateTime<Utc>) -> Self {
        Self::Modelled { began: now, waited: Cell::new(Duration::ZERO) }
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Wall { at, .. } => at.elapsed(),
            Self::Modelled { waited, .. } => waited.get(),
        }
    }

    /// The current time in milliseconds.
    pub fn now(&self) -> DateTime<Utc> {
        let (Self::Wall { began, .. } | Self::Modelled { began, .. }) = self;
        (*began + self.elapsed()).trunc_subsecs(3)
    }

    /// Waits.
    pub async fn sleep(&self, time: Duration) {
        match self {
            Self::Wall { .. } => tokio::time::sleep(time).await,
            Self::Modelled { waited, .. } => waited.set(waited.get() + time),
        }
    }
}
