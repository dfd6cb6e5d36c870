//! `reproq queue move`: every step, whatever interrupts it, and workers that claim meanwhile.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use test_postgres::Cut;
use test_postgres::Database;
use test_postgres::PgBouncer;
use test_postgres::Relay;

use super::rows::json;
use crate::support::Context;
use crate::support::django;

/// Makes both databases empty.
const EMPTY: &str = "truncate task_runs, reproq_queue_controls, reproq_workers, periodic_tasks";

/// A project with the databases `default` and `big`.
pub fn project(source: &str, target: &str) -> Context {
    let mut context = Context::new();
    context.set("DATABASE_URL", source).set("BIG_URL", target);
    fs::write(context.project().join("pyproject.toml"), "[tool.reproq.databases]\nbig = \"env:BIG_URL\"\n")
        .expect("written");
    context
}

/// Tasks of the queue `mail`, in which every column that a READY task can have has a value of its own.
fn tasks(database: &Database, numbers: std::ops::RangeInclusive<i64>) {
    let (first, last) = (numbers.start(), numbers.end());
    database.sql(&format!(
        "insert into task_runs (backend_alias, queue_name, priority, run_after, spec_json, spec_hash, task_path, status, enqueued_at, \
         started_at, last_attempted_at, attempts, max_attempts, timeout_seconds, lock_key, concurrency_key, concurrency_limit, \
         wait_count, worker_ids, errors_json, metadata_json, last_error, logs_uri, expires_at, created_at, updated_at, \
         cancel_requested) select 'default', 'mail', n % 5, now() - interval '1 second' * n, \
         format('{{\"args\": [%s, 1.50, 12345678901234567890], \"kwargs\": {{\"é\": \"\\\\u0001 %s\"}}}}', n, n)::jsonb, \
         md5(n::text) || md5('x'), 'shop.tasks.mail', 'READY', now() - interval '1 hour' + interval '0.001 second' * n, \
         now() - interval '50 minutes', now() - interval '40 minutes', n % 3, 3 + n % 2, 60 + n, 'lock ' || n, 'key ' || n, 7, 0, \
         jsonb_build_array('w' || n), jsonb_build_array(jsonb_build_object('kind', 'app_error', 'attempt', n)), \
         jsonb_build_object('progress', n * 0.10), 'no ' || n, 'logs/' || n, now() + interval '1 day', now() - interval '2 hours', \
         now(), n % 7 = 0 from generate_series({first}, {last}) n order by n"
    ));
}

/// The columns that a move keeps, in order.
const KEPT: &str = "select backend_alias, queue_name, priority, run_after, spec_json, trim(trailing from spec_hash), task_path, enqueued_at, \
                    started_at, last_attempted_at, finished_at, attempts, max_attempts, timeout_seconds, lock_key, concurrency_key, \
                    concurrency_limit, workflow_id, wait_count, worker_ids, return_json, errors_json, metadata_json, last_error, \
                    failed_at, leased_until, logs_uri, artifacts_uri, expires_at, created_at, cancel_requested, parent_id from task_runs";

fn kept(database: &Database, status: &str) -> String {
    database.sql(&format!("{KEPT} where status = '{status}' and queue_name = 'mail' order by enqueued_at"))
}

/// How many tasks there are of each status.
fn statuses(database: &Database) -> String {
    database.sql(
        "select string_agg(status || ' ' || tasks, ', ' order by status) from (select status, count(*) as tasks \
                  from task_runs group by status) counts",
    )
}

const PREPARE: [&str; 6] = ["queue", "move", "mail", "--to", "big", "--yes"];
const FINISH: [&str; 8] = ["queue", "move", "mail", "--to", "big", "--finish", "--unchecked", "--yes"];
const UNDO: [&str; 7] = ["queue", "move", "mail", "--to", "big", "--undo", "--yes"];

fn controls(database: &Database) -> String {
    database.sql("select queue_name, paused, reason from reproq_queue_controls order by 1")
}

#[test]
fn a_queue_is_copied_first_and_moves_at_the_end() {
    for (from, to) in [("a", "d"), ("b", "c"), ("c", "b"), ("d", "a")] {
        let (Some(source), Some(target)) = (Database::of_origin(from), Database::of_origin(to)) else { return };
        let context = project(&source.url(), &target.url());
        tasks(&source, 1..=3);
        // Ids of the target are others.
        target.sql("select setval(pg_get_serial_sequence('task_runs', 'result_id'), 100)");
        let before = kept(&source, "READY");
        insta::allow_duplicates! {
            let plan = ["queue", "move", "mail", "--to", "big", "--dry-run"];
            insta::assert_snapshot!("queue_move_plan", context.shown(&plan));
            assert_eq!(context.run(&[&plan[..], &["--exit-code"]].concat()).code, 3);
            insta::assert_snapshot!("queue_move_refused", context.shown(&PREPARE[..5]));
            assert_eq!((controls(&source), statuses(&target)), (String::new(), String::new()), "{from}");
            insta::assert_snapshot!("queue_move_prepare", context.shown(&PREPARE));
        }
        assert_eq!((kept(&source, "READY"), kept(&target, "WAITING")), (before.clone(), before.clone()), "{from}");
        assert_eq!(controls(&source), "mail|t|reproq queue move to big");
        assert_eq!(controls(&target), "mail|t|reproq queue move from default");
        let why = json(&context, &["task", "why", "big:101"]);
        assert_eq!(why["causes"][0]["cause"], "held", "{why:#}");
        insta::allow_duplicates! {
            insta::assert_snapshot!("queue_move_again", context.shown(&PREPARE));
        }
        assert_eq!(statuses(&target), "WAITING 3");
        // What is enqueued until Django's settings are changed moves too.
        tasks(&source, 4..=4);
        let before = kept(&source, "READY");
        insta::allow_duplicates! {
            insta::assert_snapshot!("queue_move_finish", context.shown(&FINISH));
        }
        assert_eq!((statuses(&source), statuses(&target)), ("CANCELLED 4".to_owned(), "READY 4".to_owned()));
        assert_eq!(kept(&target, "READY"), before, "{from} to {to}");
        assert_eq!((controls(&source), controls(&target)), ("mail|f|".to_owned(), "mail|f|".to_owned()));
        let moved = "select last_error, finished_at is not null from task_runs order by result_id";
        let expected: Vec<String> = (101..105).map(|id| format!("moved to big as task {id}|t")).collect();
        assert_eq!(source.sql(moved), expected.join("\n"));
        insta::allow_duplicates! {
            insta::assert_snapshot!("queue_move_why", context.shown(&["task", "why", "1"]));
        }
        let again = json(&context, &FINISH);
        assert_eq!((&again["moved"], &again["verified"]), (&0.into(), &true.into()), "{again:#}");
    }
}

#[test]
fn a_move_is_undone_until_it_is_finished() {
    let (Some(source), Some(target)) = (Database::of_origin("d"), Database::of_origin("b")) else { return };
    let context = project(&source.url(), &target.url());
    tasks(&source, 1..=3);
    let before = source.sql("select * from task_runs order by result_id");
    context.succeed(&PREPARE);
    // What runs in the source after all, because somebody resumed the queue there, is not affected either.
    insta::assert_snapshot!("queue_move_undo", context.shown(&UNDO));
    assert_eq!(source.sql("select * from task_runs order by result_id"), before);
    assert_eq!((statuses(&target), controls(&source)), ("CANCELLED 3".to_owned(), "mail|f|".to_owned()));
    insta::assert_snapshot!("queue_move_undo_again", context.shown(&UNDO));
    // It can begin again.
    context.succeed(&FINISH);
    assert_eq!((statuses(&source), statuses(&target)), ("CANCELLED 3".to_owned(), "CANCELLED 3, READY 3".to_owned()));
}

#[test]
fn what_changes_meanwhile_is_moved_as_it_is_then() {
    let (Some(source), Some(target)) = (Database::of_origin("d"), Database::of_origin("d")) else { return };
    let context = project(&source.url(), &target.url());
    tasks(&source, 1..=5);
    context.succeed(&PREPARE);
    source.sql("update task_runs set priority = 9 where result_id = 1");
    // One ran although the queue was paused, one was cancelled, one deleted.
    source.sql("update task_runs set status = 'SUCCESSFUL', finished_at = now() where result_id = 2");
    source.sql(
        "update task_runs set status = 'CANCELLED', finished_at = now(), last_error = 'theirs' where result_id = 3",
    );
    source.sql("delete from task_runs where result_id = 4");
    let report = json(&context, &FINISH);
    assert_eq!([&report["moved"], &report["cancelled"]], [2, 4], "{report:#}");
    let ready = "select spec_json->'args'->>0, priority from task_runs where status = 'READY' order by 1";
    assert_eq!(target.sql(ready), "1|9\n5|0");
    assert_eq!(source.sql("select last_error from task_runs where result_id = 3"), "theirs");
    assert_eq!(statuses(&source), "CANCELLED 3, SUCCESSFUL 1");
}

/// Django enqueued the same task into the target after its settings were changed.
#[test]
fn a_task_that_is_in_the_target_already_does_not_run_twice() {
    for to in ["a", "d"] {
        let (Some(source), Some(target)) = (Database::of_origin("b"), Database::of_origin(to)) else { return };
        let context = project(&source.url(), &target.url());
        tasks(&source, 1..=3);
        context.succeed(&PREPARE);
        tasks(&target, 2..=2);
        let report = json(&context, &FINISH);
        assert_eq!([&report["moved"], &report["deduplicated"]], [3, 1], "{to}: {report:#}");
        assert_eq!(statuses(&target), "CANCELLED 1, READY 3", "{to}");
        let same = target.sql("select last_error from task_runs where status = 'CANCELLED'");
        assert_eq!(same, "not moved: task 4 is the same");
    }
    // Where the project wants equal tasks, the databases have no index that forbids them, and all of them move.
    let (Some(source), Some(target)) = (Database::of_origin("a"), Database::of_origin("a")) else { return };
    tasks(&source, 1..=2);
    tasks(&source, 1..=2);
    let report = json(&project(&source.url(), &target.url()), &FINISH);
    assert_eq!((&report["moved"], statuses(&target).as_str()), (&4.into(), "READY 4"), "{report:#}");
}

#[test]
fn tasks_of_workflows_stay_and_what_else_there_is_to_do_is_said() {
    let (Some(source), Some(target)) = (super::rows::database("c"), Database::of_origin("c")) else { return };
    let context = project(&source.url(), &target.url());
    // In the queue `default` are a chain and a chord; nothing runs.
    source.sql("update task_runs set status = 'READY', leased_by = null, leased_until = null where status = 'RUNNING'");
    source.sql("insert into rate_limits values ('queue:default', 5, 5, 5, now())");
    let workflows = "select * from task_runs where workflow_id is not null order by result_id";
    let before = source.sql(workflows);
    let arguments = ["queue", "move", "default", "--to", "big", "--finish", "--unchecked", "--yes"];
    insta::assert_snapshot!("queue_move_workflows", context.shown(&arguments));
    assert_eq!(source.sql(workflows), before);
    assert_eq!(source.sql("select count(*) from task_runs where status = 'READY' and queue_name = 'default'"), "1");
    let moved = "select count(*), count(workflow_id) from task_runs where status = 'READY'";
    assert_eq!(target.sql(moved), "8|0");
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let (Some(source), Some(target)) = (Database::of_origin("d"), Database::of_origin("d")) else { return };
    let context = project(&source.url(), &target.url());
    tasks(&source, 1..=2);
    insta::assert_snapshot!("queue_move_same", project(&source.url(), &source.url()).shown(&PREPARE));
    insta::assert_snapshot!(
        "queue_move_no_django",
        context.shown(&["queue", "move", "mail", "--to", "big", "--finish"])
    );
    assert_eq!(context.run(&[&PREPARE[..], &["--max", "1"]].concat()).code, 8);
    source.sql("alter table task_runs add column region text");
    insta::assert_snapshot!("queue_move_column", context.shown(&PREPARE));
    source.sql("alter table task_runs drop column region");
    target.sql("insert into task_runs (result_id, spec_json, spec_hash, task_path) select n, '{}', n, 'm.t' from generate_series(1, 50) n");
    insta::assert_snapshot!("queue_move_sequence", context.shown(&PREPARE));
    target.sql("truncate task_runs");
    context.succeed(&UNDO);
    source.sql("update task_runs set status = 'RUNNING', leased_by = 'w', leased_until = now() - interval '1 hour' where result_id = 1");
    insta::assert_snapshot!("queue_move_running", context.shown(&[&PREPARE[..], &["--wait", "1s"]].concat()));
    assert_eq!((statuses(&target), controls(&source).as_str()), (String::new(), "mail|t|reproq queue move to big"));
    source.sql("update task_runs set status = 'READY'");
    source.sql("update reproq_queue_controls set reason = 'reproq queue move to other'");
    insta::assert_snapshot!("queue_move_other", context.shown(&PREPARE));
    // Somebody else's pause is kept.
    source.sql("update reproq_queue_controls set reason = 'down'");
    context.succeed(&FINISH);
    assert_eq!((statuses(&target), controls(&source).as_str()), ("READY 2".to_owned(), "mail|t|down"));
    assert_eq!(controls(&target), "mail|f|");
}

#[test]
fn a_move_is_finished_once_django_enqueues_into_the_other_database() {
    let (Some(source), Some(target)) = (Database::of_origin("d"), Database::of_origin("d")) else { return };
    let mut context = project(&source.url(), &target.url());
    if django::project(&mut context, "INSTALLED_APPS = []\nREPROQ_QUEUE_DATABASES = {'m*': 'default'}").is_none() {
        return;
    }
    tasks(&source, 1..=2);
    insta::assert_snapshot!("queue_move_django", context.shown(&PREPARE));
    let finish = ["queue", "move", "mail", "--to", "big", "--finish", "--yes"];
    insta::assert_snapshot!("queue_move_not_routed", context.shown(&finish));
    let settings = "SECRET_KEY = 'x'\nINSTALLED_APPS = []\nREPROQ_QUEUE_DATABASES = {'m*': 'default', 'mail': 'big'}\n";
    django::write(&context.project().join("shop/settings.py"), settings);
    let report = json(&context, &finish);
    assert_eq!((&report["moved"], &report["setting"]), (&2.into(), &serde_json::Value::Null), "{report:#}");
}

/// A run that is cut off at any statement, before or after the server has executed it, leaves every task where at most one worker
/// can claim it; the next run finishes.
#[test]
fn a_move_that_is_cut_at_any_statement_loses_and_repeats_nothing() {
    let (Some(source), Some(target)) = (Database::of_origin("d"), Database::of_origin("d")) else { return };
    let others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let numbers = |database: &Database, status: &str| {
        database.sql(&format!("select spec_json->'args'->>0 from task_runs where status = '{status}' order by 1"))
    };
    for cuts_the_source in [true, false] {
        let mut statements = 0;
        for number in 0..100 {
            let mut was_cut = false;
            for cut in [Cut::Before(number), Cut::After(number)] {
                for database in [&source, &target] {
                    database.sql(EMPTY);
                }
                tasks(&source, 1..=3);
                let relay = Relay::start(if cuts_the_source { &source } else { &target }, cut);
                let context = if cuts_the_source {
                    project(&relay.url(), &target.url())
                } else {
                    project(&source.url(), &relay.url())
                };
                let output = context.run(&FINISH);
                assert_eq!(output.code != 0, relay.was_cut(), "{cut:?}: {output:#?}");
                was_cut |= relay.was_cut();
                for database in [&source, &target] {
                    (0..500).find(|_| database.sql(others) == "0").expect("the server ends the session");
                }
                let (here, there) = (numbers(&source, "READY"), numbers(&target, "READY"));
                for task in ["1", "2", "3"] {
                    let claimable = [&here, &there].iter().filter(|list| list.lines().any(|it| it == task)).count();
                    assert!(claimable <= 1, "{cut:?}: task {task} can be claimed twice");
                }
                let again = json(&project(&source.url(), &target.url()), &FINISH);
                assert_eq!(again["verified"], true, "{cut:?}: {again:#}");
                assert_eq!(
                    (numbers(&source, "READY"), numbers(&target, "READY")),
                    (String::new(), "1\n2\n3".to_owned())
                );
                assert_eq!(
                    (statuses(&source), statuses(&target)),
                    ("CANCELLED 3".to_owned(), "READY 3".to_owned()),
                    "{cut:?}"
                );
                assert_eq!((controls(&source), controls(&target)), ("mail|f|".to_owned(), "mail|f|".to_owned()));
            }
            if !was_cut {
                break;
            }
            statements += 1;
        }
        assert!((20..99).contains(&statements), "{statements} statements were cut");
    }
}

/// The worker's claim, and the end of what it claims.
const CLAIM: &str = "
update task_runs set status = 'RUNNING', attempts = attempts + 1, leased_by = 'w', leased_until = now() + interval '1 hour',
  metadata_json = metadata_json || jsonb_build_object('runs', coalesce((metadata_json->>'runs')::int, 0) + 1)
where result_id = (select result_id from task_runs where status = 'READY' and queue_name = 'mail'
  and not exists (select from reproq_queue_controls where queue_name = 'mail' and paused)
  order by random() limit 1 for update skip locked);
update task_runs set status = 'SUCCESSFUL', leased_by = null, leased_until = null, finished_at = now() where status = 'RUNNING';";

/// Workers claim in both databases, somebody resumes both queues at random, and runs are killed at random.
#[test]
fn a_task_runs_once_although_both_queues_are_resumed_meanwhile() {
    let (Some(source), Some(target)) = (Database::of_origin("d"), Database::of_origin("d")) else { return };
    let context = project(&source.url(), &target.url());
    const TASKS: i64 = 300;
    tasks(&source, 1..=TASKS);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        for database in [&source, &target] {
            scope.spawn(|| {
                let mut worker = database.session();
                while !ended.load(Ordering::Relaxed) {
                    worker.run(CLAIM);
                    thread::sleep(Duration::from_millis(15));
                }
            });
            scope.spawn(|| {
                let mut operator = database.session();
                while !ended.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(fastrand::u64(50..400)));
                    operator.run("update reproq_queue_controls set paused = false;");
                }
            });
        }
        for round in 0..60 {
            let mut child = context.spawn(&[&FINISH[..], &["--wait", "5s"]].concat());
            let limit = if round < 12 { fastrand::u64(30..500) } else { 60_000 };
            let is_done = (0..limit).any(|_| {
                thread::sleep(Duration::from_millis(1));
                child.try_wait().expect("a child").is_some()
            });
            if is_done {
                if child.wait().expect("a status").success()
                    && source.sql("select count(*) from task_runs where status = 'READY'") == "0"
                {
                    break;
                }
            } else {
                child.kill().expect("killed");
                child.wait().expect("it ended");
            }
        }
        for _ in 0..600 {
            if target.sql("select count(*) from task_runs where status in ('READY', 'RUNNING', 'WAITING')") == "0" {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        ended.store(true, Ordering::Relaxed);
    });
    let ran = |database: &Database| -> Vec<String> {
        let rows = database
            .sql("select spec_json->'args'->>0, metadata_json->>'runs' from task_runs where status = 'SUCCESSFUL'");
        rows.lines().map(str::to_owned).collect()
    };
    let (here, there) = (ran(&source), ran(&target));
    let mut all: Vec<&String> = here.iter().chain(&there).collect();
    all.sort();
    assert!(all.iter().all(|row| row.ends_with("|1")), "a task ran twice in one database");
    all.dedup();
    assert_eq!(
        (all.len(), here.len() + there.len()),
        (TASKS as usize, TASKS as usize),
        "{} and {}",
        statuses(&source),
        statuses(&target)
    );
    assert!(!here.is_empty() && !there.is_empty(), "{} and {}", here.len(), there.len());
}

/// What has finished is not read, in either database.
#[test]
fn a_move_does_not_scan_the_history() {
    for origin in ["b", "c", "d"] {
        let (Some(source), Some(target)) = (Database::of_origin(origin), Database::of_origin(origin)) else { return };
        let context = project(&source.url(), &target.url());
        for database in [&source, &target] {
            database.sql(super::without_scans::HISTORY);
            database.sql("select setval(pg_get_serial_sequence('task_runs', 'result_id'), 100000)");
        }
        tasks(&source, 1..=600);
        let scans = || {
            // A session reports its statistics when it ends.
            thread::sleep(Duration::from_millis(100));
            let scans = "select coalesce(seq_scan, 0) from pg_stat_user_tables where relname = 'task_runs'";
            (source.sql(scans), target.sql(scans))
        };
        let mut before = scans();
        for arguments in [&PREPARE[..], &UNDO, &FINISH] {
            context.succeed(arguments);
            let after = scans();
            assert_eq!(after, before, "{origin}: {arguments:?} scanned the table");
            before = after;
        }
        assert_eq!(target.sql("select count(*) from task_runs where status = 'READY'"), "600");
    }
}

#[test]
fn a_pooler_with_one_connection_is_enough() {
    let (Some(source), Some(target)) = (Database::of_origin("d"), Database::of_origin("b")) else { return };
    let (Some(one), Some(other)) = (PgBouncer::before(&source), PgBouncer::before(&target)) else { return };
    let context = project(&one.url(), &other.url());
    // More than one batch.
    tasks(&source, 1..=1203);
    context.succeed(&PREPARE);
    let report = json(&context, &FINISH);
    assert_eq!((&report["moved"], statuses(&target).as_str()), (&1203.into(), "READY 1203"), "{}", report["notes"]);
    let order = "select bool_and(ordered) from (select spec_json->'args'->>0 = (row_number() over (order by result_id))::text as ordered \
                 from task_runs) rows";
    assert_eq!(target.sql(order), "t");
}
