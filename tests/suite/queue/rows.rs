//! A queue in which everything that can be seen is there once. Times are whole hours ago, so that reports do not change while
//! the tests run.

use test_postgres::Database;

use crate::support::Context;

/// The tasks: id, queue, path, status, hours since it was enqueued, attempts, and other columns.
const TASKS: &[(i64, &str, &str, &str, i64, i32, &str)] = &[
    (1, "default", "shop.tasks.add", "READY", 3, 0, ""),
    (2, "mail", "shop.tasks.mail", "READY", 4, 0, ""),
    (3, "default", "shop.tasks.later", "READY", 3, 0, "run_after = now() + interval '3 days 1 hour'"),
    (
        4,
        "default",
        "shop.tasks.lock",
        "RUNNING",
        3,
        1,
        "leased_by = 'w1', leased_until = now() + interval '5 hours', lock_key = 'user:1'",
    ),
    (5, "default", "shop.tasks.lock", "READY", 3, 0, "lock_key = 'user:1'"),
    (6, "default", "shop.tasks.lost", "RUNNING", 6, 1, "leased_by = 'gone', leased_until = now() - interval '3 hours'"),
    (
        7,
        "default",
        "shop.tasks.orphan",
        "RUNNING",
        7,
        1,
        "leased_by = 'w1', concurrency_key = 'acct', concurrency_limit = 1",
    ),
    (8, "default", "shop.tasks.acct", "READY", 3, 0, "concurrency_key = 'acct', concurrency_limit = 1"),
    (
        9,
        "default",
        "shop.tasks.charge",
        "FAILED",
        5,
        3,
        "failed_at = now() - interval '3 hours', finished_at = now() - interval '3 hours', last_error = 'card declined', logs_uri = 'logs/task-9-attempt-3.log', errors_json = '[{\"kind\": \"app_error\", \"exception_class\": \"shop.CardError\", \"message\": \"card declined\", \"attempt\": 3, \"at\": \"2024-01-01T00:00:00Z\", \"traceback\": \"Traceback:\\n  charge()\"}]'",
    ),
    (
        10,
        "default",
        "shop.tasks.charge",
        "FAILED",
        9,
        3,
        "failed_at = now() - interval '5 hours', finished_at = now() - interval '5 hours', errors_json = '[{\"kind\": \"security_violation\", \"message\": \"module not allowed\"}]'",
    ),
    (
        11,
        "default",
        "shop.tasks.report",
        "SUCCESSFUL",
        5,
        1,
        "finished_at = now() - interval '4 hours', return_json = '{\"total\": 1.50, \"big\": 12345678901234567890}', metadata_json = '{\"progress\": 0.4}', worker_ids = '[\"w1\"]'",
    ),
    (12, "default", "shop.tasks.add", "CANCELLED", 5, 0, "finished_at = now() - interval '4 hours'"),
    (
        13,
        "default",
        "shop.tasks.first",
        "FAILED",
        8,
        3,
        "workflow_id = '00000000-0000-0000-0000-000000000001', failed_at = now() - interval '7 hours', finished_at = now() - interval '7 hours', last_error = 'no'",
    ),
    (
        14,
        "default",
        "shop.tasks.second",
        "WAITING",
        8,
        0,
        "workflow_id = '00000000-0000-0000-0000-000000000001', parent_id = 13, wait_count = 1",
    ),
    (
        15,
        "default",
        "shop.tasks.part",
        "SUCCESSFUL",
        8,
        1,
        "workflow_id = '00000000-0000-0000-0000-000000000002', finished_at = now() - interval '7 hours'",
    ),
    (
        16,
        "default",
        "shop.tasks.part",
        "RUNNING",
        8,
        1,
        "workflow_id = '00000000-0000-0000-0000-000000000002', leased_by = 'w1', leased_until = now() + interval '5 hours'",
    ),
    (
        17,
        "default",
        "shop.tasks.all",
        "WAITING",
        8,
        0,
        "workflow_id = '00000000-0000-0000-0000-000000000002', wait_count = 2",
    ),
    (18, "nobody", "shop.tasks.add", "READY", 3, 0, ""),
    (
        19,
        "default",
        "other.tasks.run",
        "READY",
        3,
        1,
        "cancel_requested = true, expires_at = now() - interval '1 hour'",
    ),
    (20, "slow", "shop.tasks.slow", "READY", 3, 0, ""),
];

/// The other tables; those that Django does not create, only where they are.
const OTHERS: &str = "
insert into reproq_workers (worker_id, hostname, concurrency, queues, started_at, last_seen_at, version) values
  ('w1', 'box-1', 4, '[\"default\", \"mail\", \"slow\"]', now() - interval '9 hours', now(), '0.0.144'),
  ('w2', 'box-2', 2, '[\"nobody\"]', now() - interval '9 hours', now() - interval '4 hours', '0.0.143');
insert into reproq_queue_controls (queue_name, paused, paused_at, reason, created_at, updated_at) values
  ('mail', true, now() - interval '3 hours', 'provider down', now(), now());
insert into periodic_tasks (name, cron_expr, task_path, payload_json, queue_name, priority, max_attempts, concurrency_limit,
  next_run_at, enabled, created_at, updated_at) values
  ('broken', '@daily', 'shop.tasks.add', '[]', 'default', 0, 3, 0, now() + interval '9 hours', true, now(), now()),
  ('nightly', '0 2 * * *', 'shop.tasks.nightly', '{}', 'default', 0, 3, 0, now() - interval '3 hours', true, now(), now()),
  ('off', '0 3 * * *', 'shop.tasks.nightly', '{}', 'default', 0, 3, 0, now() - interval '9 hours', false, now(), now());
do $$ begin
  if to_regclass('rate_limits') is not null then
    insert into rate_limits (key, tokens_per_second, burst_size, current_tokens, last_refilled_at)
      values ('queue:slow', 0.0001, 1, 0, now());
    insert into workflow_runs (workflow_id, expected_count, success_count, failure_count, callback_result_id, status,
      created_at, updated_at)
      values ('00000000-0000-0000-0000-000000000002', 2, 1, 0, 17, 'RUNNING', now() - interval '8 hours', now());
  end if;
end $$;";

/// A database of an origin with these rows.
pub fn database(origin: &str) -> Option<Database> {
    let database = Database::of_origin(origin)?;
    let mut sql = String::from("begin;\n");
    for (id, queue, path, status, hours, attempts, others) in TASKS {
        sql.push_str(&format!(
            "insert into task_runs (result_id, backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, \
             enqueued_at, attempts, max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, \
             metadata_json, created_at, updated_at, cancel_requested) values ({id}, 'default', '{queue}', 0, \
             '{{\"task_path\": \"{path}\", \"args\": [{id}, 1.0], \"kwargs\": {{}}}}', md5('{id}') || md5('x'), '{path}', \
             '{status}', now() - interval '{hours} hours', {attempts}, 3, 900, 0, 0, '[]', '[]', '{{}}', now(), now(), \
             false);\n"
        ));
        if !others.is_empty() {
            sql.push_str(&format!("update task_runs set {others} where result_id = {id};\n"));
        }
    }
    sql.push_str("select setval(pg_get_serial_sequence('task_runs', 'result_id'), 100);\n");
    sql.push_str(OTHERS);
    sql.push_str("\ncommit;");
    database.sql(&sql);
    Some(database)
}

/// A project whose database this is.
pub fn project(url: &str) -> Context {
    let mut context = Context::new();
    context.set("DATABASE_URL", url);
    context
}

/// A report as JSON.
pub fn json(context: &Context, arguments: &[&str]) -> serde_json::Value {
    let output = context.run(&[arguments, &["--json"]].concat());
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:#?}"))
}
