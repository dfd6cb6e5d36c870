//! Moving the tasks of a queue to another database. `SOURCE` statements run in the database that the tasks leave, `TARGET`
//! statements in the other one.

/// The columns that are copied, as one JSON value. Times are written in UTC, so that no setting of a session changes the text.
macro_rules! record {
    () => {
        "(select row_to_json(r) from (select t.backend_alias, t.queue_name, t.priority, t.run_after at time zone 'UTC' as run_after, \
         t.spec_json, trim(trailing from t.spec_hash) as spec_hash, t.task_path, t.enqueued_at at time zone 'UTC' as enqueued_at, \
         t.started_at at time zone 'UTC' as started_at, t.last_attempted_at at time zone 'UTC' as last_attempted_at, \
         t.finished_at at time zone 'UTC' as finished_at, t.attempts, t.max_attempts, t.timeout_seconds, t.lock_key, \
         t.concurrency_key, t.concurrency_limit, t.wait_count, t.worker_ids, t.return_json, t.errors_json, t.metadata_json, \
         t.last_error, t.failed_at at time zone 'UTC' as failed_at, t.logs_uri, t.artifacts_uri, \
         t.expires_at at time zone 'UTC' as expires_at, t.created_at at time zone 'UTC' as created_at, t.cancel_requested) r)"
    };
}

/// Whether a task can move: it is READY, and no other task waits for it or has to do with it.
macro_rules! movable {
    () => {
        "t.status = 'READY' and t.workflow_id is null and t.parent_id is null \
         and not exists (select from task_runs c where c.parent_id = t.result_id and c.status = 'WAITING')"
    };
}

/// Either database: what a move needs to know about a queue ($1).
pub(crate) const SIDE: &str = concat!(
    "select (select system_identifier::text from pg_control_system()) || '.' ||
    (select oid::text from pg_database where datname = current_database()) as identity,
  (select array_agg(a.attname::text order by a.attname) from pg_attribute a
    where a.attrelid = 'task_runs'::regclass and a.attnum > 0 and not a.attisdropped) as columns,
  c.queue_name, c.paused, c.paused_at, c.reason, c.updated_at,
  (select count(*) from task_runs t where t.queue_name = $1 and ",
    movable!(),
    ") as movable,
  (select count(*) from task_runs t where t.queue_name = $1 and t.status = 'READY') as ready,
  (select count(*) from task_runs t where t.queue_name = $1 and t.status = 'WAITING'
    and coalesce(t.leased_by, '') not like 'reproq-move/%') as waiting,
  (select count(*) from task_runs t where t.queue_name = $1 and t.status = 'RUNNING') as running,
  (select count(*) from task_runs t where t.queue_name = $1 and t.status = 'RUNNING'
    and (t.leased_until is null or t.leased_until < now())) as without_lease,
  array(select name from periodic_tasks where coalesce(nullif(queue_name, ''), 'default') = $1 order by name limit 100) as schedules,
  exists (select from reproq_workers where to_jsonb(queues) ? $1) as is_served,
  to_regclass('rate_limits') is not null as has_limits
from (select) one left join reproq_queue_controls c on c.queue_name = $1"
);

/// Source: how many tasks of a queue ($1) run.
pub(crate) const RUNNING: &str = "
select count(*) as running, count(*) filter (where leased_until is null or leased_until < now()) as without_lease
from task_runs where queue_name = $1 and status = 'RUNNING'";

/// Source: the tasks of a queue ($1) that can move, in order, up to a number ($2).
pub(crate) const MOVABLE: &str = concat!(
    "select array(select t.result_id from task_runs t where t.queue_name = $1 and ",
    movable!(),
    " order by t.result_id limit $2) as ids"
);

/// Source: those of these tasks ($1) that still can move, in order, as far as they have at most so many bytes ($2); at least one.
pub(crate) const PAGE: &str = concat!(
    "select result_id, record, md5(record) as fingerprint from (
  select result_id, record, row_number() over w as number, sum(octet_length(record)) over w as bytes from (
    select t.result_id, ",
    record!(),
    "::text as record from task_runs t where t.result_id = any($1) and ",
    movable!(),
    ") read window w as (order by result_id)) page where number = 1 or bytes <= $2 order by result_id"
);

/// Target: one session at a time copies tasks.
pub(crate) const ONE_AT_A_TIME: &str = "select pg_advisory_xact_lock(7245903118422020)";

/// Target: inserts tasks ($1, a JSON array) that come from a database ($2), unless they are there. A row that is WAITING, with neither
/// a parent nor a workflow, only this command claims and releases.
pub(crate) const HOLD: &str = "
with wanted as (
  select w.source_id, 'reproq-move/' || $2 || '/' || w.source_id || '/' || w.fingerprint as mark, r.*
  from json_to_recordset($1::json) as w (source_id int8, fingerprint text, record json),
    lateral json_to_record(w.record) as r (backend_alias text, queue_name text, priority int4, run_after timestamp, spec_json jsonb,
      spec_hash varchar(64), task_path text, enqueued_at timestamp, started_at timestamp, last_attempted_at timestamp,
      finished_at timestamp, attempts int4, max_attempts int4, timeout_seconds int4, lock_key text, concurrency_key text,
      concurrency_limit int4, wait_count int4, worker_ids jsonb, return_json jsonb, errors_json jsonb, metadata_json jsonb,
      last_error text, failed_at timestamp, logs_uri text, artifacts_uri text, expires_at timestamp, created_at timestamp,
      cancel_requested bool)
), held as (
  insert into task_runs (backend_alias, queue_name, priority, run_after, spec_json, spec_hash, task_path, status, enqueued_at,
    started_at, last_attempted_at, finished_at, attempts, max_attempts, timeout_seconds, lock_key, concurrency_key,
    concurrency_limit, wait_count, worker_ids, return_json, errors_json, metadata_json, last_error, failed_at, logs_uri,
    artifacts_uri, expires_at, created_at, updated_at, cancel_requested, leased_by)
  select backend_alias, queue_name, priority, run_after at time zone 'UTC', spec_json, spec_hash, task_path, 'WAITING',
    enqueued_at at time zone 'UTC', started_at at time zone 'UTC', last_attempted_at at time zone 'UTC',
    finished_at at time zone 'UTC', attempts, max_attempts, timeout_seconds, lock_key, concurrency_key, concurrency_limit,
    wait_count, worker_ids, return_json, errors_json, metadata_json, last_error, failed_at at time zone 'UTC', logs_uri,
    artifacts_uri, expires_at at time zone 'UTC', created_at at time zone 'UTC', now(), cancel_requested, mark
  from wanted w
  where not exists (select from task_runs h where h.status = 'WAITING' and h.leased_by = w.mark)
  order by source_id
  returning result_id, leased_by
)
select split_part(leased_by, '/', 3)::int8 as source_id, result_id from held order by source_id";

/// Target: the tasks of a queue ($1) that wait there and come from a database ($2), in order.
pub(crate) const HELD: &str = "
select array(select result_id from task_runs where status = 'WAITING' and queue_name = $1
  and leased_by like 'reproq-move/' || $2 || '/%' order by result_id) as ids";

/// Target: where those of these tasks ($1) come from that still wait.
pub(crate) const ORIGINS: &str = "
select result_id, split_part(leased_by, '/', 3)::int8 as source_id, split_part(leased_by, '/', 4) as fingerprint
from task_runs where result_id = any($1) and status = 'WAITING' and leased_by like 'reproq-move/%' order by result_id";

/// Source: gives up tasks ($1, a JSON array) that wait in a database ($2) with an alias ($3), if they are as they were copied.
/// Returns the ids in the target of all that were given up, now or before.
pub(crate) const LEAVE: &str = concat!(
    "with held as (
  select * from json_to_recordset($1::json) as h (source_id int8, target_id int8, fingerprint text)
), given_up as (
  update task_runs t set status = 'CANCELLED', finished_at = now(), updated_at = now(),
    last_error = 'moved to ' || $3 || ' as task ' || h.target_id, leased_by = 'reproq-move/' || $2 || '/' || h.target_id
  from held h where t.result_id = h.source_id and md5(",
    record!(),
    "::text) = h.fingerprint and ",
    movable!(),
    "
  returning h.target_id
)
select target_id from given_up union
select h.target_id from held h join task_runs t on t.result_id = h.source_id
where t.status = 'CANCELLED' and t.leased_by = 'reproq-move/' || $2 || '/' || h.target_id"
);

/// Source: those of the tasks ($1, a JSON array) that were given up before, for a database ($2).
pub(crate) const LEFT: &str = "
select h.target_id from json_to_recordset($1::json) as h (source_id int8, target_id int8)
join task_runs t on t.result_id = h.source_id
where t.status = 'CANCELLED' and t.leased_by = 'reproq-move/' || $2 || '/' || h.target_id";

/// Target: lets workers claim tasks ($1) that wait there. One that is the same as a live task is cancelled instead; without an
/// index that forbids both ($2), only if that did not come from elsewhere too. For each: its id, and that of the same task.
pub(crate) const RELEASE: &str = "
with held as (
  select t.result_id, t.spec_hash, row_number() over (partition by t.spec_hash order by t.result_id) as number
  from task_runs t where t.result_id = any($1) and t.status = 'WAITING' and t.leased_by like 'reproq-move/%'
), same as (
  select h.result_id, min(l.result_id) as other from held h
  join task_runs l on l.spec_hash = h.spec_hash and l.status in ('READY', 'RUNNING')
  where $2 or coalesce(l.leased_by, '') not like 'reproq-move/%' group by h.result_id
), cancelled as (
  update task_runs t set status = 'CANCELLED', finished_at = now(), updated_at = now(),
    last_error = 'not moved: task ' || s.other || ' is the same'
  from same s where t.result_id = s.result_id returning t.result_id, s.other
), released as (
  update task_runs t set status = 'READY', updated_at = now() from held h
  where t.result_id = h.result_id and (h.number = 1 or not $2) and h.result_id not in (select result_id from same)
  returning t.result_id
)
select result_id, null::int8 as other from released union all select result_id, other from cancelled order by result_id";

/// Target: whether an index forbids two live tasks that are the same.
pub(crate) const HAS_UNIQUE_INDEX: &str = "
select exists (
  select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
  where i.indrelid = to_regclass('task_runs') and i.indisunique and i.indisvalid and i.indnkeyatts = 1
    and a.attname = 'spec_hash') as is_unique";

/// Target: cancels tasks ($1) that wait there, with a reason ($2).
pub(crate) const DROP: &str = "
update task_runs set status = 'CANCELLED', finished_at = now(), updated_at = now(), last_error = $2
where result_id = any($1) and status = 'WAITING' and leased_by like 'reproq-move/%'";
