//! Detects bodies that arrive too slowly.

use std::time::Duration;

use tokio::time::Instant;

/// A body with fewer bytes than this in an idle period is stalled.
const LEAST_PROGRESS: u64 = 1024;

/// Measures the progress of a body. The client's own timeout covers a complete stall; this covers servers that send a
/// byte now and then, indefinitely.
#[derive(Debug)]
pub(crate) struct Patience {
    idle: Duration,
    began: Instant,
    received: u64,
}

impl Patience {
    /// Starts measuring.
    pub(crate) fn new(idle: Duration) -> Self {
        Self { idle, began: Instant::now(), received: 0 }
    }

    /// Records received bytes. Returns false if an idle period had too few.
    pub(crate) fn is_progressing_after(&mut self, bytes: u64) -> bool {
        self.received += bytes;
        if self.began.elapsed() <= self.idle {
            return true;
        }
        let enough = self.received >= LEAST_PROGRESS;
        (self.began, self.received) = (Instant::now(), 0);
        enough
    }
}
