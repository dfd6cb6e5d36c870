//! Changes of the tasks that filters select: shown, confirmed, applied in batches, recorded, read back.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use test_postgres::Database;

use super::changes::states;
use super::rows::database;
use super::rows::json;
use super::rows::project;

/// Failed tasks with ids above 10,000.
pub fn failed(database: &Database, number: i64) {
    database.sql(&format!(
        "insert into task_runs (result_id, backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, \
         enqueued_at, attempts, max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, \
         metadata_json, created_at, updated_at, cancel_requested, finished_at, failed_at, last_error) \
         select 10000 + n, 'default', 'bulk', 0, '{{}}', md5(n::text) || md5('b'), 'shop.tasks.bulk', 'FAILED', \
         now() - interval '5 hours', 3, 3, 900, 0, 0, '[]', '[]', '{{}}', now() - interval '5 hours', now(), false, \
         now() - interval '4 hours', now() - interval '4 hours', 'timeout' from generate_series(1, {number}) n; analyze task_runs;"
    ));
}

#[test]
fn filters_select_are_shown_and_are_confirmed_on_every_origin() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        insta::allow_duplicates! {
            insta::assert_snapshot!("task_retry_planned", context.shown(&["task", "retry", "--all", "--dry-run"]));
            insta::assert_snapshot!("task_reclaim_planned", context.shown(&["task", "reclaim", "--dry-run"]));
        }
        assert_eq!(context.run(&["task", "retry", "--error", "card", "--dry-run", "--exit-code"]).code, 3);
        assert_eq!(context.run(&["task", "retry", "--error", "none", "--dry-run", "--exit-code"]).code, 0);
        assert_eq!(states(&database, "9, 10, 13"), "9 FAILED, 10 FAILED, 13 FAILED", "{origin}");
        insta::allow_duplicates! {
            insta::assert_snapshot!("task_retry_filter", context.shown(&["task", "retry", "--task", "*.charge", "--yes"]));
            insta::assert_snapshot!("task_reclaim_filter", context.shown(&["task", "reclaim", "--yes"]));
            insta::assert_snapshot!("task_discard_filter", context.shown(&["task", "discard", "--older-than", "7h", "--yes"]));
            insta::assert_snapshot!("task_cancel_filter", context.shown(&["task", "cancel", "--queue", "default", "--yes"]));
            insta::assert_snapshot!("task_change_none", context.shown(&["task", "retry", "--queue", "none", "--yes"]));
        }
        let after =
            "1 CANCELLED, 4 RUNNING, 6 CANCELLED, 7 RUNNING, 9 CANCELLED, 10 CANCELLED, 13 CANCELLED, 14 FAILED";
        assert_eq!(states(&database, "1, 4, 6, 7, 9, 10, 13, 14"), after, "{origin}");
    }
}

#[test]
fn many_tasks_are_changed_in_batches_with_a_record() {
    for origin in ["a", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        failed(&database, 1700);
        // Two of them are the same, one is active already, and one is held by another session.
        database.sql(
            "update task_runs set spec_hash = (select spec_hash from task_runs where result_id = 10002) where result_id = 10001; \
             update task_runs set spec_hash = (select spec_hash from task_runs where result_id = 1) where result_id = 10003;",
        );
        let mut session = database.session();
        session.run("begin; update task_runs set priority = 1 where result_id = 10009;");
        let output = context.run(&["task", "retry", "--queue", "bulk", "--yes", "--audit", "audit.jsonl", "--json"]);
        session.run("rollback;");
        assert_eq!(output.code, 7, "{output:#?}");
        let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        let numbers = ["changed", "kept", "skipped", "left", "unlisted"].map(|name| document[name].as_i64());
        assert_eq!(numbers, [Some(1697), Some(0), Some(3), Some(0), Some(1597)], "{origin}: {document:#}");
        assert_eq!(document["verified"], true);
        let ready =
            "select count(*) from task_runs where queue_name = 'bulk' and status = 'READY' and max_attempts = 4";
        assert_eq!(database.sql(ready), "1697");
        assert_eq!(states(&database, "10001, 10003, 10009"), "10001 FAILED, 10003 FAILED, 10009 FAILED");

        let record = fs::read_to_string(context.project().join("audit.jsonl")).expect("a record");
        let lines: Vec<serde_json::Value> =
            record.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().expect("an event")).collect();
        assert_eq!(events.len(), 2 + 2 * 4, "{events:?}");
        assert_eq!((events[0], events[1], events[2], events[9]), ("begin", "intent", "result", "end"));
        assert_eq!(lines[0]["units"].as_array().map(Vec::len), Some(1698), "{}", lines[0]);
        assert_eq!(lines[1]["tasks"][0], serde_json::json!({"id": 10002, "status": "FAILED", "attempts": 3}));
        assert_eq!(lines[9]["deleted"], 1697);
        assert!(!record.contains("Secret"), "the record has a password");
    }
}

#[test]
fn in_ci_the_command_line_is_the_consent_up_to_a_limit() {
    let Some(database) = database("d") else { return };
    let mut context = project(&database.url());
    context.set("CI", "true");
    failed(&database, 1200);
    insta::assert_snapshot!("task_retry_ci_limit", context.shown(&["task", "retry", "--queue", "bulk"]));
    assert_eq!(context.run(&["task", "retry", "--queue", "bulk", "--max", "10", "--limit", "20"]).code, 8);
    let some = json(&context, &["task", "retry", "--queue", "bulk", "--limit", "20"]);
    assert_eq!((some["changed"].as_i64(), some["more"].as_bool()), (Some(20), Some(true)), "{some:#}");
    assert_eq!(states(&database, "10020, 10021"), "10020 READY, 10021 FAILED", "the oldest come first");
    insta::assert_snapshot!(
        "task_retry_many",
        context.shown(&["task", "retry", "--queue", "bulk", "--max", "1200", "--audit", "a.jsonl"])
    );
}

#[test]
fn a_retry_of_a_workflow_leaves_its_callback_to_it() {
    for origin in ["b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        database.sql("update task_runs set status = 'FAILED', leased_by = null, leased_until = null, attempts = 3 where result_id = 16");
        // As the worker would leave it, if it could.
        database.sql(
            "update workflow_runs set status = 'FAILED', failure_count = 1; \
             update task_runs set status = 'FAILED', errors_json = '[{\"kind\": \"workflow_failed\"}]' where result_id = 17",
        );
        let workflow = "00000000-0000-0000-0000-000000000002";
        insta::allow_duplicates! {
            insta::assert_snapshot!("task_retry_workflow", context.shown(&["task", "retry", "--workflow", workflow, "--yes"]));
        }
        assert_eq!(states(&database, "15, 16, 17"), "15 SUCCESSFUL, 16 READY, 17 WAITING", "{origin}");
        let run = "select status, success_count, failure_count from workflow_runs";
        assert_eq!(database.sql(run), "RUNNING|1|0");
        let shown = json(&context, &["workflow", "show", workflow]);
        assert_eq!((&shown["state"], &shown["problems"]), (&"active".into(), &serde_json::json!([])), "{shown:#}");
    }
}

#[test]
fn no_change_scans_the_tasks_where_the_indexes_exist() {
    for origin in ["b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        database.sql(super::without_scans::HISTORY);
        let context = project(&database.url());
        context.succeed(&["db", "migrate", "--yes"]);
        let scans = || {
            sleep(Duration::from_millis(100));
            database.sql("select coalesce(seq_scan, 0) from pg_stat_user_tables where relname = 'task_runs'")
        };
        let mut before = scans();
        let commands: [&[&str]; 9] = [
            &["task", "retry", "9", "13"],
            &["task", "cancel", "1", "4"],
            &["task", "discard", "10"],
            &["task", "cancel", "13"],
            &["task", "reclaim", "--yes"],
            &["task", "retry", "--newer-than", "1d", "--yes"],
            &["task", "cancel", "--queue", "mail", "--yes"],
            &["task", "prune", "--older-than", "365d", "--yes"],
            &["task", "prune", "--older-than", "2d", "--limit", "500", "--yes"],
        ];
        for arguments in commands {
            let output = context.run(arguments);
            assert!(output.code == 0, "{arguments:?}: {output:#?}");
            let after = scans();
            assert_eq!(after, before, "{origin}: {arguments:?} scanned the table");
            before = after;
        }
    }
}
