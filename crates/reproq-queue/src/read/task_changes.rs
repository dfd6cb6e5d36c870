//! What changes of tasks are decided from.

use std::collections::BTreeMap;

use super::tasks::FilterParams;
use crate::changes::ObservedTask;
use crate::changes::PruneCounts;
use crate::changes::PruneRule;
use crate::pg::FromRow;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Row;
use crate::pg::Transaction;
use crate::sql::task_changes;
use crate::sql::task_prune;
use crate::tasks::TaskFilter;
use crate::tasks::regex_of_pattern;

/// A part of the table, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunePart {
    /// What can be deleted.
    pub ids: Vec<i64>,
    /// How much there is of everything.
    pub counts: PruneCounts,
    /// Where the next part begins; `None` after the last one.
    pub next: Option<i64>,
}

/// Selects the tasks that match a filter, oldest first. [`next_candidates`] reads them in the same transaction.
pub async fn select_candidates(tx: &Transaction<'_>, filter: &TaskFilter) -> Result<(), PgError> {
    tx.execute(task_changes::CANDIDATES, &FilterParams::new(filter).condition()).await.map(|_| ())
}

/// The next of the selected tasks; none after the last one.
pub async fn next_candidates(tx: &Transaction<'_>) -> Result<Vec<ObservedTask>, PgError> {
    tx.fetch(task_changes::NEXT_CANDIDATES, &[]).await
}

/// These tasks, by id.
pub async fn observe(tx: &Transaction<'_>, ids: &[i64]) -> Result<Vec<ObservedTask>, PgError> {
    tx.fetch(task_changes::OBSERVE, &[Param::BigInts(ids)]).await
}

/// Those of these tasks that exist.
pub async fn existing(tx: &Transaction<'_>, ids: &[i64]) -> Result<Vec<i64>, PgError> {
    let rows = tx.rows(task_changes::EXISTING, &[Param::BigInts(ids)]).await?;
    rows.iter().map(|row| row.read("result_id")).collect()
}

/// Those of these tasks that have another active task with the same specification, with its id.
pub async fn duplicates_of(tx: &Transaction<'_>, ids: &[i64]) -> Result<BTreeMap<i64, i64>, PgError> {
    let rows = tx.rows(task_changes::DUPLICATES, &[Param::BigInts(ids)]).await?;
    rows.iter().map(|row| Ok((row.read("result_id")?, row.read("other")?))).collect()
}

/// Whether tasks can be deleted without reading the whole table for each.
pub async fn has_parent_index(tx: &Transaction<'_>) -> Result<bool, PgError> {
    tx.one(task_prune::HAS_PARENT_INDEX, &[]).await?.read("found")
}

/// What of the next rows after an id can be deleted.
pub async fn prune_part(tx: &Transaction<'_>, rule: &PruneRule, after: i64, limit: i64) -> Result<PrunePart, PgError> {
    let statuses = rule.statuses();
    let before = rule.before.to_rfc3339();
    let regex = rule.task.as_deref().and_then(regex_of_pattern);
    let params = [
        after.into(),
        limit.into(),
        Param::Texts(&statuses),
        Param::Text(Some(&before)),
        Param::Text(rule.queue.as_deref()),
        Param::Text(rule.task.as_deref().filter(|_| regex.is_none())),
        Param::Text(regex.as_deref()),
    ];
    let row = tx.one(task_prune::PART, &params).await?;
    let number = |name: &str| row.read::<i64>(name).map(i64::unsigned_abs);
    let counts = PruneCounts {
        successful: number("successful")?,
        failed: number("failed")?,
        cancelled: number("cancelled")?,
        awaited: number("awaited")?,
        in_live_workflow: number("in_live_workflow")?,
    };
    let last: Option<i64> = row.read("last")?;
    let next = if row.read("is_last")? { None } else { last };
    Ok(PrunePart { ids: row.read::<Option<Vec<i64>>>("ids")?.unwrap_or_default(), counts, next })
}

impl FromRow for ObservedTask {
    fn from_row(row: &Row) -> Result<Self, PgError> {
        let status: String = row.read("status")?;
        Ok(Self {
            now: row.read("now")?,
            result_id: row.read("result_id")?,
            queue_name: row.read("queue_name")?,
            task_path: row.read("task_path")?,
            status: status.parse().map_err(|error| PgError::Answer { message: format!("{error}") })?,
            attempts: row.read("attempts")?,
            max_attempts: row.read("max_attempts")?,
            leased_by: row.read("leased_by")?,
            leased_until: row.read("leased_until")?,
            cancel_requested: row.read("cancel_requested")?,
            spec_hash: row.read("spec_hash")?,
            workflow_id: row.read("workflow_id")?,
            error_kind: row.read("error_kind")?,
            has_workflows: row.read("has_workflows")?,
        })
    }
}
