//! The pages of a server without a token.

use serde_json::Value;

use super::Served;
use super::until;
use crate::queue::rows::database;
use crate::queue::rows::project;

#[test]
fn the_statistics_are_those_of_the_command_on_every_origin() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        let served = Served::ready(&context, &[]);
        let ours = served.get("/reproq/stats/");
        assert!(ours.headers["x-reproq-observed-at"].ends_with('Z'), "{ours:#?}");
        let theirs = context.succeed(&["stats", "--format", "api"]).stdout;
        let theirs: Value = serde_json::from_str(&theirs).expect("a document");
        assert_eq!(ours.json(), theirs, "{origin}");
        assert_eq!(theirs["tasks"]["FAILED"], 3);
        // What is live is new after an interval, without a new count of the history.
        database.sql("update task_runs set status = 'CANCELLED', finished_at = now() where result_id in (1, 2)");
        until("the next observation", || served.get("/reproq/stats/").json()["tasks"]["READY"] == 6);
    }
}

#[test]
fn everything_that_is_wrong_is_in_the_metrics_and_the_document() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let served = Served::ready(&context, &[]);
    let metrics = served.get("/metrics").body;
    for line in [
        "reproq_database_up{database=\"default\"} 1",
        "reproq_queue_depth{database=\"default\"} 10",
        "reproq_tasks_running{database=\"default\"} 4",
        "reproq_concurrency_limit{database=\"default\"} 6",
        "reproq_concurrency_blocked_tasks{database=\"default\"} 1",
        "reproq_queue_paused{database=\"default\",queue=\"mail\"} 1",
        "reproq_leases_expired{database=\"default\",queue=\"default\"} 1",
        "reproq_leases_missing{database=\"default\",queue=\"default\"} 1",
        "reproq_workers_by_state{database=\"default\",state=\"stale\"} 1",
        "reproq_workers_by_state{database=\"default\",state=\"unknown\"} 1",
        "reproq_failures_day{database=\"default\"} 3",
        "reproq_trend_depth{database=\"default\",hours_ago=\"0\"} 14",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}\n{metrics}");
    }
    let late = metrics.lines().find(|line| line.contains("schedule=\"nightly\"")).expect("a schedule");
    assert!(late.rsplit(' ').next().and_then(|late| late.parse::<i64>().ok()) >= Some(3 * 3600), "{late}");
    let document = served.get("/reproq/observation/").json();
    let found = &document["databases"][0];
    assert_eq!(found["live"]["running"].as_array().map(Vec::len), Some(4), "{document:#}");
    assert_eq!(found["history"]["recent_failures"][0]["error"], "card declined", "{document:#}");
    assert_eq!(found["history"]["recent_failures"][0]["exception_class"], "shop.CardError");
}

/// What the server says of itself, how a page is not found, and what every response has.
#[test]
fn every_response_is_safe_to_show() {
    let Some(database) = database("a") else { return };
    let context = project(&database.url());
    let served = Served::ready(&context, &[]);
    let address = served.address();
    for (method, path, status, content) in [
        ("GET", "/healthz", 200, "ok"),
        ("GET", "/reproq/tui/healthz/", 200, "ok"),
        ("HEAD", "/reproq/stats/", 200, ""),
        ("GET", "/readyz", 200, "ready"),
        ("GET", "/reproq/tui/metrics/", 200, "reproq_queue_depth"),
        ("GET", "/reproq/tui/config", 200, "/reproq/tui/events/"),
        ("GET", "/nothing", 404, "not found"),
        ("GET", "/../etc/passwd", 404, "not found"),
        ("POST", "/reproq/stats/", 405, "method not allowed"),
        ("DELETE", "/metrics", 405, "method not allowed"),
        ("GET", "/events?task_id=x", 400, "invalid task_id"),
        ("POST", "/nothing", 404, "not found"),
    ] {
        let page = served.request(method, path, &[]);
        assert_eq!(page.status, status, "{method} {path}: {page:#?}");
        assert!(page.body.contains(content), "{method} {path}: {page:#?}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert!(page.headers.get(name).is_some_and(|it| it.starts_with(value)), "{method} {path}: {page:#?}");
        }
        assert!(page.headers.contains_key("content-type"), "{page:#?}");
    }
    let config = served.get("/reproq/tui/config/").json();
    assert_eq!(config["worker_metrics_url"], format!("http://{address}/reproq/tui/metrics/"));
}

#[test]
fn a_signal_ends_it_with_success_also_while_events_are_read() {
    let Some(database) = database("a") else { return };
    let context = project(&database.url());
    for signal in ["TERM", "INT"] {
        let served = Served::ready(&context, &[]);
        let address = served.address();
        let reader = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).expect("connected");
            let request = format!("GET /events HTTP/1.1\r\nhost: {address}\r\n\r\n");
            std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
            let mut text = String::new();
            std::io::Read::read_to_string(&mut stream, &mut text).expect("an end");
            text
        });
        std::thread::sleep(std::time::Duration::from_millis(200));
        let output = served.stop(signal);
        assert_eq!(output.code, 0, "{output:#?}");
        let text = reader.join().expect("a text");
        assert!(text.contains("text/event-stream") && text.contains(": the server ends"), "{text}");
    }
    // No session of the server is left.
    until("the end of the sessions", || {
        database.as_superuser("select count(*) from pg_stat_activity where application_name like 'reproq-cli%' and datname = current_database()") == "0"
    });
}
