//! Lists of tasks, and one task.

/// A page of tasks, newest first.
pub(crate) const LIST: &str = concat!(
    "
select result_id, queue_name, coalesce(task_path, '') as task_path, status, priority, attempts, max_attempts, enqueued_at, run_after, started_at,
  finished_at, failed_at, leased_by, leased_until, workflow_id::text as workflow_id, cancel_requested,
  left(coalesce(last_error, errors_json->-1->>'message', errors_json->-1->>'kind'), 500) as error
from task_runs
where ",
    matching!(),
    "  and ($10::int8 is null or result_id < $10)
order by result_id desc limit $11"
);

/// The tasks that failed last, latest first. Parameter: their number.
pub(crate) const LATEST_FAILURES: &str = "
select result_id, queue_name, coalesce(task_path, '') as task_path, status, priority, attempts, max_attempts, enqueued_at, run_after, started_at,
  finished_at, failed_at, leased_by, leased_until, workflow_id::text as workflow_id, cancel_requested,
  left(coalesce(last_error, errors_json->-1->>'message', errors_json->-1->>'kind'), 500) as error
from task_runs where status = 'FAILED' and failed_at is not null
order by failed_at desc, result_id desc limit $1";

/// Everything about one task. Parameters: its id, the largest size of a JSON value in bytes, the number of errors.
pub(crate) const DETAIL: &str = "
select now() as now, result_id, backend_alias, queue_name, priority, run_after, trim(trailing from spec_hash) as spec_hash,
  coalesce(task_path, '') as task_path, status, enqueued_at, started_at, last_attempted_at, finished_at, attempts, max_attempts, timeout_seconds,
  lock_key, concurrency_key, concurrency_limit, to_jsonb(worker_ids)::text as worker_ids, left(last_error, 4096) as last_error,
  failed_at, leased_until, leased_by, logs_uri, artifacts_uri, expires_at, parent_id, workflow_id::text as workflow_id,
  wait_count, created_at, updated_at, cancel_requested,
  octet_length(spec_json::text) as spec_bytes, case when octet_length(spec_json::text) <= $2 then spec_json::text end as spec,
  octet_length(return_json::text) as return_bytes,
  case when octet_length(return_json::text) <= $2 then return_json::text end as return,
  octet_length(metadata_json::text) as metadata_bytes,
  case when octet_length(metadata_json::text) <= $2 then metadata_json::text end as metadata,
  errors.total as errors_total, octet_length(errors.last) as errors_bytes,
  case when octet_length(errors.last) <= $2 then errors.last end as errors
from task_runs, lateral (
  select coalesce(jsonb_agg(element order by number) filter (where number > total - $3), '[]')::text as last,
    coalesce(max(total), 0) as total
  from (
    select element, number, count(*) over () as total
    from jsonb_array_elements(case when jsonb_typeof(errors_json) = 'array' then errors_json else '[]' end)
      with ordinality as listed (element, number)
  ) numbered
) errors
where result_id = $1";

/// Other tasks with the same hash that are READY or RUNNING. Parameters: the hash, the id.
pub(crate) const DUPLICATES: &str = "
select result_id, status, leased_until, leased_by, leased_until < now() as expired from task_runs
where spec_hash = $1 and status in ('READY', 'RUNNING') and result_id <> $2 order by result_id limit 10";

/// Tasks that wait for this one.
pub(crate) const CHILDREN: &str = "
select result_id, coalesce(task_path, '') as task_path, status from task_runs where parent_id = $1 and status = 'WAITING' order by result_id limit 100";
