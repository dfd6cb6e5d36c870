//! Server-sent events: what is sent when, and what becomes of readers that were away or are slow.

use std::time::Duration;

use reproq_serve::ServeLimits;
use test_postgres::Database;

use crate::running::Client;
use crate::running::Running;
use crate::running::add_failed;
use crate::running::until;

/// The ids of the events in a text, in order.
fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

/// The types of the events in a text, in order.
fn kinds(text: &str) -> Vec<String> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let value = |data: &str| serde_json::from_str::<serde_json::Value>(data).expect("JSON");
    data.filter_map(|data| value(data)["type"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_task_is_followed_from_its_start_to_its_end() {
    let Some(database) = Database::of_origin("d") else { return };
    let insert = |status: &str, others: &str| {
        database.sql(&format!(
            "insert into task_runs (queue_name, spec_json, spec_hash, task_path, status {others}) values \
             ('mail', '{{}}', md5(random()::text) || md5(random()::text), 'shop.tasks.mail', '{status}'{})",
            if others.is_empty() { "" } else { ", 1, now(), 'w1'" }
        ));
    };
    insert("READY", "");
    let running = Running::beside(&database, ServeLimits::default());
    // What was there before is no event.
    let mut all = running.events("/events?observations=1", "");
    let mut other = running.events("/events?queue=other&observations=1", "");
    let mut one = running.events("/reproq/tui/events/?task_id=1&worker_id=w1&queue=mail", "");
    all.until("event: observation");
    assert!(
        all.text.starts_with("HTTP/1.1 200 OK") && all.text.contains("content-type: text/event-stream"),
        "{}",
        all.text
    );
    assert!(all.text.contains("retry: 2000") && kinds(&all.text).iter().all(|kind| kind == "observation"));
    let run =
        "attempts = attempts + 1, last_attempted_at = now(), leased_by = 'w1', leased_until = now() + interval '1 h'";
    database.sql(&format!("update task_runs set status = 'RUNNING', {run}, started_at = now() where result_id = 1"));
    one.until("task_started");
    let error = "'[{\"kind\": \"app_error\", \"exception_class\": \"E\", \"message\": \"no\"}]'";
    database.sql(&format!(
        "update task_runs set status = 'READY', leased_by = null, worker_ids = '[\"w1\"]', errors_json = {error}, \
         run_after = now() + interval '30 s', updated_at = now() where result_id = 1"
    ));
    one.until("task_retry");
    // It runs and ends within one interval: nothing saw it run.
    database
        .sql(&format!("update task_runs set status = 'SUCCESSFUL', {run}, finished_at = now() where result_id = 1"));
    one.until("task_success");
    // New, and finished already.
    insert("CANCELLED", ", attempts, last_attempted_at, leased_by");
    all.until("task_cancelled");
    let expected = ["task_started", "task_retry", "task_started", "task_success"];
    assert_eq!(kinds(&one.text), expected, "{}", one.text);
    assert!(one.text.contains("\"exception_class\":\"E\"") && one.text.contains("\"next_run\":"), "{}", one.text);
    other.until("event: observation");
    assert!(kinds(&other.text).iter().all(|kind| kind == "observation"), "{}", other.text);
    assert!(running.get("/events?task_id=nine").starts_with("HTTP/1.1 400"));
    running.stop();
    assert!(all.rest().ends_with(": the server ends\n\n\r\n0\r\n\r\n"));
}

#[test]
fn a_reader_that_was_away_gets_what_it_missed() {
    let Some(database) = Database::of_origin("d") else { return };
    let running = Running::beside(&database, ServeLimits::default());
    let mut first = running.events("/events", "");
    add_failed(&database, 2, 1);
    first.until("\"task_id\":2");
    let last = ids(&first.text).last().expect("an event").to_string();
    drop(first);
    add_failed(&database, 1, 1);
    let mut again = running.events("/events", &format!("last-event-id: {last}\r\n"));
    again.until("\"task_id\":3");
    assert!(!ids(&again.text).contains(&last.as_str()), "{}", again.text);
    assert!(!again.text.contains("event: gap"), "{}", again.text);
    // Without an id, or with that of another process, everything that is kept comes first.
    let mut new = running.events("/events", "");
    new.until("\"task_id\":3");
    assert!(new.text.contains("\"task_id\":1") && !new.text.contains("event: gap"), "{}", new.text);
    let mut foreign = running.events("/events", "last-event-id: 1f-7\r\n");
    foreign.until("\"task_id\":3");
    assert!(foreign.text.contains("event: gap") && foreign.text.contains("\"task_id\":1"), "{}", foreign.text);
}

#[test]
fn a_silent_connection_shows_that_it_is_alive() {
    let Some(database) = Database::of_origin("d") else { return };
    let limits = ServeLimits { heartbeat: Duration::from_millis(100), ..ServeLimits::default() };
    let running = Running::beside(&database, limits);
    let mut reader = running.events("/events?queue=none", "");
    for beats in 1..=3 {
        while reader.text.matches(": ping\n\n").count() < beats {
            let length = reader.text.len();
            let mut rest = Client { stream: reader.stream.try_clone().expect("cloned"), text: String::new() };
            rest.until("\n");
            reader.text.push_str(&rest.text);
            assert!(reader.text.len() > length);
        }
    }
}

/// Its socket and the server's buffers are full; the events that it would get next are no longer kept.
#[test]
fn a_slow_reader_gets_a_last_event_and_costs_no_memory() {
    let Some(database) = Database::of_origin("d") else { return };
    let limits = ServeLimits { events: 100, ..ServeLimits::default() };
    let running = Running::beside(&database, limits);
    let slow = running.events("/events", "");
    let mut quick = running.events("/events?observations=1", "");
    let mut rounds = 0;
    until("a loss", || {
        rounds += 1;
        add_failed(&database, 400, 480);
        quick.until("task_failed");
        // Discarded, so that the next round waits for its own events.
        quick.text.clear();
        rounds >= 16
    });
    let text = slow.rest();
    assert!(text.contains("event: lost\ndata: {\"level\":\"warn\",\"type\":\"events_lost\""), "{} bytes", text.len());
    assert!(text.ends_with("\r\n0\r\n\r\n"), "the stream ends");
    // The others go on.
    add_failed(&database, 1, 1);
    quick.until("task_failed");
    assert!(running.get("/healthz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_reader_that_takes_nothing_is_disconnected() {
    let Some(database) = Database::of_origin("d") else { return };
    let limits = ServeLimits { stall: Duration::from_millis(500), readers: 1, ..ServeLimits::default() };
    let running = Running::beside(&database, limits);
    let reader = running.events("/events", "");
    assert!(running.get("/events").starts_with("HTTP/1.1 503"), "one reader is allowed");
    let mut rounds = 0;
    until("the end of the reader", || {
        rounds += 1;
        if rounds <= 16 {
            add_failed(&database, 400, 480);
        }
        // Its place is free for another one.
        let mut other = running.connect();
        other.send(&format!("GET /events HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", running.address));
        other.until("\r\n");
        other.text.starts_with("HTTP/1.1 200")
    });
    drop(reader);
}
