//! `reproq task retry`, `cancel`, `discard`, `reclaim` with tasks that are named, on every origin and through a pooler.

use std::thread;
use std::time::Duration;

use test_postgres::Database;
use test_postgres::PgBouncer;

use super::rows::database;
use super::rows::json;
use super::rows::project;
use crate::support::Context;

/// What a test of these commands does not care about.
pub fn states(database: &Database, ids: &str) -> String {
    database
        .sql(&format!("select string_agg(result_id || ' ' || status, ', ' order by result_id) from task_runs where result_id in ({ids})"))
}

/// Everything that can be done to named tasks; the same on every origin.
fn change_named(context: &Context) {
    insta::allow_duplicates! {
        insta::assert_snapshot!("task_retry_json", context.shown(&["task", "retry", "9", "--dry-run", "--json"]));
        insta::assert_snapshot!("task_retry_named", context.shown(&["task", "retry", "9"]));
        insta::assert_snapshot!("task_retry_some", context.shown(&["task", "retry", "10", "4", "999", "12"]));
        insta::assert_snapshot!("task_discard_named", context.shown(&["task", "discard", "13"]));
        insta::assert_snapshot!("task_cancel_named", context.shown(&["task", "cancel", "1", "4", "18"]));
        insta::assert_snapshot!("task_cancel_json", context.shown(&["task", "cancel", "8", "--json"]));
        insta::assert_snapshot!("task_cancel_again", context.shown(&["task", "cancel", "4"]));
        insta::assert_snapshot!("task_reclaim_named", context.shown(&["task", "reclaim", "6"]));
        insta::assert_snapshot!("task_reclaim_missing", context.shown(&["task", "reclaim", "7", "--include-missing"]));
    }
}

const AFTER: &str =
    "1 CANCELLED, 4 RUNNING, 6 READY, 7 READY, 9 READY, 10 READY, 13 CANCELLED, 14 FAILED, 18 CANCELLED";

#[test]
fn named_tasks_are_changed_at_once_on_every_origin() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        change_named(&project(&database.url()));
        assert_eq!(states(&database, "1, 4, 6, 7, 9, 10, 13, 14, 18"), AFTER, "{origin}");
        assert_eq!(database.sql("select cancel_requested from task_runs where result_id = 4"), "t");
    }
}

#[test]
fn a_pooler_with_one_connection_is_enough() {
    let Some(database) = database("d") else { return };
    let Some(pooler) = PgBouncer::before(&database) else { return };
    let context = project(&pooler.url());
    change_named(&context);
    assert_eq!(states(&database, "1, 4, 6, 7, 9, 10, 13, 14, 18"), AFTER);
    context.succeed(&["task", "cancel", "--all", "--yes"]);
    context.succeed(&["task", "prune", "--older-than", "1h", "--yes", "--limit", "3"]);
}

#[test]
fn each_refusal_says_why_and_what_to_do() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    database.sql(
        "update task_runs set spec_hash = (select spec_hash from task_runs where result_id = 1) where result_id = 10; \
         update task_runs set errors_json = '[{\"kind\": \"workflow_failed\"}]' where result_id = 13;",
    );
    for (name, arguments, code) in [
        ("retry_running", &["task", "retry", "4"][..], 8),
        ("retry_duplicate", &["task", "retry", "10"], 8),
        ("retry_workflow", &["task", "retry", "13"], 8),
        ("retry_missing", &["task", "retry", "999"], 4),
        ("retry_nothing", &["task", "retry"], 2),
        ("retry_two_databases", &["task", "retry", "orders:1", "mail:2"], 2),
        ("retry_status", &["task", "retry", "--status", "running"], 2),
        ("cancel_waiting", &["task", "cancel", "14"], 8),
        ("cancel_finished", &["task", "cancel", "11"], 8),
        ("discard_ready", &["task", "discard", "1"], 8),
        ("reclaim_held", &["task", "reclaim", "4"], 8),
        ("reclaim_missing_lease", &["task", "reclaim", "7"], 8),
        ("retry_unconfirmed", &["task", "retry", "--queue", "default"], 8),
        ("prune_live", &["task", "prune", "--older-than", "1d", "--status", "ready"], 2),
    ] {
        let before = database.sql("select md5(string_agg(t::text, '|' order by result_id)) from task_runs t");
        let shown = context.shown(arguments);
        assert!(shown.starts_with(&format!("exit code: {code}\n")), "{name}: {shown}");
        insta::assert_snapshot!(format!("task_refused_{name}"), shown);
        let after = database.sql("select md5(string_agg(t::text, '|' order by result_id)) from task_runs t");
        assert_eq!(before, after, "{name} changed something");
    }
    for arguments in [&["task", "retry", "9", "--all"][..], &["task", "retry", "9", "--max", "3"], &["task", "prune"]] {
        assert_eq!(context.run(arguments).code, 2, "{arguments:?}");
    }
    // A row that another session holds is not waited for.
    let mut session = database.session();
    session.run("begin; update task_runs set priority = 1 where result_id = 9;");
    let locked = context.run(&["task", "retry", "9"]);
    assert!(locked.code == 8 && locked.stderr.contains("another session is changing it"), "{locked:#?}");
    session.run("rollback;");
    assert_eq!(states(&database, "9"), "9 FAILED");
}

#[test]
fn a_database_that_cannot_be_written_to_is_unavailable() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    database.sql("grant select on all tables in schema public to guest");
    let reader = project(&database.url_of(test_postgres::GUEST));
    let output = reader.run(&["task", "cancel", "1"]);
    assert_eq!(output.code, 9, "{output:#?}");
    database.sql(&format!("alter database {} set default_transaction_read_only = on", database.name));
    let commands: [&[&str]; 4] = [
        &["task", "retry", "9"],
        &["task", "retry", "--all", "--yes"],
        &["task", "reclaim", "--yes"],
        &["task", "prune", "--older-than", "2h", "--limit", "1", "--yes"],
    ];
    for arguments in commands {
        let output = context.run(arguments);
        assert!(output.code == 6 && output.stderr.contains("cannot be written to"), "{arguments:?}: {output:#?}");
    }
}

#[test]
fn a_retry_into_a_paused_queue_says_so() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    database.sql("update task_runs set queue_name = 'mail' where result_id = 9");
    let output = context.succeed(&["task", "retry", "9"]);
    assert!(output.stderr.contains("queue mail is paused"), "{output:#?}");
    let document = json(&context, &["task", "retry", "10"]);
    assert_eq!(document["paused_queues"], serde_json::json!([]), "{document:#}");
}

/// Does what the worker does when its heartbeat sees the request.
fn end_when_requested(database: &Database, id: i64, sql: &str) {
    for _ in 0..200 {
        let asked = format!("select cancel_requested from task_runs where result_id = {id}");
        if database.sql(&asked) == "t" {
            database.sql(&format!(
                "update task_runs set leased_by = null, leased_until = null, {sql} where result_id = {id}"
            ));
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("no request");
}

#[test]
fn a_cancellation_is_followed_until_it_is_seen_or_the_time_is_over() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let over = context.run(&["task", "cancel", "4", "--wait", "1"]);
    assert_eq!(over.code, 6, "{over:#?}");
    insta::assert_snapshot!("task_cancel_wait_over", context.redact(&over));
    let lost = context.run(&["task", "cancel", "6", "--wait", "0"]);
    assert!(lost.code == 6 && lost.stderr.contains("reproq task reclaim 6"), "{lost:#?}");
    let ends = [
        ("stopped", "status = 'FAILED', errors_json = '[{\"kind\": \"cancelled\"}]'", "FAILED"),
        ("finished", "status = 'SUCCESSFUL'", "SUCCESSFUL"),
        ("failed", "status = 'FAILED', errors_json = '[{\"kind\": \"app_error\"}]'", "FAILED"),
        // The request stays in the row, and its next attempt would be stopped.
        ("cancelled", "status = 'READY', run_after = now() + interval '30 s'", "CANCELLED"),
        ("runs_again", "status = 'READY', cancel_requested = false", "READY"),
    ];
    for (end, sql, status) in ends {
        database.sql(
            "update task_runs set status = 'RUNNING', leased_by = 'w1', leased_until = now() + interval '1 hour', \
             cancel_requested = false, errors_json = '[]' where result_id = 4",
        );
        let document = thread::scope(|scope| {
            let worker = scope.spawn(|| end_when_requested(&database, 4, sql));
            let document = json(&context, &["task", "cancel", "4", "--wait", "1m"]);
            worker.join().expect("it ends");
            document
        });
        assert_eq!(document["ends"], serde_json::json!([{"id": 4, "end": end}]), "{document:#}");
        assert_eq!(states(&database, "4"), format!("4 {status}"), "{end}");
    }
}
