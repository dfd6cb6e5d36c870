//! `reproq task enqueue` and `task replay`: the rows and hashes of Django, each task once.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use test_postgres::Database;
use test_postgres::OWNER;
use test_postgres::PgBouncer;

use super::rows::json;
use super::rows::project;
use crate::support::Context;
use crate::support::context::wait;
use crate::support::django;
use crate::support::skip;

const ORIGINS: [&str; 4] = ["a", "b", "c", "d"];

/// A row, without ids and times.
const ROW: &str = "set time zone 'UTC'; select backend_alias, queue_name, priority, run_after, spec_json, trim(spec_hash), \
                   task_path, status, attempts, max_attempts, timeout_seconds, lock_key, concurrency_key, concurrency_limit, \
                   worker_ids, errors_json, metadata_json, wait_count, cancel_requested, \
                   num_nulls(started_at, last_attempted_at, finished_at, return_json, last_error, failed_at, leased_until, leased_by, \
                   logs_uri, artifacts_uri, expires_at, parent_id, workflow_id), enqueued_at = created_at from task_runs";

fn row(database: &Database) -> String {
    database.sql(ROW).trim_start_matches("SET\n").to_owned()
}

/// The hashes are recorded from upstream's encoder.
#[test]
fn the_rows_have_djangos_hashes_on_every_origin_and_through_a_pooler() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "28e11a5b88b24ee321c7beecc4d34660c49bddc8d55518f5fa290e2915f059fd"),
        (
            &[
                "--args",
                "[0,-1,9007199254740992,18446744073709551616,-9223372036854775809,1000000000000000000000000000000]",
            ],
            "4cfd074c49394b80d4d13243c825098a8dbe53181cf35ef68fd85a058c2fc77a",
        ),
        (
            &[
                "--args",
                "[1.0,-0.0,0.1,1e15,1e16,123456789012345680.0,1e22,1.5e300,5e-324,1e-4,1e-5,1.7976931348623157e308,2.5]",
            ],
            "faa5a9800c1a9b4db955b972ea5d5eecd73f432d462804997c01ef53b350acae",
        ),
        (&["--args", "[\"2026-03-29T01:30:00.000005+02:00\"]"], ""),
        (
            &["--run-after", "2026-03-29T01:30:00.000005+02:00"],
            "cf26c296d2b3897014089bf63d1d2897d4ad352bba96b5f9758f8bdd2fd95fb0",
        ),
        (
            &[
                "--args",
                "[1]",
                "--lock-key",
                "user:1",
                "--concurrency-key",
                "acct:\u{e9}",
                "--concurrency-limit",
                "5",
                "--priority",
                "-7",
                "--queue",
                "hi",
                "--takes-context",
            ],
            "d9817b6fd1894231d0ab392371e5d407de9c25c7aec36231c4ae55d40fdcc84c",
        ),
    ];
    for origin in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let pooler = if origin == "b" { PgBouncer::before(&database) } else { None };
        let context = project(&pooler.as_ref().map_or_else(|| database.url(), PgBouncer::url));
        for (arguments, hash) in cases {
            let document = json(&context, &[&["task", "enqueue", "--unchecked", "--task", "m.t"], *arguments].concat());
            assert_eq!(document["enqueued"], true, "{origin} {arguments:?}: {document:#}");
            let stored =
                database.sql(&format!("select trim(spec_hash) from task_runs where result_id = {}", document["id"]));
            assert_eq!(document["spec_hash"], stored.as_str());
            if !hash.is_empty() {
                assert_eq!(stored, *hash, "{origin} {arguments:?}");
            }
        }
        assert_eq!(database.sql("select run_after from task_runs where run_after is not null"), {
            database.sql("select '2026-03-29T01:30:00.000005+02:00'::timestamptz")
        });
        database.sql("delete from task_runs");
        let full = [
            "task",
            "enqueue",
            "--unchecked",
            "--task",
            "m.t",
            "--args",
            "[1]",
            "--lock-key",
            "user:1",
            "--concurrency-key",
            "k",
            "--concurrency-limit",
            "5",
            "--priority",
            "-7",
            "--queue",
            "hi",
            "--backend",
            "other",
            "--timeout-seconds",
            "30",
            "--max-attempts",
            "1",
            "--expires-in",
            "90s",
        ];
        context.succeed(&full);
        let expires = database.sql("select expires_at - enqueued_at from task_runs");
        assert_eq!(expires, "00:01:30", "{origin}");
        let spec = "{\"v\": 1, \"args\": [1], \"exec\": {\"max_attempts\": 1, \"timeout_seconds\": 30}, \"kwargs\": {}, \"lock_key\": \
                    \"user:1\", \"priority\": -7, \"run_after\": null, \"task_path\": \"m.t\", \"provenance\": {\"code_ref\": null, \
                    \"pip_lock_hash\": null}, \"queue_name\": \"hi\", \"takes_context\": false, \"concurrency_key\": \"k\", \
                    \"concurrency_limit\": 5}";
        let stored = row(&database);
        let hash = stored.split('|').nth(5).expect("a hash");
        assert_eq!(
            stored,
            format!("other|hi|-7||{spec}|{hash}|m.t|READY|0|1|30|user:1|k|5|[]|[]|{{}}|0|f|12|t"),
            "{origin}"
        );
    }
}

#[test]
fn a_task_that_is_enqueued_twice_by_any_program_is_one_row() {
    for origin in ORIGINS {
        let Some(database) = Database::of_origin(origin) else { return };
        let context = project(&database.url());
        let arguments = ["task", "enqueue", "--unchecked", "--task", "myapp.tasks.add", "--args", "[1, 2]"];
        // As Django writes it.
        database.sql(
            "insert into task_runs (backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, enqueued_at, \
             attempts, max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, metadata_json, \
             created_at, updated_at, cancel_requested) values ('default', 'default', 0, '{\"task_path\": \"myapp.tasks.add\"}', \
             'b34e94eec4bd93de0dea0820ad9382e86e0f6c06b330dd45dc0e560b40187f9b', 'myapp.tasks.add', 'READY', now(), 0, 3, 900, \
             0, 0, '[]', '[]', '{}', now(), now(), false)",
        );
        let document = json(&context, &arguments);
        assert_eq!((&document["enqueued"], &document["id"]), (&false.into(), &1.into()), "{origin}");
        assert_eq!(
            context.succeed(&arguments).stdout,
            "Nothing was enqueued: task 1 is the same and is not finished.\n"
        );
        assert_eq!(context.succeed(&[&arguments[..], &["-q"]].concat()).stdout, "1\n");
        database.sql("update task_runs set status = 'SUCCESSFUL'");
        let document = json(&context, &arguments);
        assert_eq!((&document["enqueued"], &document["id"]), (&true.into(), &2.into()), "{origin}");
        // What Django looks for.
        let found = "select result_id from task_runs where spec_hash = \
                     'b34e94eec4bd93de0dea0820ad9382e86e0f6c06b330dd45dc0e560b40187f9b' and status in ('READY', 'RUNNING')";
        assert_eq!(database.sql(found), "2", "{origin}");
    }
}

#[test]
fn several_at_once_enqueue_a_task_once() {
    for origin in ["a", "d"] {
        let Some(database) = Database::of_origin(origin) else { return };
        let context = project(&database.url());
        for round in 0..10 {
            let args = format!("[{round}]");
            let arguments = ["task", "enqueue", "--unchecked", "--task", "m.t", "--args", &args, "--json"];
            let children = [(); 4].map(|()| context.spawn(&arguments));
            let new = children.map(wait).iter().filter(|output| output.stdout.contains("\"enqueued\": true")).count();
            assert_eq!(new, 1, "{origin} {round}");
        }
        assert_eq!(database.sql("select count(*), count(distinct spec_hash) from task_runs"), "10|10", "{origin}");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let Some(database) = Database::of_origin("a") else { return };
    let mut context = project(&database.url());
    let enqueue = |context: &Context, arguments: &[&str]| {
        context.shown(&[&["task", "enqueue", "--task", "m.t"], arguments].concat())
    };
    insta::assert_snapshot!("enqueue_nul", enqueue(&context, &["--unchecked", "--args", "[\"\\u0000\"]"]));
    insta::assert_snapshot!("enqueue_no_project", enqueue(&context, &[]));
    insta::assert_snapshot!("enqueue_not_an_array", enqueue(&context, &["--unchecked", "--args", "{}"]));
    for number in 1..=9 {
        context.succeed(&["task", "enqueue", "--unchecked", "--task", "m.t", "--args", &format!("[{number}]")]);
    }
    database.sql("alter sequence task_runs_result_id_seq restart");
    insta::assert_snapshot!("enqueue_sequence_behind", enqueue(&context, &["--unchecked"]));
    database.sql("truncate task_runs cascade; alter table task_runs add column tenant text not null");
    insta::assert_snapshot!("enqueue_unknown_column", enqueue(&context, &["--unchecked"]));
    context.set("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
    assert_eq!(context.run(&["task", "enqueue", "--task", "m.t", "--unchecked"]).code, 6);
}

const TASKS: &str = "
from django.tasks import task


@task
def add(a, b):
    return a + b


@task(queue_name='mail', priority=5, takes_context=True)
def send(context, to):
    pass


@task(queue_name='reports')
def report():
    pass


add_keyed = add.using(priority=1)
";

/// A project whose app `shop` has these tasks, and whose default database this is.
fn django_project(database: &Database, reports: &Database) -> Option<Context> {
    let mut context = Context::new();
    let entry = |database: &Database| {
        format!(
            "{{'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'HOST': '127.0.0.1', 'PORT': {}, 'USER': '{}', \
             'PASSWORD': '{}'}}",
            database.name, database.cluster.port, OWNER.0, OWNER.1
        )
    };
    let settings = format!(
        "import datetime\nUSE_TZ = True\nINSTALLED_APPS = ['shop']\nDATABASES = {{'default': {}, 'reports': {}}}\n\
         REPROQ_QUEUE_DATABASES = {{'rep*': 'reports', 'r*': 'default'}}\n\
         TASKS = {{'default': {{'BACKEND': 'reproq_django.backend.ReproqBackend', 'QUEUES': ['default', 'mail', 'reports'], \
         'OPTIONS': {{'TIMEOUT_SECONDS': 30, 'MAX_ATTEMPTS': 1, 'CODE_REF': 'abc', 'EXPIRES_IN': datetime.timedelta(minutes=2)}}}}, \
         'now': {{'BACKEND': 'django.tasks.backends.immediate.ImmediateBackend'}}}}",
        entry(database),
        entry(reports)
    );
    django::project(&mut context, &settings)?;
    let backend = "from django.tasks.backends.base import BaseTaskBackend\n\n\nclass ReproqBackend(BaseTaskBackend):\n    \
                   supports_defer = supports_priority = supports_get_result = True\n\n    def enqueue(self, task, args, kwargs):\n        \
                   raise NotImplementedError\n";
    django::write(&context.root().join("site/reproq_django/backend.py"), backend);
    django::write(&context.project().join("shop/tasks.py"), TASKS);
    Some(context)
}

#[test]
fn the_project_is_asked_what_exists_and_how_it_is_enqueued() {
    let (Some(database), Some(reports)) = (Database::of_origin("a"), Database::of_origin("a")) else { return };
    let Some(context) = django_project(&database, &reports) else { return };
    let add = json(&context, &["task", "enqueue", "--task", "shop.tasks.add", "--args", "[1, 2]"]);
    assert_eq!((&add["enqueued"], &add["database"]), (&true.into(), &serde_json::Value::Null), "{add:#}");
    let columns = "select backend_alias, queue_name, priority, spec_json->>'takes_context', max_attempts, timeout_seconds, \
                   spec_json->'provenance'->>'code_ref', expires_at - enqueued_at from task_runs order by result_id";
    assert_eq!(database.sql(columns), "default|default|0|false|1|30|abc|00:02:00");
    json(&context, &["task", "enqueue", "--task", "shop.tasks.send", "--kwargs", "{\"to\": 5}", "--max-attempts", "7"]);
    assert_eq!(database.sql(columns).lines().nth(1), Some("default|mail|5|true|7|30|abc|00:02:00"));
    // The hash is that of the same call with everything given.
    let given = [
        "task",
        "hash",
        "--task",
        "shop.tasks.add",
        "--args",
        "[1, 2]",
        "--timeout-seconds",
        "30",
        "--max-attempts",
        "1",
        "--code-ref",
        "abc",
    ];
    assert_eq!(json(&context, &given)["spec_hash"], add["spec_hash"]);
    // The queue is in another database, by the first pattern that matches.
    let verbose = context.run(&["task", "enqueue", "--task", "shop.tasks.report", "-v"]);
    let route = "the queue `reports` is in the database `reports`, by `rep*` in REPROQ_QUEUE_DATABASES";
    assert!(verbose.code == 0 && verbose.stderr.contains(route), "{verbose:#?}");
    let report = json(&context, &["task", "enqueue", "--task", "shop.tasks.report"]);
    assert_eq!((&report["database"], reports.sql("select count(*) from task_runs").as_str()), (&"reports".into(), "1"));
    let enqueue = |arguments: &[&str]| context.shown(&[&["task", "enqueue"], arguments].concat());
    insta::assert_snapshot!("enqueue_unknown_task", enqueue(&["--task", "shop.tasks.ad"]));
    insta::assert_snapshot!("enqueue_unknown_queue", enqueue(&["--task", "shop.tasks.add", "--queue", "slow"]));
    insta::assert_snapshot!("enqueue_priority", enqueue(&["--task", "shop.tasks.add", "--priority", "101"]));
    insta::assert_snapshot!("enqueue_backend", enqueue(&["--task", "shop.tasks.add", "--backend", "now"]));
    let unchecked = context.run(&["task", "enqueue", "--task", "no.such", "--queue", "slow", "--unchecked"]);
    assert_eq!(unchecked.code, 0, "{unchecked:#?}");
    django::write(&context.project().join("shop/settings.py"), "raise KeyError('SECRET')\n");
    insta::assert_snapshot!("enqueue_broken_settings", enqueue(&["--task", "shop.tasks.add"]));
}

/// Without `DEDUP_ACTIVE`, Django inserts equal tasks, unless an index of the database forbids it.
#[test]
fn equal_tasks_are_inserted_if_the_project_wants_them() {
    for (origin, has_index) in [("a", false), ("d", true)] {
        let (Some(database), Some(reports)) = (Database::of_origin(origin), Database::of_origin("a")) else { return };
        let Some(context) = django_project(&database, &reports) else { return };
        let settings = context.project().join("shop/settings.py");
        let text = fs::read_to_string(&settings).expect("settings");
        django::write(&settings, &text.replace("'MAX_ATTEMPTS': 1", "'MAX_ATTEMPTS': 1, 'DEDUP_ACTIVE': False"));
        let add = ["task", "enqueue", "--task", "shop.tasks.add", "--args", "[1, 2]"];
        assert_eq!(json(&context, &add)["enqueued"], true, "{origin}");
        if has_index {
            insta::assert_snapshot!("enqueue_no_second", context.shown(&add));
        } else {
            assert_eq!(json(&context, &add)["enqueued"], true, "{origin}");
        }
        let rows = database.sql("select count(*), count(distinct spec_hash) from task_runs");
        assert_eq!(rows, if has_index { "1|1" } else { "2|1" }, "{origin}");
        django::write(&settings, &text);
        assert_eq!(json(&context, &add)["enqueued"], false, "{origin}");
    }
}

#[test]
fn a_finished_task_is_repeated_as_a_new_one() {
    for origin in ORIGINS {
        let Some(database) = super::rows::database(origin) else { return };
        let context = project(&database.url());
        // Numbers that a program would change if it read them.
        database.sql(
            "update task_runs set spec_json = '{\"args\": [1.50, 12345678901234567890123], \"task_path\": \"shop.tasks.report\"}', \
             lock_key = 'l', concurrency_key = 'c', concurrency_limit = 2, priority = 7, expires_at = now(), run_after = now() \
             where result_id = 11",
        );
        let document = json(&context, &["task", "replay", "11"]);
        assert_eq!(
            (&document["enqueued"], &document["replayed"]),
            (&true.into(), &11.into()),
            "{origin}: {document:#}"
        );
        let id = &document["id"];
        let same = database.sql(&format!(
            "select old.spec_hash = new.spec_hash, new.spec_json, new.status, new.attempts, new.lock_key, new.concurrency_key, \
             new.concurrency_limit, new.priority, num_nulls(new.expires_at, new.run_after, new.finished_at, new.return_json), \
             new.metadata_json, new.worker_ids from task_runs old, task_runs new where old.result_id = 11 and new.result_id = {id}"
        ));
        let spec = "{\"args\": [1.50, 12345678901234567890123], \"task_path\": \"shop.tasks.report\"}";
        assert_eq!(same, format!("t|{spec}|READY|0|l|c|2|7|4|{{}}|[]"), "{origin}");
        let again = json(&context, &["task", "replay", "11"]);
        assert_eq!((&again["enqueued"], &again["id"]), (&false.into(), id), "{origin}");
        for (task, code) in [("1", 8), ("4", 8), ("14", 8), ("99999", 4), ("13", 8)] {
            let output = context.run(&["task", "replay", task]);
            assert_eq!(output.code, code, "{origin} {task}: {output:#?}");
        }
        let outside = json(&context, &["task", "replay", "13", "--from-workflow"]);
        let workflow =
            database.sql(&format!("select workflow_id is null from task_runs where result_id = {}", outside["id"]));
        assert_eq!(workflow, "t", "{origin}");
        for (round, task) in ["9", "12"].iter().enumerate() {
            let children = [(); 4].map(|()| context.spawn(&["task", "replay", task, "--json"]));
            let new = children.map(wait).iter().filter(|output| output.stdout.contains("\"enqueued\": true")).count();
            assert_eq!(new, 1, "{origin} {round}");
        }
    }
    let Some(database) = super::rows::database("d") else { return };
    let context = project(&database.url());
    insta::assert_snapshot!("replay_live", context.shown(&["task", "replay", "4"]));
    insta::assert_snapshot!("replay_workflow", context.shown(&["task", "replay", "13"]));
}

/// Enqueues through upstream's own backend, and prints the id.
const THEIRS: &str = "
import os, sys
os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'
sys.path.insert(0, os.getcwd())
import django
django.setup()
from shop import tasks
print(tasks.add.enqueue(*[1, 2.5, 'é']).id)
";

/// Each side finds the task of the other, and the rows are the same.
#[test]
fn upstreams_backend_and_this_command_see_each_others_tasks() {
    let source = env::var_os("REPROQ_DJANGO_SOURCE").map(PathBuf::from).filter(|path| path.join("src").is_dir());
    let Some(source) = source else {
        skip::record("enqueueing beside upstream's backend", "set REPROQ_DJANGO_SOURCE to a checkout");
        return;
    };
    for origin in ORIGINS {
        let (Some(database), Some(reports)) = (Database::of_origin(origin), Database::of_origin("a")) else { return };
        let Some(mut context) = django_project(&database, &reports) else { return };
        context.set("PYTHONPATH", source.join("src").to_str().expect("UTF-8"));
        let settings = context.project().join("shop/settings.py");
        let text = fs::read_to_string(&settings).expect("written");
        fs::write(&settings, text.replace("['shop']", "['reproq_django', 'shop']")).expect("written");
        let theirs = || {
            let python = django::python().expect("it was found");
            let mut command = Command::new(python);
            command.args(["-c", THEIRS]).current_dir(context.project()).env("PYTHONPATH", source.join("src"));
            let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().expect("Python starts");
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).expect("UTF-8").trim().rsplit(':').next().expect("an id").to_owned()
        };
        let ours =
            || json(&context, &["task", "enqueue", "--task", "shop.tasks.add", "--args", "[1, 2.5, \"\u{e9}\"]"]);
        let first = theirs();
        let document = ours();
        assert_eq!((&document["enqueued"], document["id"].to_string()), (&false.into(), first), "{origin}");
        let their_row = row(&database).replace("|t\n", "\n");
        database.sql("delete from task_runs");
        let document = ours();
        assert_eq!(document["enqueued"], true, "{origin}");
        assert_eq!(theirs(), document["id"].to_string(), "{origin}");
        let without_times = |row: &str| row.rsplit_once('|').map(|(row, _)| row.to_owned()).expect("columns");
        assert_eq!(without_times(&row(&database)), without_times(&their_row), "{origin}");
    }
}
