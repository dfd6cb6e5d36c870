//! `reproq task prune`.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::changes::states;
use super::changes_bulk::failed;
use super::rows::database;
use super::rows::json;
use super::rows::project;

#[test]
fn finished_tasks_are_deleted_on_every_origin() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        database.sql(
            "update task_runs set created_at = enqueued_at; \
             update task_runs set parent_id = 9 where result_id = 11",
        );
        insta::allow_duplicates! {
            insta::assert_snapshot!("task_prune_planned", context.shown(&["task", "prune", "--older-than", "2h", "--dry-run"]));
        }
        let unconfirmed = context.run(&["task", "prune", "--older-than", "2h"]);
        assert_eq!(unconfirmed.code, 8, "{unconfirmed:#?}");
        let failed = json(&context, &["task", "prune", "--older-than", "4h", "--status", "failed", "--dry-run"]);
        assert_eq!(failed["planned"], 1, "{failed:#}");
        let one = json(&context, &["task", "prune", "--older-than", "2h", "--limit", "1", "--yes"]);
        assert_eq!((&one["deleted"], &one["verified"]), (&1.into(), &true.into()), "{one:#}");
        assert_eq!(database.sql("select parent_id is null from task_runs where result_id = 11"), "t", "{origin}");
        insta::allow_duplicates! {
            insta::assert_snapshot!("task_prune", context.shown(&["task", "prune", "--older-than", "2h", "--yes"]));
        }
        // 13 is awaited by 14, and the workflow of 15 is not finished.
        assert_eq!(states(&database, "9, 10, 11, 12, 13, 15"), "13 FAILED, 15 SUCCESSFUL", "{origin}");
        let live = "select count(*) from task_runs where status in ('READY', 'RUNNING', 'WAITING')";
        assert_eq!(database.sql(live), "14", "{origin}");
        insta::allow_duplicates! {
            insta::assert_snapshot!("task_prune_nothing", context.shown(&["task", "prune", "--older-than", "2h", "--yes"]));
        }
    }
}

#[test]
fn without_the_index_only_a_few_are_deleted() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    failed(&database, 12);
    insta::assert_snapshot!(
        "task_prune_no_index",
        context.shown(&["task", "prune", "--older-than", "2h", "--queue", "bulk", "--yes"])
    );
    assert_eq!(database.sql("select count(*) from task_runs where queue_name = 'bulk'"), "12");
    let few = json(&context, &["task", "prune", "--older-than", "2h", "--queue", "bulk", "--limit", "10", "--yes"]);
    assert_eq!((&few["deleted"], &few["has_parent_index"]), (&10.into(), &false.into()), "{few:#}");
    failed_again(&database);
    context.succeed(&["db", "migrate", "--yes"]);
    let all = json(&context, &["task", "prune", "--older-than", "2h", "--task", "shop.tasks.b*", "--yes"]);
    assert_eq!((&all["deleted"], &all["has_parent_index"]), (&22.into(), &true.into()), "{all:#}");
}

/// Twenty more.
fn failed_again(database: &test_postgres::Database) {
    database.sql("update task_runs set result_id = result_id + 100000 where queue_name = 'bulk'");
    failed(database, 20);
}

/// A claim beside a prune takes what it takes without one: the prune holds no lock that a claim or a heartbeat needs.
#[test]
fn a_claimer_beside_a_prune_does_not_wait() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    context.succeed(&["db", "migrate", "--yes"]);
    failed(&database, 20_000);
    database.sql("update task_runs set priority = 100 where result_id = 1");
    let is_over = AtomicBool::new(false);
    let (longest, claims) = thread::scope(|scope| {
        let claimer = scope.spawn(|| {
            let mut session = database.session();
            session.run("set lock_timeout = 50;");
            let (mut longest, mut claims) = (Duration::ZERO, 0);
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                let id = session.run(
                    "update task_runs t set status = 'RUNNING', leased_by = 'w1' from (select result_id from task_runs \
                     where status = 'READY' and queue_name = 'default' order by priority desc limit 1 for update skip locked) c \
                     where t.result_id = c.result_id returning t.result_id;
                     update task_runs set leased_until = now() where result_id = 1; \
                     update task_runs set status = 'READY' where result_id = 1;",
                );
                assert_eq!(id.trim(), "1", "nothing was claimed");
                longest = longest.max(began.elapsed());
                claims += 1;
            }
            (longest, claims)
        });
        let pruned =
            json(&context, &["task", "prune", "--older-than", "2h", "--queue", "bulk", "--yes", "--pause", "0"]);
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(pruned["deleted"], 20_000, "{pruned:#}");
        claimer.join().expect("no claim waited 50 ms for a lock")
    });
    eprintln!("{claims} claims, the longest {longest:?}");
    assert!(claims > 20, "only {claims} claims");
}
