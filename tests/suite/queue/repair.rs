//! `reproq workflow repair`: each damage, what is left as it is, and others who change the same rows.

use std::process::Stdio;
use std::thread;

use test_postgres::Database;
use test_postgres::PgBouncer;

use super::controls::overtaken;
use super::rows::json;
use super::rows::project;
use crate::support::context::wait;

/// The workflows: number, tasks (id and status, in order), id of the callback and its status, the counters and the status.
type Chord = (i64, &'static [(i64, &'static str)], (i64, &'static str), (i64, i64, &'static str));

/// A task finished before the row of its workflow existed.
const LOST: Chord = (1, &[(11, "SUCCESSFUL"), (12, "SUCCESSFUL")], (19, "WAITING"), (1, 0, "RUNNING"));
/// The worker failed a task when its lease expired, and told nobody.
const UNTOLD: Chord = (2, &[(21, "SUCCESSFUL"), (22, "FAILED")], (29, "WAITING"), (1, 0, "RUNNING"));
/// All is counted, and the callback was not released.
const UNRELEASED: Chord = (3, &[(31, "SUCCESSFUL"), (32, "SUCCESSFUL")], (39, "WAITING"), (2, 0, "WAITING_CALLBACK"));
/// A task was cancelled in Django's admin while another runs.
const CANCELLED: Chord = (4, &[(41, "RUNNING"), (42, "CANCELLED")], (49, "WAITING"), (0, 0, "RUNNING"));
/// A task was counted by nobody, and others still run.
const EARLY: Chord = (5, &[(51, "SUCCESSFUL"), (52, "READY")], (59, "WAITING"), (0, 0, "RUNNING"));
const DAMAGED: [Chord; 5] = [LOST, UNTOLD, UNRELEASED, CANCELLED, EARLY];

/// These are in order.
const HEALTHY: [Chord; 3] = [
    (6, &[(61, "SUCCESSFUL"), (62, "RUNNING")], (69, "WAITING"), (1, 0, "RUNNING")),
    (7, &[(71, "SUCCESSFUL"), (72, "SUCCESSFUL")], (79, "SUCCESSFUL"), (2, 0, "SUCCESSFUL")),
    (8, &[(81, "SUCCESSFUL"), (82, "FAILED")], (89, "FAILED"), (1, 1, "FAILED")),
];

fn uuid(number: i64) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

fn task(id: i64, workflow: i64, status: &str, parent: Option<i64>) -> String {
    let parent = parent.map_or_else(|| "null".to_owned(), |parent| parent.to_string());
    let ended = if ["SUCCESSFUL", "FAILED", "CANCELLED"].contains(&status) { "now()" } else { "null" };
    let lease = if status == "RUNNING" { "now() + interval '1 hour'" } else { "null" };
    format!(
        "insert into task_runs (result_id, backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, enqueued_at, \
         attempts, max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, metadata_json, created_at, \
         updated_at, cancel_requested, workflow_id, parent_id, finished_at, leased_until, leased_by) values ({id}, 'default', 'default', \
         0, '{{}}', md5('{id}'), 'shop.tasks.part', '{status}', now(), 1, 3, 900, 0, {}, '[]', '[]', '{{}}', now(), now(), false, '{}', \
         {parent}, {ended}, {lease}, 'w1');\n",
        i64::from(status == "WAITING"),
        uuid(workflow),
    )
}

fn chord((workflow, tasks, (callback, status), (successes, failures, state)): &Chord) -> String {
    let mut sql: String = tasks.iter().map(|(id, status)| task(*id, *workflow, status, None)).collect();
    sql.push_str(&task(*callback, *workflow, status, None));
    sql.push_str(&format!(
        "insert into workflow_runs values ('{}', {}, {successes}, {failures}, {callback}, '{state}', now(), now());\n",
        uuid(*workflow),
        tasks.len()
    ));
    sql
}

/// Workflow 9: a chain whose second task was inserted after the first had succeeded. Workflow 10: one that stopped at a failure.
fn chains() -> String {
    [
        task(91, 9, "SUCCESSFUL", None),
        task(92, 9, "WAITING", Some(91)),
        task(93, 9, "WAITING", Some(92)),
        task(101, 10, "FAILED", None),
        task(102, 10, "WAITING", Some(101)),
    ]
    .concat()
}

fn damaged(origin: &str) -> Option<Database> {
    let database = Database::of_origin(origin)?;
    let chords: String = DAMAGED.iter().chain(&HEALTHY).map(chord).collect();
    database.sql(&format!("begin; {chords} {} commit;", chains()));
    Some(database)
}

/// Everything that a repair could change.
fn state(database: &Database) -> String {
    database.sql("select to_jsonb(t) from task_runs t order by result_id")
        + &database.sql("select to_jsonb(w) from workflow_runs w order by workflow_id")
}

fn tasks(database: &Database) -> String {
    database.sql(
        "select string_agg(result_id || ' ' || status || ' ' || wait_count, ', ' order by result_id) from task_runs",
    )
}

#[test]
fn each_damage_is_repaired_once() {
    for origin in ["b", "c", "d"] {
        let Some(database) = damaged(origin) else { return };
        let context = project(&database.url());
        let before = state(&database);
        let all = ["workflow", "repair", "--all"];
        insta::allow_duplicates! {
            insta::assert_snapshot!("workflow_repair_plan", context.shown(&[&all[..], &["--dry-run"]].concat()));
            insta::assert_snapshot!("workflow_repair_refused", context.shown(&all));
        }
        assert_eq!(context.run(&[&all[..], &["--dry-run", "--exit-code"]].concat()).code, 3);
        assert_eq!(context.run(&[&all[..], &["--yes", "--max", "2"]].concat()).code, 8);
        assert_eq!(state(&database), before, "{origin}: nothing may have changed");
        insta::allow_duplicates! {
            insta::assert_snapshot!("workflow_repair", context.shown(&[&all[..], &["--yes"]].concat()));
        }
        assert_eq!(
            tasks(&database),
            "11 SUCCESSFUL 0, 12 SUCCESSFUL 0, 19 READY 0, 21 SUCCESSFUL 0, 22 FAILED 0, 29 FAILED 1, 31 SUCCESSFUL 0, \
             32 SUCCESSFUL 0, 39 READY 0, 41 RUNNING 0, 42 CANCELLED 0, 49 FAILED 1, 51 SUCCESSFUL 0, 52 READY 0, 59 WAITING 1, \
             61 SUCCESSFUL 0, 62 RUNNING 0, 69 WAITING 1, 71 SUCCESSFUL 0, 72 SUCCESSFUL 0, 79 SUCCESSFUL 0, 81 SUCCESSFUL 0, \
             82 FAILED 0, 89 FAILED 0, 91 SUCCESSFUL 0, 92 READY 0, 93 WAITING 1, 101 FAILED 0, 102 WAITING 1",
            "{origin}"
        );
        let runs = "select string_agg(success_count || ' ' || failure_count || ' ' || status, ', ' order by workflow_id) from workflow_runs";
        assert_eq!(
            database.sql(runs),
            "2 0 WAITING_CALLBACK, 1 1 FAILED, 2 0 WAITING_CALLBACK, 0 1 FAILED, 1 0 RUNNING, 1 0 RUNNING, 2 0 SUCCESSFUL, \
             1 1 FAILED",
            "{origin}"
        );
        let failed = "select last_error, errors_json->-1->>'kind', errors_json->-1->>'failed_result_id', finished_at is not null, \
                      failed_at is not null from task_runs where result_id = 29";
        assert_eq!(database.sql(failed), "task 22 of the workflow will not succeed|workflow_failed|22|t|t", "{origin}");
        let after = state(&database);
        let again = context.succeed(&[&all[..], &["--yes"]].concat()).stdout;
        assert!(again.contains("Nothing to do"), "{again}");
        assert_eq!(state(&database), after, "{origin}: a second run changed something");
        for id in ["19", "39", "92"] {
            let shown = json(&context, &["workflow", "show", id]);
            assert_eq!((&shown["state"], &shown["problems"]), (&"active".into(), &serde_json::json!([])), "{shown:#}");
        }
    }
}

#[test]
fn what_cannot_be_decided_is_left_as_it_is() {
    let Some(database) = Database::of_origin("d") else { return };
    // A task was deleted that nobody counted, a callback was deleted, and a successor has lost the task before it.
    let gone = (1, &[(11, "SUCCESSFUL"), (12, "SUCCESSFUL")][..], (19, "WAITING"), (0, 0, "RUNNING"));
    let (orphan, lost) =
        (task(31, 3, "WAITING", None), (2, &[(21, "SUCCESSFUL")][..], (29, "READY"), (1, 0, "RUNNING")));
    database.sql(&format!(
        "{} {} {orphan} delete from task_runs where result_id in (12, 29);",
        chord(&gone),
        chord(&lost)
    ));
    let context = project(&database.url());
    let before = state(&database);
    insta::assert_snapshot!("workflow_repair_unclear", context.shown(&["workflow", "repair", "--all", "--yes"]));
    let callback = json(&context, &["workflow", "repair", &uuid(2), "--yes"]);
    assert_eq!(callback["workflows"][0]["outcome"], "unclear", "{callback:#}");
    assert_eq!(state(&database), before);
}

#[test]
fn one_workflow_is_named_by_its_id_or_by_a_task() {
    let Some(database) = damaged("c") else { return };
    let context = project(&database.url());
    insta::assert_snapshot!("workflow_repair_one", context.shown(&["workflow", "repair", "12", "--yes", "--json"]));
    insta::assert_snapshot!("workflow_repair_usage", context.shown(&["workflow", "repair"]));
    assert_eq!(context.run(&["workflow", "repair", "12", "--all"]).code, 2);
    let text = context.succeed(&["workflow", "repair", "00000000000000000000000000000002", "--yes"]).stdout;
    assert!(text.contains("fail callback 29"), "{text}");
    assert_eq!(
        database
            .sql("select string_agg(status, ' ' order by result_id) from task_runs where result_id in (19, 29, 39)"),
        "READY FAILED WAITING"
    );
    for (arguments, code) in [(&["999"][..], 4), (&[&uuid(99)[..]], 4), (&["x"], 2), (&[], 2), (&["5", "--all"], 2)] {
        let output = context.run(&[&["workflow", "repair"], arguments].concat());
        assert_eq!(output.code, code, "{arguments:?}: {output:#?}");
    }
    // What failed with a task waits again when the task is retried.
    let record = context.root().join("record.jsonl");
    let audit = ["workflow", "repair", "39", "--yes", "--audit", record.to_str().expect("UTF-8")];
    context.succeed(&audit);
    let record = std::fs::read_to_string(&record).expect("a record");
    for part in [
        "\"command\":\"workflow repair\"",
        "repair-workflow",
        "release_callback",
        "\"outcome\":\"done\"",
        "\"event\":\"end\"",
    ] {
        assert!(record.contains(part), "{part}: {record}");
    }
}

#[test]
fn chains_are_repaired_where_django_made_the_tables() {
    let Some(database) = Database::of_origin("a") else { return };
    database.sql(&chains());
    let context = project(&database.url());
    insta::assert_snapshot!("workflow_repair_no_index", context.shown(&["workflow", "repair", "--all", "--yes"]));
    context.succeed(&["workflow", "repair", "91", "--yes"]);
    assert_eq!(tasks(&database), "91 SUCCESSFUL 0, 92 READY 0, 93 WAITING 1, 101 FAILED 0, 102 WAITING 1");
}

#[test]
fn a_workflow_that_changes_meanwhile_is_left_as_it_is() {
    let Some(database) = damaged("d") else { return };
    let context = project(&database.url());
    // A worker ends another task, and counts it.
    let sql = format!("update workflow_runs set success_count = success_count + 1 where workflow_id = '{}'", uuid(1));
    let output = overtaken(&database, &context, &sql, &["workflow", "repair", "--all", "--yes"]);
    assert_eq!(output.code, 7, "{output:#?}");
    assert!(output.stdout.contains("it changed in the meantime") && output.stdout.contains("5 of 6"), "{output:#?}");
    assert_eq!(database.sql("select status from task_runs where result_id = 19"), "WAITING");
    context.succeed(&["workflow", "repair", "--all", "--yes"]);
    assert_eq!(database.sql("select status from task_runs where result_id = 19"), "READY");
}

#[test]
fn a_callback_is_not_released_if_a_task_fails_after_the_plan_was_made() {
    let Some(database) = Database::of_origin("c") else { return };
    database.sql(&chord(&UNRELEASED));
    let context = project(&database.url());
    // The callback still waits, and the row of the workflow still has the same counters.
    let sql = format!(
        "update task_runs set status = 'FAILED' where result_id = 32; \
         update workflow_runs set updated_at = now() where workflow_id = '{}'",
        uuid(3)
    );
    let output = overtaken(&database, &context, &sql, &["workflow", "repair", "--all", "--yes"]);
    assert_eq!(output.code, 7, "{output:#?}");
    assert_eq!(database.sql("select status from task_runs where result_id = 39"), "WAITING");
    context.succeed(&["workflow", "repair", "--all", "--yes"]);
    assert_eq!(database.sql("select status from task_runs where result_id = 39"), "FAILED");
}

#[test]
fn of_several_repairs_at_once_one_releases_a_callback() {
    let Some(database) = damaged("b") else { return };
    let context = project(&database.url());
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut command = context.command(&["workflow", "repair", "--all", "--yes", "--json"]);
            command.stdin(Stdio::null()).spawn().expect("it starts")
        })
        .collect();
    let mut repaired: Vec<String> = Vec::new();
    for child in children {
        let output = wait(child);
        assert!([0, 7].contains(&output.code), "{output:#?}");
        let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("a document");
        let rows = document["workflows"].as_array().expect("a list").iter();
        repaired.extend(rows.filter(|row| row["outcome"] == "repaired").map(|row| row["workflow_id"].to_string()));
    }
    let number = repaired.len();
    repaired.sort();
    repaired.dedup();
    assert_eq!((number, repaired.len()), (6, 6), "each workflow is repaired by one of them");
}

/// What the worker does when a task succeeds.
const SUCCEED: &str = "
begin;
update task_runs set status = 'SUCCESSFUL', finished_at = now(), leased_until = null where result_id = 2 and status = 'RUNNING';
update workflow_runs set success_count = success_count + 1, status = case
  when success_count + 1 >= expected_count and failure_count = 0 then 'WAITING_CALLBACK' else status end
  where workflow_id = '00000000-0000-0000-0000-000000000001' and status <> 'FAILED';
update task_runs set status = 'READY', wait_count = 0 where result_id = 9 and status = 'WAITING'
  and exists (select from workflow_runs where callback_result_id = 9 and status = 'WAITING_CALLBACK');
commit;";

#[test]
fn a_repair_beside_a_worker_counts_every_task_once() {
    let Some(database) = Database::of_origin("d") else { return };
    let context = project(&database.url());
    for round in 0..12 {
        database.sql("truncate task_runs; truncate workflow_runs");
        database.sql(&chord(&(1, &[(1, "SUCCESSFUL"), (2, "RUNNING")], (9, "WAITING"), (0, 0, "RUNNING"))));
        thread::scope(|scope| {
            scope.spawn(|| database.sql(SUCCEED));
            let output = context.run(&["workflow", "repair", "--all", "--yes"]);
            assert!([0, 7].contains(&output.code), "{output:#?}");
        });
        context.succeed(&["workflow", "repair", "--all", "--yes"]);
        let end = database
            .sql("select success_count, status, (select status from task_runs where result_id = 9) from workflow_runs");
        assert_eq!(end, "2|WAITING_CALLBACK|READY", "round {round}");
    }
}

#[test]
fn a_pooler_with_one_connection_is_enough() {
    let Some(database) = damaged("d") else { return };
    let Some(pooler) = PgBouncer::before(&database) else { return };
    project(&pooler.url()).succeed(&["workflow", "repair", "--all", "--yes"]);
    assert_eq!(database.sql("select status from task_runs where result_id = 19"), "READY");
}
