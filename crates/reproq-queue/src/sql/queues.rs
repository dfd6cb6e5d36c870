//! Pausing and resuming a queue.

/// A queue ($1): what was set for it, its live tasks, and whether anything uses its name.
pub(crate) const SEEN: &str = "
select now() as now, c.queue_name, c.paused, c.paused_at, c.reason, c.updated_at,
  (select count(*) from task_runs where status = 'READY' and queue_name = $1) as ready,
  (select count(*) from task_runs where status = 'READY' and queue_name = $1 and run_after > now()) as scheduled,
  (select count(*) from task_runs where status = 'RUNNING' and queue_name = $1) as running,
  (select count(*) from task_runs where status = 'WAITING' and queue_name = $1) as waiting,
  exists (select from reproq_workers where to_jsonb(queues) ? $1) as is_served,
  exists (select from periodic_tasks where coalesce(nullif(queue_name, ''), 'default') = $1) as is_scheduled
from (select) one left join reproq_queue_controls c on c.queue_name = $1";

/// The first pause of a queue ($1), with a reason ($2).
pub(crate) const INSERT_PAUSE: &str = "
insert into reproq_queue_controls (queue_name, paused, paused_at, reason, created_at, updated_at)
values ($1, true, now(), $2, now(), now()) on conflict (queue_name) do nothing
returning queue_name, paused, paused_at, reason, updated_at";

/// Pauses or resumes a queue ($1), as $2 says, if it still is paused or not ($3), for the same reason ($4). A new reason ($5) does
/// not change since when it is paused.
pub(crate) const UPDATE: &str = "
update reproq_queue_controls
set paused = $2, reason = $5, updated_at = now(),
  paused_at = case when not $2 then null when paused then coalesce(paused_at, now()) else now() end
where queue_name = $1 and paused = $3 and reason is not distinct from $4
returning queue_name, paused, paused_at, reason, updated_at";
