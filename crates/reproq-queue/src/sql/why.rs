//! What a task may be waiting for.

/// Running tasks with the same lock key, in any queue. Parameters: the key, the id.
pub(crate) const LOCK_HOLDERS: &str = "
select result_id, status, leased_until, leased_by, leased_until < now() as expired from task_runs
where status = 'RUNNING' and lock_key = $1 and result_id <> $2 order by result_id limit 5";

/// The number of running tasks with the same concurrency key, in any queue, up to a limit.
pub(crate) const CONCURRENT: &str = "
select count(*) as tasks from (
  select from task_runs where status = 'RUNNING' and concurrency_key = $1 limit $2) counted";

/// The status of a task.
pub(crate) const STATUS: &str = "select status from task_runs where result_id = $1";

/// How many due tasks of the queue are claimed before this one, up to a limit, if priorities do not age. Parameters: the queue,
/// the priority, the time of enqueueing, the limit.
pub(crate) const AHEAD: &str = "
select count(*) as tasks from (
  select from task_runs where status = 'READY' and queue_name = $1
    and coalesce(run_after, '-infinity'::timestamptz) <= now()
    and (priority > $2 or (priority = $2 and enqueued_at < $3::timestamptz)) limit $4) counted";
