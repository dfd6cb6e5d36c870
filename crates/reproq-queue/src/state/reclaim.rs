//! Whether a running task has lost its worker. Only its lease decides: how long it has been running, and whether its worker
//! was seen lately, prove nothing.

use jiff::Timestamp;
use thiserror::Error;

use crate::state::TaskEvent;

/// What decides about a running task. All times are those of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningTask {
    /// The column `leased_until`.
    pub leased_until: Option<Timestamp>,
    /// How often it was claimed.
    pub attempts: i32,
    /// How often it may be claimed.
    pub max_attempts: i32,
    /// Whether its cancellation was requested. It would be killed again in its next attempt.
    pub cancel_requested: bool,
}

/// The lease of a running task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// A worker holds it.
    Held,
    /// It ended without a result.
    Expired,
    /// There is none, so no worker will ever reclaim the task.
    Missing,
}

/// Why a running task is not reclaimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReclaimRefusal {
    /// A worker holds it.
    #[error("its lease has not expired")]
    Held,
    /// There is no lease; that must be allowed explicitly.
    #[error("it has no lease, so that it cannot be told whether it runs")]
    NoLease,
}

impl RunningTask {
    /// The state of its lease at this time.
    pub fn lease(&self, now: Timestamp) -> LeaseState {
        match self.leased_until {
            Some(until) if until < now => LeaseState::Expired,
            Some(_) => LeaseState::Held,
            None => LeaseState::Missing,
        }
    }

    /// What reclaiming does to it.
    pub fn reclaim(&self, now: Timestamp, include_missing: bool) -> Result<TaskEvent, ReclaimRefusal> {
        match self.lease(now) {
            LeaseState::Held => Err(ReclaimRefusal::Held),
            LeaseState::Missing if !include_missing => Err(ReclaimRefusal::NoLease),
            LeaseState::Expired | LeaseState::Missing
                if self.cancel_requested || self.attempts >= self.max_attempts =>
            {
                Ok(TaskEvent::GiveUp)
            }
            LeaseState::Expired | LeaseState::Missing => Ok(TaskEvent::Requeue),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lease_and_the_attempts_decide() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        let lease = |text: &str| Some(text.parse::<Timestamp>().expect("a time"));
        let (old, same, later) = (lease("2026-01-01T11:59:59Z"), Some(now), lease("2026-01-01T12:00:01Z"));
        let cases = [
            (old, 1, false, false, Ok(TaskEvent::Requeue)),
            (old, 3, false, false, Ok(TaskEvent::GiveUp)),
            (old, 1, true, false, Ok(TaskEvent::GiveUp)),
            (same, 1, false, true, Err(ReclaimRefusal::Held)),
            (later, 9, false, true, Err(ReclaimRefusal::Held)),
            (None, 1, false, false, Err(ReclaimRefusal::NoLease)),
            (None, 1, false, true, Ok(TaskEvent::Requeue)),
        ];
        for (leased_until, attempts, cancel_requested, include_missing, expected) in cases {
            let task = RunningTask { leased_until, attempts, max_attempts: 3, cancel_requested };
            assert_eq!(task.reclaim(now, include_missing), expected, "{task:?}");
        }
    }
}
