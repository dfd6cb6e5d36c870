//! What is read of workflows that may need a repair.

use std::collections::BTreeMap;

use super::MAX_ROWS;
use super::live::server;
use super::workflows::summaries;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::workflows as sql;
use crate::workflow::StuckTask;
use crate::workflow::WorkflowFacts;

/// Workflows with a task that waits: only they can hang. `None` if they cannot be found without reading all tasks.
pub async fn waiting_workflows(tx: &Transaction<'_>, limit: i64) -> Result<Option<Vec<String>>, PgError> {
    if !server(tx).await?.has_workflow_index {
        return Ok(None);
    }
    let rows = tx.rows(sql::WAITING, &[limit.into()]).await?;
    rows.iter().map(|row| row.read("workflow_id")).collect::<Result<_, _>>().map(Some)
}

/// Everything a repair of these workflows is decided from. Those of which nothing exists are left out.
pub async fn workflow_facts(tx: &Transaction<'_>, ids: &[String]) -> Result<Vec<WorkflowFacts>, PgError> {
    let has_table = server(tx).await?.has_workflows;
    let runs = if has_table { tx.fetch(sql::RUNS_OF, &[Param::Texts(ids)]).await? } else { Vec::new() };
    let mut failed: BTreeMap<String, i64> = BTreeMap::new();
    if has_table {
        for row in tx.rows(sql::FIRST_FAILED, &[Param::Texts(ids)]).await? {
            failed.insert(row.read("workflow_id")?, row.read("result_id")?);
        }
    }
    let stuck: Vec<StuckTask> = tx.fetch(sql::STUCK, &[Param::Texts(ids), MAX_ROWS.into()]).await?;
    let summaries = summaries(tx, ids, runs).await?;
    let existing = summaries.into_iter().filter(|summary| summary.run.is_some() || summary.first.is_some());
    Ok(existing
        .map(|summary| WorkflowFacts {
            first_failed: failed.get(&summary.workflow_id).copied(),
            stuck: stuck.iter().filter(|task| task.workflow_id == summary.workflow_id).cloned().collect(),
            summary,
        })
        .collect())
}
