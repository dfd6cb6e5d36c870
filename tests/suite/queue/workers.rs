//! `reproq workers prune`.

use std::fs;

use test_postgres::PgBouncer;

use super::controls::overtaken;
use super::rows::database;
use super::rows::json;
use super::rows::project;

/// Besides those of the rows: one that holds a lease, one that is gone for ten days, one that was seen eleven minutes ago.
const WORKERS: &str = "
insert into reproq_workers (worker_id, hostname, concurrency, queues, started_at, last_seen_at, version) values
  ('holds', 'box-3', 4, '[]', now(), now() - interval '5 hours', '0.0.144'),
  ('old', 'box-4', 4, '[]', now(), now() - interval '10 days', null),
  ('late', 'box-5', 4, '[]', now(), now() - interval '11 minutes', null);
update task_runs set leased_by = 'holds' where result_id = 6;";

#[test]
fn workers_that_are_gone_are_deleted_unless_they_hold_a_lease() {
    let workers = "select string_agg(worker_id, ',' order by worker_id) from reproq_workers";
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        database.sql(WORKERS);
        let mut context = project(&database.url());
        let prune = ["workers", "prune"];
        insta::allow_duplicates! {
            insta::assert_snapshot!("workers_prune_plan", context.shown(&[&prune[..], &["--dry-run"]].concat()));
            insta::assert_snapshot!("workers_prune_refused", context.shown(&prune));
        }
        assert_eq!(context.run(&[&prune[..], &["--dry-run", "--exit-code"]].concat()).code, 3);
        assert_eq!(context.run(&[&prune[..], &["--yes", "--max", "2"]].concat()).code, 8);
        assert_eq!(context.run(&[&prune[..], &["--older-than", "1m"]].concat()).code, 2);
        assert_eq!(database.sql(workers), "holds,late,old,w1,w2", "{origin}");
        let audit = context.root().join("record.jsonl");
        let audit = audit.to_str().expect("UTF-8");
        let done = json(&context, &["workers", "prune", "--older-than", "1h", "--yes", "--audit", audit]);
        assert_eq!((&done["deleted"], &done["verified"]), (&2.into(), &true.into()), "{done:#}");
        assert_eq!(database.sql(workers), "holds,late,w1", "{origin}");
        let record = fs::read_to_string(audit).expect("a record");
        for part in
            ["\"command\":\"workers prune\"", "delete-workers", "box-4", "\"outcome\":\"done\"", "\"event\":\"end\""]
        {
            assert!(record.contains(part), "{part}: {record}");
        }
        context.set("CI", "true");
        insta::allow_duplicates! {
            insta::assert_snapshot!("workers_prune", context.shown(&prune));
            insta::assert_snapshot!("workers_prune_again", context.shown(&prune));
        }
        assert_eq!(database.sql(workers), "holds,w1", "{origin}");
        let own = fs::read_dir(context.project().join(".reproq/audit")).expect("records").count();
        assert_eq!(own, 1, "a run that changes nothing leaves no record");
    }
}

#[test]
fn a_worker_that_comes_back_meanwhile_is_kept() {
    let Some(database) = database("c") else { return };
    database.sql(WORKERS);
    let context = project(&database.url());
    let heartbeat = "update reproq_workers set last_seen_at = now() where worker_id = 'late'";
    let output = overtaken(&database, &context, heartbeat, &["workers", "prune", "--yes"]);
    assert_eq!(output.code, 7, "{output:#?}");
    assert!(output.stdout.contains("it changed in the meantime") && output.stdout.contains("2 of 3"), "{output:#?}");
    let kept = database.sql("select string_agg(worker_id, ',' order by worker_id) from reproq_workers");
    assert_eq!(kept, "holds,late,w1");
}

#[test]
fn a_pooler_with_one_connection_is_enough() {
    let Some(database) = database("d") else { return };
    let Some(pooler) = PgBouncer::before(&database) else { return };
    project(&pooler.url()).succeed(&["workers", "prune", "--yes"]);
    assert_eq!(database.sql("select worker_id from reproq_workers"), "w1");
}
