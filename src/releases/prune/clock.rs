//! The time while work is done. It passes, or for models of long work it is only counted.

use std::cell::Cell;
use std::time::Duration;
use std::time::Instant;

use chrono::DateTime;
use chrono::SubsecRound;
use chrono::Utc;

/// What time it is, and waiting.
#[derive(Debug)]
pub enum Clock {
    /// The wall's.
    Wall {
        /// When the work began.
        began: DateTime<Utc>,
        /// The same moment, for measuring.
        at: Instant,
    },
    /// Waits are added up instead of waited: what a bench uses to say how long the work would take.
    Modelled {
        /// When the work began.
        began: DateTime<Utc>,
        /// All waits so far.
        waited: Cell<Duration>,
    },
}

impl Clock {
    /// A clock that runs.
    pub fn wall(now: DateTime<Utc>) -> Self {
        Self::Wall { began: now, at: Instant::now() }
    }

    /// A clock that only counts.
    pub const fn modelled(now: DateTime<Utc>) -> Self {
        Self::Modelled { began: now, waited: Cell::new(Duration::ZERO) }
    }

    /// How long the work has gone on.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Wall { at, .. } => at.elapsed(),
            Self::Modelled { waited, .. } => waited.get(),
        }
    }

    /// The time, in milliseconds.
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
