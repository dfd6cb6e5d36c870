//! The second and the third act: a Django project gets its worker and its database, and its queue is operated.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use test_postgres::Database;
use xtask::python;

use crate::Demo;
use crate::copy_directory;

/// What a worker does with the next task, in SQL: claims it, then ends it.
const CLAIM: &str = "update task_runs set status = 'RUNNING', attempts = attempts + 1, started_at = now(), last_attempted_at = now(), \
    leased_by = 'demo', leased_until = now() + interval '5 minutes' where result_id = (select result_id from task_runs \
    where status = 'READY' and coalesce(run_after, now()) <= now() order by priority desc, enqueued_at, result_id limit 1)";
const SUCCEED: &str = "update task_runs set status = 'SUCCESSFUL', finished_at = now(), return_json = '3', leased_until = null, \
    leased_by = null where status = 'RUNNING'";
const FAIL: &str = "update task_runs set status = 'FAILED', attempts = max_attempts, finished_at = now(), failed_at = now(), \
    last_error = 'card declined', leased_until = null, leased_by = null, \
    errors_json = '[{\"kind\": \"app_error\", \"exception_class\": \"shop.CardError\", \"message\": \"card declined\", \"attempt\": 3}]' \
    where status = 'RUNNING'";

/// Runs both acts. Says so if this machine cannot.
pub fn acts(demo: &mut Demo, root: &Path) -> Result<()> {
    let (Some(django), Some(database)) = (python::tools("django")?, Database::new()) else {
        println!("\nWithout Python 3.11 and PostgreSQL, the acts with Django and a queue are left out.");
        return Ok(());
    };
    demo.move_to("shop")?;
    django_project(root, demo.project(), &django.python(), &database)?;
    println!("\nA fresh Django project and an empty database on PostgreSQL.");
    demo.more = vec![
        ("VIRTUAL_ENV", django.path().display().to_string()),
        ("PYTHONPATH", demo.project().join("packages").display().to_string()),
    ];
    setup(demo)?;
    start(demo)?;
    operate(demo, &database)
}

/// `django-admin startproject`, with the app of a stand-in for the package `reproq_django`, and this database.
fn django_project(root: &Path, project: &Path, python: &Path, database: &Database) -> Result<()> {
    python::run(Command::new(python).args(["-m", "django", "startproject", "shop"]).arg(project))?;
    copy_directory(&root.join("tests/fixtures/reproq-django"), &project.join("packages"))?;
    let schema = fs::read_to_string(root.join("crates/test-postgres/schema/django.sql"))?;
    // Django creates its own table of migrations.
    let (_, tables) = schema.split_once("create table periodic_tasks").context("the tables of the queue")?;
    let baseline = project.join("packages/reproq_django/migrations/baseline.sql");
    fs::write(baseline, format!("create table periodic_tasks{tables}"))?;
    let (user, password) = test_postgres::OWNER;
    let settings = format!(
        "\nINSTALLED_APPS += ['shop', 'reproq_django']\n\
         TASKS = {{'default': {{'BACKEND': 'reproq_django.backend.ReproqBackend', 'QUEUES': ['default', 'mail']}}}}\n\
         DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'USER': '{user}', \
         'PASSWORD': '{password}', 'HOST': '127.0.0.1', 'PORT': {}}}}}\n",
        database.name, database.cluster.port
    );
    let file = project.join("shop/settings.py");
    fs::write(&file, format!("{}{settings}", fs::read_to_string(&file)?))?;
    fs::write(
        project.join("shop/tasks.py"),
        "from django.tasks import task\n\n\n@task\ndef add(a, b):\n    return a + b\n\n\n@task\ndef charge(order):\n    pass\n",
    )?;
    fs::write(project.join("pyproject.toml"), "[project]\nname = \"shop\"\nversion = \"0\"\n")?;
    Ok(())
}

fn setup(demo: &Demo) -> Result<()> {
    demo.scene("Show what `init` would do", &["init", "--dry-run"], 0, &["install and lock the worker"])?;
    demo.scene("Set up the project: settings, worker, database", &["init", "--yes"], 0, &["v0.0.144"])?;
    demo.scene("Once more: nothing is left to do", &["init", "--yes"], 0, &[])?;
    demo.scene("Compare the database with what the queue needs", &["db", "check"], 0, &[])?;
    demo.scene("Show how the worker would be started", &["worker", "--dry-run"], 0, &[".reproq/bin/reproq"])
}

/// Starts the worker: the process becomes it, so that its signals and its status are its own.
fn start(demo: &Demo) -> Result<()> {
    println!("\n── Start the worker, and stop it with SIGTERM\n$ reproq worker");
    let mut worker = demo.command(&["worker"])?.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(worker.stdout.take().context("a pipe")?).lines();
    let started = lines.next().context("the worker says that it started")??;
    println!("   {started}");
    ensure!(started.contains(&format!("\"pid\":{}", worker.id())), "the worker has the process id of the command");
    python::run(Command::new("kill").arg(worker.id().to_string()))?;
    let stopped = lines.next().context("the worker says that it stopped")??;
    println!("   {stopped}");
    let status = worker.wait()?;
    ensure!(status.success(), "the status is the worker's own: 0 after a SIGTERM; it was {status}");
    Ok(())
}

fn operate(demo: &Demo, database: &Database) -> Result<()> {
    for number in 1..=9 {
        let arguments = format!("[{number}, 2]");
        let enqueue = ["task", "enqueue", "--task", "shop.tasks.add", "--args", &arguments];
        match number {
            1 => demo.scene("Enqueue ten tasks", &enqueue, 0, &["Task 1"])?,
            _ => demo.quietly(&enqueue)?,
        }
    }
    demo.quietly(&["task", "enqueue", "--task", "shop.tasks.charge", "--args", "[\"order 7\"]", "--queue", "mail"])?;
    demo.scene(
        "The same task again is not enqueued twice",
        &["task", "enqueue", "--task", "shop.tasks.add", "--args", "[1, 2]"],
        0,
        &["1"],
    )?;
    demo.scene("Show the queues", &["stats"], 0, &["10 ready"])?;
    println!("\n── A stand-in for the worker runs them; the last one fails");
    for _ in 1..=9 {
        database.sql(CLAIM);
        database.sql(SUCCEED);
    }
    database.sql(CLAIM);
    database.sql(FAIL);
    demo.scene(
        "List what failed",
        &["task", "list", "--status", "FAILED"],
        0,
        &["shop.tasks.charge", "card declined"],
    )?;
    demo.scene("Explain it", &["task", "why", "10"], 0, &["card declined"])?;
    demo.scene("Show failures by task and hour", &["stats", "heatmap"], 0, &["shop.tasks.charge"])?;
    demo.scene("Run it again", &["task", "retry", "10"], 0, &["10"])?;
    demo.scene("Pause its queue", &["queue", "pause", "mail", "--reason", "the bank is down"], 0, &["paused"])?;
    demo.scene("Explain why the task does not run", &["task", "why", "10"], 0, &["the bank is down"])?;
    demo.scene("Open the queue again", &["queue", "resume", "mail"], 0, &["open"])?;
    let set = ["periodic", "set", "nightly", "--cron", "0 3 * * *", "--task", "shop.tasks.add", "--args", "[1, 1]"];
    demo.scene("Save a schedule", &set, 0, &["nightly", "0 3 * * *"])?;
    database.sql("update periodic_tasks set next_run_at = date_trunc('minute', now())");
    demo.scene("It is due: enqueue its task", &["beat", "--once"], 0, &["nightly"])?;
    let enqueued = database.sql("select count(*) from task_runs where spec_json->>'periodic_name' = 'nightly'");
    ensure!(enqueued == "1", "one task is enqueued for one tick, not {enqueued}");
    demo.scene("Once more: nothing is due", &["beat", "--once"], 0, &[])?;
    demo.scene("Delete what is finished", &["task", "prune", "--older-than", "0s", "--yes"], 0, &["9"])
}
