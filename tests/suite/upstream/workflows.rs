//! Chords that hang with the real worker, and what `workflow repair` makes of them.

use std::time::Duration;

use super::shop::Ended;
use super::shop::Shop;
use crate::support::context::send;
use crate::support::django;

const TASKS: &str = "
from django.tasks import task


@task()
def add(left, right):
    return left + right


@task()
def fail():
    raise ValueError('never')
";

const CONFIG: &str = "worker:\n  queues: [default]\n  concurrency: 2\n  allowed_task_modules: [shop.tasks.]\n  poll_min_backoff: 10ms\n  \
                      poll_max_backoff: 30ms\n  lease_seconds: 4\n  heartbeat_seconds: 1\n  reclaim_interval_seconds: 1\n";

/// The callback is the last row.
const CALLBACK: &str = "select status, attempts from task_runs order by result_id desc limit 1";

fn shop() -> Option<Shop> {
    let shop = Shop::open()?;
    django::write(&shop.context.project().join("shop/tasks.py"), TASKS);
    shop.install_worker();
    shop.context.succeed(&["db", "migrate", "--yes"]);
    Some(shop)
}

fn worker(shop: &Shop) -> Ended {
    django::write(&shop.context.project().join("reproq.yaml"), CONFIG);
    Ended(shop.context.spawn(&["worker"]))
}

fn end(mut worker: Ended) {
    send("TERM", &worker.0);
    worker.0.wait().expect("it ends");
}

#[test]
fn a_callback_whose_tasks_were_not_counted_runs_once() {
    let Some(shop) = shop() else { return };
    shop.python(
        "from reproq_django.workflows import chord\nfrom shop.tasks import add\n\
                 chord((add, (1, 1), {}), (add, (2, 2), {}), callback=(add, (3, 3), {})).enqueue()\nprint(1)",
    );
    // The tasks end before the row of the workflow is there, as when a worker is faster than Django.
    shop.database.sql("create table held as select * from workflow_runs; delete from workflow_runs");
    let running = worker(&shop);
    let members = "select count(*) from task_runs where status = 'SUCCESSFUL'";
    shop.wait_for(members, "2", Duration::from_secs(60));
    shop.database.sql("insert into workflow_runs select * from held");
    assert_eq!(shop.database.sql(CALLBACK), "WAITING|0");
    let text = shop.context.succeed(&["workflow", "repair", "--all", "--yes"]).stdout;
    assert!(text.contains("Verified: 1 workflow repaired"), "{text}");
    shop.wait_for(CALLBACK, "SUCCESSFUL|1", Duration::from_secs(60));
    shop.wait_for("select success_count, status from workflow_runs", "2|SUCCESSFUL", Duration::from_secs(10));
    assert!(shop.context.succeed(&["workflow", "repair", "--all", "--yes"]).stdout.contains("Nothing to do"));
    end(running);
}

#[test]
fn a_callback_fails_with_a_task_that_the_worker_could_not_report() {
    let Some(shop) = shop() else { return };
    shop.python(
        "from reproq_django.workflows import chord\nfrom shop.tasks import add, fail\n\
                 chord((add, (1, 1), {}), (fail, (), {}), callback=(add, (3, 3), {})).enqueue()\nprint(1)",
    );
    shop.database.sql("update task_runs set max_attempts = 1");
    let running = worker(&shop);
    // The worker cannot write the failure; it fails the task when its lease has expired, and tells the workflow nothing.
    shop.wait_for("select count(*) from task_runs where status = 'FAILED'", "1", Duration::from_secs(90));
    shop.wait_for("select count(*) from task_runs where status = 'SUCCESSFUL'", "1", Duration::from_secs(60));
    assert_eq!(shop.database.sql(CALLBACK), "WAITING|0");
    assert_eq!(shop.database.sql("select failure_count, status from workflow_runs"), "0|RUNNING");
    shop.context.succeed(&["workflow", "repair", "--all", "--yes"]);
    assert_eq!(shop.database.sql(CALLBACK), "FAILED|0");
    assert_eq!(shop.database.sql("select failure_count, status from workflow_runs"), "1|FAILED");
    end(running);
}
