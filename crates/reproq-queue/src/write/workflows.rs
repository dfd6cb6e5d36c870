//! Repairs workflows.

use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::read;
use crate::sql::workflows as sql;
use crate::workflow::RepairStep;
use crate::workflow::WorkflowRepair;

/// Carries out a repair, if it still is what the workflow needs. Returns whether it was carried out.
///
/// The row of the workflow is locked first: a worker that ends one of its tasks has either been counted before, or counts itself
/// afterwards.
pub async fn repair_workflow(tx: &Transaction<'_>, planned: &WorkflowRepair) -> Result<bool, PgError> {
    let id = planned.workflow_id.as_str();
    if read::server(tx).await?.has_workflows {
        tx.rows(sql::LOCK_RUN, &[id.into()]).await?;
    }
    let facts = read::workflow_facts(tx, std::slice::from_ref(&planned.workflow_id)).await?;
    let needed = facts.first().map(WorkflowRepair::plan);
    if needed.is_none_or(|needed| needed.steps != planned.steps) {
        return Ok(false);
    }
    for step in &planned.steps {
        if apply(tx, id, step).await? != 1 {
            // Rolls the steps before it back.
            return Err(PgError::Conflict { message: format!("workflow {id} changed while it was repaired") });
        }
    }
    Ok(true)
}

async fn apply(tx: &Transaction<'_>, workflow: &str, step: &RepairStep) -> Result<u64, PgError> {
    let workflow = Param::from(workflow);
    match step {
        RepairStep::Count { from, to } => {
            let parameters = [
                workflow,
                to.success_count.into(),
                to.failure_count.into(),
                to.status.as_str().into(),
                from.success_count.into(),
                from.failure_count.into(),
                from.status.as_str().into(),
            ];
            tx.execute(sql::COUNT, &parameters).await
        }
        RepairStep::ReleaseCallback { id } => tx.execute(sql::RELEASE, &[workflow, (*id).into()]).await,
        RepairStep::ReleaseTask { id, parent } => {
            tx.execute(sql::RELEASE_AFTER, &[workflow, (*id).into(), (*parent).into()]).await
        }
        RepairStep::FailCallback { id, failed } => {
            let message = match failed {
                Some(failed) => format!("task {failed} of the workflow will not succeed"),
                None => "a task of the workflow failed".to_owned(),
            };
            tx.execute(sql::FAIL, &[workflow, (*id).into(), message.as_str().into(), Param::BigInt(*failed)]).await
        }
    }
}
