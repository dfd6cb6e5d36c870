//! Retry, cancel, discard, reclaim and prune against real tables of each origin: what is written, what is refused, and what
//! becomes of workflows.

use reproq_queue::changes::ChangeRefusal;
use reproq_queue::changes::PlannedTask;
use reproq_queue::changes::PruneRule;
use reproq_queue::changes::TaskChange;
use reproq_queue::changes::TaskStep;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Session;
use reproq_queue::read;
use reproq_queue::state::TaskStatus;
use reproq_queue::write;
use reproq_queue::write::TaskWrite;
use test_postgres::Database;

use crate::door::block;
use crate::door::open;
use crate::door::target;

const RECLAIM: TaskChange = TaskChange::Reclaim { include_missing: false };
const ORIGINS: [&str; 4] = ["a", "b", "c", "d"];

/// Inserts a task; `others` sets further columns.
pub fn insert(database: &Database, id: i64, status: &str, others: &str) {
    let set = if others.is_empty() {
        String::new()
    } else {
        format!("update task_runs set {others} where result_id = {id};")
    };
    database.sql(&format!(
        "insert into task_runs (result_id, backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, \
         enqueued_at, attempts, max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, \
         metadata_json, created_at, updated_at, cancel_requested) values ({id}, 'default', 'default', 0, \
         '{{\"task_path\": \"shop.tasks.add\"}}', md5('{id}') || md5('x'), 'shop.tasks.add', '{status}', \
         now() - interval '9 hours', 0, 3, 900, 0, 0, '[]', '[]', '{{}}', now() - interval '9 hours', now(), false);{set}"
    ));
}

async fn change(session: &Session, change: TaskChange, planned: &[PlannedTask]) -> TaskWrite {
    let written = session.write(Limits::default(), async |tx| write::change_tasks(tx, change, planned).await).await;
    written.unwrap_or_else(|error: PgError| panic!("{change:?}: {error}"))
}

fn change_named(database: &Database, what: TaskChange, ids: &[i64]) -> TaskWrite {
    block(async {
        let session = open(&target(database)).await.expect("a connection");
        let planned: Vec<PlannedTask> = ids.iter().map(|id| PlannedTask::named(*id)).collect();
        let written = change(&session, what, &planned).await;
        let left = session.read(Limits::default(), async |tx| write::not_changed(tx, &written.changed).await).await;
        assert_eq!(left.unwrap_or_else(|error: PgError| panic!("{error}")), [0_i64; 0], "nothing was changed");
        session.close().await;
        written
    })
}

fn steps(written: &TaskWrite) -> Vec<(i64, TaskStep)> {
    written.changed.iter().map(|it| (it.task.result_id, it.step)).collect()
}

fn refusals(written: &TaskWrite) -> Vec<(i64, ChangeRefusal)> {
    written.refused.iter().map(|it| (it.id, it.refusal.clone())).collect()
}

fn state(database: &Database, id: i64) -> String {
    database.sql(&format!("select status from task_runs where result_id = {id}"))
}

#[test]
fn a_retry_clears_what_would_stop_the_next_attempt_and_keeps_the_errors() {
    for origin in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let failed = "attempts = 3, run_after = now() + interval '1 day', finished_at = now(), failed_at = now(), \
                      last_error = 'no', cancel_requested = true, errors_json = '[{\"kind\": \"app_error\"}]', \
                      started_at = now(), worker_ids = '[\"w1\"]'";
        insert(&database, 1, "FAILED", &format!("{failed}, expires_at = now() - interval '1 hour'"));
        insert(&database, 2, "FAILED", "attempts = 1, expires_at = now() + interval '1 hour'");
        let written = change_named(&database, TaskChange::Retry, &[1, 2]);
        assert_eq!(steps(&written), [(1, TaskStep::Retry), (2, TaskStep::Retry)], "{origin}");
        let row = |id: i64| {
            database.sql(&format!(
                "select status, attempts, max_attempts, run_after, finished_at, failed_at, last_error, cancel_requested, \
                 jsonb_array_length(errors_json), started_at is not null, worker_ids, expires_at is not null, \
                 leased_by, leased_until, updated_at > now() - interval '1 minute' \
                 from task_runs where result_id = {id}"
            ))
        };
        assert_eq!(row(1), "READY|3|4|||||f|1|t|[\"w1\"]|f|||t", "{origin}");
        assert_eq!(row(2), "READY|1|3|||||f|0|f|[]|t|||t", "{origin}");
    }
}

#[test]
fn each_change_writes_what_django_and_the_worker_write() {
    for origin in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let lease = |at: &str| format!("leased_by = 'w1', leased_until = now() {at}, attempts = 1");
        insert(&database, 1, "READY", "run_after = now() + interval '1 day'");
        insert(&database, 2, "RUNNING", &lease("+ interval '1 hour'"));
        insert(&database, 3, "FAILED", "last_error = 'no', finished_at = now() - interval '2 hours'");
        insert(&database, 4, "RUNNING", &lease("- interval '1 hour'"));
        insert(&database, 5, "RUNNING", &format!("{}, max_attempts = 1", lease("- interval '1 hour'")));
        insert(&database, 6, "RUNNING", "leased_by = 'w1', attempts = 1");
        insert(&database, 7, "RUNNING", &format!("{}, cancel_requested = true", lease("- interval '1 hour'")));
        insert(&database, 8, "RUNNING", "leased_by = 'w1', leased_until = 'infinity', attempts = 1");
        insert(&database, 9, "RUNNING", "leased_by = 'w1', leased_until = '-infinity', attempts = 1");

        let cancelled = change_named(&database, TaskChange::Cancel, &[1, 2, 3, 7]);
        assert_eq!(steps(&cancelled), [(1, TaskStep::Cancel), (2, TaskStep::RequestCancel)], "{origin}");
        assert_eq!(
            refusals(&cancelled),
            [(3, ChangeRefusal::WrongStatus { status: "FAILED" }), (7, ChangeRefusal::AlreadyRequested)]
        );
        let discarded = change_named(&database, TaskChange::Discard, &[3]);
        assert_eq!(steps(&discarded), [(3, TaskStep::Discard)]);
        let reclaimed = change_named(&database, RECLAIM, &[2, 4, 5, 6, 7, 8, 9]);
        assert_eq!(
            steps(&reclaimed),
            [(4, TaskStep::Requeue), (9, TaskStep::Requeue), (5, TaskStep::GiveUp), (7, TaskStep::GiveUp)],
            "{origin}"
        );
        assert_eq!(
            refusals(&reclaimed),
            [(2, ChangeRefusal::LeaseHeld), (6, ChangeRefusal::LeaseMissing), (8, ChangeRefusal::LeaseHeld)]
        );
        let with_missing = change_named(&database, TaskChange::Reclaim { include_missing: true }, &[6]);
        assert_eq!(steps(&with_missing), [(6, TaskStep::Requeue)]);
        let rows = database.sql(
            "select result_id, status, finished_at is not null, failed_at is not null, leased_by, cancel_requested, \
             last_error is not null, errors_json->-1->>'kind' from task_runs order by 1",
        );
        assert_eq!(
            rows,
            "1|CANCELLED|t|f||f|f|\n2|RUNNING|f|f|w1|t|f|\n3|CANCELLED|t|f||f|t|\n4|READY|f|f||f|f|lease_expiry\n\
             5|FAILED|t|t||f|t|lease_expiry\n6|READY|f|f||f|f|lease_expiry\n7|FAILED|t|t||t|t|lease_expiry\n\
             8|RUNNING|f|f|w1|f|f|\n9|READY|f|f||f|f|lease_expiry",
            "{origin}"
        );
        let kept = "select finished_at < now() - interval '1 hour' from task_runs where result_id = 3";
        assert_eq!(database.sql(kept), "t", "the time of the failure is kept");
    }
}

#[test]
fn one_task_of_each_specification_is_retried() {
    for origin in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let hash = |text: &str| format!("spec_hash = md5('{text}') || md5('y')");
        for (id, status, of) in [
            (1, "FAILED", "ready"),
            (2, "READY", "ready"),
            (3, "FAILED", "running"),
            (4, "RUNNING", "running"),
            (5, "FAILED", "twice"),
            (6, "FAILED", "twice"),
            (7, "FAILED", "waiting"),
            (8, "WAITING", "waiting"),
        ] {
            insert(&database, id, status, &hash(of));
        }
        let written = change_named(&database, TaskChange::Retry, &[1, 3, 5, 6, 7]);
        assert_eq!(steps(&written), [(6, TaskStep::Retry), (7, TaskStep::Retry)], "{origin}");
        assert_eq!(
            refusals(&written),
            [
                (5, ChangeRefusal::SameSpecificationRetried { other: 6 }),
                (1, ChangeRefusal::SameSpecification { other: 2 }),
                (3, ChangeRefusal::SameSpecification { other: 4 }),
            ]
        );
    }
}

#[test]
fn rows_that_are_not_as_they_were_shown_are_left() {
    let Some(database) = Database::of_origin("d") else { return };
    for id in 1..=4 {
        insert(&database, id, "FAILED", "attempts = 2");
    }
    let mut other = database.session();
    other.run("begin; update task_runs set priority = 9 where result_id = 3;");
    let planned: Vec<PlannedTask> =
        (1..=5).map(|id| PlannedTask { id, shown: Some((TaskStatus::Failed, 2)) }).collect();
    database.sql("update task_runs set attempts = 3 where result_id = 1");
    database.sql("update task_runs set status = 'CANCELLED' where result_id = 2");
    let written = block(async {
        let session = open(&target(&database)).await.expect("a connection");
        change(&session, TaskChange::Retry, &planned).await
    });
    assert_eq!(steps(&written), [(4, TaskStep::Retry)]);
    assert_eq!(
        refusals(&written),
        [
            (1, ChangeRefusal::Changed),
            (2, ChangeRefusal::Changed),
            (3, ChangeRefusal::Locked),
            (5, ChangeRefusal::Missing)
        ]
    );
    other.run("rollback;");
}

/// A group of two tasks with a callback: tasks 1 and 2, callback 3.
fn chord(database: &Database, first: &str, second: &str) {
    const WORKFLOW: &str = "workflow_id = '00000000-0000-0000-0000-00000000000c'";
    insert(database, 1, first, WORKFLOW);
    insert(database, 2, second, WORKFLOW);
    insert(database, 3, "WAITING", &format!("{WORKFLOW}, wait_count = 2"));
    database.sql(
        "insert into workflow_runs (workflow_id, expected_count, success_count, failure_count, callback_result_id, status, \
         created_at, updated_at) values ('00000000-0000-0000-0000-00000000000c', 2, 0, 0, 3, 'RUNNING', now(), now())",
    );
}

fn run(database: &Database) -> String {
    database.sql("select status, success_count, failure_count from workflow_runs")
}

#[test]
fn a_failure_reaches_the_workflow_and_a_retry_takes_it_back() {
    for origin in ["b", "c", "d"] {
        let Some(database) = Database::of_origin(origin) else { return };
        chord(&database, "RUNNING", "FAILED");
        database.sql("update task_runs set leased_until = now() - interval '1 hour', attempts = 3 where result_id = 1");
        // The worker failed task 2 and left the workflow as it was.
        assert_eq!(run(&database), "RUNNING|0|0");
        let written = change_named(&database, RECLAIM, &[1]);
        assert_eq!((steps(&written), written.followed), (vec![(1, TaskStep::GiveUp)], 1), "{origin}");
        assert_eq!(run(&database), "FAILED|0|2", "both failures are counted");
        let callback = "select status, attempts, last_error, errors_json->-1->>'kind', errors_json->-1->>'failed_result_id', \
             finished_at is not null from task_runs where result_id = 3";
        assert_eq!(database.sql(callback), "FAILED|0|task 1 of the workflow will not succeed|workflow_failed|1|t");
        let refused = change_named(&database, TaskChange::Retry, &[3]);
        assert_eq!(refusals(&refused), [(3, ChangeRefusal::FailedWithWorkflow)]);

        let written = change_named(&database, TaskChange::Retry, &[1]);
        assert_eq!((steps(&written), written.followed), (vec![(1, TaskStep::Retry)], 0));
        assert_eq!(run(&database), "FAILED|0|1", "task 2 has still failed");
        // The worker does not count a success while the workflow is FAILED.
        database.sql("update task_runs set status = 'SUCCESSFUL', finished_at = now() where result_id = 1");
        let written = change_named(&database, TaskChange::Retry, &[2]);
        assert_eq!(written.followed, 1);
        assert_eq!(run(&database), "RUNNING|1|0", "{origin}");
        let callback = "select status, wait_count, last_error, finished_at, jsonb_array_length(errors_json) \
                        from task_runs where result_id = 3";
        assert_eq!(database.sql(callback), "WAITING|2|||1");
    }
}

/// A worker that ends a task while its workflow is FAILED does not count it, and holds no lock on the row of the workflow.
#[test]
fn a_success_that_is_being_committed_is_counted_when_the_last_failure_is_taken_back() {
    let Some(database) = Database::of_origin("d") else { return };
    chord(&database, "RUNNING", "FAILED");
    database.sql("update workflow_runs set status = 'FAILED', failure_count = 1");
    let mut worker = database.session();
    worker.run("begin; update task_runs set status = 'SUCCESSFUL', finished_at = now() where result_id = 1;");
    std::thread::scope(|scope| {
        let retry = scope.spawn(|| change_named(&database, TaskChange::Retry, &[2]));
        std::thread::sleep(std::time::Duration::from_millis(500));
        worker.run("commit;");
        assert_eq!(steps(&retry.join().expect("retried")), [(2, TaskStep::Retry)]);
    });
    assert_eq!(run(&database), "RUNNING|1|0");
}

#[test]
fn a_task_that_is_cancelled_or_discarded_fails_what_waits_for_it() {
    for origin in ["b", "c", "d"] {
        let Some(database) = Database::of_origin(origin) else { return };
        chord(&database, "READY", "RUNNING");
        let written = change_named(&database, TaskChange::Cancel, &[1, 2]);
        assert_eq!(steps(&written), [(1, TaskStep::Cancel), (2, TaskStep::RequestCancel)]);
        assert_eq!((run(&database).as_str(), state(&database, 3).as_str()), ("FAILED|0|1", "FAILED"), "{origin}");
        // A callback that runs is left as it is.
        database.sql("delete from workflow_runs; delete from task_runs");
        chord(&database, "FAILED", "SUCCESSFUL");
        database.sql("update task_runs set status = 'RUNNING' where result_id = 3");
        change_named(&database, TaskChange::Discard, &[1]);
        assert_eq!(state(&database, 3), "RUNNING");
    }
    for origin in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let chained = |parent: i64| {
            format!("workflow_id = '00000000-0000-0000-0000-00000000000d', parent_id = {parent}, wait_count = 1")
        };
        insert(&database, 1, "FAILED", "workflow_id = '00000000-0000-0000-0000-00000000000d'");
        insert(&database, 2, "WAITING", &chained(1));
        insert(&database, 3, "WAITING", &chained(2));
        insert(&database, 4, "READY", "workflow_id = '00000000-0000-0000-0000-00000000000e'");
        // A retry leaves the rest of the chain waiting, as the worker's failure did.
        assert_eq!(change_named(&database, TaskChange::Retry, &[1]).followed, 0);
        assert_eq!((state(&database, 2), state(&database, 3)), ("WAITING".to_owned(), "WAITING".to_owned()));
        let written = change_named(&database, TaskChange::Cancel, &[1, 4]);
        assert_eq!(written.followed, 2, "{origin}");
        for id in [2, 3] {
            assert_eq!(state(&database, id), "FAILED", "{origin} {id}");
            let kind = format!("select errors_json->-1->>'failed_result_id' from task_runs where result_id = {id}");
            assert_eq!(database.sql(&kind), "1");
            let refused = change_named(&database, TaskChange::Retry, &[id]);
            assert_eq!(refusals(&refused), [(id, ChangeRefusal::FailedWithWorkflow)]);
        }
        insert(&database, 5, "WAITING", "");
        assert_eq!(refusals(&change_named(&database, TaskChange::Cancel, &[5])), [(5, ChangeRefusal::Waits)]);
    }
}

#[test]
fn a_prune_deletes_what_has_finished_and_nothing_that_is_needed() {
    for origin in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let done = "finished_at = now() - interval '5 hours'";
        let of = |workflow: &str| format!("{done}, workflow_id = '00000000-0000-0000-0000-0000000000{workflow}'");
        insert(&database, 1, "SUCCESSFUL", done);
        insert(&database, 2, "FAILED", done);
        insert(&database, 3, "CANCELLED", done);
        insert(&database, 4, "SUCCESSFUL", "finished_at = now() - interval '1 hour'");
        // No live task has an end, but if one had, it would still be live.
        insert(&database, 5, "READY", done);
        insert(&database, 6, "RUNNING", done);
        insert(&database, 7, "FAILED", &of("11"));
        insert(&database, 8, "WAITING", "parent_id = 7");
        insert(&database, 9, "SUCCESSFUL", &of("12"));
        insert(&database, 10, "RUNNING", "workflow_id = '00000000-0000-0000-0000-000000000012'");
        insert(&database, 11, "SUCCESSFUL", &of("13"));
        insert(&database, 12, "SUCCESSFUL", &format!("{}, parent_id = 11", of("13")));
        insert(&database, 13, "CANCELLED", "parent_id = 1, finished_at = now()");
        insert(&database, 14, "SUCCESSFUL", "");
        if origin != "a" {
            database.sql(
                "insert into workflow_runs (workflow_id, expected_count, success_count, failure_count, callback_result_id, \
                 status, created_at, updated_at) select ('00000000-0000-0000-0000-0000000000' || n)::uuid, 1, 1, 0, null, \
                 'SUCCESSFUL', now(), now() from generate_series(12, 13) n",
            );
        }
        let (part, again, deleted) = block(async {
            let session = open(&target(&database)).await.expect("a connection");
            let rule = session
                .read(Limits::default(), async |tx| {
                    let now = read::server(tx).await?.now;
                    Ok::<_, PgError>(PruneRule::new(now - chrono::TimeDelta::hours(3), &[]).expect("a rule"))
                })
                .await
                .expect("read");
            let look = async |after| {
                let part =
                    session.read(Limits::default(), async |tx| read::prune_part(tx, &rule, after, 8).await).await;
                part.unwrap_or_else(|error: PgError| panic!("{origin}: {error}"))
            };
            let (part, again) = (look(0).await, look(8).await);
            // Rows that were not listed are judged once more.
            let ids: Vec<i64> = (1..=14).collect();
            let deleted = session.write(Limits::default(), async |tx| write::delete_tasks(tx, &rule, &ids).await).await;
            (part, again, deleted.unwrap_or_else(|error: PgError| panic!("{origin}: {error}")))
        });
        assert_eq!((part.ids, part.next), (vec![1, 2, 3], Some(8)), "{origin}");
        assert_eq!((part.counts.successful, part.counts.failed, part.counts.cancelled), (1, 1, 1));
        assert_eq!((part.counts.awaited, part.counts.in_live_workflow), (1, 0), "{origin}");
        assert_eq!((again.ids, again.counts.in_live_workflow), (vec![11, 12], 1), "{origin}");
        let mut deleted = deleted;
        deleted.sort_unstable();
        assert_eq!(deleted, [1, 2, 3, 11, 12], "{origin}");
        assert_eq!(database.sql("select parent_id is null from task_runs where result_id = 13"), "t", "{origin}");
        assert_eq!(database.sql("select count(*) from task_runs"), "9");
        if origin != "a" {
            // The workflow 12 still has tasks.
            let left = database.sql("select right(workflow_id::text, 2) from workflow_runs");
            assert_eq!(left, "12", "{origin}");
        }
    }
}

#[test]
fn the_index_that_deletions_need_is_recognised() {
    for (origin, expected) in [("a", true), ("b", true), ("c", false), ("d", false)] {
        let Some(database) = Database::of_origin(origin) else { return };
        let has_index = || {
            block(async {
                let session = open(&target(&database)).await.expect("a connection");
                let found = session.read(Limits::default(), async |tx| read::has_parent_index(tx).await).await;
                found.unwrap_or_else(|error: PgError| panic!("{error}"))
            })
        };
        assert_eq!(has_index(), expected, "{origin}");
        if !expected {
            database.sql("create index other on task_runs (parent_id) where parent_id > 5");
            assert!(!has_index());
            database.sql("create index needed on task_runs (parent_id) where parent_id is not null");
            assert!(has_index());
        }
    }
}
