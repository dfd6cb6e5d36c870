//! Enqueues a finished task again, as a new task with the same specification and hash.

use super::columns::prepare_insertion;
use super::insert::InsertOutcome;
use super::insert::TASK_RUNS;
use super::insert::TRIES;
use super::insert::why_not_inserted;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::insert;
use crate::state::TaskStatus;

/// What became of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayOutcome {
    /// There is a task with this specification that is not finished: the new one, or one that is the same.
    Done {
        /// The task.
        task: InsertOutcome,
        /// Its hash.
        spec_hash: String,
        /// What it runs.
        task_path: String,
        /// Its queue.
        queue_name: String,
    },
    /// There is no such task.
    Missing,
    /// It is not finished, or has a status that this version does not know.
    NotFinished(String),
    /// It belongs to this workflow.
    InWorkflow(String),
}

/// Enqueues a task again that is finished.
pub async fn replay_task(tx: &Transaction<'_>, id: i64, may_be_in_workflow: bool) -> Result<ReplayOutcome, PgError> {
    prepare_insertion(tx, TASK_RUNS).await?;
    for _ in 0..TRIES {
        let rows = tx.rows(insert::FINISHED, &[id.into()]).await?;
        let Some(row) = rows.first() else { return Ok(ReplayOutcome::Missing) };
        let status: String = row.read("status")?;
        if status.parse::<TaskStatus>().map_or(true, TaskStatus::is_live) {
            return Ok(ReplayOutcome::NotFinished(status));
        }
        if let Some(workflow) = row.read::<Option<String>>("workflow_id")?.filter(|_| !may_be_in_workflow) {
            return Ok(ReplayOutcome::InWorkflow(workflow));
        }
        let new = tx.rows(insert::REPLAY, &[id.into(), status.as_str().into()]).await?;
        let task = match new.first() {
            Some(row) => Some(InsertOutcome::Inserted(row.read("result_id")?)),
            None => {
                let same = tx.rows(insert::SAME, &[id.into()]).await?;
                same.first()
                    .map(|row| Ok::<_, PgError>(InsertOutcome::Duplicate(row.read("result_id")?)))
                    .transpose()?
            }
        };
        if let Some(task) = task {
            return Ok(ReplayOutcome::Done {
                task,
                spec_hash: row.read("spec_hash")?,
                task_path: row.read("task_path")?,
                queue_name: row.read("queue_name")?,
            });
        }
    }
    Err(why_not_inserted(tx, "the task changes at this moment").await?)
}
