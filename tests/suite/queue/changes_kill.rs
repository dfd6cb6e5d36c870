//! A change that is killed in the middle: every batch is complete or not done at all, and the next run does the rest.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::changes_bulk::failed;
use super::rows::database;
use super::rows::project;
use crate::support::context::send;
use crate::support::context::wait;

/// Each row takes a millisecond.
const SLOWLY: &str = "
create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(0.001); return null; end $$;
create trigger slowly after update or delete on task_runs for each row execute function slowly();";

/// Waits until a query returns something.
fn until(database: &test_postgres::Database, sql: &str) {
    for _ in 0..600 {
        if database.sql(sql) == "t" {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("{sql} never became true");
}

#[test]
fn an_interrupted_run_reports_what_it_has_changed() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    failed(&database, 1800);
    database.sql(SLOWLY);
    let child = context.spawn(&["task", "retry", "--queue", "bulk", "--yes", "--json"]);
    until(&database, "select count(*) >= 500 from task_runs where queue_name = 'bulk' and status = 'READY'");
    send("INT", &child);
    let output = wait(child);
    assert_eq!(output.code, 130, "{output:#?}");
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let [changed, left] = ["changed", "left"].map(|name| document[name].as_u64().expect("a number"));
    assert!(changed >= 500 && changed.is_multiple_of(500) && changed + left == 1800, "{changed} and {left}");
    assert_eq!(document["verified"], false);
    let ready = "select count(*) from task_runs where queue_name = 'bulk' and status = 'READY'";
    assert_eq!(database.sql(ready), changed.to_string());
    assert!(output.stderr.contains("run the same command again"), "{output:#?}");
}

#[test]
fn a_killed_run_leaves_whole_batches_and_the_next_one_finishes() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    context.succeed(&["db", "migrate", "--yes"]);
    failed(&database, 2300);
    database.sql(SLOWLY);
    let ready = "select count(*) from task_runs where queue_name = 'bulk' and status = 'READY'";
    let kill_when = |arguments: &[&str], sql: &str| {
        let mut child = context.spawn(arguments);
        until(&database, sql);
        child.kill().expect("killed");
        child.wait().expect("it ended");
        // The server notices that nobody reads its response, and rolls back.
        until(
            &database,
            "select count(*) = 0 from pg_stat_activity where application_name like 'reproq-cli/%' and datname = current_database()",
        );
    };
    kill_when(
        &["task", "retry", "--queue", "bulk", "--yes", "--audit", "a.jsonl"],
        &format!("select ({ready}) >= 500"),
    );
    let done: u64 = database.sql(ready).parse().expect("a number");
    assert!(done.is_multiple_of(500) && (500..2300).contains(&done), "{done} were retried");
    let record = fs::read_to_string(context.project().join("a.jsonl")).expect("a record");
    let count =
        |event: &str| record.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).count() as u64;
    assert!(count("intent") >= done / 500 && count("end") == 0, "{record}");

    let rest = context.succeed(&["task", "retry", "--queue", "bulk", "--yes", "--audit", "a.jsonl", "--json"]).stdout;
    let rest: serde_json::Value = serde_json::from_str(&rest).expect("JSON");
    assert_eq!(rest["changed"].as_u64(), Some(2300 - done), "{rest:#}");
    let once = "select count(*) from task_runs where queue_name = 'bulk' and status = 'READY' and max_attempts = 4";
    assert_eq!(database.sql(once), "2300", "a task was changed twice or not at all");

    database.sql("update task_runs set status = 'SUCCESSFUL', finished_at = now() - interval '3 hours' where queue_name = 'bulk'");
    let left = "select count(*) from task_runs where queue_name = 'bulk'";
    let prune = ["task", "prune", "--older-than", "2h", "--queue", "bulk", "--yes", "--pause", "0"];
    kill_when(&prune, &format!("select ({left}) <= 1300"));
    let kept: u64 = database.sql(left).parse().expect("a number");
    assert!(kept == 1300 || kept == 300, "{kept} are left");
    context.succeed(&prune);
    assert_eq!(database.sql(left), "0");
}
