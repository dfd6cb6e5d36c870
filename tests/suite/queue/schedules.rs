//! `reproq periodic set`, `enable`, `disable`, `remove` and `run`.

use std::process::Command;

use super::controls::add_unknown_column;
use super::controls::overtaken;
use super::rows::database;
use super::rows::json;
use super::rows::project;
use crate::support::context::program_under_test;

/// Everything of a row but when it was written.
const ROW: &str = "select cron_expr, task_path, payload_json, queue_name, priority, max_attempts, concurrency_key, \
                   concurrency_limit, enabled, last_run_at, next_run_at from periodic_tasks where name = ";

/// Once a year: the next run does not change while a test runs.
const YEARLY: &str = "TZ=Europe/Berlin 30 2 1 jul *";

#[test]
fn a_schedule_is_created_and_changed_on_every_origin() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        let new = [
            "periodic",
            "set",
            "yearly",
            "--cron",
            YEARLY,
            "--task",
            "shop.tasks.report",
            "--args",
            "[1.0, \"é\"]",
            "--kwargs",
            "{\"big\": 12345678901234567890}",
            "--queue",
            "slow",
            "--priority",
            "-2",
            "--max-attempts",
            "1",
            "--concurrency-key",
            "report",
            "--concurrency-limit",
            "1",
        ];
        insta::allow_duplicates! {
            insta::assert_snapshot!("periodic_set_new", context.shown(&new));
            insta::assert_snapshot!("periodic_set_again", context.shown(&new));
            insta::assert_snapshot!("periodic_set_change", context.shown(&["periodic", "set", "yearly", "--priority", "3", "--concurrency-key", ""]));
            insta::assert_snapshot!("periodic_set_json", context.shown(&["periodic", "set", "yearly", "--disabled", "--json"]));
        }
        let runs = json(&context, &["periodic", "next", YEARLY, "--count", "1"]);
        let next = runs["runs"][0]["utc"].as_str().expect("a time").to_owned();
        let row = database.sql(&format!("set time zone utc; {ROW} 'yearly'"));
        let expected = format!(
            "{YEARLY}|shop.tasks.report|{{\"args\": [1.0, \"é\"], \"kwargs\": {{\"big\": 12345678901234567890}}}}|slow|3|1||1|f||{}+00",
            next.replace('T', " ").trim_end_matches('Z')
        );
        assert_eq!(row, expected, "{origin}");
        let plain = ["periodic", "set", "plain", "--cron", "0 0 1 1 *", "--task", "a.b"];
        context.succeed(&plain);
        let row = database.sql("select payload_json, queue_name, priority, max_attempts, concurrency_key, concurrency_limit, enabled from periodic_tasks where name = 'plain'");
        assert_eq!(row, "{\"args\": [], \"kwargs\": {}}|default|0|3||0|t", "{origin}");
    }
}

#[test]
fn a_due_run_is_moved_only_by_another_expression() {
    let Some(database) = database("a") else { return };
    let context = project(&database.url());
    let next = || database.sql("select next_run_at from periodic_tasks where name = 'nightly'");
    let due = next();
    for change in [&["--priority", "5"][..], &["--cron", "0 2 * * *"], &["--args", "[1]"]] {
        context.succeed(&[&["periodic", "set", "nightly"], change].concat());
        assert_eq!(next(), due, "{change:?}");
    }
    context.succeed(&["periodic", "set", "nightly", "--cron", YEARLY]);
    assert_eq!(database.sql("select next_run_at > now() from periodic_tasks where name = 'nightly'"), "t");
    assert_eq!(
        database.sql("select payload_json from periodic_tasks where name = 'nightly'"),
        "{\"args\": [1], \"kwargs\": {}}"
    );
}

#[test]
fn each_refusal_saves_nothing() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let set = |name: &str, arguments: &[&str]| context.shown(&[&["periodic", "set", name], arguments].concat());
    insta::assert_snapshot!("periodic_refused_daily", set("new", &["--cron", "@daily", "--task", "a.b"]));
    insta::assert_snapshot!("periodic_refused_never", set("new", &["--cron", "0 0 31 2 *", "--task", "a.b"]));
    insta::assert_snapshot!("periodic_refused_no_task", set("new", &["--cron", "* * * * *"]));
    insta::assert_snapshot!("periodic_refused_args", set("nightly", &["--args", "{}"]));
    insta::assert_snapshot!("periodic_refused_json", set("nightly", &["--kwargs", "{'a': 1}"]));
    insta::assert_snapshot!("periodic_refused_nul", set("nightly", &["--args", "[\"\\u0000\"]"]));
    insta::assert_snapshot!("periodic_refused_number", set("nightly", &["--args", "[1e999]"]));
    for arguments in [
        &["--task", "nightly"][..],
        &["--task", "a..b"],
        &["--task", "a.b c"],
        &["--max-attempts", "0"],
        &["--concurrency-limit", "-1"],
        &["--args", "[NaN]"],
        &["--args", "[\"\\ud800\"]"],
    ] {
        let output = context.run(&[&["periodic", "set", "nightly"], arguments].concat());
        assert_eq!(output.code, 2, "{arguments:?}: {output:#?}");
    }
    // The expression of this one was saved by someone else.
    let broken = context.run(&["periodic", "set", "broken", "--priority", "1"]);
    assert_eq!(broken.code, 2, "{broken:#?}");
    context.succeed(&["periodic", "disable", "broken"]);
    insta::assert_snapshot!("periodic_refused_enable", context.shown(&["periodic", "enable", "broken"]));
    for command in ["enable", "disable", "remove", "run"] {
        let output = context.run(&["periodic", command, "nothing"]);
        assert_eq!(output.code, 4, "{output:#?}");
    }
    add_unknown_column(&database, "periodic_tasks");
    let newer = context.run(&["periodic", "set", "new", "--cron", "* * * * *", "--task", "a.b"]);
    assert!(newer.code == 8 && newer.stderr.contains("region"), "{newer:#?}");
    assert_eq!(database.sql("select string_agg(name, ',' order by name) from periodic_tasks"), "broken,nightly,off");
    let row = database.sql("select cron_expr, payload_json, priority from periodic_tasks where name = 'nightly'");
    assert_eq!(row, "0 2 * * *|{}|0");
}

#[test]
fn runs_that_were_missed_are_skipped_unless_they_are_to_be_caught_up() {
    let Some(database) = database("c") else { return };
    let context = project(&database.url());
    let row = || database.sql("select enabled, next_run_at > now() from periodic_tasks where name = 'off'");
    let due = database.sql("select next_run_at from periodic_tasks where name = 'off'");
    context.succeed(&["periodic", "enable", "off", "--catch-up"]);
    assert_eq!(row(), "t|f");
    assert_eq!(database.sql("select next_run_at from periodic_tasks where name = 'off'"), due);
    insta::assert_snapshot!("periodic_disable", context.shown(&["periodic", "disable", "off"]));
    assert_eq!(row(), "f|f");
    insta::assert_snapshot!("periodic_enable", context.shown(&["periodic", "enable", "off"]));
    assert_eq!(row(), "t|t");
    let next = database.sql("select next_run_at from periodic_tasks where name = 'off'");
    for command in ["enable", "disable", "disable", "enable"] {
        context.succeed(&["periodic", command, "off"]);
    }
    assert_eq!(database.sql("select next_run_at from periodic_tasks where name = 'off'"), next);
}

#[test]
fn a_schedule_that_was_removed_is_created_again_by_the_printed_command() {
    let Some(database) = database("b") else { return };
    let context = project(&database.url());
    database.sql(&format!(
        "update periodic_tasks set cron_expr = '{YEARLY}', payload_json = '{{\"args\": [1.0, \"it''s\"], \"kwargs\": {{\"a\": null}}}}', \
         queue_name = 'mail', priority = -1, max_attempts = 7, concurrency_key = 'k', concurrency_limit = 4 where name = 'off'"
    ));
    let row =
        "select to_jsonb(p) - 'created_at' - 'updated_at' - 'next_run_at' from periodic_tasks p where name = 'off'";
    let before = database.sql(row);
    let removed = context.succeed(&["periodic", "remove", "off"]);
    insta::assert_snapshot!("periodic_remove", context.redact(&removed));
    assert_eq!(database.sql(row), "");
    let line = removed.stdout.lines().last().expect("a command").trim().to_owned();
    let line = line.replacen("reproq", program_under_test(), 1);
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(context.project()).env("DATABASE_URL", database.url());
    assert!(shell.output().expect("sh starts").status.success(), "{line}");
    assert_eq!(database.sql(row), before);
}

#[test]
fn a_run_enqueues_one_task_and_moves_nothing() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        let row = database.sql(&format!("{ROW} 'nightly'"));
        insta::allow_duplicates! {
            insta::assert_snapshot!("periodic_run", context.shown(&["periodic", "run", "nightly"]));
        }
        assert_eq!(database.sql(&format!("{ROW} 'nightly'")), row, "{origin}");
        // Whoever asks in the same second gets the same task.
        let runs: Vec<_> = (0..12).map(|_| json(&context, &["periodic", "run", "off"])).collect();
        let inserted = runs.iter().filter(|run| run["inserted"] == true).count();
        assert!(inserted < runs.len(), "{origin}: {runs:#?}");
        let tasks = "from task_runs where spec_json->>'periodic_name' = 'off'";
        assert_eq!(database.sql(&format!("select count(*) {tasks}")), inserted.to_string(), "{origin}");
        assert_eq!(
            database.sql(&format!("select count(distinct spec_json->>'scheduled_at') {tasks}")),
            inserted.to_string()
        );
        let task = database.sql(&format!(
            "select distinct queue_name, task_path, status, attempts, max_attempts, timeout_seconds, priority, metadata_json, \
             backend_alias, run_after = enqueued_at, lock_key is null, worker_ids, errors_json, cancel_requested, wait_count {tasks}"
        ));
        assert_eq!(task, "default|shop.tasks.nightly|READY|0|3|900|0|{}|default|t|t|[]|[]|f|0", "{origin}");
    }
}

#[test]
fn a_schedule_that_changes_meanwhile_stays_as_the_other_session_left_it() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let update = "update periodic_tasks set priority = priority + 1 where name = 'nightly'";
    for (arguments, name) in [
        (&["periodic", "set", "nightly", "--queue", "ours"][..], "set"),
        (&["periodic", "disable", "nightly"], "disable"),
        (&["periodic", "remove", "nightly"], "remove"),
    ] {
        let output = overtaken(&database, &context, update, arguments);
        assert_eq!(output.code, 8, "{name}: {output:#?}");
    }
    assert_eq!(
        database.sql("select priority, queue_name, enabled from periodic_tasks where name = 'nightly'"),
        "3|default|t"
    );
    let insert = "insert into periodic_tasks (name, cron_expr, task_path, next_run_at) values ('new', '* * * * *', 'x.y', now())";
    let set = ["periodic", "set", "new", "--cron", YEARLY, "--task", "a.b"];
    let output = overtaken(&database, &context, insert, &set);
    assert_eq!(output.code, 8, "{output:#?}");
    // A beat that runs it meanwhile is no conflict, and what it writes stays.
    let beat = "update periodic_tasks set last_run_at = next_run_at, next_run_at = '2030-01-01', updated_at = now() where name = 'nightly'";
    let output = overtaken(&database, &context, beat, &["periodic", "set", "nightly", "--priority", "9"]);
    assert_eq!(output.code, 0, "{output:#?}");
    let row =
        database.sql("set time zone utc; select priority, next_run_at from periodic_tasks where name = 'nightly'");
    assert_eq!(row, "9|2030-01-01 00:00:00+00");
}
