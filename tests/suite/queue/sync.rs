//! `reproq periodic sync`, with a real Django and a package of the shape of upstream's.

use test_postgres::Database;

use super::controls::overtaken;
use super::rows::json;
use crate::support::Context;
use crate::support::django;
use crate::support::django::write;

const SETTINGS: &str = "INSTALLED_APPS = ['reproq_django', 'shop']\nREPROQ_QUEUE_DATABASES = {'far': 'other', 'm*': 'default', '*l': 'other'}";

const TASKS: &str = "
from reproq_django.recurring import recurring
recurring(schedule='0 2 * * *', key='nightly', task_path='shop.tasks.nightly', args=[1.0, 10 ** 20], kwargs={'a': 'é<'})
recurring(schedule='TZ=Europe/Berlin 30 2 1 jul *', key='yearly', task_path='shop.tasks.yearly', queue_name='mail')
recurring(schedule='0 0 * * 7', key='sunday', task_path='shop.tasks.sunday')
recurring(schedule='0 0 31 2 *', key='never', task_path='shop.tasks.never')
recurring(schedule='0 5 * * *', key='away', task_path='shop.tasks.away', queue_name='far')
recurring(schedule='0 6 * * *', key='nul', task_path='shop.tasks.nul', args=['\\0'])
recurring(schedule='0 7 * * *', key='same', task_path='shop.tasks.same')
";

/// `nightly` is due, and differs; `same` is due, and does not differ; nothing defines `manual`.
const ROWS: &str = "
insert into periodic_tasks (name, cron_expr, task_path, payload_json, queue_name, priority, max_attempts, concurrency_limit,
  next_run_at, enabled, created_at, updated_at) values
  ('nightly', '0 2 * * *', 'shop.old.nightly', '{}', 'default', 5, 3, 0, now() - interval '3 hours', true, now(), now()),
  ('same', '0 7 * * *', 'shop.tasks.same', '{\"args\": [], \"kwargs\": {}}', 'default', 0, 3, 0, now() - interval '3 hours', true, now(),
    now()),
  ('manual', '0 3 * * *', 'shop.tasks.manual', '{}', 'default', 0, 3, 0, now() - interval '9 hours', true, now(), now());";

/// A project that defines these schedules.
pub fn project(database: &Database) -> Option<Context> {
    let mut context = Context::new();
    django::project(&mut context, SETTINGS)?;
    write(&context.project().join("shop/tasks.py"), TASKS);
    context.set("DATABASE_URL", database.url());
    Some(context)
}

#[test]
fn schedules_become_what_the_code_defines() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = Database::of_origin(origin) else { return };
        let Some(context) = project(&database) else { return };
        database.sql(ROWS);
        let due = database.sql("select name, next_run_at from periodic_tasks order by name");
        insta::allow_duplicates! {
            insta::assert_snapshot!("periodic_sync_plan", context.shown(&["periodic", "sync", "--dry-run"]));
            insta::assert_snapshot!("periodic_sync_refused", context.shown(&["periodic", "sync"]));
        }
        assert_eq!(context.run(&["periodic", "sync", "--dry-run", "--exit-code"]).code, 3);
        assert_eq!(context.run(&["periodic", "sync", "--yes", "--max", "1"]).code, 8);
        insta::allow_duplicates! {
            insta::assert_snapshot!("periodic_sync", context.shown(&["periodic", "sync", "--yes"]));
        }
        let rows = "select name, cron_expr, task_path, payload_json, queue_name, priority, max_attempts, concurrency_key is null, \
                    concurrency_limit, enabled from periodic_tasks order by name";
        assert_eq!(
            database.sql(rows),
            "manual|0 3 * * *|shop.tasks.manual|{}|default|0|3|t|0|t\n\
             nightly|0 2 * * *|shop.tasks.nightly|{\"args\": [1.0, 100000000000000000000], \"kwargs\": {\"a\": \"é<\"}}|default|0|3|t|0|t\n\
             same|0 7 * * *|shop.tasks.same|{\"args\": [], \"kwargs\": {}}|default|0|3|t|0|t\n\
             yearly|TZ=Europe/Berlin 30 2 1 jul *|shop.tasks.yearly|{\"args\": [], \"kwargs\": {}}|mail|0|3|t|0|t",
            "{origin}"
        );
        let left = database.sql("select name, next_run_at from periodic_tasks where name <> 'yearly' order by name");
        assert_eq!(left, due, "{origin}: a run that is due was moved");
        assert_eq!(database.sql("select next_run_at > now() from periodic_tasks where name = 'yearly'"), "t");
        let again = json(&context, &["periodic", "sync", "--yes"]);
        assert_eq!(again["planned"], 0, "{again:#}");
        let only = context.run(&["periodic", "sync", "--database", "other", "--dry-run"]);
        assert_eq!(only.code, 2, "{only:#?}");
    }
}

#[test]
fn what_the_code_does_not_define_is_disabled_only_if_all_of_it_is_known() {
    let Some(database) = Database::of_origin("d") else { return };
    let Some(context) = project(&database) else { return };
    database.sql(ROWS);
    let enabled = "select string_agg(name, ',' order by name) from periodic_tasks where enabled";
    let tasks = context.project().join("shop/tasks.py");
    let disable = ["periodic", "sync", "--disable-missing", "--yes"];
    write(&tasks, "import nothing_like_this");
    insta::assert_snapshot!("periodic_sync_import", context.shown(&disable));
    write(&tasks, "");
    insta::assert_snapshot!("periodic_sync_none", context.shown(&disable));
    assert_eq!(database.sql(enabled), "manual,nightly,same");
    write(&tasks, TASKS);
    let output = context.run(&disable);
    assert!(output.code == 7 && output.stdout.contains("disabled manual"), "{output:#?}");
    assert_eq!(database.sql(enabled), "nightly,same,yearly");
    // The code enables what it defines; what was missed meanwhile does not happen.
    context.succeed(&["periodic", "disable", "same"]);
    context.run(&["periodic", "sync", "--yes"]);
    assert_eq!(database.sql("select enabled, next_run_at > now() from periodic_tasks where name = 'same'"), "t|t");
}

#[test]
fn a_schedule_that_changes_meanwhile_is_left_and_a_beat_is_no_change() {
    let Some(database) = Database::of_origin("c") else { return };
    let Some(context) = project(&database) else { return };
    database.sql(ROWS);
    let update = "update periodic_tasks set priority = 8 where name = 'nightly'";
    let output = overtaken(&database, &context, update, &["periodic", "sync", "--yes"]);
    assert!(output.code == 7 && output.stdout.contains("left     nightly: it changed in the meantime"), "{output:#?}");
    let row = "set time zone utc; select task_path, priority, next_run_at from periodic_tasks where name = 'nightly'";
    assert!(database.sql(row).starts_with("shop.old.nightly|8|"));
    let beat = "update periodic_tasks set last_run_at = next_run_at, next_run_at = '2030-01-01' where name = 'nightly'";
    let output = overtaken(&database, &context, beat, &["periodic", "sync", "--yes"]);
    assert!(output.stdout.contains("changed  nightly"), "{output:#?}");
    assert_eq!(database.sql(row), "shop.tasks.nightly|0|2030-01-01 00:00:00+00");
}

#[test]
fn without_a_project_there_is_nothing_to_ask() {
    let mut context = Context::new();
    context.set("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    insta::assert_snapshot!("periodic_sync_no_project", context.shown(&["periodic", "sync"]));
}
