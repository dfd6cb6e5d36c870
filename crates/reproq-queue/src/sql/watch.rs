//! Tasks that change while somebody watches. Bounded: each statement reads so many rows at most.

/// What is observed of a task.
macro_rules! facts {
    () => {
        "
select result_id, status, queue_name, coalesce(task_path, '') as task_path, attempts, max_attempts,
  coalesce(leased_by, to_jsonb(worker_ids)->>-1) as worker_id, enqueued_at, run_after, started_at, last_attempted_at,
  finished_at, failed_at, updated_at, leased_until, left(errors_json->-1->>'kind', 100) as error_kind,
  left(errors_json->-1->>'exception_class', 200) as exception_class,
  left(coalesce(last_error, errors_json->-1->>'message'), 500) as error
from task_runs "
    };
}

/// Tasks that run. Parameter: the largest number of rows.
pub(crate) const RUNNING: &str = concat!(facts!(), "where status = 'RUNNING' limit $1");

/// Tasks that can be claimed within a minute, in no order: an order would sort all of them. One that becomes due may be finished
/// before the next observation. Parameter: the largest number of rows.
pub(crate) const CLAIMABLE: &str = "
select result_id, attempts from task_runs
where status = 'READY' and (run_after is null or run_after <= now() + interval '1 minute') limit $1";

/// Tasks with an id above $1, at most $2.
pub(crate) const NEWER: &str = concat!(facts!(), "where result_id > $1 order by result_id limit $2");

/// Tasks by id.
pub(crate) const OF_IDS: &str = concat!(facts!(), "where result_id = any($1) order by result_id");

/// The newest id.
pub(crate) const NEWEST: &str =
    "select coalesce((select result_id from task_runs order by result_id desc limit 1), 0) as newest";

/// The latest failures. Parameter: the largest number of rows.
pub(crate) const RECENT_FAILURES: &str =
    concat!(facts!(), "where status = 'FAILED' and failed_at is not null order by failed_at desc limit $1");

/// Tasks that could be claimed if fewer tasks with their concurrency key ran.
pub(crate) const BLOCKED: &str = "
select count(*) as tasks from task_runs t join (
  select concurrency_key, count(*) as running from task_runs
  where status = 'RUNNING' and concurrency_key is not null group by concurrency_key
) r using (concurrency_key)
where t.status = 'READY' and t.concurrency_limit > 0 and r.running >= t.concurrency_limit";
