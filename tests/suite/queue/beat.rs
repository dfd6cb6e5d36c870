//! `reproq beat --once`: the rows of the worker's beat, each exactly once, whatever happens to one of them or to the connection.

use serde_json::Value;
use test_postgres::Cut;
use test_postgres::Database;
use test_postgres::PgBouncer;
use test_postgres::Relay;

use super::rows::json;
use super::rows::project;
use crate::support::Context;
use crate::support::context::wait;
use crate::support::memory;

const ORIGINS: [&str; 4] = ["a", "b", "c", "d"];

/// Adds a schedule that is due since this time.
pub fn add(database: &Database, name: &str, cron: &str, others: &str, due: &str) {
    database.sql(&insertion(name, cron, others, due));
}

fn insertion(name: &str, cron: &str, others: &str, due: &str) -> String {
    let mut sql = format!(
        "insert into periodic_tasks (name, cron_expr, task_path, payload_json, queue_name, priority, max_attempts, \
         concurrency_limit, next_run_at, enabled, created_at, updated_at) values ('{name}', '{cron}', 'myapp.tasks.rec', '{{}}', \
         'default', 0, 3, 0, '{due}', true, now(), now());"
    );
    if !others.is_empty() {
        sql.push_str(&format!("update periodic_tasks set {others} where name = '{name}';"));
    }
    sql
}

/// A schedule of a report.
fn schedule<'a>(document: &'a Value, name: &str) -> &'a Value {
    let schedules = document["databases"][0]["schedules"].as_array().expect("a list");
    schedules.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}: {document:#}"))
}

/// What the real beat's own runs gave: the hash of the first is recorded from it.
#[test]
fn the_rows_are_those_of_the_workers_beat_on_every_origin_and_through_a_pooler() {
    for origin in ORIGINS {
        for through_a_pooler in [false, true] {
            let Some(database) = Database::of_origin(origin) else { return };
            let bouncer = if through_a_pooler { PgBouncer::before(&database) } else { None };
            if through_a_pooler && bouncer.is_none() {
                continue;
            }
            let payload = "payload_json = '{\"args\": [1.0, 1e3, {\"z\": 1, \"a\": 2}], \"kwargs\": {\"b\": \"<a&b>\u{e9}\"}}', \
                           queue_name = 'maintenance'";
            add(&database, "every5", "*/5 * * * *", payload, "2026-01-01T00:00:00.25Z");
            let limits = "queue_name = '', max_attempts = 0, priority = -3, concurrency_key = 'k', concurrency_limit = 2, \
                          payload_json = '[1]'";
            add(&database, "limited", "TZ=Europe/Berlin 30 2 * * *", limits, "2026-01-01T00:00:00Z");
            add(&database, "later", "* * * * *", "", "2999-01-01T00:00:00Z");
            add(&database, "off", "* * * * *", "enabled = false", "2026-01-01T00:00:00Z");
            let context = project(&bouncer.as_ref().map_or_else(|| database.url(), PgBouncer::url));
            let document = json(&context, &["beat", "--once"]);
            assert_eq!(document["databases"][0]["enqueued"], 2, "{origin}: {document:#}");
            let rows = database.sql(
                "set time zone 'UTC'; select trim(spec_hash), backend_alias, queue_name, priority, run_after, task_path, status, \
                 attempts, max_attempts, timeout_seconds, lock_key is null, concurrency_key, concurrency_limit, wait_count, \
                 worker_ids, errors_json, metadata_json, cancel_requested, expires_at is null, spec_json \
                 from task_runs order by priority desc",
            );
            let every5 = "{\"args\": [1.0, 1000, {\"a\": 2, \"z\": 1}], \"exec\": {\"max_attempts\": 3, \"timeout_seconds\": 900}, \
                          \"kwargs\": {\"b\": \"<a&b>\u{e9}\"}, \"priority\": 0, \"task_path\": \"myapp.tasks.rec\", \"queue_name\": \
                          \"maintenance\", \"scheduled_at\": \"2026-01-01T00:00:00Z\", \"periodic_name\": \"every5\", \
                          \"concurrency_key\": null, \"concurrency_limit\": 0}";
            let limited = "{\"args\": [1], \"exec\": {\"max_attempts\": 3, \"timeout_seconds\": 900}, \"kwargs\": {}, \
                           \"priority\": -3, \"task_path\": \"myapp.tasks.rec\", \"queue_name\": \"default\", \"scheduled_at\": \
                           \"2026-01-01T00:00:00Z\", \"periodic_name\": \"limited\", \"concurrency_key\": \"k\", \
                           \"concurrency_limit\": 2}";
            // The first hash is recorded from the real worker.
            let expected = format!(
                "24cb287c0879efa1eb500ea0df863823a166b471159f44501cfdeb7fc02205d3|default|maintenance|0|2026-01-01 00:00:00.25+00|\
                 myapp.tasks.rec|READY|0|3|900|t||0|0|[]|[]|{{}}|f|t|{every5}\n\
                 20c3c0b1|default|default|-3|2026-01-01 00:00:00+00|myapp.tasks.rec|READY|0|3|900|t|k|2|0|[]|[]|{{}}|f|t|{limited}"
            );
            let normalized: Vec<String> = rows
                .trim_start_matches("SET\n")
                .lines()
                .map(|line| if line.contains("|-3|") { line[64..].to_owned() } else { line.to_owned() })
                .collect();
            assert_eq!(normalized.join("\n"), expected.replace("20c3c0b1", ""), "{origin}");
            let advanced = database.sql(
                "set time zone 'UTC'; select name, last_run_at, next_run_at > now(), next_run_at < now() + interval '25 hours', \
                 enabled from periodic_tasks order by name",
            );
            assert_eq!(
                advanced.trim_start_matches("SET\n"),
                "every5|2026-01-01 00:00:00.25+00|t|t|t\nlater||t|f|t\nlimited|2026-01-01 00:00:00+00|t|t|t\noff||f|t|f",
                "{origin}"
            );
            let again = json(&context, &["beat", "--once"]);
            assert_eq!(again["databases"][0]["schedules"], serde_json::json!([]), "{origin}");
            assert_eq!(context.succeed(&["schedule"]).stdout, "Nothing is due.\n");
        }
    }
}

/// A trigger finishes each task at once, so that no hash hides a second row.
const FINISH: &str = "
create function finish() returns trigger language plpgsql as $$ begin new.status := 'SUCCESSFUL'; return new; end; $$;
create trigger finish before insert on task_runs for each row execute function finish();";

#[test]
fn two_beats_make_one_row_of_each_tick() {
    const TICKS: usize = 50;
    for origin in ["a", "d"] {
        let Some(database) = Database::of_origin(origin) else { return };
        database.sql(FINISH);
        for name in ["one", "two", "three", "four"] {
            add(&database, name, "0 0 1 1 *", "", "2999-01-01T00:00:00Z");
        }
        let context = project(&database.url());
        for tick in 0..TICKS {
            database.sql(&format!(
                "update periodic_tasks set next_run_at = '2024-01-01T00:00:00Z'::timestamptz + interval '{tick} minutes'"
            ));
            let both = [context.spawn(&["beat", "--once"]), context.spawn(&["beat", "--once"])];
            for output in both.map(wait) {
                assert_eq!(output.code, 0, "{origin} {tick}: {output:#?}");
            }
        }
        let rows = database.sql("select count(*), count(distinct (spec_hash)) from task_runs");
        assert_eq!(rows, format!("{0}|{0}", TICKS * 4), "{origin}");
    }
}

#[test]
fn a_schedule_in_other_hands_is_passed_over() {
    let Some(database) = Database::of_origin("d") else { return };
    add(&database, "held", "* * * * *", "", "2024-01-01T00:00:00Z");
    add(&database, "free", "* * * * *", "", "2024-01-01T00:00:00Z");
    let mut other = database.session();
    other.run("begin; select from periodic_tasks where name = 'held' for update;");
    let document = json(&project(&database.url()), &["beat", "--once"]);
    assert_eq!(document["databases"][0]["enqueued"], 1, "{document:#}");
    assert_eq!(schedule(&document, "free")["outcome"], "enqueued");
}

/// Bad ones of every kind between good ones; the last is refused by the database.
fn with_bad_schedules(database: &Database) {
    let mut sql = "alter table task_runs add constraint no_poison check (queue_name <> 'poison');".to_owned();
    let cases = [
        // Those that run are not due again while the test runs.
        ("a good", "5 4 1 1 *", ""),
        ("bad cron", "@daily", ""),
        ("bad payload", "* * * * *", "payload_json = '{\"args\": 1}'"),
        ("bad time", "* * * * *", "next_run_at = '-infinity'"),
        ("bad zone", "TZ=Nope/Zone * * * * *", ""),
        ("d good", "*/7 4 1 1 *", ""),
        ("never", "0 0 31 2 *", ""),
        ("no task", "* * * * *", "task_path = ''"),
        ("poison", "* * * * *", "queue_name = 'poison'"),
        ("z good", "0 3 * * *", ""),
    ];
    for (name, cron, others) in cases {
        sql.push_str(&insertion(name, cron, others, "2024-01-01T00:00:00Z"));
    }
    database.sql(&sql);
}

#[test]
fn a_bad_schedule_stops_no_other_and_is_reported() {
    for origin in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        with_bad_schedules(&database);
        let context = project(&database.url());
        let output = context.run(&["beat", "--once", "--json"]);
        assert_eq!(output.code, 7, "{origin}: {output:#?}");
        let document: Value = serde_json::from_str(&output.stdout).expect("a document");
        let beat = &document["databases"][0];
        let counts = ["enqueued", "disabled", "failed"].map(|name| beat[name].as_u64());
        assert_eq!(counts, [Some(3), Some(1), Some(6)], "{origin}: {document:#}");
        for (name, reason) in [
            ("bad cron", "`@daily` is not a schedule"),
            ("bad payload", "`args` of the payload is not an array"),
            ("bad time", "its next run is not a time"),
            ("bad zone", "Nope/Zone"),
            ("no task", "it has no task"),
            ("poison", "no_poison"),
            ("never", "no date matches `0 0 31 2 *`, so it is disabled without a task"),
        ] {
            let found = schedule(&document, name)["reason"].as_str().unwrap_or_default();
            assert!(found.contains(reason), "{origin} {name}: {found}");
            assert!(output.stderr.contains(&format!("warning: schedule {name}: ")), "{output:#?}");
        }
        let left = database.sql(
            "select string_agg(name, ',' order by name) from periodic_tasks where enabled and next_run_at <= now()",
        );
        assert_eq!(left, "bad cron,bad payload,bad time,bad zone,no task,poison", "{origin}");
        assert_eq!(database.sql("select enabled, last_run_at is null from periodic_tasks where name = 'never'"), "f|t");
        assert_eq!(database.sql("select count(*) from task_runs"), "3");
        let again = json(&context, &["beat", "--once"]);
        assert_eq!((&again["databases"][0]["enqueued"], &again["databases"][0]["failed"]), (&0.into(), &6.into()));
    }
}

/// More failures than a batch has schedules do not keep the good ones behind them from running.
#[test]
fn many_bad_schedules_do_not_hide_a_good_one() {
    let Some(database) = Database::of_origin("d") else { return };
    database.sql(
        "insert into periodic_tasks (name, cron_expr, task_path, next_run_at) select 'bad ' || n, '@daily', 'm.t', \
         '2024-01-01'::timestamptz from generate_series(1, 450) n",
    );
    add(&database, "good", "* * * * *", "", "2024-01-02T00:00:00Z");
    let document = json(&project(&database.url()), &["beat", "--once"]);
    assert_eq!((&document["databases"][0]["enqueued"], &document["databases"][0]["failed"]), (&1.into(), &450.into()));
}

#[test]
fn a_schedule_without_another_date_runs_for_the_last_time_and_is_disabled() {
    let Some(database) = Database::of_origin("a") else { return };
    // In 2096 there is no leap day for more than five years. `now` is looked up in this schema first.
    database.sql(
        "create schema future; create function future.now() returns timestamptz language sql as \
         'select ''2096-03-01T00:00:00Z''::timestamptz'",
    );
    add(&database, "leap", "0 0 29 2 *", "", "2024-02-29T00:00:00Z");
    let url = format!("{}?options=-csearch_path%3Dfuture,pg_catalog,public", database.url());
    let output = project(&url).run(&["beat", "--once", "--json"]);
    let document: Value = serde_json::from_str(&output.stdout).expect("a document");
    let leap = schedule(&document, "leap");
    assert_eq!((output.code, &leap["outcome"], &leap["next"]), (0, &"enqueued".into(), &Value::Null), "{document:#}");
    assert!(output.stderr.contains("does not run again in the next five years, so it is disabled"), "{output:#?}");
    assert_eq!(database.sql("select enabled, last_run_at = '2024-02-29T00:00:00Z' from periodic_tasks"), "f|t");
    assert_eq!(database.sql("select count(*) from task_runs"), "1");
}

#[test]
fn times_that_were_missed_are_caught_up_once() {
    let Some(database) = Database::of_origin("b") else { return };
    add(&database, "minutely", "* * * * *", "", "2020-01-01T00:00:00Z");
    let context = project(&database.url());
    for expected in [1, 0] {
        assert_eq!(json(&context, &["beat", "--once"])["databases"][0]["enqueued"], expected);
    }
    assert_eq!(
        database.sql("select count(*), min(spec_json->>'scheduled_at') from task_runs"),
        "1|2020-01-01T00:00:00Z"
    );
    assert_eq!(
        database.sql("select next_run_at - now() between interval '0' and interval '1 minute' from periodic_tasks"),
        "t"
    );
}

#[test]
fn an_equal_task_that_is_not_finished_takes_the_place_of_the_new_one() {
    for origin in ["a", "c"] {
        let Some(database) = Database::of_origin(origin) else { return };
        let context = project(&database.url());
        add(&database, "s", "* * * * *", "", "2024-01-01T00:00:00Z");
        json(&context, &["beat", "--once"]);
        database.sql("update periodic_tasks set next_run_at = '2024-01-01T00:00:00Z'");
        let document = json(&context, &["beat", "--once"]);
        assert_eq!(
            (&schedule(&document, "s")["outcome"], &schedule(&document, "s")["task"]),
            (&"duplicate".into(), &1.into())
        );
        assert_eq!(database.sql("select count(*) from task_runs"), "1");
        assert_eq!(database.sql("select next_run_at > now() from periodic_tasks"), "t");
    }
}

#[test]
fn a_dry_run_shows_what_is_due_and_changes_nothing() {
    let Some(database) = Database::of_origin("a") else { return };
    with_bad_schedules(&database);
    let rows = "select md5(string_agg(p::text, '' order by name)) from periodic_tasks p";
    let before = database.sql(rows);
    let context = project(&database.url());
    let output = context.run(&["beat", "--dry-run", "--json"]);
    let document: Value = serde_json::from_str(&output.stdout).expect("a document");
    let beat = &document["databases"][0];
    let counts = ["due", "enqueued", "disabled", "failed"].map(|name| beat[name].as_u64());
    assert_eq!(counts, [Some(4), Some(0), Some(1), Some(5)], "{document:#}");
    assert_eq!((database.sql(rows), database.sql("select count(*) from task_runs")), (before, "0".to_owned()));
    let text = context.shown(&["schedule", "--dry-run"]);
    let stable: Vec<&str> =
        text.lines().filter(|line| !line.contains(" good ") && !line.starts_with("poison")).collect();
    insta::assert_snapshot!(stable.join("\n"));
}

/// What every statement of a run can do to it, before and after the server has executed it.
#[test]
fn a_connection_that_is_cut_at_any_statement_loses_and_repeats_nothing() {
    for origin in ["a", "d"] {
        let Some(database) = Database::of_origin(origin) else { return };
        database.sql(FINISH);
        let prepare = || {
            let large = "payload_json = jsonb_build_array(repeat('x', 9000))";
            let schedules = [("one", ""), ("two", ""), ("three", ""), ("large", large)]
                .map(|(name, others)| insertion(name, "0 0 1 1 *", others, "2024-01-01T00:00:00Z"));
            database.sql(&format!("delete from task_runs; delete from periodic_tasks; {}", schedules.concat()));
        };
        let mut cuts = 0;
        for number in 0..100 {
            let mut was_cut = false;
            for cut in [Cut::Before(number), Cut::After(number)] {
                prepare();
                let relay = Relay::start(&database, cut);
                let output = project(&relay.url()).run(&["beat", "--once"]);
                assert_eq!(output.code != 0, relay.was_cut(), "{origin} {cut:?}: {output:#?}");
                was_cut |= relay.was_cut();
                let state =
                    "select count(*), (select count(*) from periodic_tasks where next_run_at > now()) from task_runs";
                let state = database.sql(state);
                assert!(["0|0", "4|4"].contains(&state.as_str()), "{origin} {cut:?}: {state}: {output:#?}");
                // The server holds the locks until it has noticed that the connection is gone.
                let others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
                (0..500).find(|_| database.sql(others) == "0").expect("the server ends the session");
                // Another run finishes the work.
                project(&database.url()).succeed(&["beat", "--once"]);
                assert_eq!(database.sql("select count(*), count(distinct spec_hash) from task_runs"), "4|4", "{cut:?}");
            }
            if !was_cut {
                break;
            }
            cuts += 1;
        }
        assert!((8..99).contains(&cuts), "{origin}: {cuts} statements were cut");
    }
}

#[test]
fn every_refusal_is_an_error_with_a_hint() {
    let Some(database) = Database::of_origin("a") else { return };
    let context = project(&database.url());
    database.sql("alter table task_runs add column tenant text not null");
    add(&database, "s", "* * * * *", "", "2024-01-01T00:00:00Z");
    insta::assert_snapshot!("beat_unknown_column", context.shown(&["beat", "--once"]));
    assert_eq!(
        database.sql("select count(*), (select count(*) from periodic_tasks where last_run_at is null) from task_runs"),
        "0|1"
    );
    database.sql("drop table periodic_tasks");
    insta::assert_snapshot!("beat_missing_table", context.shown(&["beat", "--once"]));
    insta::assert_snapshot!("beat_refused_interval", context.shown(&["beat", "--interval", "5"]));
    insta::assert_snapshot!("beat_refused_once", context.shown(&["beat", "--once=maybe"]));
    insta::assert_snapshot!("beat_refused_flag", context.shown(&["beat", "--", "--jitter", "5s"]));
    let none = Context::new();
    insta::assert_snapshot!("beat_no_database", none.shown(&["beat"]));
    assert_eq!(project("postgres://u@127.0.0.1:1/d").run(&["beat", "--once"]).code, 6);
}

#[test]
fn the_database_is_found_as_the_worker_finds_it() {
    let (Some(one), Some(other)) = (Database::of_origin("d"), Database::of_origin("d")) else { return };
    let mut context = Context::new();
    let beat_in = |context: &Context, arguments: &[&str], expected: &Database| {
        add(expected, "s", "* * * * *", "", "2024-01-01T00:00:00Z");
        let output = context.succeed(&[arguments, &["--json"]].concat());
        assert!(!format!("{output:?}").contains("Owner-Secret"), "{output:#?}");
        assert_eq!(expected.sql("delete from task_runs returning queue_name"), "default", "{arguments:?}");
        expected.sql("delete from periodic_tasks");
    };
    let url = one.url();
    beat_in(&context, &["beat", "-once", "-dsn", &url], &one);
    beat_in(&context, &["schedule", "--dsn", &url], &one);
    std::fs::write(context.project().join("reproq.yaml"), format!("dsn: {url}\nbeat:\n  interval: 5s\n"))
        .expect("written");
    beat_in(&context, &["beat", "--once"], &one);
    context.set("DATABASE_URL", other.url());
    beat_in(&context, &["beat", "--once"], &other);
    let table = "[tool.reproq.databases]\nmain = \"env:DATABASE_URL\"\nreports = \"env:REPORTS\"\n";
    std::fs::write(context.project().join("pyproject.toml"), table).expect("written");
    context.set("REPORTS", one.url());
    beat_in(&context, &["beat", "--once", "--database", "reports"], &one);
    for database in [&one, &other] {
        add(database, "s", "* * * * *", "", "2024-01-01T00:00:00Z");
    }
    let document = json(&context, &["beat", "--once", "--all-databases"]);
    for (index, alias) in ["main", "reports"].iter().enumerate() {
        let beat = &document["databases"][index];
        assert_eq!((&beat["database"], &beat["enqueued"]), (&(*alias).into(), &1.into()), "{document:#}");
    }
    // One that cannot be reached does not stop the other.
    one.sql("update periodic_tasks set next_run_at = '2024-01-02T00:00:00Z'");
    context.set("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
    let output = context.run(&["beat", "--once", "--all-databases", "--json"]);
    let document: Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!((output.code, &document["databases"][1]["enqueued"]), (7, &1.into()), "{document:#}");
    assert!(
        document["databases"][0]["error"].as_str().is_some_and(|error| error.contains("cannot reach")),
        "{document:#}"
    );
}

/// A thousand schedules, some with large arguments, in batches.
#[test]
fn a_thousand_schedules_need_little_memory() {
    let Some(database) = Database::of_origin("a") else { return };
    database.sql(
        "insert into periodic_tasks (name, cron_expr, task_path, payload_json, queue_name, priority, max_attempts, \
         concurrency_limit, next_run_at, enabled, created_at, updated_at) select 's' || n, '0 0 1 1 *', 'm.t', \
         jsonb_build_array(repeat('x', case when n % 10 = 0 then 50000 else 3000 end)), 'default', 0, 3, 0, \
         '2024-01-01'::timestamptz, true, now(), now() from generate_series(1, 1000) n",
    );
    let context = project(&database.url());
    let (_, idle) = memory::peak_kib(context.command(&["beat", "--dry-run", "--database", "none"]));
    let (output, peak) = memory::peak_kib(context.command(&["beat", "--once", "-q"]));
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(database.sql("select count(*), count(distinct spec_hash) from task_runs"), "1000|1000");
    let taken = peak.saturating_sub(idle);
    assert!(taken < 12 * 1024, "{taken} KiB beyond the {idle} KiB of the program");
}
