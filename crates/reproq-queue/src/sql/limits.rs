//! Setting and removing a rate limit. A rate is read by way of its text: as a `float8`, the `real` 0.1 is 0.10000000149011612.

/// A limit ($1), the number of tasks that are READY and follow it, and the keys of the limits that others of its tasks follow
/// instead. Parameters: its key, the kind of the key, the path or queue in it.
pub(crate) const SEEN: &str = "
select now() as now, l.key, l.tokens_per_second::text::float8 as rate, l.burst_size as burst, l.current_tokens::float8 as tokens,
  l.last_refilled_at, greatest(extract(epoch from now()) - extract(epoch from l.last_refilled_at), 0)::float8 as elapsed,
  (select count(*) from task_runs t where t.status = 'READY'
    and ($2 <> 'task' or t.task_path = $3) and ($2 <> 'queue' or t.queue_name = $3)
    and ($2 = 'task' or not exists (select from rate_limits n where n.key = 'task:' || t.task_path))
    and ($2 <> 'global' or not exists (select from rate_limits n where n.key = 'queue:' || t.queue_name))) as governed,
  array(select n.key from rate_limits n
    where $2 <> 'task' and (n.key like 'task:%' or ($2 = 'global' and n.key like 'queue:%'))
    order by n.key limit 20) as narrower
from (select) one left join rate_limits l on l.key = $1";

/// A new limit, with all its tokens. Parameters: key, rate, burst.
pub(crate) const INSERT: &str = "
insert into rate_limits (key, tokens_per_second, burst_size, current_tokens, last_refilled_at)
values ($1, $2::real, $3, $3::real, now()) on conflict (key) do nothing
returning key, tokens_per_second::text::float8 as rate, burst_size as burst, current_tokens::float8 as tokens, last_refilled_at,
  0::float8 as elapsed";

/// Changes a limit ($1) to a rate ($2) and a burst ($3) if it still has the old ones ($4, $5). The tokens that it has by its old
/// rate are kept, up to the new burst; one that did not limit anything begins with all its tokens.
pub(crate) const UPDATE: &str = "
update rate_limits set tokens_per_second = $2::real, burst_size = $3, last_refilled_at = now(),
  current_tokens = case when tokens_per_second > 0 and burst_size > 0
    then least($3::float8, current_tokens + greatest(extract(epoch from now()) - extract(epoch from last_refilled_at), 0)::float8 * tokens_per_second)::real
    else $3::real end
where key = $1 and tokens_per_second = $4::real and burst_size = $5
returning key, tokens_per_second::text::float8 as rate, burst_size as burst, current_tokens::float8 as tokens, last_refilled_at,
  0::float8 as elapsed";

/// Removes a limit ($1) if it still has this rate ($2) and burst ($3).
pub(crate) const DELETE: &str = "
delete from rate_limits where key = $1 and tokens_per_second = $2::real and burst_size = $3
returning key, tokens_per_second::text::float8 as rate, burst_size as burst, current_tokens::float8 as tokens, last_refilled_at,
  0::float8 as elapsed";
