//! Insertion of tasks.

/// The name of a column of a table ($1) that must not be NULL, that the database does not fill, and that is not among $2.
macro_rules! unknown_column {
    () => {
        "select a.attname::text as attname from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped and a.attnotnull
  and not a.atthasdef and a.attidentity = '' and a.attgenerated = '' and t.typdefault is null and a.attname <> all($2)
order by a.attnum limit 1"
    };
}

pub(crate) const UNKNOWN_COLUMN: &str = unknown_column!();

/// The same for tasks; and if no index prevents two live tasks with the same hash, it lets only one session of this program insert
/// until its transaction ends.
pub(crate) const PREPARE: &str = concat!(
    "select (",
    unknown_column!(),
    ") as attname, (select pg_advisory_xact_lock(7245903118422019) from (select) one where not exists (
  select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
  where i.indrelid = to_regclass($1) and i.indisunique and i.indisvalid and i.indnkeyatts = 1
    and a.attname = 'spec_hash'))::text as locked"
);

/// The sequence of the ids of tasks, if it is behind the highest id: then new tasks get ids that exist, and are not inserted. A
/// restored copy may have such a sequence. None for a user who may not read it.
pub(crate) const SEQUENCE_BEHIND: &str = "
select name, highest, format('select setval(%L, (select max(result_id) from task_runs))', name) as repair
from (select pg_get_serial_sequence('task_runs', 'result_id') as name) s, (select max(result_id) as highest from task_runs) m
where case when has_sequence_privilege(name, 'SELECT, USAGE') then highest > coalesce(pg_sequence_last_value(name::regclass), 0)
  else false end";

/// A finished task, for another one with its specification.
pub(crate) const FINISHED: &str = "
select status, trim(trailing from spec_hash) as spec_hash, coalesce(task_path, '') as task_path, queue_name,
  workflow_id::text as workflow_id from task_runs where result_id = $1";

/// Inserts a task with the specification of one ($1) that has this status ($2), unless a live task has the same hash. The new task
/// belongs to no workflow, and neither waits nor expires.
pub(crate) const REPLAY: &str = "
insert into task_runs (backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, enqueued_at, attempts,
  max_attempts, timeout_seconds, lock_key, concurrency_key, concurrency_limit, wait_count, worker_ids, errors_json, metadata_json,
  created_at, updated_at, cancel_requested)
select backend_alias, queue_name, priority, spec_json, spec_hash, task_path, 'READY', now(), 0, max_attempts, timeout_seconds,
  lock_key, concurrency_key, concurrency_limit, 0, '[]'::jsonb, '[]'::jsonb, '{}'::jsonb, now(), now(), false
from task_runs t where result_id = $1 and status = $2
  and not exists (select from task_runs l where l.spec_hash = t.spec_hash and l.status in ('READY', 'RUNNING'))
on conflict do nothing
returning result_id";

/// The live task with the same hash as a task ($1).
pub(crate) const SAME: &str = "
select l.result_id from task_runs t join task_runs l on l.spec_hash = t.spec_hash and l.status in ('READY', 'RUNNING')
where t.result_id = $1 order by l.result_id limit 1";

/// Inserts tasks ($1, a JSON array of objects), unless a live task has the same hash and the new one gives way to it (`dedupe`). For
/// each: its number, the id of its row or of the live one, and whether it was inserted; no id if another session inserted it and the
/// row is not visible yet.
///
/// The hash is a `varchar`: compared with a `text`, the index of a `char(64)` could not be used.
pub(crate) const TASKS: &str = "
with wanted as (
  select * from json_to_recordset($1::json) as w (number int8, backend_alias text, queue_name text, priority int4,
    run_after timestamptz, spec text, spec_hash varchar(64), task_path text, max_attempts int4, timeout_seconds int4,
    lock_key text, concurrency_key text, concurrency_limit int4, expires_after float8, dedupe bool)
), live as (
  select t.spec_hash::varchar as spec_hash, min(t.result_id) as result_id from wanted w
  join task_runs t on t.spec_hash = w.spec_hash and t.status in ('READY', 'RUNNING') group by 1
), inserted as (
  insert into task_runs (backend_alias, queue_name, priority, run_after, spec_json, spec_hash, task_path, status, enqueued_at,
    attempts, max_attempts, timeout_seconds, lock_key, concurrency_key, concurrency_limit, wait_count, worker_ids, errors_json,
    metadata_json, expires_at, created_at, updated_at, cancel_requested)
  select backend_alias, queue_name, priority, run_after, spec::jsonb, spec_hash, task_path, 'READY', now(), 0, max_attempts,
    timeout_seconds, lock_key, concurrency_key, concurrency_limit, 0, '[]'::jsonb, '[]'::jsonb, '{}'::jsonb,
    now() + make_interval(secs => expires_after), now(), now(), false
  from (select distinct on (spec_hash) * from wanted order by spec_hash, number) w
  where not (dedupe and exists (select from live where live.spec_hash = w.spec_hash))
  order by number
  on conflict do nothing
  returning result_id, spec_hash::varchar as spec_hash
)
select w.number, coalesce(i.result_id, l.result_id) as result_id,
  i.result_id is not null and w.number = min(w.number) over (partition by w.spec_hash) as inserted
from wanted w left join inserted i on i.spec_hash = w.spec_hash left join live l on l.spec_hash = w.spec_hash
order by w.number";
