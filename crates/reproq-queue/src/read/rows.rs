//! Rows as values: each field is the column of its name.

use serde_json::value::RawValue;

use crate::pg::FromRow;
use crate::pg::PgError;
use crate::pg::Row;
use crate::stats::DeadWorker;
use crate::stats::EventCount;
use crate::stats::FailureCell;
use crate::stats::HistoryCount;
use crate::stats::LiveCount;
use crate::stats::QueueControl;
use crate::stats::RateLimitRow;
use crate::stats::ScheduleRow;
use crate::stats::ScheduleTime;
use crate::stats::ServerRow;
use crate::stats::WorkerRow;
use crate::tasks::ActiveTask;
use crate::tasks::ChildTask;
use crate::tasks::ClaimableTask;
use crate::tasks::StoredJson;
use crate::tasks::TaskDetail;
use crate::tasks::TaskSummary;
use crate::tasks::WatchedTask;
use crate::workflow::MemberCount;
use crate::workflow::StuckTask;
use crate::workflow::WorkflowMember;
use crate::workflow::WorkflowRun;

macro_rules! from_row {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl FromRow for $type {
            fn from_row(row: &Row) -> Result<Self, PgError> {
                Ok(Self { $($field: row.read(stringify!($field))?),* })
            }
        }
    };
}

from_row!(ServerRow { now, standby, rows, bytes, has_limits, has_workflows, has_workflow_index });
from_row!(LiveCount { status, queue_name, tasks, scheduled, expired, missing, cancels, oldest, oldest_lease });
from_row!(QueueControl { queue_name, paused, paused_at, reason, updated_at });
from_row!(WorkerRow {
    worker_id,
    known,
    hostname,
    concurrency,
    queues,
    started_at,
    last_seen_at,
    version,
    seconds,
    running,
    expired,
});
from_row!(ScheduleRow {
    name,
    cron_expr,
    task_path,
    payload,
    payload_bytes,
    queue_name,
    priority,
    max_attempts,
    concurrency_key,
    concurrency_limit,
    enabled,
    last_run_at,
    next_run_at,
});
from_row!(ScheduleTime { name, enabled, next_run_at });
from_row!(RateLimitRow { key, rate, burst, tokens, last_refilled_at, elapsed });
from_row!(HistoryCount { status, tasks });
from_row!(FailureCell { task_path, bucket, tasks });
from_row!(EventCount { event, bucket, tasks, first });
from_row!(TaskSummary {
    result_id,
    queue_name,
    task_path,
    status,
    priority,
    attempts,
    max_attempts,
    enqueued_at,
    run_after,
    started_at,
    finished_at,
    failed_at,
    leased_by,
    leased_until,
    workflow_id,
    cancel_requested,
    error,
});
from_row!(WatchedTask {
    result_id,
    status,
    queue_name,
    task_path,
    attempts,
    max_attempts,
    worker_id,
    enqueued_at,
    run_after,
    started_at,
    last_attempted_at,
    finished_at,
    failed_at,
    updated_at,
    leased_until,
    error_kind,
    exception_class,
    error,
});
from_row!(ClaimableTask { result_id, attempts });
from_row!(ActiveTask { result_id, status, leased_by, leased_until, expired });
from_row!(ChildTask { result_id, task_path, status });
from_row!(WorkflowRun {
    workflow_id,
    expected_count,
    success_count,
    failure_count,
    callback_result_id,
    callback_status,
    status,
    created_at,
    updated_at,
});
from_row!(StuckTask { workflow_id, result_id, parent_id });
from_row!(DeadWorker { worker_id, hostname, version, last_seen_at, running });
from_row!(MemberCount { workflow_id, status, tasks, chained, stopped, first });
from_row!(WorkflowMember {
    result_id,
    task_path,
    status,
    parent_id,
    wait_count,
    attempts,
    max_attempts,
    enqueued_at,
    finished_at,
    error,
});

impl FromRow for TaskDetail {
    fn from_row(row: &Row) -> Result<Self, PgError> {
        let worker_ids: String = row.read("worker_ids")?;
        Ok(Self {
            now: row.read("now")?,
            result_id: row.read("result_id")?,
            status: row.read("status")?,
            task_path: row.read("task_path")?,
            queue_name: row.read("queue_name")?,
            backend_alias: row.read("backend_alias")?,
            priority: row.read("priority")?,
            run_after: row.read("run_after")?,
            spec_hash: row.read("spec_hash")?,
            enqueued_at: row.read("enqueued_at")?,
            started_at: row.read("started_at")?,
            last_attempted_at: row.read("last_attempted_at")?,
            finished_at: row.read("finished_at")?,
            failed_at: row.read("failed_at")?,
            attempts: row.read("attempts")?,
            max_attempts: row.read("max_attempts")?,
            timeout_seconds: row.read("timeout_seconds")?,
            lock_key: row.read("lock_key")?,
            concurrency_key: row.read("concurrency_key")?,
            concurrency_limit: row.read("concurrency_limit")?,
            // Not an array of strings: nobody writes that.
            worker_ids: serde_json::from_str(&worker_ids).unwrap_or_default(),
            leased_by: row.read("leased_by")?,
            leased_until: row.read("leased_until")?,
            cancel_requested: row.read("cancel_requested")?,
            last_error: row.read("last_error")?,
            errors_total: row.read("errors_total")?,
            errors: stored(row, "errors")?.ok_or_else(|| no_value("errors"))?,
            spec: stored(row, "spec")?.ok_or_else(|| no_value("spec"))?,
            metadata: stored(row, "metadata")?.ok_or_else(|| no_value("metadata"))?,
            returned: stored(row, "return")?,
            logs_uri: row.read("logs_uri")?,
            artifacts_uri: row.read("artifacts_uri")?,
            expires_at: row.read("expires_at")?,
            parent_id: row.read("parent_id")?,
            workflow_id: row.read("workflow_id")?,
            wait_count: row.read("wait_count")?,
            created_at: row.read("created_at")?,
            updated_at: row.read("updated_at")?,
        })
    }
}

fn no_value(name: &str) -> PgError {
    PgError::Answer { message: format!("no value in `{name}`") }
}

/// The columns `NAME` and `NAME_bytes`; `None` for NULL.
fn stored(row: &Row, name: &str) -> Result<Option<StoredJson>, PgError> {
    let Some(bytes) = row.read::<Option<i32>>(&format!("{name}_bytes"))? else { return Ok(None) };
    let text: Option<String> = row.read(name)?;
    let value = text.map(RawValue::from_string).transpose();
    let value = value.map_err(|error| PgError::Answer { message: format!("`{name}`: {error}") })?;
    Ok(Some(StoredJson { bytes: i64::from(bytes), value }))
}
