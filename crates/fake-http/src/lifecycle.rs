//! The shutdown of the fake: one flag that every wait observes.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::time::Duration;
use std::time::Instant;

/// How long dropping waits for busy threads; they hold nothing that outlives the process.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a scripted stall lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Until the fake is dropped.
    UntilDropped,
    /// This long, or until the fake is dropped.
    For(Duration),
}

/// The open connections, and whether the fake is shutting down.
#[derive(Debug, Default)]
pub struct Lifecycle {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    stopping: bool,
    next: u64,
    open: BTreeMap<u64, Weak<TcpStream>>,
}

impl Lifecycle {
    /// Registers a connection; `None` if the fake is shutting down.
    pub fn enter(&self, socket: &Arc<TcpStream>) -> Option<u64> {
        let mut inner = self.lock();
        if inner.stopping {
            return None;
        }
        inner.next += 1;
        let id = inner.next;
        inner.open.insert(id, Arc::downgrade(socket));
        Some(id)
    }

    /// Unregisters a connection.
    pub fn leave(&self, id: u64) {
        self.lock().open.remove(&id);
        self.changed.notify_all();
    }

    /// Whether the fake is shutting down.
    pub fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Waits; returns whether the fake is still running afterwards.
    pub fn hold(&self, hold: Hold) -> bool {
        let inner = self.lock();
        match hold {
            Hold::UntilDropped => {
                drop(self.changed.wait_while(inner, |inner| !inner.stopping));
                false
            }
            Hold::For(time) => {
                let (inner, _) = self
                    .changed
                    .wait_timeout_while(inner, time, |inner| !inner.stopping)
                    .unwrap_or_else(PoisonError::into_inner);
                !inner.stopping
            }
        }
    }

    /// Ends every wait and closes every connection.
    pub fn stop(&self) {
        let mut inner = self.lock();
        inner.stopping = true;
        for socket in inner.open.values().filter_map(Weak::upgrade) {
            // The socket may already be closed.
            let _ = socket.shutdown(Shutdown::Both);
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// Waits until every connection is unregistered, for a few seconds at most.
    pub fn wait_for_the_last(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.lock();
        while !inner.open.is_empty() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
