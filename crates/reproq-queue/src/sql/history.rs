//! What is over: counts by status, failures, and what happened when.

/// The share of each status, by the statistics of the last ANALYZE.
pub(crate) const SHARES: &str = "
select unnest(most_common_vals::text::text[]) as status, unnest(most_common_freqs)::float8 as share
from pg_stats where schemaname = (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.oid = 'task_runs'::regclass) and tablename = 'task_runs' and attname = 'status'";

/// Exact counts. Reads the whole table.
pub(crate) const COUNTS: &str = "
select queue_name, status, count(*) as tasks from task_runs group by queue_name, status order by queue_name, status";

/// The tasks that failed most often in the last seconds ($1), at most $2, and the number of all failures.
pub(crate) const FAILING: &str = "
select coalesce(task_path, '') as task_path, count(*) as tasks, sum(count(*)) over ()::int8 as total from task_runs
where status = 'FAILED' and failed_at >= now() - make_interval(secs => $1)
group by 1 order by 2 desc, 1 limit $2";

/// The same without a window, as Django counts. Parameter: the number of rows.
pub(crate) const FAILING_EVER: &str = "
select coalesce(task_path, '') as task_path, count(*) as tasks from task_runs where status = 'FAILED' group by 1 order by 2 desc, 1 limit $1";

/// Failures by task and bucket. Parameters: where the first bucket begins, seconds of a bucket, number of tasks. The rows of
/// the tasks that are not among the first have no path.
pub(crate) const HEATMAP: &str = "
with failures as (
  select coalesce(task_path, '') as task_path, floor(date_part('epoch', failed_at - $1::timestamptz) / $2)::int8 as bucket, count(*) as tasks
  from task_runs where status = 'FAILED' and failed_at >= $1::timestamptz and failed_at <= now() group by 1, 2
), first as (select task_path from failures group by 1 order by sum(tasks) desc, 1 limit $3)
select first.task_path, failures.bucket, sum(failures.tasks)::int8 as tasks
from failures left join first using (task_path) group by 1, 2 order by 1, 2";

/// The newest id, and the oldest.
pub(crate) const BOUNDS: &str = "
select (select result_id from task_runs order by result_id desc limit 1) as newest,
  (select result_id from task_runs order by result_id limit 1) as oldest";

/// What happened in each bucket, by the rows with an id above $1. Parameters: that id, where the first bucket begins, seconds of
/// a bucket. The row without a bucket is about all of them.
pub(crate) const TREND: &str = "
select 'ENQUEUED' as event, floor(date_part('epoch', enqueued_at - $2::timestamptz) / $3)::int8 as bucket, count(*) as tasks,
  null::timestamptz as first
from task_runs where result_id > $1 and enqueued_at >= $2::timestamptz and enqueued_at <= now() group by 2
union all
select status, floor(date_part('epoch', finished_at - $2::timestamptz) / $3)::int8, count(*), null
from task_runs where result_id > $1 and finished_at >= $2::timestamptz and finished_at <= now()
  and status in ('SUCCESSFUL', 'FAILED', 'CANCELLED') group by 1, 2
union all
select 'ROWS', null, count(*), min(enqueued_at) from task_runs where result_id > $1
order by 2 nulls first, 1";

/// Whether the server has the extension `pg_cron`.
pub(crate) const PG_CRON: &str = "select exists (select from pg_available_extensions where name = 'pg_cron') as found";
