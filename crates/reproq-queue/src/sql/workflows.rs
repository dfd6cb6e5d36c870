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
