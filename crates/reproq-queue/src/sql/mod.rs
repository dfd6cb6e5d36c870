//! The statements of the commands. Pure text; `read` and `write` run them.
//!
//! Each query about tasks names one status, so that a partial index answers it and the history is not scanned. A parameter that
//! is NULL is folded before planning, so an absent filter costs nothing.

/// The tasks that filters select; `$1` to `$9`.
macro_rules! matching {
    () => {
        "(cardinality($1) = 0 or status = any($1))
  and ($2::text is null or queue_name = $2)
  and ($3::text is null or task_path = $3)
  and ($4::text is null or task_path ~ $4)
  and ($5::int8 is null or enqueued_at <= now() - make_interval(secs => $5::float8))
  and ($6::int8 is null or enqueued_at >= now() - make_interval(secs => $6::float8))
  and ($7::text is null or strpos(lower(concat_ws(' ', last_error, errors_json->-1->>'message')), lower($7)) > 0)
  and ($8::text is null or workflow_id = $8::uuid)
  and (not $9 or (status = 'RUNNING' and (leased_until < now() or leased_until is null)))
"
    };
}

pub(crate) mod beat;
pub(crate) mod depth;
pub(crate) mod history;
pub(crate) mod insert;
pub(crate) mod limits;
pub(crate) mod live;
pub(crate) mod moves;
pub(crate) mod queues;
pub(crate) mod schedules;
pub(crate) mod task_changes;
pub(crate) mod task_prune;
pub(crate) mod tasks;
pub(crate) mod watch;
pub(crate) mod why;
pub(crate) mod workers;
pub(crate) mod workflows;
