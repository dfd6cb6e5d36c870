//! The deletion of finished tasks.

use crate::changes::PruneRule;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::task_prune;

/// Deletes those of these tasks that may still be deleted, and returns their ids.
pub async fn delete_tasks(tx: &Transaction<'_>, rule: &PruneRule, ids: &[i64]) -> Result<Vec<i64>, PgError> {
    let statuses = rule.statuses();
    let before = rule.before.to_rfc3339();
    let params = [Param::BigInts(ids), Param::Texts(&statuses), Param::Text(Some(&before))];
    let rows = tx.rows(task_prune::DELETE, &params).await?;
    rows.iter().map(|row| row.read("result_id")).collect()
}
