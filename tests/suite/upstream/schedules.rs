//! `periodic run`: the real worker runs the task of a schedule, and a pause of its queue holds.

use std::time::Duration;

use super::shop::Ended;
use super::shop::Shop;
use crate::support::context::send;

#[test]
fn the_worker_runs_the_task_of_a_schedule_that_is_run_now() {
    let Some(shop) = Shop::open() else { return };
    shop.install_worker();
    shop.context.succeed(&["db", "migrate", "--yes"]);
    let set = ["periodic", "set", "sum", "--cron", "0 3 * * *", "--task", "shop.tasks.add", "--args", "[20, 22]"];
    shop.context.succeed(&set);
    let next = shop.database.sql("select next_run_at from periodic_tasks where name = 'sum'");
    shop.context.succeed(&["queue", "pause", "default", "--reason", "later"]);
    shop.context.succeed(&["periodic", "run", "sum"]);
    let mut worker = Ended(shop.context.spawn(&["worker"]));
    // The pause holds, and ends.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(shop.database.sql("select status from task_runs"), "READY");
    shop.context.succeed(&["queue", "resume", "default"]);
    shop.wait_for("select status, return_json from task_runs", "SUCCESSFUL|42", Duration::from_secs(60));
    assert_eq!(shop.database.sql("select next_run_at from periodic_tasks where name = 'sum'"), next);
    send("TERM", &worker.0);
    assert_eq!(worker.0.wait().expect("it ends").code(), Some(0));
}
