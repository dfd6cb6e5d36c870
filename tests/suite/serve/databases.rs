//! Databases that go away, come back, or were never there.

use std::fs;

use test_postgres::Database;
use test_postgres::own_cluster;

use super::Served;
use super::until;
use crate::queue::rows::database;
use crate::queue::rows::project;
use crate::queue::without_scans::HISTORY;

#[test]
fn a_database_that_goes_away_is_reported_and_read_again_when_it_is_back() {
    let Some(cluster) = own_cluster() else { return };
    let database = Database::on(cluster);
    database.create("d");
    database.sql("insert into task_runs (spec_json, spec_hash, task_path) values ('{}', 'h', 'm.t')");
    let context = project(&database.url());
    let served = Served::ready(&context, &[]);
    assert_eq!(served.get("/reproq/stats/").json()["tasks"]["READY"], 1);
    cluster.stop();
    until("the outage", || served.get("/readyz").status == 503);
    let reasons = served.get("/readyz").json();
    assert_eq!(reasons["reasons"][0]["database"], "default", "{reasons:#}");
    assert_eq!(served.get("/reproq/tui/healthz/").status, 503);
    assert_eq!(served.get("/healthz").status, 200);
    // What was known last is served, and marked.
    let stats = served.get("/reproq/stats/");
    assert_eq!((stats.status, stats.headers["x-reproq-unavailable"].as_str()), (200, "default"), "{stats:#?}");
    assert_eq!(stats.json()["tasks"]["READY"], 1);
    assert!(served.get("/metrics").body.contains("reproq_database_up{database=\"default\"} 0"));
    cluster.start_again();
    until("the recovery", || served.get("/readyz").status == 200);
    assert!(!served.get("/reproq/stats/").headers.contains_key("x-reproq-unavailable"));
    let lines = served.lines();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("cannot be read: "), 1, "reported once: {lines:#?}");
    assert_eq!(count("can be read again after"), 1, "{lines:#?}");
}

#[test]
fn one_of_several_that_is_away_does_not_hide_the_others() {
    let (Some(database), Some(other)) = (database("d"), Database::of_origin("a")) else { return };
    let mut context = project(&database.url());
    let table =
        "[tool.reproq.databases]\nmain = \"env:DATABASE_URL\"\nother = \"env:OTHER\"\nreports = \"env:REPORTS\"\n";
    fs::write(context.project().join("pyproject.toml"), table).expect("written");
    context.set("OTHER", other.url()).set("REPORTS", "postgres://u:Hidden-Secret-9@127.0.0.1:1/d");
    let served = Served::start(&context, &[]);
    assert_eq!(served.document["databases"], serde_json::json!(["main", "other", "reports"]));
    until("the first observation", || {
        let reasons = served.get("/readyz").json();
        reasons["reasons"].as_array().is_some_and(|it| it.len() == 1 && it[0]["reason"] != "not read yet")
    });
    let ready = served.get("/readyz");
    assert!(ready.body.contains("cannot reach") && !ready.body.contains("Secret"), "{ready:#?}");
    let stats = served.get("/reproq/stats/").json();
    let theirs = context.run(&["stats", "--all-databases", "--format", "api"]);
    assert_eq!(theirs.code, 7);
    assert_eq!(stats, serde_json::from_str::<serde_json::Value>(&theirs.stdout).expect("a document"));
    let metrics = served.get("/metrics").body;
    for line in ["reproq_database_up{database=\"main\"} 1", "reproq_database_up{database=\"reports\"} 0"] {
        assert!(metrics.lines().any(|it| it == line), "{line}\n{metrics}");
    }
    drop(served);
    let only = Served::ready(&context, &["--database", "other"]);
    assert_eq!(only.document["databases"], serde_json::json!(["other"]));
    assert_eq!(only.get("/reproq/stats/").json()["databases"][0]["alias"], "other");
}

/// What is missing on the command line is an error at once; what is missing on a server is not.
#[test]
fn a_database_without_a_url_is_an_error() {
    let context = crate::support::Context::new();
    let output = context.run(&["serve"]);
    assert_eq!(output.code, 2, "{output:#?}");
    assert!(output.stderr.contains("DATABASE_URL"), "{output:#?}");
}

#[test]
fn nothing_is_written() {
    let Some(database) = database("d") else { return };
    database.sql(
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'written'; end; $$; \
         create trigger refuse before insert or update or delete on task_runs for each statement execute function refuse();",
    );
    let context = project(&database.url());
    let served = Served::ready(&context, &[]);
    for path in ["/metrics", "/reproq/stats/", "/reproq/observation/"] {
        assert_eq!(served.get(path).status, 200, "{path}");
    }
    // Every transaction is read-only: the server says so itself.
    let statements = database.as_superuser(
        "select count(*) from pg_stat_activity where application_name like 'reproq-cli%' and datname = current_database() \
         and (backend_xid is not null or query ~* '^ *(insert|update|delete)')",
    );
    assert_eq!(statements, "0");
}

/// What is read at every interval finds its rows by indexes; only the count of the history reads the table.
#[test]
fn what_is_live_is_read_without_a_scan() {
    for origin in ["b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        database.sql(HISTORY);
        let context = project(&database.url());
        let served = Served::ready(&context, &["--interval", "1s"]);
        let scans = || -> u64 {
            let found = "select coalesce(seq_scan, 0) from pg_stat_user_tables where relname = 'task_runs'";
            database.sql(found).parse().expect("a number")
        };
        let seen = || {
            let document = served.get("/reproq/observation/").json();
            let number = document["number"].as_u64().expect("a number");
            (document["databases"][0]["history"]["at"].to_string(), number)
        };
        // A session reports its statistics with a delay, and the count of the history reads the table: between two counts, three
        // observations must not.
        let is_without = (0..5).any(|_| {
            let ((history, first), before) = (seen(), scans());
            until("three observations", || seen().1 >= first + 3);
            scans() == before && seen().0 == history
        });
        assert!(is_without, "{origin}: the table is read");
    }
}
