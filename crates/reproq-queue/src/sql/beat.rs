//! Schedules that are due.

/// Schedules that are due, but for those in these versions ($1), at most $2; without arguments above $3 bytes.
pub(crate) const DUE: &str = "
select now() as now, name, xmin::text || ' ' || name as version, cron_expr, task_path, octet_length(payload_json::text) as payload_bytes,
  case when octet_length(payload_json::text) <= $3 then payload_json::text end as payload, queue_name, priority, max_attempts,
  concurrency_key, concurrency_limit, case when isfinite(next_run_at) then next_run_at end as next_run_at
from periodic_tasks
where enabled and next_run_at <= now() and xmin::text || ' ' || name <> all($1)
order by periodic_tasks.next_run_at, name limit $2";

/// After `DUE`: locked until the end of the transaction. Another beat does not wait for them, and does not see them again.
pub(crate) const LOCKED: &str = " for update skip locked";

/// The arguments of a schedule.
pub(crate) const PAYLOAD: &str = "select payload_json::text as payload from periodic_tasks where name = $1";

/// Advances schedules ($1, a JSON array of objects): those without a next run are disabled. The rows are locked since they were
/// read, and what was read is repeated: a trigger may have changed them.
pub(crate) const ADVANCE: &str = "
update periodic_tasks p
set last_run_at = case when w.has_run then p.next_run_at else p.last_run_at end, next_run_at = coalesce(w.next, p.next_run_at),
  enabled = w.next is not null, updated_at = now()
from json_to_recordset($1::json) as w (version text, name text, next timestamptz, has_run bool)
where p.name = w.name and p.xmin::text || ' ' || p.name = w.version and p.enabled";

/// Seconds until a schedule is due that is not in one of these versions ($1).
pub(crate) const NEXT: &str = "
select extract(epoch from next_run_at - clock_timestamp())::float8 as seconds from periodic_tasks
where enabled and isfinite(next_run_at) and xmin::text || ' ' || name <> all($1)
order by next_run_at limit 1";
