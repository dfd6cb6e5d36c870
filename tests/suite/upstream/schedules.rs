//! Schedules that the project's code defines: `periodic sync` beside Django's `sync-recurring`; and `periodic run`, whose task the
//! real worker runs.

use std::time::Duration;

use super::shop::Ended;
use super::shop::Shop;
use crate::support::context::send;
use crate::support::django;

/// Django's own decorator is not used: stacked on `@task` it fails. These are its entries.
const TASKS: &str = "
import datetime
from django.tasks import task
from reproq_django.recurring import recurring


@recurring(schedule='*/5 * * * *', key='every5', args=[1, 2.5], kwargs={'text': 'é<&>', 'wait': datetime.timedelta(days=1)})
def plain():
    pass


@recurring(schedule='30 2 1 7 *', key='yearly', queue_name='reports', priority=-3, max_attempts=1)
def yearly():
    pass


@recurring(schedule='0 6 * * mon', key='off', enabled=False)
def off():
    pass


@task()
def add(left, right):
    return left + right
";

const ROWS: &str = "select name, cron_expr, task_path, payload_json, queue_name, priority, max_attempts, concurrency_key, \
                    concurrency_limit, enabled from periodic_tasks order by name";

fn shop() -> Option<Shop> {
    let shop = Shop::open()?;
    django::write(&shop.context.project().join("shop/tasks.py"), TASKS);
    Some(shop)
}

#[test]
fn both_write_the_same_rows_and_ours_moves_no_run() {
    let (Some(theirs), Some(ours)) = (shop(), shop()) else { return };
    // Neither the command nor the signal of upstream imports the tasks.
    let script =
        "import shop.tasks\nfrom django.core.management import call_command\ncall_command('reproq', 'sync-recurring')";
    theirs.python_lines(script);
    let made = ours.context.run(&["periodic", "sync", "--yes"]);
    assert_eq!(made.code, 0, "{made:#?}");
    let expected = theirs.database.sql(ROWS);
    assert_eq!(expected.lines().count(), 3, "{expected}");
    assert_eq!(ours.database.sql(ROWS), expected);
    // What Django writes over ours, and ours over Django's, is the same again; only Django moves a run that is due.
    let due = "update periodic_tasks set next_run_at = '2026-01-01T00:00:00Z'";
    let left = "select count(*) from periodic_tasks where next_run_at = '2026-01-01T00:00:00Z'";
    ours.database.sql(due);
    let again = ours.context.succeed(&["periodic", "sync", "--yes"]).stdout;
    assert!(again.contains("Nothing to do"), "{again}");
    assert_eq!(ours.database.sql(left), "3");
    ours.python_lines(script);
    assert_eq!((ours.database.sql(ROWS), ours.database.sql(left)), (expected, "0".to_owned()));
}

#[test]
fn the_worker_runs_the_task_of_a_schedule_that_is_run_now() {
    let Some(shop) = shop() else { return };
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
