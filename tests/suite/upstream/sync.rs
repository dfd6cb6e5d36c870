//! `periodic sync` beside the package's `sync-recurring`: the same rows from the same code.

use super::shop::Shop;
use crate::support::django::write;

const APPS: &str = "\
from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = 'shop'

    def ready(self):
        # The package's command imports no module of tasks.
        from shop import tasks
";

const TASKS: &str = "\
from datetime import timedelta
from django.tasks import task
from reproq_django.recurring import recurring


@task()
@recurring(schedule='0 3 * * *', key='nightly')
def nightly():
    pass


@task()
@recurring(schedule='30 4 1 1 1-5', key='réport <1>', args=(1, 2.0, 'é😀', None, [True]), queue_name='mail', priority=-5,
           kwargs={'z': {'b': 1e16, 'a': -0.0}, 'age': timedelta(days=1, seconds=2, microseconds=3)}, max_attempts=7)
def report(*args, **kwargs):
    pass


@task()
@recurring(schedule='0 0 1 1 *', key='off', enabled=False)
def yearly():
    pass
";

const ROWS: &str = "select (to_jsonb(t) - array['created_at', 'updated_at'])::text from periodic_tasks t order by name";

#[test]
fn the_schedules_of_the_code_are_synchronized_as_the_real_package_does() {
    let Some(shop) = Shop::open() else { return };
    // Without it the package runs every schedule at once.
    shop.python("import croniter\nprint(1)");
    write(&shop.context.project().join("shop/apps.py"), APPS);
    write(&shop.context.project().join("shop/tasks.py"), TASKS);
    shop.context.succeed(&["db", "migrate", "--yes"]);
    let rows = || {
        let rows = shop.database.sql(ROWS);
        shop.database.sql("delete from periodic_tasks");
        rows
    };
    rows();
    shop.manage(&["reproq", "sync-recurring"]);
    let theirs = rows();
    let output = shop.context.succeed(&["periodic", "sync", "--yes"]);
    assert_eq!(rows(), theirs, "{output:#?}");
    assert_eq!(theirs.lines().count(), 3, "{theirs}");
    // The package has nothing to change in them.
    shop.context.succeed(&["periodic", "sync", "--yes"]);
    shop.manage(&["reproq", "sync-recurring"]);
    assert_eq!(shop.database.sql(ROWS), theirs);
    let again = shop.context.run(&["periodic", "sync", "--dry-run", "--exit-code"]);
    assert_eq!(again.code, 0, "{again:#?}");
}
