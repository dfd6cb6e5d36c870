//! Pauses and resumes queues.

use chrono::DateTime;
use chrono::Utc;

use super::Written;
use super::columns::InsertTarget;
use super::columns::refuse_unknown;
use crate::pg::FromRow;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Row;
use crate::pg::Transaction;
use crate::sql::queues as sql;
use crate::stats::QueueControl;

/// What the insertion names.
const CONTROLS: InsertTarget = InsertTarget {
    table: "reproq_queue_controls",
    columns: &["queue_name", "paused", "paused_at", "reason", "created_at", "updated_at"],
};

/// A queue before it is paused or resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// The time of the database.
    pub now: DateTime<Utc>,
    /// What was set for it.
    pub control: Option<QueueControl>,
    /// Tasks that are READY, including those that are due later.
    pub ready: i64,
    /// Those of them that are due later.
    pub scheduled: i64,
    /// Tasks that run.
    pub running: i64,
    /// Tasks that wait for others of their workflow.
    pub waiting: i64,
    /// Whether a worker has reported that it serves the queue.
    pub is_served: bool,
    /// Whether a schedule enqueues into it.
    pub is_scheduled: bool,
}

impl QueueState {
    /// Whether nothing is claimed from it.
    pub fn is_paused(&self) -> bool {
        self.control.as_ref().is_some_and(|control| control.paused)
    }

    /// Whether anything uses this name. A queue exists only in the names that tasks, workers and schedules have.
    pub const fn is_in_use(&self) -> bool {
        let tasks = self.ready + self.running + self.waiting;
        tasks > 0 || self.is_served || self.is_scheduled || self.control.is_some()
    }
}

impl FromRow for QueueState {
    fn from_row(row: &Row) -> Result<Self, PgError> {
        let has_control = row.read::<Option<String>>("queue_name")?.is_some();
        Ok(Self {
            now: row.read("now")?,
            control: if has_control { Some(QueueControl::from_row(row)?) } else { None },
            ready: row.read("ready")?,
            scheduled: row.read("scheduled")?,
            running: row.read("running")?,
            waiting: row.read("waiting")?,
            is_served: row.read("is_served")?,
            is_scheduled: row.read("is_scheduled")?,
        })
    }
}

/// Pauses a queue. Without a reason, the one that was given before is kept while it is paused.
pub async fn pause_queue(
    tx: &Transaction<'_>,
    queue: &str,
    reason: Option<&str>,
) -> Result<(QueueState, Written<QueueControl>), PgError> {
    let state = seen(tx, queue).await?;
    let written = pause_seen(tx, queue, &state, reason).await?;
    Ok((state, written))
}

/// A queue as it is, before a change that [`pause_queue_as_seen`] or [`resume_queue_as_seen`] makes later.
pub async fn queue_state(tx: &Transaction<'_>, queue: &str) -> Result<QueueState, PgError> {
    seen(tx, queue).await
}

/// Pauses a queue, if its pause is as it was seen.
pub async fn pause_queue_as_seen(
    tx: &Transaction<'_>,
    queue: &str,
    state: &QueueState,
) -> Result<Written<QueueControl>, PgError> {
    pause_seen(tx, queue, state, None).await
}

/// Resumes a queue, if its pause is as it was seen.
pub async fn resume_queue_as_seen(tx: &Transaction<'_>, state: &QueueState) -> Result<Written<QueueControl>, PgError> {
    resume_seen(tx, state).await
}

/// Pauses a queue, unless it is paused already.
pub async fn pause_open_queue(
    tx: &Transaction<'_>,
    queue: &str,
    reason: &str,
) -> Result<Written<QueueControl>, PgError> {
    let state = seen(tx, queue).await?;
    if state.is_paused() {
        return Ok(Written::Unchanged);
    }
    pause_seen(tx, queue, &state, Some(reason)).await
}

/// Resumes a queue, if it is paused for this reason.
pub async fn resume_paused_queue(
    tx: &Transaction<'_>,
    queue: &str,
    reason: &str,
) -> Result<Written<QueueControl>, PgError> {
    match seen(tx, queue).await?.control {
        Some(control) if control.paused && control.reason.as_deref() == Some(reason) => {
            Ok(written(tx.fetch(sql::UPDATE, &parameters(&control, false, "")).await?))
        }
        Some(_) | None => Ok(Written::Unchanged),
    }
}

async fn pause_seen(
    tx: &Transaction<'_>,
    queue: &str,
    state: &QueueState,
    reason: Option<&str>,
) -> Result<Written<QueueControl>, PgError> {
    let Some(control) = &state.control else {
        refuse_unknown(tx, CONTROLS).await?;
        return Ok(written(tx.fetch(sql::INSERT_PAUSE, &[queue.into(), reason.unwrap_or_default().into()]).await?));
    };
    let old = control.reason.as_deref();
    if control.paused && reason.is_none_or(|reason| reason == old.unwrap_or_default()) {
        return Ok(Written::Unchanged);
    }
    Ok(written(tx.fetch(sql::UPDATE, &parameters(control, true, reason.unwrap_or_default())).await?))
}

/// Resumes a queue.
pub async fn resume_queue(tx: &Transaction<'_>, queue: &str) -> Result<(QueueState, Written<QueueControl>), PgError> {
    let state = seen(tx, queue).await?;
    let written = resume_seen(tx, &state).await?;
    Ok((state, written))
}

async fn resume_seen(tx: &Transaction<'_>, state: &QueueState) -> Result<Written<QueueControl>, PgError> {
    match &state.control {
        Some(control) if control.paused => Ok(written(tx.fetch(sql::UPDATE, &parameters(control, false, "")).await?)),
        Some(_) | None => Ok(Written::Unchanged),
    }
}

async fn seen(tx: &Transaction<'_>, queue: &str) -> Result<QueueState, PgError> {
    QueueState::from_row(&tx.one(sql::SEEN, &[queue.into()]).await?)
}

fn parameters<'a>(old: &'a QueueControl, paused: bool, reason: &'a str) -> [Param<'a>; 5] {
    [
        Param::from(old.queue_name.as_str()),
        Param::Bool(paused),
        Param::Bool(old.paused),
        Param::Text(old.reason.as_deref()),
        Param::from(reason),
    ]
}

fn written<T>(mut rows: Vec<T>) -> Written<T> {
    rows.pop().map_or(Written::Conflict, Written::Changed)
}
