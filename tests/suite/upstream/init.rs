//! `init` in a project with the real package and an empty database: afterwards a worker runs tasks.

use std::time::Duration;

use super::shop::Ended;
use super::shop::Shop;
use crate::support::context::send;

#[test]
fn a_project_with_an_empty_database_ends_with_a_worker_that_runs_a_task() {
    let Some(shop) = Shop::without_tables() else { return };
    shop.publish_worker();
    let output = shop.context.run(&["init", "--yes", "-v"]);
    assert_eq!(output.code, 0, "{output:#?}");
    shop.context.succeed(&["db", "check"]);
    // Migrations of other apps are the user's.
    shop.manage(&["migrate", "--check", "reproq_django"]);
    let mut worker = Ended(shop.context.spawn(&["worker"]));
    assert_eq!(shop.python("from shop.tasks import add\nprint(int(add.enqueue(20, 22).id))"), 1);
    let done = "select status, return_json, max_attempts from task_runs";
    shop.wait_for(done, "SUCCESSFUL|42|3", Duration::from_secs(60));
    send("TERM", &worker.0);
    assert_eq!(worker.0.wait().expect("it ends").code(), Some(0));
    // A schedule of the new project, by both beats.
    let set = ["periodic", "set", "nightly", "--cron", "0 3 * * *", "--task", "shop.tasks.add", "--args", "[1, 1]"];
    shop.context.succeed(&set);
    for native in [true, false] {
        shop.database
            .sql("update periodic_tasks set next_run_at = now() - interval '1 day' - random() * interval '1 hour'");
        shop.context.succeed(if native { &["beat", "--once"] } else { &["beat", "--exec", "--once"] });
    }
    let rows =
        "select count(*), count(distinct spec_hash) from task_runs where spec_json->>'periodic_name' = 'nightly'";
    assert_eq!(shop.database.sql(rows), "2|2");
    let again = shop.context.succeed(&["init"]).stdout;
    assert!(again.contains("Nothing to do"), "{again}");
}
