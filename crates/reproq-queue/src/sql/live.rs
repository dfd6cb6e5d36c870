//! What is live: depth, leases, workers, pauses, schedules, limits.

/// The time, the role, the size of the table, and which optional tables exist.
pub(crate) const SERVER: &str = "
select now() as now, pg_is_in_recovery() as standby, c.reltuples::float8 as rows, pg_relation_size(c.oid) as bytes,
  to_regclass('rate_limits') is not null as has_limits, to_regclass('workflow_runs') is not null as has_workflows,
  exists (
    select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = c.oid and i.indisvalid and a.attname = 'workflow_id'
  ) as has_workflow_index
from pg_class c where c.oid = 'task_runs'::regclass";

/// Live tasks by queue. Parameter: the largest number of rows.
pub(crate) const QUEUES: &str = "
select 'READY' as status, queue_name, count(*) as tasks,
  count(*) filter (where run_after > now()) as scheduled, 0::int8 as expired, 0::int8 as missing,
  count(*) filter (where cancel_requested) as cancels,
  min(greatest(enqueued_at, run_after)) filter (where run_after is null or run_after <= now()) as oldest,
  null::timestamptz as oldest_lease
from task_runs where status = 'READY' group by queue_name
union all
select 'RUNNING', queue_name, count(*), 0,
  count(*) filter (where leased_until < now()), count(*) filter (where leased_until is null),
  count(*) filter (where cancel_requested), min(coalesce(last_attempted_at, started_at)),
  min(leased_until) filter (where leased_until < now())
from task_runs where status = 'RUNNING' group by queue_name
union all
select 'WAITING', queue_name, count(*), 0, 0, 0, count(*) filter (where cancel_requested), min(enqueued_at), null
from task_runs where status = 'WAITING' group by queue_name
order by 2, 1 limit $1";

/// What was set for queues.
pub(crate) const CONTROLS: &str = "
select queue_name, paused, paused_at, reason, updated_at from reproq_queue_controls order by queue_name limit $1";

/// Workers, and owners of leases that are no known worker. Parameter: the largest number of rows.
pub(crate) const WORKERS: &str = "
select coalesce(w.worker_id, r.leased_by) as worker_id, w.worker_id is not null as known, w.hostname, w.concurrency,
  to_jsonb(w.queues)::text as queues, w.started_at, w.last_seen_at, w.version,
  (extract(epoch from now()) - extract(epoch from w.last_seen_at))::float8 as seconds,
  coalesce(r.tasks, 0) as running, coalesce(r.expired, 0) as expired
from reproq_workers w
full join (
  select leased_by, count(*) as tasks, count(*) filter (where leased_until < now()) as expired
  from task_runs where status = 'RUNNING' and leased_by is not null group by leased_by
) r on r.leased_by = w.worker_id
order by w.last_seen_at desc nulls first, 1 limit $1";

/// Workers that have not reported themselves for some seconds ($1), and how many running tasks have their lease.
pub(crate) const DEAD_WORKERS: &str = "
select w.worker_id, w.hostname, w.version, w.last_seen_at, coalesce(r.tasks, 0) as running
from reproq_workers w
left join (
  select leased_by, count(*) as tasks from task_runs where status = 'RUNNING' and leased_by is not null group by leased_by
) r on r.leased_by = w.worker_id
where w.last_seen_at < now() - make_interval(secs => $1) and isfinite(w.last_seen_at)
order by w.last_seen_at, w.worker_id limit $2";

/// Schedules by name.
pub(crate) const SCHEDULES: &str = "
select name, cron_expr, task_path, left(payload_json::text, 4096) as payload, octet_length(payload_json::text) as payload_bytes,
  queue_name, priority, max_attempts, concurrency_key, concurrency_limit, enabled,
  case when isfinite(last_run_at) then last_run_at end as last_run_at,
  case when isfinite(next_run_at) then next_run_at end as next_run_at
from periodic_tasks where $2::text is null or name > $2 order by name limit $1";

/// When schedules run, by name. Parameter: the largest number of rows.
pub(crate) const SCHEDULE_TIMES: &str = "
select name, enabled, case when isfinite(next_run_at) then next_run_at end as next_run_at
from periodic_tasks order by name limit $1";

/// Rate limits, with the tokens that are available now.
pub(crate) const LIMITS: &str = "
select key, tokens_per_second::text::float8 as rate, burst_size as burst, current_tokens::float8 as tokens, last_refilled_at,
  greatest(extract(epoch from now()) - extract(epoch from last_refilled_at), 0)::float8 as elapsed
from rate_limits where cardinality($1) = 0 or key = any($1) order by key limit $2";
