//! The deletion of finished tasks.

use std::collections::BTreeSet;

use crate::changes::PruneRule;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::task_prune;

/// Deletes those of these tasks that may still be deleted, and returns their ids. The row of a workflow goes with its last task.
pub async fn delete_tasks(tx: &Transaction<'_>, rule: &PruneRule, ids: &[i64]) -> Result<Vec<i64>, PgError> {
    let statuses = rule.statuses();
    let before = rule.before.to_rfc3339();
    let params = [Param::BigInts(ids), Param::Texts(&statuses), Param::Text(Some(&before))];
    let rows = tx.rows(task_prune::DELETE, &params).await?;
    let mut deleted = Vec::new();
    let mut workflows = BTreeSet::new();
    for row in rows {
        deleted.push(row.read("result_id")?);
        if row.read("has_workflows")? {
            workflows.extend(row.read::<Option<String>>("workflow_id")?);
        }
    }
    if !workflows.is_empty() {
        let workflows: Vec<String> = workflows.into_iter().collect();
        tx.execute(task_prune::DELETE_WORKFLOWS, &[Param::Texts(&workflows)]).await?;
    }
    Ok(deleted)
}
