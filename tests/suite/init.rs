//! `reproq init` with a real Django, a real PostgreSQL and a GitHub on loopback: fresh, repeated, interrupted, and refused.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use fake_github::Fault;
use fake_github::Matcher;
use serde_json::Value;
use test_postgres::Database;
use test_postgres::OWNER;
use test_postgres::free_port;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::send;
use crate::support::context::wait;
use crate::support::django;
use crate::support::django::project;
use crate::support::django::write;

const APP: &str = "INSTALLED_APPS = ['shop', 'reproq_django']\nTASKS = {'default': {'BACKEND': 'reproq_django.backend.ReproqBackend', \
                   'QUEUES': ['default', 'high']}}\n";

fn databases(port: u16, name: &str) -> String {
    format!(
        "DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': '{name}', 'USER': '{}', 'PASSWORD': '{}', \
         'HOST': '127.0.0.1', 'PORT': {port}, 'OPTIONS': {{'sslmode': 'disable'}}}}}}\n",
        OWNER.0, OWNER.1
    )
}

/// A fresh project of git, whose database this is.
fn fresh(settings: &str) -> Option<Context> {
    let mut context = Context::released();
    project(&mut context, settings)?;
    fs::create_dir(context.project().join(".git")).expect("made");
    let task = "from django.tasks import task\n\n\n@task\ndef one():\n    pass\n";
    write(&context.project().join("shop/tasks.py"), task);
    write(&context.project().join("pyproject.toml"), "# ours\n[project]\nname = \"shop\"  # kept\n");
    Some(context)
}

fn with_database() -> Option<(Context, Database)> {
    let database = Database::new()?;
    let context = fresh(&format!("{APP}{}", databases(database.cluster.port, &database.name)))?;
    Some((context, database))
}

fn read(context: &Context, name: &str) -> String {
    fs::read_to_string(context.project().join(name)).unwrap_or_default()
}

fn states(output: &Output) -> Vec<String> {
    let document: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:#?}"));
    let steps = document["steps"].as_array().unwrap_or_else(|| panic!("{output:#?}")).clone();
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    steps.iter().map(|step| format!("{} {}", text(step, "step"), text(step, "state"))).collect()
}

fn each(state: &str) -> Vec<String> {
    let steps =
        ["settings", "worker_config", "gitignore", "django_settings", "install", "django_migrate", "db_migrate"];
    let state = |step: &str| if step == "django_settings" { "unchanged" } else { state };
    steps.iter().map(|step| format!("{step} {}", state(step))).collect()
}

/// The schema, without the random keys of newer versions of pg_dump.
fn tables(database: &Database) -> String {
    let is_key = |line: &&str| line.starts_with("\\restrict") || line.starts_with("\\unrestrict");
    database.dump().lines().filter(|line| !is_key(line)).collect::<Vec<_>>().join("\n")
}

fn has_no_password(output: &Output) {
    let text = format!("{}{}", output.stdout, output.stderr);
    assert!(!text.contains(OWNER.1), "{text}");
}

#[test]
fn a_fresh_project_is_set_up_and_a_second_run_changes_nothing() {
    let Some((context, database)) = with_database() else { return };
    let before = context.inventory();
    let dry = context.succeed(&["init", "--dry-run", "--json"]);
    assert_eq!(states(&dry), each("planned"));
    assert_eq!(context.run(&["init", "--dry-run", "--exit-code"]).code, 3);
    assert_eq!(context.inventory(), before, "a dry run writes nothing");
    assert_eq!(database.sql("select count(*) from pg_tables where schemaname = 'public'"), "0");
    let plan = context.shown(&["init", "--dry-run"]).replace(&database.name, "[DB]");
    insta::assert_snapshot!("init_plan", plan);

    let output = context.succeed(&["init", "--yes", "--json", "-v"]);
    assert_eq!(states(&output), each("done"));
    for output in [&dry, &output] {
        has_no_password(output);
    }
    let added = "# ours\n[project]\nname = \"shop\"  # kept\n\n[tool.reproq.databases]\ndefault = \"django\"\n";
    assert_eq!(read(&context, "pyproject.toml"), added);
    assert_eq!(read(&context, ".gitignore"), "/.reproq/\n");
    let config = read(&context, "reproq.yaml");
    assert!(config.contains("queues: [\"default\", \"high\"]") && config.contains("[\"shop.tasks.\"]"), "{config}");
    for absent in ["dsn", "worker_id", OWNER.1] {
        assert!(!config.contains(absent), "{config}");
    }
    assert!(context.binary().exists() && read(&context, "reproq.lock").contains("v0.0.144"));
    assert_eq!(database.sql("select name from django_migrations where app = 'reproq_django'"), "0001_baseline");
    assert_eq!(context.succeed(&["db", "check"]).code, 0);
    let mut check = Command::new(django::python().expect("present"));
    check
        .args(["-B", "manage.py", "migrate", "--check", "reproq_django"])
        .envs(context.command(&[]).get_envs().filter_map(|(k, v)| Some((k, v?))));
    assert!(check.current_dir(context.project()).output().expect("it runs").status.success());
    let launch = context.succeed(&["worker", "--dry-run"]);
    assert!(launch.stdout.contains("sets DATABASE_URL, from DATABASES"), "{launch:#?}");

    let (files, before) = (context.inventory(), tables(&database));
    context.github.clear_log();
    let again = context.succeed(&["init", "--json"]);
    assert_eq!(states(&again), each("unchanged"));
    assert_eq!((context.inventory(), context.github.requests().len()), (files, 0));
    assert_eq!(tables(&database), before);
    let shown = context.succeed(&["init"]).stdout;
    assert_eq!(context.succeed(&["-q", "init"]).stdout, "");
    assert!(shown.contains("Nothing to do. Run the worker with `reproq worker`."), "{shown}");
}

#[test]
fn django_settings_are_shown_and_awaited() {
    let Some(database) = Database::new() else { return };
    let settings = databases(database.cluster.port, &database.name);
    let Some(context) = fresh(&settings) else { return };
    let output = context.run(&["init", "--yes"]);
    assert_eq!(output.code, 7, "{output:#?}");
    for part in [
        "\"reproq_django\",",
        "reproq_django.backend.ReproqBackend",
        "3 steps wait for you; then run `reproq init` again",
    ] {
        assert!(output.stdout.contains(part), "{part}: {output:#?}");
    }
    assert_eq!(database.sql("select count(*) from pg_tables where schemaname = 'public'"), "0");
    assert!(context.binary().exists());
    let added = format!("SECRET_KEY = 'x'\n{APP}{settings}");
    write(&context.project().join("shop/settings.py"), &added);
    let output = context.succeed(&["init", "--yes", "--json"]);
    let expected = ["unchanged", "unchanged", "unchanged", "unchanged", "unchanged", "done", "done"];
    assert_eq!(states(&output).iter().map(|it| it.split(' ').nth(1).unwrap_or("")).collect::<Vec<_>>(), expected);
    assert_eq!(read(&context, "shop/settings.py"), added, "settings are never written");
}

#[test]
fn killed_in_a_step_the_next_run_continues() {
    let Some((context, database)) = with_database() else { return };
    context.github.fault(
        Matcher::objects().always(),
        Fault::StallBody { after: 10, hold: fake_github::Hold::For(Duration::from_secs(60)) },
    );
    let mut child = context.spawn(&["init", "--yes"]);
    await_file(&context.project().join(".gitignore"));
    await_file(&context.project().join(".reproq/staging"));
    child.kill().expect("it runs");
    wait(child);
    assert!(read(&context, "reproq.yaml").contains("queues") && !context.binary().exists());
    context.github.clear_faults();

    // The migration is interrupted too.
    let hold = context.root().join("hold");
    write(&hold, "");
    let migration = context.root().join("site/reproq_django/migrations/0001_baseline.py");
    let original = fs::read_to_string(&migration).expect("written");
    let waits = format!(
        "{original}\n\nimport os, time\nopen({0:?} + '.seen', 'w').close()\nwhile os.path.exists({0:?}):\n    time.sleep(0.05)\n",
        hold.to_str().expect("UTF-8")
    );
    write(&migration, &waits);
    let child = context.spawn(&["init", "--yes"]);
    await_file(&context.root().join("hold.seen"));
    send("INT", &child);
    let output = wait(child);
    assert_eq!(output.code, 130, "{output:#?}");
    assert!(context.binary().exists(), "the step before it is done: {output:#?}");
    fs::remove_file(hold).expect("removed");
    let output = context.succeed(&["init", "--yes", "--json"]);
    let done: Vec<String> = states(&output).into_iter().filter(|step| step.ends_with(" done")).collect();
    assert_eq!(done, ["django_migrate done", "db_migrate done"]);
    assert_eq!(database.sql("select name from django_migrations where app = 'reproq_django'"), "0001_baseline");
}

fn await_file(path: &Path) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_step_that_fails_leaves_the_earlier_ones_done() {
    let port = free_port();
    let Some(context) = fresh(&format!("{APP}{}", databases(port, "gone"))) else { return };
    let dry = context.succeed(&["init", "--dry-run"]);
    assert!(dry.stdout.contains("the database could not be read yet"), "{dry:#?}");
    let output = context.run(&["init", "--yes"]);
    assert_eq!(output.code, 1, "{output:#?}");
    has_no_password(&output);
    for part in [
        "the step `django migrate` failed",
        "done: reproq.yaml was written",
        "done: v0.0.144 is installed",
        "run `reproq init` again",
    ] {
        assert!(output.stderr.contains(part), "{part}: {output:#?}");
    }
    assert!(context.binary().exists());
    let mut elsewhere = context;
    elsewhere.set("DATABASE_URL", "postgres://other@127.0.0.1:1/other");
    let output = elsewhere.run(&["init", "--dry-run"]);
    let warning = format!(
        "Django migrates gone on 127.0.0.1:{port} as shop, and the commands of the queue use other on 127.0.0.1:1 as other (from DATABASE_URL)"
    );
    assert!(output.stderr.contains(&warning), "{output:#?}");
    let context = elsewhere;
    let output = context.run(&["init", "--yes", "--skip-migrate"]);
    assert!(output.stdout.contains("disabled (--skip-migrate)"), "{output:#?}");
}

#[test]
fn tables_that_django_has_not_recorded_are_taken_over() {
    let Some(database) = Database::of_origin("d") else { return };
    database.sql("drop table django_migrations");
    let Some(context) = fresh(&format!("{APP}{}", databases(database.cluster.port, &database.name))) else { return };
    // As upstream's: with operations whose tables Django recognizes.
    let migration = "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    initial = True\n    \
        operations = [migrations.CreateModel('Queue', [('queue_name', models.TextField(primary_key=True))], \
        options={'db_table': 'reproq_queue_controls'})]\n";
    write(&context.root().join("site/reproq_django/migrations/0001_baseline.py"), migration);
    let output = context.succeed(&["init", "--yes"]);
    assert!(output.stderr.contains("--fake-initial") || output.stdout.contains("Django migrated"), "{output:#?}");
    assert_eq!(database.sql("select name from django_migrations where app = 'reproq_django'"), "0001_baseline");
    assert!(context.succeed(&["init"]).stdout.contains("Nothing to do"));
}

#[test]
fn existing_files_keep_their_layout_and_are_never_replaced() {
    let Some(mut context) =
        fresh(&format!("{APP}DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'x'}}}}\n"))
    else {
        return;
    };
    let pyproject = "[project]\r\nname = 'x'\r\n\r\n[tool.other]\r\na = 1 # b";
    write(&context.project().join("pyproject.toml"), pyproject);
    write(&context.project().join(".gitignore"), "*.pyc");
    write(&context.project().join(".reproq.toml"), "[worker]\nconcurrency = 3\n");
    let output = context.run(&["init", "--yes", "--skip-install", "--format", "toml"]);
    assert_eq!(output.code, 7, "{output:#?}");
    assert!(output.stdout.contains("the queue needs PostgreSQL"), "{output:#?}");
    assert_eq!(read(&context, "pyproject.toml"), format!("{pyproject}\r\n\r\n[tool.reproq]\r\n"));
    assert_eq!(read(&context, ".gitignore"), "*.pyc\n/.reproq/\n");
    assert_eq!(read(&context, ".reproq.toml"), "[worker]\nconcurrency = 3\n");
    assert!(!context.project().join("reproq.toml").exists());
    // Another configuration is named by the variable.
    fs::remove_file(context.project().join(".reproq.toml")).expect("removed");
    let output = context.run(&["init", "--yes", "--skip-install", "--skip-migrate", "--format", "toml"]);
    assert!(read(&context, "reproq.toml").contains("[worker]\nqueues = [\"default\", \"high\"]"), "{output:#?}");
    context.set("REPROQ_CONFIG", "elsewhere.yaml");
    write(&context.project().join("elsewhere.yaml"), "dsn: postgres://h/d\n");
    let output = context.run(&["init", "--dry-run", "--skip-migrate"]);
    assert!(output.stdout.contains("the worker reads elsewhere.yaml"), "{output:#?}");
}

#[test]
fn what_init_cannot_start_with_is_refused() {
    let Some(mut context) = fresh(APP) else { return };
    let elsewhere = Context::new();
    let mut shown = vec![elsewhere.shown(&["init", "--yes"])];
    // No terminal, and no consent.
    shown.push(context.shown(&["init", "--skip-migrate"]));
    write(&context.project().join("pyproject.toml"), "[project\n");
    shown.push(context.shown(&["init", "--yes"]));
    fs::remove_file(context.project().join("pyproject.toml")).expect("removed");
    write(&context.project().join("shop/settings.py"), "import no_such_module_of_mine\n");
    shown.push(context.shown(&["init", "--yes"]));
    insta::assert_snapshot!(shown.join("\n"));
    assert!(!context.project().join("reproq.yaml").exists());
    write(&context.project().join("shop/settings.py"), &format!("SECRET_KEY = 'x'\n{APP}"));
    let output = context.run(&["init", "--yes", "--offline"]);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(output.stderr.contains("the step `install` failed"), "{output:#?}");
    assert_eq!(context.github.requests().len(), 0);
    context.set("DATABASE_URL", "postgres://u@db.invalid/d");
    let output = context.run(&["init", "--yes", "--offline", "--skip-install"]);
    assert!(
        output.stdout.contains("there is no pyproject.toml") && output.stdout.contains("the network is disabled"),
        "{output:#?}"
    );
}
