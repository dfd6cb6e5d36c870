//! The four ways of creating the tables: what is found in each, and what a migration makes of it.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reproq_queue::pg::IndexBuild;
use reproq_queue::pg::Limits;
use reproq_queue::pg::apply;
use reproq_queue::pg::inspect;
use reproq_queue::schema::Finding;
use reproq_queue::schema::MigrationPlan;
use reproq_queue::schema::SchemaOrigin;
use reproq_queue::schema::Severity;
use reproq_queue::schema::StepKind;
use reproq_queue::schema::findings;

use crate::door::block;
use crate::door::open;
use crate::door::target;
use test_postgres::Database;
use test_postgres::ORIGINS;
use test_postgres::OWNER;
use test_postgres::cluster;
use test_postgres::majors;
use test_postgres::record_skip;

/// Applies the plan of a database, and returns the kinds of its statements.
fn migrate(database: &Database) -> Vec<StepKind> {
    block(async {
        let session = open(&target(database)).await.expect("a connection");
        let snapshot = inspect(&session, Limits::default()).await.expect("a snapshot");
        let plan = MigrationPlan::compute(&snapshot);
        assert!(plan.blocked.is_empty() && plan.building.is_empty(), "{plan:#?}");
        for step in &plan.steps {
            let build = IndexBuild { limit: Duration::from_secs(60), is_pooled: false };
            let applied = apply(&session, step, Limits::default(), build).await;
            applied.unwrap_or_else(|error| panic!("{}: {error}", step.sql));
        }
        session.close().await;
        plan.steps.iter().map(|step| step.kind).collect()
    })
}

fn found(database: &Database) -> (SchemaOrigin, Vec<Finding>) {
    block(async {
        let session = open(&target(database)).await.expect("a connection");
        let snapshot = inspect(&session, Limits::default()).await.expect("a snapshot");
        (SchemaOrigin::of(&snapshot.catalog), findings(&snapshot))
    })
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity() == severity).count()
}

#[test]
fn each_origin_is_named_and_completed_on_every_version() {
    if majors().is_empty() {
        Database::new();
    }
    if majors().len() < 2 {
        record_skip("several versions of PostgreSQL", "install another, or set REPROQ_TEST_POSTGRES to its programs");
    }
    for major in majors() {
        let cluster = cluster(major).expect("it starts");
        for (name, origin, after, pending) in [
            ("a", SchemaOrigin::Django, SchemaOrigin::DjangoThenWorker, 14),
            ("b", SchemaOrigin::DjangoThenWorker, SchemaOrigin::DjangoThenWorker, 4),
            ("c", SchemaOrigin::Worker, SchemaOrigin::Worker, 1),
            ("d", SchemaOrigin::WorkerBaseline, SchemaOrigin::WorkerBaseline, 1),
            ("none", SchemaOrigin::Empty, SchemaOrigin::Worker, 6),
        ] {
            let database = Database::on(cluster);
            if name != "none" {
                database.create(name);
            }
            let (found_origin, before) = found(&database);
            assert_eq!(found_origin, origin, "{name} on {major}");
            assert_eq!(count(&before, Severity::Pending), pending, "{name} on {major}: {before:#?}");
            assert_eq!(count(&before, Severity::Problem), 0, "{name} on {major}: {before:#?}");
            assert!(!migrate(&database).is_empty());
            let (found_origin, left) = found(&database);
            assert_eq!(found_origin, after, "{name} on {major}");
            assert_eq!(count(&left, Severity::Pending) + count(&left, Severity::Problem), 0, "{name}: {left:#?}");
            let dump = database.dump();
            assert_eq!(migrate(&database), [], "a second migration of {name} changes something");
            assert_eq!(words(&database.dump()), words(&dump));
        }
    }
}

#[test]
fn after_a_migration_an_insertion_that_names_few_columns_works_everywhere() {
    for (name, _) in ORIGINS {
        let Some(database) = Database::of_origin(name) else { return };
        let insert =
            "insert into task_runs (spec_json, spec_hash) values ('{\"task_path\": \"a.b\"}', repeat('a', 64))";
        migrate(&database);
        database.sql(insert);
        let row = "select task_path, status, queue_name, max_attempts, errors_json from task_runs";
        assert_eq!(database.sql(row), "a.b|READY|default|3|[]", "{name}");
        assert_eq!(database.sql("select key from rate_limits"), "global");
    }
}

/// The words of a dump, without what differs between two runs and how functions are indented.
fn words(dump: &str) -> Vec<String> {
    dump.lines()
        .filter(|line| !line.starts_with("--") && !line.contains("restrict ") && !line.contains("EXTENSION"))
        .flat_map(str::split_whitespace)
        .map(str::to_lowercase)
        .collect()
}

/// Compares the fixtures with the real programs, and shows that Django has nothing to migrate after our migration.
#[test]
fn the_fixtures_are_what_the_real_programs_create() {
    let source = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_dir());
    let (Some(django), Some(worker), Some(python)) = (
        source("REPROQ_DJANGO_SOURCE"),
        source("REPROQ_WORKER_SOURCE"),
        env::var_os("REPROQ_TEST_DJANGO_PYTHON").map(PathBuf::from),
    ) else {
        record_skip(
            "the fixtures of the four origins against the real programs",
            "set REPROQ_DJANGO_SOURCE and REPROQ_WORKER_SOURCE to checkouts, and REPROQ_TEST_DJANGO_PYTHON to a Python with \
             Django 6, psycopg and PyYAML",
        );
        return;
    };
    let baseline = fs::read_to_string(worker.join("migrations/000001_baseline.up.sql")).expect("the baseline");
    for (name, _) in ORIGINS {
        let (Some(ours), Some(theirs)) = (Database::of_origin(name), Database::new()) else { return };
        let directory = tempfile::tempdir().expect("a directory");
        let settings = format!(
            "SECRET_KEY = 'x'\nUSE_TZ = True\nINSTALLED_APPS = ['reproq_django']\nDATABASES = {{'default': {{\n\
             'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'HOST': '127.0.0.1', 'PORT': '{}',\n\
             'USER': '{}', 'PASSWORD': '{}'}}}}\n",
            theirs.name, theirs.cluster.port, OWNER.0, OWNER.1
        );
        fs::write(directory.path().join("oracle_settings.py"), settings).expect("written");
        let manage = |arguments: &[&str]| {
            let path = env::join_paths([directory.path().to_owned(), django.join("src")]).expect("a path");
            let output = Command::new(&python)
                .args(["-m", "django"])
                .args(arguments)
                .current_dir(directory.path())
                .env("PYTHONPATH", path)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("DJANGO_SETTINGS_MODULE", "oracle_settings")
                .output()
                .expect("Python starts");
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        };
        match name {
            "a" => manage(&["migrate"]),
            "b" => {
                manage(&["migrate"]);
                manage(&["reproq", "migrate-worker"]);
            }
            "c" => {
                manage(&["reproq", "migrate-worker"]);
                manage(&["migrate", "--fake-initial"]);
            }
            _ => {
                // Each statement on its own, as psql runs a file: an index cannot be built concurrently in a transaction.
                theirs.file(&baseline);
                manage(&["migrate", "--fake-initial"]);
            }
        }
        assert_eq!(words(&theirs.dump()), words(&ours.dump()), "{name}");
        assert_eq!(found(&theirs).0, found(&ours).0, "{name}");
        migrate(&theirs);
        manage(&["migrate", "--check"]);
        manage(&["makemigrations", "--check", "--dry-run"]);
    }
}
