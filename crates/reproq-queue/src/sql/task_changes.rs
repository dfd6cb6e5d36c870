//! What is written to tasks. Each statement repeats what was read as its condition; several rows are one JSON array.

/// The lease of a row, within the range of times that the program can represent. `least` and `greatest` ignore NULL.
macro_rules! lease {
    () => {
        "case when t.leased_until is not null
    then least(greatest(t.leased_until, '0001-01-01 00:00:00+00'), '9999-12-30 00:00:00+00') end"
    };
}

/// The rows that were read, and what is written to them.
macro_rules! seen {
    () => {
        "jsonb_to_recordset($1::jsonb) as seen (id int8, status text, attempts int4, leased_by text, leased_until timestamptz,
  cancel_requested bool, max_attempts int4, message text, lease_matters bool)"
    };
}

/// The row is as it was read. A worker extends its lease without changing anything else, which matters to a reclaim alone.
macro_rules! unchanged {
    () => {
        concat!(
            "t.result_id = seen.id and t.status = seen.status and t.attempts = seen.attempts
  and t.leased_by is not distinct from seen.leased_by and t.cancel_requested = seen.cancel_requested
  and (not seen.lease_matters or ",
            lease!(),
            " is not distinct from seen.leased_until)"
        )
    };
}

/// What decisions depend on.
macro_rules! observed {
    () => {
        concat!(
            "select now() as now, t.result_id, t.queue_name, coalesce(t.task_path, '') as task_path, t.status, t.attempts,
  t.max_attempts, t.leased_by, ",
            lease!(),
            " as leased_until, t.cancel_requested, trim(trailing from t.spec_hash) as spec_hash,
  t.workflow_id::text as workflow_id, t.errors_json->-1->>'kind' as error_kind,
  to_regclass('workflow_runs') is not null as has_workflows
from task_runs t "
        )
    };
}

/// Adds an error to a row. `kind` is a literal.
macro_rules! with_error {
    ($kind:literal) => {
        concat!(
            "t.errors_json || jsonb_build_array(jsonb_build_object('kind', '",
            $kind,
            "', 'message', seen.message, 'at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')))"
        )
    };
}

/// Locks rows. One that another session holds is left out: nobody waits for anybody.
pub(crate) const LOCK: &str =
    concat!(observed!(), "where t.result_id = any($1) order by t.result_id for no key update skip locked");

/// The same without locks.
pub(crate) const OBSERVE: &str = concat!(observed!(), "where t.result_id = any($1) order by t.result_id");

/// The rows that match filters, oldest first. A cursor, so that they are found and sorted once.
pub(crate) const CANDIDATES: &str =
    concat!("declare candidates no scroll cursor for ", observed!(), "where ", matching!(), "order by t.result_id");

/// The next of them.
pub(crate) const NEXT_CANDIDATES: &str = "fetch forward 1000 from candidates";

/// Which of these rows exist.
pub(crate) const EXISTING: &str = "select result_id from task_runs where result_id = any($1)";

/// Which of these rows have another active task with the same specification.
pub(crate) const DUPLICATES: &str = "
select t.result_id, min(other.result_id) as other
from task_runs t join task_runs other on other.spec_hash = t.spec_hash
  and other.status in ('READY', 'RUNNING') and other.result_id <> t.result_id
where t.result_id = any($1) group by t.result_id";

/// Failed tasks become READY, unless another active task has the same specification. The other tasks of their workflows that
/// may end now are locked, so that their ends are counted once.
pub(crate) const RETRY: &str = concat!(
    "with changed as (
  update task_runs t set status = 'READY', run_after = null, finished_at = null, failed_at = null, last_error = null,
    leased_by = null, leased_until = null, cancel_requested = false, max_attempts = seen.max_attempts,
    expires_at = case when t.expires_at > now() then t.expires_at end, updated_at = now()
  from ",
    seen!(),
    "
  where ",
    unchanged!(),
    "
    and not exists (
      select from task_runs other where other.spec_hash = t.spec_hash and other.status in ('READY', 'RUNNING')
        and other.result_id <> t.result_id)
  returning t.result_id, t.workflow_id
), locked as (
  select other.result_id from task_runs other
  where other.workflow_id in (select workflow_id from changed where workflow_id is not null)
    and other.status in ('READY', 'RUNNING')
  order by other.result_id for no key update
)
select result_id, (select count(*) from locked) as locked from changed"
);

/// Tasks that wait are cancelled.
pub(crate) const CANCEL: &str = concat!(
    "update task_runs t set status = 'CANCELLED', finished_at = now(), updated_at = now() from ",
    seen!(),
    " where ",
    unchanged!(),
    " returning t.result_id"
);

/// Tasks that run are asked to stop.
pub(crate) const REQUEST_CANCEL: &str = concat!(
    "update task_runs t set cancel_requested = true, updated_at = now() from ",
    seen!(),
    " where ",
    unchanged!(),
    " returning t.result_id"
);

/// Failed tasks are discarded; their errors are kept.
pub(crate) const DISCARD: &str = concat!(
    "update task_runs t set status = 'CANCELLED', finished_at = coalesce(t.finished_at, now()), updated_at = now() from ",
    seen!(),
    " where ",
    unchanged!(),
    " returning t.result_id"
);

/// Tasks whose lease has ended run again.
pub(crate) const REQUEUE: &str = concat!(
    "update task_runs t set status = 'READY', leased_by = null, leased_until = null, updated_at = now(), errors_json = ",
    with_error!("lease_expiry"),
    " from ",
    seen!(),
    " where ",
    unchanged!(),
    " and (t.leased_until < now() or t.leased_until is null) returning t.result_id"
);

/// Tasks whose lease has ended fail.
pub(crate) const GIVE_UP: &str = concat!(
    "update task_runs t set status = 'FAILED', finished_at = now(), failed_at = now(), last_error = seen.message,
  run_after = null, leased_by = null, leased_until = null, updated_at = now(), errors_json = ",
    with_error!("lease_expiry"),
    " from ",
    seen!(),
    " where ",
    unchanged!(),
    " and (t.leased_until < now() or t.leased_until is null) returning t.result_id"
);

/// Which rows are as they were before the change.
pub(crate) const NOT_CHANGED: &str =
    concat!("select t.result_id from task_runs t, ", seen!(), " where ", unchanged!(), " order by t.result_id");

/// The tasks of workflows that were changed. `fails` is whether they will never succeed.
macro_rules! members {
    () => {
        "seen as (
  select * from jsonb_to_recordset($1::jsonb) as seen (id int8, workflow_id uuid, message text, fails bool)
)"
    };
}

/// What waits for them in a chain, directly or not.
macro_rules! successors {
    () => {
        "successors as (
  select t.result_id, seen.id, seen.message from task_runs t join seen on t.parent_id = seen.id
  where t.status = 'WAITING' and seen.fails
  union
  select t.result_id, before.id, before.message from task_runs t join successors before on t.parent_id = before.result_id
  where t.status = 'WAITING'
)"
    };
}

/// Fails what waits.
macro_rules! fail_waiting {
    () => {
        "update task_runs t set status = 'FAILED', finished_at = now(), failed_at = now(), run_after = null,
  last_error = waiting.message, updated_at = now(),
  errors_json = t.errors_json || jsonb_build_array(jsonb_build_object('kind', 'workflow_failed', 'message', waiting.message,
    'failed_result_id', waiting.id, 'at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')))
from waiting where t.result_id = waiting.result_id and t.status = 'WAITING'"
    };
}

/// Fails the workflows of tasks: their row, the callback that waits, and the rest of a chain if it will never be released. The
/// counter of failures is at least the number of tasks that have failed: the worker does not always count them.
pub(crate) const FAIL_WORKFLOWS: &str = concat!(
    "with recursive ",
    members!(),
    ", ",
    successors!(),
    ", cause as (
  select distinct on (workflow_id) workflow_id, id, message from seen order by workflow_id, id
), failed as (
  select t.workflow_id, count(*) as tasks
  from task_runs t join workflow_runs w on w.workflow_id = t.workflow_id
  where t.workflow_id in (select workflow_id from seen) and t.status in ('FAILED', 'CANCELLED')
    and t.result_id is distinct from w.callback_result_id
  group by t.workflow_id
), runs as (
  update workflow_runs w set status = 'FAILED', updated_at = now(),
    failure_count = greatest(w.failure_count, coalesce(failed.tasks, 0)::int4)
  from cause left join failed on failed.workflow_id = cause.workflow_id
  where w.workflow_id = cause.workflow_id and w.status <> 'SUCCESSFUL'
  returning w.callback_result_id, cause.id, cause.message
), waiting as (
  select callback_result_id as result_id, id, message from runs where callback_result_id is not null
  union all select distinct on (result_id) result_id, id, message from successors
)
",
    fail_waiting!()
);

/// The same where there is no table of workflows.
pub(crate) const FAIL_CHAINS: &str = concat!(
    "with recursive ",
    members!(),
    ", ",
    successors!(),
    ", waiting as (select distinct on (result_id) result_id, id, message from successors)
",
    fail_waiting!()
);

/// Takes failures back. While another task of the workflow has failed, it stays FAILED. Successes that the worker did not count
/// while it was FAILED are counted now. If nothing has failed any more, the callback waits again.
pub(crate) const TAKE_BACK: &str = concat!(
    "with ",
    members!(),
    ", retried as (select workflow_id, count(*) as tasks from seen group by workflow_id), others as (
  select t.workflow_id, count(*) filter (where t.status in ('FAILED', 'CANCELLED')) as failed,
    count(*) filter (where t.status = 'SUCCESSFUL') as successful
  from task_runs t join workflow_runs w on w.workflow_id = t.workflow_id
  where t.workflow_id in (select workflow_id from retried) and t.result_id is distinct from w.callback_result_id
  group by t.workflow_id
), counted as (
  select w.workflow_id, greatest(w.failure_count - retried.tasks, coalesce(others.failed, 0))::int4 as failures,
    greatest(w.success_count, least(coalesce(others.successful, 0), w.expected_count))::int4 as successes
  from workflow_runs w join retried on retried.workflow_id = w.workflow_id
    left join others on others.workflow_id = w.workflow_id
  where w.status = 'FAILED' or w.failure_count > 0
), runs as (
  update workflow_runs w set failure_count = counted.failures, success_count = counted.successes, updated_at = now(),
    status = case when counted.failures > 0 then w.status when counted.successes >= w.expected_count then 'WAITING_CALLBACK'
      else 'RUNNING' end
  from counted where w.workflow_id = counted.workflow_id
  returning w.callback_result_id, w.failure_count
)
update task_runs t set status = 'WAITING', finished_at = null, failed_at = null, last_error = null, updated_at = now()
from runs
where t.result_id = runs.callback_result_id and runs.failure_count = 0 and t.status = 'FAILED' and t.attempts = 0
  and t.errors_json->-1->>'kind' = 'workflow_failed'"
);
