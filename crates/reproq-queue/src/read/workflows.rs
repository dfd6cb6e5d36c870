//! Workflows, by their own rows and by their tasks.

use std::collections::BTreeMap;

use super::live::server;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::workflows as sql;
use crate::workflow::MemberCount;
use crate::workflow::WorkflowMember;
use crate::workflow::WorkflowRun;
use crate::workflow::WorkflowSummary;

/// Workflows, or why they are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowPage {
    /// The live ones without a row of their own, then those with one, newest first.
    pub workflows: Vec<WorkflowSummary>,
    /// Whether the table of workflows exists.
    pub has_table: bool,
    /// Whether their tasks can be found without reading all tasks. Without that, nothing else is read.
    pub has_index: bool,
}

/// The newest workflows.
pub async fn workflows(tx: &Transaction<'_>, limit: i64) -> Result<WorkflowPage, PgError> {
    let server = server(tx).await?;
    let mut page =
        WorkflowPage { workflows: Vec::new(), has_table: server.has_workflows, has_index: server.has_workflow_index };
    if !server.has_workflow_index {
        return Ok(page);
    }
    let runs = runs(tx, page.has_table, limit, None).await?;
    let mut ids: Vec<String> = Vec::new();
    for row in tx.rows(sql::LIVE, &[limit.into()]).await? {
        ids.push(row.read("workflow_id")?);
    }
    ids.retain(|id| runs.iter().all(|run| run.workflow_id != *id));
    ids.extend(runs.iter().map(|run| run.workflow_id.clone()));
    page.workflows = summaries(tx, &ids, runs).await?;
    Ok(page)
}

/// A workflow; `None` if neither a row nor a task of it exists.
pub async fn workflow(tx: &Transaction<'_>, id: &str) -> Result<Option<WorkflowSummary>, PgError> {
    let server = server(tx).await?;
    let runs = runs(tx, server.has_workflows, 1, Some(id)).await?;
    let mut found = summaries(tx, &[id.to_owned()], runs).await?;
    Ok(found.pop().filter(|summary| summary.run.is_some() || summary.first.is_some()))
}

/// The tasks of a workflow, in order.
pub async fn members(tx: &Transaction<'_>, id: &str, limit: i64) -> Result<Vec<WorkflowMember>, PgError> {
    tx.fetch(sql::MEMBERS, &[id.into(), limit.into()]).await
}

/// The workflow of a task, if it belongs to one.
pub async fn workflow_of_task(tx: &Transaction<'_>, id: i64) -> Result<Option<String>, PgError> {
    let rows = tx.rows(sql::OF_TASK, &[id.into()]).await?;
    Ok(rows.first().map(|row| row.read::<Option<String>>("workflow_id")).transpose()?.flatten())
}

async fn runs(
    tx: &Transaction<'_>,
    has_table: bool,
    limit: i64,
    id: Option<&str>,
) -> Result<Vec<WorkflowRun>, PgError> {
    if has_table { tx.fetch(sql::RUNS, &[limit.into(), Param::Text(id)]).await } else { Ok(Vec::new()) }
}

pub(super) async fn summaries(
    tx: &Transaction<'_>,
    ids: &[String],
    runs: Vec<WorkflowRun>,
) -> Result<Vec<WorkflowSummary>, PgError> {
    let counts: Vec<MemberCount> = tx.fetch(sql::COUNTS, &[Param::Texts(ids)]).await?;
    let mut runs: BTreeMap<String, WorkflowRun> = runs.into_iter().map(|run| (run.workflow_id.clone(), run)).collect();
    let of = |id: &String| counts.iter().filter(|count| count.workflow_id == *id).collect::<Vec<_>>();
    Ok(ids.iter().map(|id| WorkflowSummary::new(id, runs.remove(id), &of(id))).collect())
}
