//! Insertion of tasks: the row, duplicates, other sessions, and tables of a newer version.

use std::time::Duration;

use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Session;
use reproq_queue::spec::TaskSpec;
use reproq_queue::tasks::NewTask;
use reproq_queue::write::InsertOutcome;
use reproq_queue::write::insert_task;
use reproq_queue::write::insert_tasks;
use reproq_queue::write::replay_task;

use crate::door::block;
use crate::door::open;
use crate::door::target;
use test_postgres::Database;
use test_postgres::ORIGINS;

fn task(path: &str) -> NewTask {
    NewTask::of_spec(&TaskSpec::new(path), "default", None).expect("canonical")
}

async fn insert(session: &Session, tasks: &[NewTask]) -> Result<Vec<InsertOutcome>, PgError> {
    session.write(Limits::default(), async |tx| insert_tasks(tx, tasks).await).await
}

fn insert_all(database: &Database, tasks: &[NewTask]) -> Result<Vec<InsertOutcome>, PgError> {
    block(async {
        let session = open(&target(database)).await.expect("a connection");
        let outcomes = insert(&session, tasks).await;
        session.close().await;
        outcomes
    })
}

#[test]
fn a_task_is_inserted_with_every_column_on_each_origin() {
    for (origin, _) in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let full = NewTask {
            queue_name: "mail".to_owned(),
            priority: -7,
            run_after: Some("2026-03-29T01:30:00.000005+02:00".to_owned()),
            lock_key: Some("user:1".to_owned()),
            concurrency_key: Some("acct:\u{e9}".to_owned()),
            concurrency_limit: 5,
            max_attempts: 1,
            timeout_seconds: 30,
            expires_after: Some(60.5),
            ..task("m.t")
        };
        let outcomes = insert_all(&database, &[full, task("m.u")]).expect("inserted");
        assert_eq!(outcomes, [InsertOutcome::Inserted(1), InsertOutcome::Inserted(2)], "{origin}");
        let row = "set time zone 'UTC'; select backend_alias, queue_name, priority, run_after, spec_json->>'task_path', \
                   spec_hash, task_path, status, attempts, max_attempts, timeout_seconds, lock_key, concurrency_key, \
                   concurrency_limit, wait_count, worker_ids, errors_json, metadata_json, cancel_requested, \
                   enqueued_at = created_at and created_at = updated_at and enqueued_at <= now() as times, \
                   expires_at - enqueued_at as expires, \
                   num_nulls(started_at, last_attempted_at, finished_at, return_json, last_error, failed_at, leased_until, \
                   leased_by, logs_uri, artifacts_uri, parent_id, workflow_id) as nulls from task_runs order by result_id";
        let hash = task("m.t").spec_hash;
        let other = task("m.u").spec_hash;
        assert_eq!(other.len(), 64);
        assert_eq!(
            database.sql(row).trim_start_matches("SET\n"),
            format!(
                "default|mail|-7|2026-03-28 23:30:00.000005+00|m.t|{hash}|m.t|READY|0|1|30|user:1|acct:\u{e9}|5|0|[]|[]|{{}}|f|t|00:01:00.5|12\n\
                 default|default|0||m.u|{other}|m.u|READY|0|3|900|||0|0|[]|[]|{{}}|f|t||12"
            ),
            "{origin}"
        );
    }
}

#[test]
fn a_live_task_takes_the_place_of_an_equal_one_with_and_without_the_index() {
    for (origin, _) in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let insert = |path: &str| insert_all(&database, &[task(path)]).expect("an outcome");
        assert_eq!(insert("m.t"), [InsertOutcome::Inserted(1)], "{origin}");
        for status in ["READY", "RUNNING"] {
            database.sql(&format!("update task_runs set status = '{status}' where result_id = 1"));
            assert_eq!(insert("m.t"), [InsertOutcome::Duplicate(1)], "{origin} {status}");
        }
        let mut last = 1;
        for status in ["SUCCESSFUL", "FAILED", "CANCELLED", "WAITING"] {
            database.sql(&format!("update task_runs set status = '{status}'"));
            let outcome = insert("m.t");
            assert!(
                matches!(outcome[..], [InsertOutcome::Inserted(id)] if id > last),
                "{origin} {status}: {outcome:?}"
            );
            last = outcome[0].id();
        }
        let twice = insert_all(&database, &[task("m.u"), task("m.t"), task("m.u")]).expect("outcomes");
        let [InsertOutcome::Inserted(first), InsertOutcome::Duplicate(live), InsertOutcome::Duplicate(again)] =
            twice[..]
        else {
            panic!("{origin}: {twice:?}")
        };
        assert_eq!((live, again), (last, first), "{origin}");
    }
}

/// The other session has inserted, and commits while this one waits.
#[test]
fn two_sessions_insert_a_task_once() {
    for (origin, _) in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let (first, second) = std::thread::scope(|scope| {
            let slow = scope.spawn(|| {
                block(async {
                    let session = open(&target(&database)).await.expect("a connection");
                    let inserting = session.write(Limits::default(), async |tx| {
                        let outcome = insert_task(tx, &task("m.t")).await?;
                        tokio::time::sleep(Duration::from_millis(400)).await;
                        Ok::<_, PgError>(outcome)
                    });
                    inserting.await
                })
            });
            std::thread::sleep(Duration::from_millis(200));
            let late = insert_all(&database, &[task("m.t")]);
            (slow.join().expect("it ends"), late)
        });
        assert_eq!(first.expect("inserted"), InsertOutcome::Inserted(1), "{origin}");
        assert_eq!(second.expect("an outcome"), [InsertOutcome::Duplicate(1)], "{origin}");
        assert_eq!(database.sql("select count(*) from task_runs"), "1", "{origin}");
    }
}

#[test]
fn a_column_of_a_newer_version_stops_the_insertion_unless_the_database_fills_it() {
    for (origin, _) in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        database.sql(
            "create domain filled as text default 'x'; alter table task_runs add column a text, add column b text not null \
             default 'x', add column c bigint not null generated always as identity, add column d text not null generated \
             always as ('x') stored, add column e filled not null, add column f text not null; alter table task_runs drop \
             column f",
        );
        insert_all(&database, &[task("m.t")]).expect("inserted");
        database.sql("delete from task_runs");
        database.sql("alter table task_runs add column tenant text not null");
        let error = insert_all(&database, &[task("m.t")]).expect_err("refused");
        let PgError::UnknownColumn { table, column } = &error else { panic!("{origin}: {error:?}") };
        assert_eq!((table.as_str(), column.as_str()), ("task_runs", "tenant"), "{origin}");
    }
}

/// As after a restore of the rows alone.
#[test]
fn a_sequence_that_is_behind_is_named_with_its_repair() {
    for (origin, _) in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let paths: Vec<String> = (0..20).map(|number| format!("m.t{number}")).collect();
        let tasks: Vec<NewTask> = paths.iter().map(|path| task(path)).collect();
        insert_all(&database, &tasks).expect("inserted");
        database.sql("update task_runs set status = 'SUCCESSFUL'; alter sequence task_runs_result_id_seq restart");
        let replayed = block(async {
            let session = open(&target(&database)).await.expect("a connection");
            session.write(Limits::default(), async |tx| replay_task(tx, 7, false).await).await.map(|_| ())
        });
        let inserted = insert_all(&database, &[task("m.new"), task("m.other")]).map(|_| ());
        for error in [replayed, inserted] {
            let error = error.expect_err("refused");
            let PgError::SequenceBehind { sequence, highest, repair } = &error else { panic!("{origin}: {error:?}") };
            assert_eq!((sequence.as_str(), *highest), ("public.task_runs_result_id_seq", 20), "{origin}");
            database.sql(repair);
            let outcomes = insert_all(&database, &[task("m.new")]).expect("inserted");
            assert_eq!(outcomes, [InsertOutcome::Inserted(21)], "{origin}");
            database.sql("delete from task_runs where result_id > 20; alter sequence task_runs_result_id_seq restart");
        }
    }
}

/// A comparison with a `text` would read the table.
#[test]
fn duplicates_are_found_by_the_index() {
    for (origin, _) in ORIGINS.iter().filter(|(origin, _)| *origin != "a") {
        let Some(database) = Database::of_origin(origin) else { return };
        database.sql(
            "insert into task_runs (backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, enqueued_at, \
             attempts, max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, metadata_json, \
             created_at, updated_at, cancel_requested) select 'default', 'default', 0, '{}', md5(n::text) || md5('h'), 'm.t', \
             'READY', now(), 0, 3, 900, 0, 0, '[]', '[]', '{}', now(), now(), false from generate_series(1, 20000) n; analyze",
        );
        let reads = || {
            std::thread::sleep(Duration::from_millis(100));
            database.sql("select seq_scan, idx_tup_read from pg_stat_user_tables t, lateral (select sum(idx_tup_read) as \
                          idx_tup_read from pg_stat_user_indexes i where i.relid = t.relid) i where relname = 'task_runs'")
        };
        let before = reads();
        insert_all(&database, &[task("m.t")]).expect("inserted");
        let scans = |reads: &str| reads.split('|').next().map(str::to_owned);
        let after = reads();
        assert_eq!(scans(&after), scans(&before), "{origin}: the table was read");
        let tuples =
            |reads: &str| reads.split('|').nth(1).and_then(|tuples| tuples.parse::<i64>().ok()).expect("a number");
        assert!(tuples(&after) - tuples(&before) < 1000, "{origin}: {before} {after}");
    }
}
