//! Inserts tasks as Django's `enqueue` does: a task with the same hash that is READY or RUNNING takes the place of a new one.
//! An index on the hash, which only some of the schema origins have, makes this true beside other programs too.

use std::borrow::Borrow;

use serde::Serialize;

use super::columns::InsertTarget;
use super::columns::prepare_insertion;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::insert;
use crate::tasks::NewTask;

/// What the insertion names. `result_id` is filled by the database.
pub(super) const TASK_RUNS: InsertTarget = InsertTarget {
    table: "task_runs",
    columns: &[
        "backend_alias",
        "queue_name",
        "priority",
        "run_after",
        "spec_json",
        "spec_hash",
        "task_path",
        "status",
        "enqueued_at",
        "attempts",
        "max_attempts",
        "timeout_seconds",
        "lock_key",
        "concurrency_key",
        "concurrency_limit",
        "wait_count",
        "worker_ids",
        "errors_json",
        "metadata_json",
        "expires_at",
        "created_at",
        "updated_at",
        "cancel_requested",
    ],
};

/// How often a task is inserted again whose duplicate is gone when it is looked for.
pub(super) const TRIES: usize = 3;

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertOutcome {
    /// It has this id.
    Inserted(i64),
    /// The task with this id is the same and is READY or RUNNING.
    Duplicate(i64),
}

impl InsertOutcome {
    /// The id of the row.
    pub const fn id(self) -> i64 {
        match self {
            Self::Inserted(id) | Self::Duplicate(id) => id,
        }
    }
}

#[derive(Serialize)]
struct NumberedTask<'a> {
    number: usize,
    #[serde(flatten)]
    task: &'a NewTask,
}

/// Inserts a task, or finds the one that is the same.
pub async fn insert_task(tx: &Transaction<'_>, task: &NewTask) -> Result<InsertOutcome, PgError> {
    let outcomes = insert_tasks(tx, std::slice::from_ref(task)).await?;
    outcomes.first().copied().ok_or_else(|| PgError::Answer { message: "no row for the task".to_owned() })
}

/// Inserts tasks in one statement. The outcomes are in the order of the tasks. Equal tasks among them are inserted once.
pub async fn insert_tasks<T: Borrow<NewTask>>(
    tx: &Transaction<'_>,
    tasks: &[T],
) -> Result<Vec<InsertOutcome>, PgError> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    prepare_insertion(tx, TASK_RUNS).await?;
    let mut outcomes: Vec<Option<InsertOutcome>> = vec![None; tasks.len()];
    for _ in 0..TRIES {
        let open: Vec<NumberedTask<'_>> = tasks
            .iter()
            .enumerate()
            .filter(|(number, _)| outcomes.get(*number).is_some_and(Option::is_none))
            .map(|(number, task)| NumberedTask { number, task: task.borrow() })
            .collect();
        if open.is_empty() {
            break;
        }
        insert_once(tx, &open, &mut outcomes).await?;
    }
    match outcomes.into_iter().collect() {
        Some(outcomes) => Ok(outcomes),
        None => Err(why_not_inserted(tx, "the same task is enqueued and finished at this moment").await?),
    }
}

/// Why nothing was inserted although there is no equal task.
pub(super) async fn why_not_inserted(tx: &Transaction<'_>, otherwise: &str) -> Result<PgError, PgError> {
    Ok(sequence_behind(tx).await?.unwrap_or_else(|| PgError::Conflict { message: otherwise.to_owned() }))
}

/// The error of an insertion whose id exists, if the sequence of the ids is the cause.
pub async fn sequence_behind(tx: &Transaction<'_>) -> Result<Option<PgError>, PgError> {
    let Some(row) = tx.rows(insert::SEQUENCE_BEHIND, &[]).await?.pop() else { return Ok(None) };
    Ok(Some(PgError::SequenceBehind {
        sequence: row.read("name")?,
        highest: row.read("highest")?,
        repair: row.read("repair")?,
    }))
}

async fn insert_once(
    tx: &Transaction<'_>,
    open: &[NumberedTask<'_>],
    outcomes: &mut [Option<InsertOutcome>],
) -> Result<(), PgError> {
    let json = serde_json::to_string(open).map_err(|error| PgError::Answer { message: error.to_string() })?;
    for row in tx.rows(insert::TASKS, &[Param::from(json.as_str())]).await? {
        let number = usize::try_from(row.read::<i64>("number")?).ok();
        let Some(outcome) = number.and_then(|number| outcomes.get_mut(number)) else { continue };
        let is_inserted: bool = row.read("inserted")?;
        let id: Option<i64> = row.read("result_id")?;
        *outcome = id.map(|id| if is_inserted { InsertOutcome::Inserted(id) } else { InsertOutcome::Duplicate(id) });
    }
    Ok(())
}
