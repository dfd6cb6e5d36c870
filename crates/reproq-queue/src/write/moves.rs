//! Moves the tasks of a queue to another database, each function in a transaction of one of the two.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::columns::InsertTarget;
use super::columns::refuse_unknown;
use crate::moves::MovePause;
use crate::moves::MoveSide;
use crate::moves::MovedTask;
use crate::pg::FromRow;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Row;
use crate::pg::Transaction;
use crate::read;
use crate::sql::moves as sql;
use crate::stats::QueueControl;

/// What is copied, or written to the copy.
const MOVED_ROWS: InsertTarget = InsertTarget {
    table: "task_runs",
    columns: &[
        "artifacts_uri",
        "attempts",
        "backend_alias",
        "cancel_requested",
        "concurrency_key",
        "concurrency_limit",
        "created_at",
        "enqueued_at",
        "errors_json",
        "expires_at",
        "failed_at",
        "finished_at",
        "last_attempted_at",
        "last_error",
        "leased_by",
        "leased_until",
        "lock_key",
        "logs_uri",
        "max_attempts",
        "metadata_json",
        "parent_id",
        "priority",
        "queue_name",
        "result_id",
        "return_json",
        "run_after",
        "spec_hash",
        "spec_json",
        "started_at",
        "status",
        "task_path",
        "timeout_seconds",
        "updated_at",
        "wait_count",
        "worker_ids",
        "workflow_id",
    ],
};

/// The largest number of bytes that are copied at once, unless a single task has more.
const BYTES: i64 = 8 * 1024 * 1024;

/// A column of the table of tasks that this version would not copy.
pub fn column_not_copied(side: &MoveSide) -> Option<&str> {
    side.columns.iter().map(String::as_str).find(|column| !MOVED_ROWS.columns.contains(column))
}

/// A task as it is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTask {
    /// Its id in the source.
    pub from: i64,
    /// Its columns as JSON.
    record: String,
    fingerprint: String,
}

/// A task that waits in the target, and what it was copied from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldTask {
    source_id: i64,
    target_id: i64,
    fingerprint: String,
}

impl HeldTask {
    /// Its ids.
    pub const fn task(&self) -> MovedTask {
        MovedTask { from: self.source_id, to: self.target_id }
    }
}

/// How many tasks run, and how many of them without a valid lease.
pub async fn running_tasks(tx: &Transaction<'_>, queue: &str) -> Result<(i64, i64), PgError> {
    let row = tx.one(sql::RUNNING, &[queue.into()]).await?;
    Ok((row.read("running")?, row.read("without_lease")?))
}

/// Either database: what a move needs to know.
pub async fn move_side(tx: &Transaction<'_>, queue: &str) -> Result<MoveSide, PgError> {
    let row = tx.one(sql::SIDE, &[queue.into()]).await?;
    let has_control = row.read::<Option<String>>("queue_name")?.is_some();
    let control = if has_control { Some(QueueControl::from_row(&row)?) } else { None };
    let (ready, movable): (i64, i64) = (row.read("ready")?, row.read("movable")?);
    let key = [format!("queue:{queue}")];
    Ok(MoveSide {
        identity: row.read("identity")?,
        columns: row.read("columns")?,
        pause: MovePause::of(control.as_ref()),
        movable,
        in_workflows: ready - movable + row.read::<i64>("waiting")?,
        running: row.read("running")?,
        without_lease: row.read("without_lease")?,
        schedules: row.read("schedules")?,
        is_served: row.read("is_served")?,
        has_limit: row.read("has_limits")? && !read::limits(tx, &key).await?.is_empty(),
    })
}

/// Source: the ids of the tasks that can move, in order, up to a number.
pub async fn movable_tasks(tx: &Transaction<'_>, queue: &str, limit: i64) -> Result<Vec<i64>, PgError> {
    tx.one(sql::MOVABLE, &[queue.into(), limit.into()]).await?.read("ids")
}

/// Source: the first of these tasks that still can move, as they are.
pub async fn tasks_to_copy(tx: &Transaction<'_>, ids: &[i64]) -> Result<Vec<CopiedTask>, PgError> {
    let rows = tx.rows(sql::PAGE, &[Param::BigInts(ids), BYTES.into()]).await?;
    let task = |row: &Row| {
        Ok(CopiedTask {
            from: row.read("result_id")?,
            record: row.read("record")?,
            fingerprint: row.read("fingerprint")?,
        })
    };
    rows.iter().map(task).collect()
}

/// Target: inserts copies that nobody claims. Those that are there already are not among the result.
pub async fn hold_tasks(tx: &Transaction<'_>, source: &str, tasks: &[CopiedTask]) -> Result<Vec<MovedTask>, PgError> {
    refuse_unknown(tx, MOVED_ROWS).await?;
    tx.rows(sql::ONE_AT_A_TIME, &[]).await?;
    // The records are JSON, and reading them would change their numbers.
    let mut json = String::from("[");
    for (index, task) in tasks.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let CopiedTask { from, record, fingerprint } = task;
        let _ = write!(json, "{comma}{{\"source_id\":{from},\"fingerprint\":\"{fingerprint}\",\"record\":{record}}}");
    }
    json.push(']');
    let rows = tx.rows(sql::HOLD, &[json.as_str().into(), source.into()]).await?;
    rows.iter().map(|row| Ok(MovedTask { from: row.read("source_id")?, to: row.read("result_id")? })).collect()
}

/// Target: the ids of the copies that wait, in order.
pub async fn held_tasks(tx: &Transaction<'_>, queue: &str, source: &str) -> Result<Vec<i64>, PgError> {
    tx.one(sql::HELD, &[queue.into(), source.into()]).await?.read("ids")
}

/// Target: what these tasks were copied from.
pub async fn origins(tx: &Transaction<'_>, held: &[i64]) -> Result<Vec<HeldTask>, PgError> {
    let rows = tx.rows(sql::ORIGINS, &[Param::BigInts(held)]).await?;
    let task = |row: &Row| {
        Ok(HeldTask {
            source_id: row.read("source_id")?,
            target_id: row.read("result_id")?,
            fingerprint: row.read("fingerprint")?,
        })
    };
    rows.iter().map(task).collect()
}

/// Source: gives up the tasks that still are as they were copied, so that they run in the target. Returns the ids in the target of
/// those that were given up, now or before.
pub async fn give_up_tasks(
    tx: &Transaction<'_>,
    held: &[HeldTask],
    target: &str,
    alias: &str,
) -> Result<Vec<i64>, PgError> {
    let rows = tx.rows(sql::LEAVE, &[json(held).as_str().into(), target.into(), alias.into()]).await?;
    rows.iter().map(|row| row.read("target_id")).collect()
}

/// Source: the ids in the target of those that were given up before.
pub async fn given_up_tasks(tx: &Transaction<'_>, held: &[HeldTask], target: &str) -> Result<Vec<i64>, PgError> {
    let rows = tx.rows(sql::LEFT, &[json(held).as_str().into(), target.into()]).await?;
    rows.iter().map(|row| row.read("target_id")).collect()
}

/// Target: lets workers claim copies. For each that was released or cancelled: the task that is the same, if it was cancelled.
pub async fn release_tasks(tx: &Transaction<'_>, ids: &[i64]) -> Result<BTreeMap<i64, Option<i64>>, PgError> {
    let is_unique: bool = tx.one(sql::HAS_UNIQUE_INDEX, &[]).await?.read("is_unique")?;
    let rows = tx.rows(sql::RELEASE, &[Param::BigInts(ids), Param::Bool(is_unique)]).await?;
    rows.iter().map(|row| Ok((row.read("result_id")?, row.read("other")?))).collect()
}

/// Target: cancels copies. Returns how many.
pub async fn cancel_copies(tx: &Transaction<'_>, ids: &[i64], reason: &str) -> Result<u64, PgError> {
    tx.execute(sql::DROP, &[Param::BigInts(ids), reason.into()]).await
}

fn json(held: &[HeldTask]) -> String {
    serde_json::to_string(held).expect("rows of strings and numbers")
}
