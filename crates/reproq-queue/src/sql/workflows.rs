//! Workflows: their own rows, and the tasks that belong to them.

/// The newest rows of workflows; with an id ($2) that one.
pub(crate) const RUNS: &str = "
select workflow_id::text as workflow_id, expected_count, success_count, failure_count, callback_result_id, status, created_at,
  updated_at, (select t.status from task_runs t where t.result_id = callback_result_id) as callback_status
from workflow_runs where $2::text is null or workflow_id = $2::uuid
order by created_at desc, workflow_id limit $1";

/// Live workflows by their tasks: chains and groups have no row of their own.
pub(crate) const LIVE: &str = "
select workflow_id::text as workflow_id, max(result_id) as newest from (
  select workflow_id, result_id from task_runs where status = 'READY' and workflow_id is not null
  union all select workflow_id, result_id from task_runs where status = 'RUNNING' and workflow_id is not null
  union all select workflow_id, result_id from task_runs where status = 'WAITING' and workflow_id is not null
) live group by 1 order by 2 desc limit $1";

/// How many tasks workflows ($1) have, by status; and how many of them wait for a task that will not succeed.
pub(crate) const COUNTS: &str = "
select t.workflow_id::text as workflow_id, t.status, count(*) as tasks, count(t.parent_id) as chained,
  count(*) filter (where t.status = 'WAITING' and parent.status in ('FAILED', 'CANCELLED')) as stopped,
  min(t.enqueued_at) as first
from task_runs t left join task_runs parent on t.status = 'WAITING' and parent.result_id = t.parent_id
where t.workflow_id = any($1::text[]::uuid[]) group by 1, 2 order by 1, 2";

/// The tasks of a workflow, in order.
pub(crate) const MEMBERS: &str = "
select result_id, coalesce(task_path, '') as task_path, status, parent_id, wait_count, attempts, max_attempts, enqueued_at,
  finished_at, left(coalesce(last_error, errors_json->-1->>'message'), 300) as error
from task_runs where workflow_id = $1::uuid order by result_id limit $2";

/// The workflow of a task.
pub(crate) const OF_TASK: &str = "select workflow_id::text as workflow_id from task_runs where result_id = $1";

/// Workflows with a task that waits, up to a limit.
pub(crate) const WAITING: &str = "
select distinct workflow_id::text as workflow_id from task_runs where status = 'WAITING' and workflow_id is not null
order by 1 limit $1";

/// The rows of these workflows ($1).
pub(crate) const RUNS_OF: &str = "
select workflow_id::text as workflow_id, expected_count, success_count, failure_count, callback_result_id, status, created_at,
  updated_at, (select t.status from task_runs t where t.result_id = callback_result_id) as callback_status
from workflow_runs where workflow_id = any($1::text[]::uuid[])";

/// The first task of each workflow ($1) that failed or was cancelled, without the callback.
pub(crate) const FIRST_FAILED: &str = "
select t.workflow_id::text as workflow_id, min(t.result_id) as result_id
from task_runs t join workflow_runs w on w.workflow_id = t.workflow_id
where t.workflow_id = any($1::text[]::uuid[]) and t.status in ('FAILED', 'CANCELLED')
  and t.result_id is distinct from w.callback_result_id group by 1";

/// Tasks of workflows ($1) that wait for a task that has succeeded, or for none.
pub(crate) const STUCK: &str = "
select t.workflow_id::text as workflow_id, t.result_id, p.result_id as parent_id
from task_runs t left join task_runs p on p.result_id = t.parent_id
where t.workflow_id = any($1::text[]::uuid[]) and t.status = 'WAITING'
  and (p.result_id is null or p.status = 'SUCCESSFUL') order by t.result_id limit $2";

/// Locks the row of a workflow ($1). The worker that ends one of its tasks waits, and is counted afterwards.
pub(crate) const LOCK_RUN: &str = "select status from workflow_runs where workflow_id = $1::uuid for update";

/// Changes the row of a workflow ($1) to $2, $3 and $4, if it still has the counters $5 and $6 and the status $7.
pub(crate) const COUNT: &str = "
update workflow_runs set success_count = $2, failure_count = $3, status = $4, updated_at = now()
where workflow_id = $1::uuid and success_count = $5 and failure_count = $6 and status = $7";

/// Releases a task ($2) of a workflow ($1) that waits.
pub(crate) const RELEASE: &str = "
update task_runs set status = 'READY', wait_count = 0, updated_at = now()
where workflow_id = $1::uuid and result_id = $2 and status = 'WAITING'";

/// The same, if the task before it ($3) has succeeded.
pub(crate) const RELEASE_AFTER: &str = "
update task_runs set status = 'READY', wait_count = 0, updated_at = now()
where workflow_id = $1::uuid and result_id = $2 and status = 'WAITING' and parent_id = $3
  and exists (select from task_runs p where p.result_id = $3 and p.status = 'SUCCESSFUL')";

/// Fails a callback ($2) of a workflow ($1) that waits, as the worker does. Parameters: the message ($3), the task that failed ($4).
pub(crate) const FAIL: &str = "
update task_runs set status = 'FAILED', finished_at = now(), failed_at = now(), run_after = null, last_error = $3,
  updated_at = now(), errors_json = errors_json || jsonb_build_array(jsonb_build_object('kind', 'workflow_failed',
    'message', $3, 'failed_result_id', $4, 'at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')))
where workflow_id = $1::uuid and result_id = $2 and status = 'WAITING'";
