//! `reproq queue pause` and `resume`, `limit set` and `remove`.

use std::thread::sleep;
use std::time::Duration;

use test_postgres::Database;
use test_postgres::GUEST;
use test_postgres::PgBouncer;
use test_postgres::Standby;

use super::rows::database;
use super::rows::json;
use super::rows::project;
use crate::support::Context;
use crate::support::Output;
use crate::support::context::wait;

/// Runs a command while another session changes a row after the command has read it.
pub fn overtaken(database: &Database, context: &Context, sql: &str, arguments: &[&str]) -> Output {
    let mut other = database.session();
    other.run(&format!("begin; {sql};"));
    let child = context.spawn(arguments);
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let is_waiting = (0..200).any(|_| {
        sleep(Duration::from_millis(20));
        database.sql(waits) != "0"
    });
    assert!(is_waiting, "{arguments:?} does not wait for the other session");
    other.run("commit;");
    wait(child)
}

/// Adds a column that only a newer version could fill.
pub fn add_unknown_column(database: &Database, table: &str) {
    database.sql(&format!(
        "alter table {table} add column region text not null default 'x'; alter table {table} alter column region drop default"
    ));
}

#[test]
fn a_queue_is_paused_and_resumed_on_every_origin() {
    let control =
        "select paused, paused_at is not null, reason from reproq_queue_controls where queue_name = 'default'";
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        insta::allow_duplicates! {
            insta::assert_snapshot!("queue_pause", context.shown(&["queue", "pause", "default", "--reason", "deploy"]));
            assert_eq!(database.sql(control), "t|t|deploy", "{origin}");
            let row = database.sql("select * from reproq_queue_controls where queue_name = 'default'");
            insta::assert_snapshot!("queue_pause_again", context.shown(&["queue", "pause", "default", "--json"]));
            assert_eq!(database.sql("select * from reproq_queue_controls where queue_name = 'default'"), row);
            let since = database.sql("select paused_at from reproq_queue_controls where queue_name = 'mail'");
            insta::assert_snapshot!("queue_pause_reason", context.shown(&["queue", "pause", "mail", "--reason", "still down"]));
            let now = database.sql("select paused_at, reason from reproq_queue_controls where queue_name = 'mail'");
            assert_eq!(now, format!("{since}|still down"), "{origin}");
            insta::assert_snapshot!("queue_resume", context.shown(&["queue", "resume", "default"]));
            assert_eq!(database.sql(control), "f|f|", "{origin}");
            insta::assert_snapshot!("queue_resume_again", context.shown(&["queue", "resume", "default"]));
            insta::assert_snapshot!("queue_pause_unknown", context.shown(&["queue", "pause", "mails"]));
        }
        assert_eq!(json(&context, &["queue", "resume", "nothing"])["known"], false);
        // Only a schedule uses it.
        database.sql("update periodic_tasks set queue_name = 'later' where name = 'off'");
        assert_eq!(json(&context, &["queue", "pause", "later"])["known"], true);
        let paused = "select string_agg(queue_name, ',' order by queue_name) from reproq_queue_controls where paused";
        assert_eq!(database.sql(paused), "later,mail,mails", "{origin}");
    }
}

#[test]
fn a_queue_that_changes_meanwhile_stays_as_the_other_session_left_it() {
    let Some(database) = database("c") else { return };
    let context = project(&database.url());
    let reason = |queue: &str| {
        database.sql(&format!("select paused, reason from reproq_queue_controls where queue_name = '{queue}'"))
    };
    let update = "update reproq_queue_controls set reason = 'theirs' where queue_name = 'mail'";
    for arguments in [&["queue", "pause", "mail", "--reason", "ours"][..], &["queue", "resume", "mail"]] {
        database.sql("update reproq_queue_controls set reason = 'provider down' where queue_name = 'mail'");
        let output = overtaken(&database, &context, update, arguments);
        assert_eq!(output.code, 8, "{output:#?}");
        assert_eq!(reason("mail"), "t|theirs");
        insta::allow_duplicates! {
            insta::assert_snapshot!("queue_conflict", context.redact(&output));
        }
    }
    let insert = "insert into reproq_queue_controls (queue_name, paused, reason) values ('default', true, 'theirs')";
    let output = overtaken(&database, &context, insert, &["queue", "pause", "default", "--reason", "ours"]);
    assert_eq!((output.code, reason("default").as_str()), (8, "t|theirs"), "{output:#?}");
}

#[test]
fn limits_are_set_and_removed_where_their_table_is() {
    let Some(django) = database("a") else { return };
    let output = project(&django.url()).run(&["limit", "set", "global", "--rate", "5"]);
    assert!(output.code == 4 && output.stderr.contains("db migrate"), "{output:#?}");
    for origin in ["b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        let row = |key: &str| {
            database.sql(&format!(
                "select tokens_per_second, burst_size, current_tokens from rate_limits where key = '{key}'"
            ))
        };
        insta::allow_duplicates! {
            let new = ["limit", "set", "task:shop.tasks.add", "--rate", "0.1", "--burst", "20"];
            insta::assert_snapshot!("limit_set_task", context.shown(&new));
            assert_eq!(row("task:shop.tasks.add"), "0.1|20|20", "{origin}");
            insta::assert_snapshot!("limit_set_again", context.shown(&new));
            // What was left of it by its old rate is kept.
            database.sql("update rate_limits set current_tokens = 3, last_refilled_at = now() + interval '1 hour' where key = 'task:shop.tasks.add'");
            context.succeed(&["limit", "set", "task:shop.tasks.add", "--rate", "2"]);
            assert_eq!(row("task:shop.tasks.add"), "2|20|3", "{origin}");
            context.succeed(&["limit", "set", "task:shop.tasks.add", "--rate", "2", "--burst", "2"]);
            assert_eq!(row("task:shop.tasks.add"), "2|2|2", "{origin}");
            // The row that the tables are created with limits nothing, and begins full.
            insta::assert_snapshot!("limit_set_global", context.shown(&["limit", "set", "global", "--rate", "4", "--burst", "9"]));
            assert_eq!(row("global"), "4|9|9", "{origin}");
            insta::assert_snapshot!("limit_set_exempt", context.shown(&["limit", "set", "queue:nobody", "--rate", "0"]));
            insta::assert_snapshot!("limit_set_json", context.shown(&["limit", "set", "global", "--rate", "5", "--json"]));
            insta::assert_snapshot!("limit_remove", context.shown(&["limit", "remove", "task:shop.tasks.add"]));
            insta::assert_snapshot!("limit_remove_again", context.shown(&["limit", "remove", "task:shop.tasks.add"]));
        }
        let keys = "select string_agg(key, ',' order by key) from rate_limits";
        assert_eq!(database.sql(keys), "global,queue:nobody,queue:slow", "{origin}");
        assert!(context.run(&["limit", "set", "queue:ma*", "--rate", "1"]).stderr.contains("not as a pattern"));
    }
}

/// Which of the limits the worker would follow decides which tasks are counted.
#[test]
fn a_limit_counts_the_tasks_that_follow_it() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let ready = |key: &str| json(&context, &["limit", "set", key, "--rate", "7"])["ready"].as_i64().expect("a number");
    let count = |condition: &str| -> i64 {
        let sql = format!("select count(*) from task_runs where status = 'READY' and {condition}");
        database.sql(&sql).parse().expect("a number")
    };
    assert_eq!(ready("queue:default"), count("queue_name = 'default'"));
    assert_eq!(ready("task:shop.tasks.add"), count("task_path = 'shop.tasks.add'"));
    assert_eq!(ready("queue:default"), count("queue_name = 'default' and task_path <> 'shop.tasks.add'"));
    let others = "queue_name not in ('default', 'slow') and task_path <> 'shop.tasks.add'";
    assert_eq!(ready("global"), count(others));
    assert_eq!(count(others), 1);
}

#[test]
fn a_limit_that_changes_meanwhile_stays_as_the_other_session_left_it() {
    let Some(database) = database("b") else { return };
    let context = project(&database.url());
    let update = "update rate_limits set tokens_per_second = 3 where key = 'queue:slow'";
    for arguments in [&["limit", "set", "queue:slow", "--rate", "9"][..], &["limit", "remove", "queue:slow"]] {
        database.sql("update rate_limits set tokens_per_second = 0.0001 where key = 'queue:slow'");
        let output = overtaken(&database, &context, update, arguments);
        assert_eq!(output.code, 8, "{output:#?}");
        assert_eq!(database.sql("select tokens_per_second from rate_limits where key = 'queue:slow'"), "3");
    }
    let insert = "insert into rate_limits values ('queue:mail', 3, 1, 1, now())";
    let output = overtaken(&database, &context, insert, &["limit", "set", "queue:mail", "--rate", "9"]);
    assert_eq!(output.code, 8, "{output:#?}");
    // A claim that takes a token in the meantime is no conflict.
    let claim = "update rate_limits set current_tokens = 0, last_refilled_at = now() where key = 'queue:slow'";
    let output = overtaken(&database, &context, claim, &["limit", "set", "queue:slow", "--rate", "9"]);
    assert_eq!(output.code, 0, "{output:#?}");
}

#[test]
fn each_refusal_changes_nothing() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    for arguments in [
        &["limit", "set", "mail", "--rate", "1"][..],
        &["limit", "set", "queue:mail", "--rate", "-1"],
        &["limit", "set", "queue:mail", "--rate", "1e-60"],
        &["limit", "set", "queue:mail", "--rate", "1", "--burst", "0"],
        &["limit", "set", "queue:mail"],
        &["limit", "remove", "task:"],
        &["queue", "pause", ""],
        &["queue", "pause"],
    ] {
        let output = context.run(arguments);
        assert_eq!(output.code, 2, "{arguments:?}: {output:#?}");
    }
    for table in ["reproq_queue_controls", "rate_limits"] {
        add_unknown_column(&database, table);
    }
    let before =
        database.sql("select * from rate_limits order by 1") + &database.sql("select * from reproq_queue_controls");
    insta::assert_snapshot!("queue_pause_newer", context.shown(&["queue", "pause", "default"]));
    assert_eq!(context.run(&["limit", "set", "queue:mail", "--rate", "1"]).code, 8);
    let after =
        database.sql("select * from rate_limits order by 1") + &database.sql("select * from reproq_queue_controls");
    assert_eq!(before, after);
    // A row that exists is changed all the same.
    context.succeed(&["queue", "resume", "mail"]);
    let guest = project(&database.url_of(GUEST)).run(&["queue", "pause", "default"]);
    assert_eq!(guest.code, 9, "{guest:#?}");
    let Some(standby) = Standby::of(&database) else { return };
    let url = database.url().replace(&database.cluster.port.to_string(), &standby.port().to_string());
    let output = project(&url).run(&["queue", "pause", "mail"]);
    assert_eq!(output.code, 6, "{output:#?}");
}

#[test]
fn a_pooler_with_one_connection_is_enough() {
    let Some(database) = database("d") else { return };
    let Some(pooler) = PgBouncer::before(&database) else { return };
    let context = project(&pooler.url());
    for arguments in [
        &["queue", "pause", "default"][..],
        &["queue", "resume", "default"],
        &["limit", "set", "queue:mail", "--rate", "1"],
        &["limit", "remove", "queue:mail"],
        &["periodic", "set", "new", "--cron", "* * * * *", "--task", "a.b"],
        &["periodic", "disable", "new"],
        &["periodic", "enable", "new"],
        &["periodic", "run", "new"],
        &["periodic", "remove", "new"],
    ] {
        context.succeed(arguments);
    }
}
