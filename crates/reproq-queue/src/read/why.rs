//! Everything that a task may be waiting for.

use chrono::SecondsFormat;
use serde::Deserialize;

use super::live;
use super::tasks;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::why as sql;
use crate::sql::workflows;
use crate::tasks::TaskDetail;
use crate::why::TaskFacts;
use crate::why::WhyFacts;
use crate::why::rate_limit_keys;
use crate::workflow::WorkflowRun;

/// What is read of an element of `errors_json`.
#[derive(Deserialize, Default)]
struct LastError {
    kind: Option<String>,
    message: Option<String>,
}

/// Reads the facts about a task; `None` if it does not exist.
pub async fn why(
    tx: &Transaction<'_>,
    id: i64,
    allowed_modules: Option<Vec<String>>,
) -> Result<Option<WhyFacts>, PgError> {
    let server = live::server(tx).await?;
    let Some(detail) = tasks::detail(tx, id).await? else { return Ok(None) };
    let task = facts(&detail);
    let is_ready = task.status == "READY";
    let controls = if is_ready { live::controls(tx).await? } else { Vec::new() };
    let keys = rate_limit_keys(&task.task_path, &task.queue_name);
    let limits = if is_ready && server.has_limits { live::limits(tx, &keys).await? } else { Vec::new() };
    let lock_holders = match &task.lock_key {
        Some(key) if is_ready => tx.fetch(sql::LOCK_HOLDERS, &[key.as_str().into(), id.into()]).await?,
        Some(_) | None => Vec::new(),
    };
    let concurrent = match &task.concurrency_key {
        Some(key) if is_ready => {
            tx.one(sql::CONCURRENT, &[key.as_str().into(), crate::why::COUNTED.into()]).await?.read("tasks")?
        }
        Some(_) | None => 0,
    };
    let parent_status = match task.parent_id {
        Some(parent) => {
            tx.rows(sql::STATUS, &[parent.into()]).await?.first().map(|row| row.read("status")).transpose()?
        }
        None => None,
    };
    let callback_of = match &task.workflow_id {
        Some(workflow) if server.has_workflows => {
            let params = [1_i64.into(), workflow.as_str().into()];
            let runs: Vec<WorkflowRun> = tx.fetch(workflows::RUNS, &params).await?;
            runs.into_iter().find(|run| run.callback_result_id == Some(id))
        }
        Some(_) | None => None,
    };
    let ahead = if is_ready {
        let enqueued = detail.enqueued_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let limit = crate::why::COUNTED + 1;
        let params = [task.queue_name.as_str().into(), detail.priority.into(), enqueued.as_str().into(), limit.into()];
        tx.one(sql::AHEAD, &params).await?.read("tasks")?
    } else {
        0
    };
    Ok(Some(WhyFacts {
        now: server.now,
        control: controls.into_iter().find(|control| control.queue_name == task.queue_name),
        lock_holders,
        concurrent,
        limits,
        workers: live::workers(tx).await?,
        parent_status,
        callback_of,
        duplicates: tasks::duplicates(tx, &detail.spec_hash, id).await?,
        ahead,
        allowed_modules,
        task,
    }))
}

fn facts(detail: &TaskDetail) -> TaskFacts {
    let errors = detail.errors.value.as_ref().map_or("[]", |value| value.get());
    let last = serde_json::from_str::<Vec<LastError>>(errors).unwrap_or_default().pop().unwrap_or_default();
    TaskFacts {
        result_id: detail.result_id,
        status: detail.status.clone(),
        queue_name: detail.queue_name.clone(),
        task_path: detail.task_path.clone(),
        run_after: detail.run_after,
        attempts: detail.attempts,
        max_attempts: detail.max_attempts,
        lock_key: detail.lock_key.clone(),
        concurrency_key: detail.concurrency_key.clone(),
        concurrency_limit: detail.concurrency_limit,
        leased_by: detail.leased_by.clone(),
        leased_until: detail.leased_until,
        last_attempted_at: detail.last_attempted_at,
        finished_at: detail.finished_at,
        cancel_requested: detail.cancel_requested,
        expires_at: detail.expires_at,
        parent_id: detail.parent_id,
        workflow_id: detail.workflow_id.clone(),
        error: detail.last_error.clone().or(last.message),
        error_kind: last.kind,
    }
}
