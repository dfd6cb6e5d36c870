//! Pause, retry and cancel: shown, confirmed, made, recorded.

use std::fs;

use test_postgres::Database;

use super::close;
use super::has;
use super::top;
use crate::support::Context;

/// The only audit record of the project.
fn record(context: &Context) -> String {
    let directory = context.project().join(".reproq/audit");
    let mut files: Vec<_> =
        fs::read_dir(directory).expect("a record").map(|file| file.expect("a file").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    fs::read_to_string(files.remove(0)).expect("a record")
}

/// Everything that could be changed.
fn state(database: &Database) -> String {
    database.sql("select md5(string_agg(t::text, '' order by result_id)) from task_runs t")
        + &database.sql("select md5(string_agg(c::text, '' order by queue_name)) from reproq_queue_controls c")
}

fn has_record(context: &Context) -> bool {
    context.project().join(".reproq/audit").exists()
}

#[test]
fn a_queue_is_paused_and_resumed() {
    let Some((database, context, terminal)) = top(&[]) else { return };
    let paused = "select count(*) from reproq_queue_controls where queue_name = 'default' and paused";
    terminal.press(&["p"]);
    let screen = terminal.wait_for("y: do it");
    for text in [
        "Pause queue default",
        "Queue default is not paused.",
        "Ready: 4 tasks; due later: 1 task",
        "Running: 4 tasks, which continue",
    ] {
        assert!(has(&screen, text), "{text}: {screen:#?}");
    }
    assert_eq!(database.sql(paused), "0");
    terminal.press(&["y"]);
    terminal.wait_for("Queue default is paused since");
    assert_eq!(database.sql(paused), "1");
    let record = record(&context);
    for part in [
        "\"command\":\"queue pause\"",
        "\"action\":\"pause-queue\"",
        "\"queue\":\"default\"",
        "\"outcome\":\"done\"",
        "\"status\":\"finished\"",
    ] {
        assert!(record.contains(part), "{part}: {record}");
    }
    close(&terminal);
    terminal.wait(|screen| has(screen, "paused, 1 expired"));
    terminal.press(&["p"]);
    terminal.wait_for("Resume it");
    terminal.press(&["y"]);
    terminal.wait_for("Queue default is not paused.");
    assert_eq!(database.sql(paused), "0");
}

#[test]
fn a_failed_task_is_retried() {
    let Some((database, context, terminal)) = top(&[]) else { return };
    terminal.press(&["5", "r"]);
    let screen = terminal.wait_for("y: do it");
    assert!(has(&screen, "Task 9 (shop.tasks.charge)") && has(&screen, "FAILED → READY"), "{screen:#?}");
    terminal.press(&["y"]);
    terminal.wait_for("Verified: 1 retried.");
    assert_eq!(database.sql("select status from task_runs where result_id = 9"), "READY");
    let record = record(&context);
    for part in
        ["\"command\":\"task retry\"", "\"id\":9", "\"status\":\"FAILED\"", "1 changed", "\"status\":\"finished\""]
    {
        assert!(record.contains(part), "{part}: {record}");
    }
    // It is no longer in the list of failures.
    close(&terminal);
    terminal.wait_for("1/2");
}

#[test]
fn tasks_are_cancelled_or_asked_to_stop() {
    let Some((database, context, terminal)) = top(&[]) else { return };
    terminal.press(&["2", "c"]);
    terminal.wait_for("READY → CANCELLED");
    terminal.press(&["y"]);
    terminal.wait_for("Verified: 1 cancelled.");
    assert_eq!(database.sql("select status from task_runs where result_id = 20"), "CANCELLED");
    assert!(record(&context).contains("\"command\":\"task cancel\""));
    close(&terminal);
    // Four lines down from the first is task 16, which runs, once task 20 is no longer listed.
    terminal.wait_for("6 ready");
    terminal.press(&["Down", "Down", "Down", "Down", "c"]);
    terminal.wait_for("sees the request at its next heartbeat");
    terminal.press(&["y"]);
    terminal.wait_for("asked to stop.");
    assert_eq!(database.sql("select status, cancel_requested from task_runs where result_id = 16"), "RUNNING|t");
}

#[test]
fn without_a_confirmation_nothing_is_changed() {
    let Some((database, context, terminal)) = top(&[]) else { return };
    let before = state(&database);
    for no in ["n", "q", "Escape"] {
        terminal.press(&["1", "p"]);
        terminal.wait_for("y: do it");
        terminal.press(&[no]);
        terminal.wait_for("nothing was changed");
        terminal.press(&["5", "r"]);
        terminal.wait_for("y: do it");
        // Neither does another key.
        terminal.press(&["Enter", "Y", "r"]);
        terminal.wait_for("y: do it");
        terminal.press(&[no]);
        terminal.wait_for("nothing was changed");
    }
    assert!(!has_record(&context));
    assert_eq!(state(&database), before);
}

/// The plan is checked again when it is carried out.
#[test]
fn what_changed_in_the_meantime_is_left_as_it_is() {
    let Some((database, context, terminal)) = top(&[]) else { return };
    terminal.press(&["5", "r"]);
    terminal.wait_for("y: do it");
    database.sql("update task_runs set attempts = attempts + 1 where result_id = 9");
    terminal.press(&["y"]);
    terminal.wait_for("task 9 was not retried: it changed in the meantime");
    assert_eq!(database.sql("select status from task_runs where result_id = 9"), "FAILED");
    assert!(record(&context).contains("not changed: 9"));
    close(&terminal);
    terminal.press(&["1", "Down", "p"]);
    terminal.wait_for("Resume it");
    database.sql("update reproq_queue_controls set reason = 'incident 42' where queue_name = 'mail'");
    terminal.press(&["y"]);
    terminal.wait_for("another session changed the pause of queue `mail`");
    assert_eq!(
        database.sql("select paused, reason from reproq_queue_controls where queue_name = 'mail'"),
        "t|incident 42"
    );
}

#[test]
fn what_cannot_be_changed_is_explained() {
    let Some((_database, context, terminal)) = top(&[]) else { return };
    terminal.press(&["2", "r"]);
    let screen = terminal.wait_for("left as it is: it is READY");
    assert!(!has(&screen, "y: do it"), "{screen:#?}");
    terminal.press(&["y"]);
    terminal.wait(|screen| !has(screen, "left as it is"));
    assert!(!has_record(&context));
}

#[test]
fn read_only_changes_nothing() {
    let Some((database, context, terminal)) = top(&["--read-only"]) else { return };
    let before = state(&database);
    let screen = terminal.wait_for("read-only");
    assert!(!has(&screen, "p pause"), "{screen:#?}");
    for keys in [["1", "p"], ["5", "r"], ["2", "c"]] {
        terminal.press(&keys);
        terminal.wait_for("changes are disabled by --read-only");
        terminal.press(&["y", "3"]);
        terminal.wait(|screen| !has(screen, "disabled"));
    }
    assert!(!has_record(&context));
    assert_eq!(state(&database), before);
}
