//! Samples of the depth of queues, in a table that `db migrate --history` creates.

/// Whether samples can be read, and whether this user can write them.
pub(crate) const STATE: &str = "
select to_regclass('reproq_depth_history') is not null and has_table_privilege(to_regclass('reproq_depth_history'), 'SELECT') as readable,
  to_regclass('reproq_depth_history') is not null and not pg_is_in_recovery()
    and has_table_privilege(to_regclass('reproq_depth_history'), 'INSERT, DELETE') as writable";

/// Writes a sample ($1, a JSON array; the queue without a name is all of them) for the begun five minutes, unless there is one.
pub(crate) const RECORD: &str = "
insert into reproq_depth_history (sampled_at, queue_name, ready, scheduled, running, waiting)
select to_timestamp(floor(extract(epoch from now()) / 300) * 300), queue, ready, scheduled, running, waiting
from json_to_recordset($1::json) as w (queue text, ready int8, scheduled int8, running int8, waiting int8)
on conflict do nothing";

/// Deletes samples that are older than 30 days.
pub(crate) const BOUND: &str = "delete from reproq_depth_history where sampled_at < now() - interval '30 days'";

/// The last sample of all queues in each bucket. Parameters: where the first bucket begins, seconds of a bucket.
pub(crate) const SAMPLES: &str = "
select distinct on (bucket) bucket, depth from (
  select floor(date_part('epoch', sampled_at - $1::timestamptz) / $2)::int8 as bucket, sampled_at,
    ready + scheduled + running + waiting as depth
  from reproq_depth_history where queue_name = '' and sampled_at >= $1::timestamptz and sampled_at <= now()) all_queues
order by bucket, sampled_at desc";
