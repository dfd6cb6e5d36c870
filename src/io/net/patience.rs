//! How long a body may go on without bringing anything worth waiting for.

use std::time::Duration;

use tokio::time::Instant;

/// A body that brings less than this in a whole idle period stands still for all that people care.
const LEAST_PROGRESS: u64 = 1024;

/// Watches a body arrive. That nothing comes at all is the client's own timeout; this one is for those who send a byte now
/// and then, for as long as anybody listens.
#[derive(Debug)]
pub(crate) struct Patience {
    idle: Duration,
    began: Instant,
    received: u64,
}

impl Patience {
    /// From now on.
    pub(crate) fn new(idle: Duration) -> Self {
        Self { idle, began: Instant::now(), received: 0 }
    }

    /// So many bytes came. False when a whole idle period has brought too little.
    pub(crate) fn is_left_after(&mut self, bytes: u64) -> bool {
        self.received += bytes;
        if self.began.elapsed() <= self.idle {
            return true;
        }
        let enough = self.received >= LEAST_PROGRESS;
        (self.began, self.received) = (Instant::now(), 0);
        enough
    }
}
