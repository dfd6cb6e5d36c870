//! One schedule: read, inserted, changed, deleted.

/// The columns of a row, with its whole payload.
macro_rules! columns {
    () => {
        "name, cron_expr, task_path, payload_json::text as payload, octet_length(payload_json::text) as payload_bytes, queue_name, \
         priority, max_attempts, concurrency_key, concurrency_limit, enabled, \
         case when isfinite(last_run_at) then last_run_at end as last_run_at, \
         case when isfinite(next_run_at) then next_run_at end as next_run_at"
    };
}

/// What a user defines of a schedule, as one value. A beat changes only when it runs.
macro_rules! definition {
    () => {
        "jsonb_build_object('cron_expr', cron_expr, 'task_path', task_path, 'payload', payload_json, 'queue_name', queue_name, \
         'priority', priority, 'max_attempts', max_attempts, 'concurrency_key', concurrency_key, \
         'concurrency_limit', concurrency_limit, 'enabled', enabled)"
    };
}

/// The channel on which beats hear that a schedule was changed.
pub(crate) const CHANGED: &str = "reproq_schedules";

/// Returns the rows that a statement has written, and notifies the beats of them once it is committed.
macro_rules! written {
    ($statement:expr) => {
        concat!(
            "with written as (",
            $statement,
            ") select written.*, pg_notify('reproq_schedules', '')::text as notified from written"
        )
    };
}

/// The time of the database, and the schedule with a name ($1), if there is one.
pub(crate) const ONE: &str = concat!(
    "select now() as now, ",
    columns!(),
    ", ",
    definition!(),
    "::text as definition from (select) one left join periodic_tasks on name = $1"
);

/// The time of the database, and all schedules by name, up to a number ($1). Without any there is one row, with the time.
pub(crate) const ALL: &str = concat!(
    "select now() as now, ",
    columns!(),
    ", ",
    definition!(),
    "::text as definition from (select) one left join (select * from periodic_tasks order by name limit $1) p on true order by name"
);

/// A new schedule. Parameters: name, expression, path, payload, queue, priority, attempts, concurrency key, its limit, enabled,
/// next run.
pub(crate) const INSERT: &str = written!(concat!(
    "insert into periodic_tasks (name, cron_expr, task_path, payload_json, queue_name, priority, max_attempts, concurrency_key, \
     concurrency_limit, enabled, last_run_at, next_run_at, created_at, updated_at) \
     values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9, $10, null, $11::timestamptz, now(), now()) \
     on conflict (name) do nothing returning ",
    columns!()
));

/// Changes a schedule, with the same parameters, if its definition is still the one that was read ($12). Without a next run, that
/// stays as it is.
pub(crate) const UPDATE: &str = written!(concat!(
    "update periodic_tasks set cron_expr = $2, task_path = $3, payload_json = $4::jsonb, queue_name = $5, priority = $6, \
     max_attempts = $7, concurrency_key = $8, concurrency_limit = $9, enabled = $10, \
     next_run_at = coalesce($11::timestamptz, next_run_at), updated_at = now() \
     where name = $1 and ",
    definition!(),
    " = $12::jsonb returning ",
    columns!()
));

/// Deletes a schedule ($1) if its definition is still the one that was read ($2).
pub(crate) const DELETE: &str =
    concat!("delete from periodic_tasks where name = $1 and ", definition!(), " = $2::jsonb returning ", columns!());
