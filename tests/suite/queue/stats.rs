//! `reproq stats`, `stats heatmap`, `stats trend`.

use test_postgres::PgBouncer;
use test_postgres::Standby;

use super::rows::database;
use super::rows::json;
use super::rows::project;
use crate::support::tmux::Terminal;

#[test]
fn the_state_is_the_same_on_every_origin() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        insta::allow_duplicates! {
            insta::assert_snapshot!("stats", context.shown(&["stats"]));
            insta::assert_snapshot!("queue_list", context.shown(&["queue", "list"]));
        }
        let document = json(&context, &["stats"]);
        assert_eq!(document["schema"], "reproq.stats/1");
        let found = &document["databases"][0];
        let totals = &found["totals"];
        let numbers: Vec<i64> = ["ready", "scheduled", "running", "waiting", "expired_leases", "missing_leases"]
            .iter()
            .map(|name| totals[name].as_i64().expect("a number"))
            .collect();
        assert_eq!(numbers, [7, 1, 4, 2, 1, 1], "{document:#}");
        assert_eq!(found["history"]["exact"], true);
        assert_eq!(found["failures"]["count"], 3);
        assert_eq!(found["workers"]["unknown"], 1);
        let late: Vec<&str> = found["schedules"]["late"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|it| it["name"].as_str())
            .collect();
        assert_eq!(late, ["nightly"]);
    }
}

#[test]
fn a_pooler_and_a_standby_are_enough() {
    let Some(database) = database("d") else { return };
    if let Some(pooler) = PgBouncer::before(&database) {
        let context = project(&pooler.url());
        for arguments in [&["stats"][..], &["task", "why", "5"], &["workflow", "list"], &["stats", "trend"]] {
            context.succeed(arguments);
        }
    }
    if let Some(standby) = Standby::of(&database) {
        let context = project(&database.url().replace(&database.cluster.port.to_string(), &standby.port().to_string()));
        let text = context.succeed(&["stats"]).stdout;
        assert!(text.contains("a standby"), "{text}");
        context.succeed(&["task", "list"]);
    }
}

/// The variable of one is not set, and the server of another does not run.
#[test]
fn a_database_that_cannot_be_read_does_not_hide_the_others() {
    let Some(database) = database("d") else { return };
    let mut context = project(&database.url());
    let table =
        "[tool.reproq.databases]\nmain = \"env:DATABASE_URL\"\nmail = \"env:MAIL\"\nreports = \"env:REPORTS\"\n";
    std::fs::write(context.project().join("pyproject.toml"), table).expect("written");
    context.set("REPORTS", "postgres://u@127.0.0.1:1/d");
    let output = context.run(&["stats", "--all-databases"]);
    assert_eq!(output.code, 7, "{output:#?}");
    for part in ["main\n", "7 ready", "\nmail\nnot read: ", "MAIL", "\nreports\nnot read: cannot reach"] {
        assert!(output.stdout.contains(part), "{part}: {output:#?}");
    }
    for part in
        ["error: cannot read the database `mail`", "error: cannot read the database `reports`", "hint: set MAIL"]
    {
        assert!(output.stderr.contains(part), "{part}: {output:#?}");
    }
    let document: serde_json::Value =
        serde_json::from_str(&context.run(&["stats", "--all-databases", "--json"]).stdout).expect("a document");
    assert_eq!(document["databases"].as_array().map(Vec::len), Some(1), "{document:#}");
    assert_eq!(document["failed"][0]["alias"], "mail", "{document:#}");
    let output = context.run(&["stats", "--all-databases", "--format", "api"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!((output.code, &document["databases"][0]["alias"]), (7, &"main".into()), "{output:#?}");
    // If none can be read, the status is that of the first error.
    context.set("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
    assert_eq!(context.run(&["stats", "--all-databases"]).code, 2);
}

#[test]
fn the_document_of_django_has_djangos_keys() {
    let Some(database) = database("b") else { return };
    let context = project(&database.url());
    let output = context.succeed(&["stats", "--format", "api"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("a document");
    let keys =
        |value: &serde_json::Value| -> Vec<String> { value.as_object().expect("an object").keys().cloned().collect() };
    let sorted = |names: &[&str]| {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    };
    let top = [
        "tasks",
        "queues",
        "workers",
        "periodic",
        "queue_controls",
        "worker_health",
        "scheduler",
        "top_failing",
        "databases",
    ];
    assert_eq!(keys(&document), sorted(&top));
    let worker = ["worker_id", "hostname", "concurrency", "queues", "last_seen_at", "version"];
    assert_eq!(keys(&document["workers"][0]), sorted(&[&worker[..], &["database"]].concat()));
    assert_eq!(keys(&document["databases"][0]["workers"][0]), sorted(&worker));
    let schedule = ["name", "cron_expr", "enabled", "next_run_at", "queue_name"];
    assert_eq!(keys(&document["periodic"][0]), sorted(&[&schedule[..], &["database"]].concat()));
    assert_eq!(keys(&document["databases"][0]), sorted(&["alias", "tasks", "queues", "workers", "periodic"]));
    assert_eq!(
        keys(&document["queue_controls"][0]),
        sorted(&["queue_name", "paused", "paused_at", "reason", "updated_at", "database"])
    );
    assert_eq!(document["tasks"]["READY"], 8);
    assert_eq!(document["queues"]["default"]["FAILED"], 3);
    assert_eq!(document["worker_health"], serde_json::json!({"alive": 1, "dead": 1}));
    assert_eq!(document["top_failing"][0], serde_json::json!({"task_path": "shop.tasks.charge", "count": 2}));
    assert_eq!(document["scheduler"]["mode"], "beat");
    assert_eq!(json(&context, &["stats", "--format", "api"])["schema"], "reproq.stats-api/1");
}

#[test]
fn failures_and_throughput_are_counted_by_time() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        let map = json(&context, &["stats", "heatmap"]);
        assert_eq!(
            (&map["failures"], &map["rows"][0]["task_path"]),
            (&3.into(), &"shop.tasks.charge".into()),
            "{map:#}"
        );
        let top = json(&context, &["stats", "heatmap", "--top", "1"]);
        assert_eq!(top["rows"][1]["task_path"], serde_json::Value::Null, "{top:#}");
        assert_eq!(top["rows"][1]["total"], 1);

        let trend = json(&context, &["stats", "trend"]);
        let buckets = trend["buckets"].as_array().expect("a list");
        let sum = |name: &str| buckets.iter().map(|bucket| bucket[name].as_i64().expect("a number")).sum::<i64>();
        assert_eq!([sum("enqueued"), sum("successful"), sum("failed"), sum("cancelled")], [20, 2, 3, 1], "{trend:#}");
        assert_eq!(buckets.last().expect("buckets")["depth"], 14);
        assert_eq!(trend["exact"], true);
        // Nothing was there before the first task.
        assert_eq!(buckets[0]["depth"], 0);

        database.sql("delete from task_runs where result_id in (1, 11)");
        let pruned = json(&context, &["stats", "trend"]);
        assert_eq!((&pruned["exact"], &pruned["missing_rows"]), (&false.into(), &1.into()), "{pruned:#}");
        assert_eq!(pruned["older_rows_deleted"], true);
        let cut = json(&context, &["stats", "trend", "--rows", "5"]);
        assert!(cut["known_since"].is_string() && cut["exact"] == false, "{cut:#}");
        let text = context.succeed(&["stats", "trend", "--rows", "5"]).stdout;
        assert!(text.contains("Only the newest 5 rows were read"), "{text}");
    }
}

#[test]
fn a_terminal_is_drawn_on_and_redrawn() {
    let Some(database) = database("c") else { return };
    let context = project(&database.url());
    let Some(terminal) = Terminal::start(&context, 120, &["stats", "--watch", "--interval", "1s"]) else { return };
    terminal.watch_until(|screen| screen.iter().any(|line| line.contains("DEPTH") && line.contains("QUEUE")));
    database.sql("update task_runs set status = 'CANCELLED' where status in ('READY', 'WAITING')");
    terminal.watch_until(|screen| screen.iter().any(|line| line.contains("0 ready, 0 scheduled")));
    let screen = terminal.screen();
    assert_eq!(screen.iter().filter(|line| line.contains("QUEUE")).count(), 1, "{screen:#?}");
    terminal.interrupt();
    terminal.watch_until(|screen| screen.iter().any(|line| line.contains("[end]")));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let context = project("postgres://nobody@127.0.0.1:1/none");
    for arguments in [
        &["stats", "heatmap", "--since", "1h", "--bucket", "2h"][..],
        &["stats", "trend", "--since", "7d", "--bucket", "1s"],
        &["stats", "--watch", "--json"],
        &["task", "list", "--status", "done"],
        &["task", "show", "x"],
        &["workflow", "show", "x"],
    ] {
        let output = context.run(arguments);
        assert_eq!(output.code, 2, "{arguments:?}: {output:#?}");
    }
}
