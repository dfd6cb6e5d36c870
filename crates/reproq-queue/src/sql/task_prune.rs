//! The deletion of finished tasks.

/// Whether deleting a task finds the tasks that name it as their parent without reading the whole table.
pub(crate) const HAS_PARENT_INDEX: &str = "
select exists (
  select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
  where i.indrelid = 'task_runs'::regclass and i.indisvalid and a.attname = 'parent_id'
    and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) = '(parent_id IS NOT NULL)')
) as found";

/// Whether another task waits for a row, or its workflow is not finished. `case` keeps the planner from reading all live tasks.
macro_rules! is_awaited {
    ($row:literal) => {
        concat!(
            "exists (select from task_runs child where child.parent_id = ",
            $row,
            ".result_id and child.status = 'WAITING')"
        )
    };
}

/// See [`is_awaited`].
macro_rules! is_in_live_workflow {
    ($row:literal) => {
        concat!(
            "case when ",
            $row,
            ".workflow_id is null then false else exists (
      select from task_runs other where other.workflow_id = ",
            $row,
            ".workflow_id and other.status in ('READY', 'RUNNING', 'WAITING')) end"
        )
    };
}

/// A part of the table in the order of ids, which is that of time: what of it can be deleted, and where the next part begins.
/// There is no index on the end of a task. A task cannot have ended before it was enqueued.
pub(crate) const PART: &str = concat!(
    "with part as materialized (
  select result_id, status, finished_at, queue_name, task_path, workflow_id, least(created_at, enqueued_at) as began
  from task_runs where result_id > $1 order by result_id limit $2
), finished as materialized (
  select result_id, status, ",
    is_awaited!("part"),
    " as awaited, ",
    is_in_live_workflow!("part"),
    " as in_workflow
  from part where status = any($3) and finished_at < $4::timestamptz
    and ($5::text is null or queue_name = $5) and ($6::text is null or task_path = $6)
    and ($7::text is null or task_path ~ $7)
), doomed as (select result_id, status from finished where not awaited and not in_workflow)
select
  (select array_agg(result_id order by result_id) from doomed) as ids,
  (select count(*) from doomed where status = 'SUCCESSFUL') as successful,
  (select count(*) from doomed where status = 'FAILED') as failed,
  (select count(*) from doomed where status = 'CANCELLED') as cancelled,
  (select count(*) from finished where awaited) as awaited,
  (select count(*) from finished where in_workflow and not awaited) as in_live_workflow,
  (select max(result_id) from part) as last,
  (select coalesce(min(began) >= $4::timestamptz, true) from part) as is_last"
);

/// Deletes rows, if they still may be; `case` keeps the planner from reading all parents. A row that another session holds is left out. The tasks that name them as their parent
/// keep no id that no longer exists: Django's schema leaves that to the program.
pub(crate) const DELETE: &str = concat!(
    "with doomed as materialized (
  select t.result_id from task_runs t
  where t.result_id = any($1) and t.status = any($2) and t.finished_at < $3::timestamptz and not case when ",
    is_awaited!("t"),
    " then true else false end and not ",
    is_in_live_workflow!("t"),
    "
  order by t.result_id for update of t skip locked
), orphaned as (
  update task_runs child set parent_id = null from doomed
  where child.parent_id = doomed.result_id and child.result_id not in (select result_id from doomed)
)
delete from task_runs t using doomed
where t.result_id = doomed.result_id and t.status = any($2) and t.finished_at < $3::timestamptz
returning t.result_id, t.workflow_id::text as workflow_id, to_regclass('workflow_runs') is not null as has_workflows"
);

/// Deletes the rows of workflows that have no task any more.
pub(crate) const DELETE_WORKFLOWS: &str = "
delete from workflow_runs w where w.workflow_id = any($1::text[]::uuid[])
  and not exists (select from task_runs t where t.workflow_id = w.workflow_id)";
