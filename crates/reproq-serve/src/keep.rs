//! Keeps the depth of the queues in the database, if it has a table for that: the only thing that is ever written.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use reproq_queue::pg::Limits;
use reproq_queue::pg::Session;
use reproq_queue::read;
use reproq_queue::write;

use crate::observe::sentence;
use crate::state::LiveView;

/// How often that is tried: several times in the five minutes of which one sample is kept.
const EVERY: Duration = Duration::from_secs(60);

/// When the depth was kept last, and whether that failed.
#[derive(Debug, Default)]
pub(crate) struct DepthKeeper {
    kept_at: Option<Instant>,
    has_failed: bool,
}

impl DepthKeeper {
    /// Keeps what was observed, if it is time. Returns why that fails, once until it works again.
    pub(crate) async fn keep(&mut self, live: Option<Arc<LiveView>>, session: &Session) -> Option<String> {
        let live = live.filter(|_| self.kept_at.is_none_or(|at| at.elapsed() >= EVERY))?;
        self.kept_at = Some(Instant::now());
        let state = session.read(Limits::default(), async |tx| read::depth_history(tx).await).await;
        let kept = match state {
            Ok((_, true)) => {
                session.write(Limits::default(), async |tx| write::record_depth(tx, &live.queues).await).await
            }
            // There is no table, or nothing can be read, which is reported already.
            Ok((_, false)) | Err(_) => Ok(()),
        };
        let had_failed = std::mem::replace(&mut self.has_failed, kept.is_err());
        kept.err().filter(|_| !had_failed).map(|error| sentence(&error))
    }
}
