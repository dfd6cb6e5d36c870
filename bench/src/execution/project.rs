//! A Django project with the apps that every new project has, a database, and the tasks that are measured.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::ensure;
use test_postgres::Database;
use test_postgres::OWNER;
use xtask::python;

/// How many rows of tasks there are. Tasks that run at the same time have different ones.
pub const ROWS: usize = 64;

/// A task that only has its look-up.
pub const DOES_NOTHING: &str = "shop.tasks.nothing";

const MODELS: &str = "\
from django.db import models


class Order(models.Model):
    name = models.TextField()
";

const TASKS: &str = "\
import os
import pathlib
import time

from django.db import transaction

from shop.models import Order


def nothing():
    pass


def sleeps():
    time.sleep(0.1)


def queries():
    for _ in range(2):
        with transaction.atomic():
            order = Order.objects.create(name='new')
            Order.objects.filter(pk=order.pk).update(name='changed')
            order.refresh_from_db()
            order.delete()
    return Order.objects.count()


def waits():
    pathlib.Path('asleep', str(os.getpid())).touch()
    for _ in range(1200):
        if os.path.exists('awake'):
            return
        time.sleep(0.05)
";

const HEAVY: &str = "\
import big

from shop.tasks import nothing, waits
";

/// An executor that reads a task and does not run it.
const NOTHING: &str = "import sys\n\nsys.stdin.read()\nprint('{\"ok\": true, \"return\": null}')\n";

/// A package about as large as pandas: what counts is how long it takes to import and how much memory it keeps.
const BIG: &str = r#"
import pathlib
directory = pathlib.Path("big")
directory.mkdir()
for number in range(400):
    parts = [f"TABLE = {{f'key {{n}}': [n, str(n), (n, n + 1)] for n in range(200)}}\n"]
    for part in range(40):
        parts.append(f"def function_{part}(first, second={part}, *rest, **named):\n    \"Documentation of {part} in {number}.\"\n")
        parts.append(f"    return [first, second, rest, named, 'text {number} {part}']\n")
    for part in range(8):
        parts.append(f"class Class{part}:\n    value = {part}\n    def method(self):\n        return self.value\n")
        parts.append(f"    @property\n    def other(self):\n        return {number}\n")
    (directory / f"part_{number}.py").write_text("".join(parts))
names = ", ".join(f"part_{number}" for number in range(400))
(directory / "__init__.py").write_text(f"from . import {names}\nMODULES = [{names}]\n")
"#;

/// The project.
pub struct TaskProject {
    pub python: PathBuf,
    pub database: Database,
    pub environment: BTreeMap<String, String>,
    /// Whose executor it has.
    pub package: &'static str,
    directory: tempfile::TempDir,
}

impl TaskProject {
    pub fn new() -> anyhow::Result<Self> {
        let named = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let python = match named("REPROQ_TEST_DJANGO_PYTHON") {
            Some(python) => python.into(),
            None => python::tools("django")?.context("Python is not installed")?.python(),
        };
        let database = Database::of_origin("b").context("PostgreSQL is not installed")?;
        let directory = tempfile::tempdir()?;
        let root = xtask::root();
        let (packages, package) = match named("REPROQ_DJANGO_SOURCE") {
            Some(source) => (Path::new(&source).join("src"), "upstream's"),
            None => (root.join("tests/fixtures/reproq-django"), "the tests' own"),
        };
        let text = |path: &Path| path.to_str().map(str::to_owned).context("UTF-8");
        let environment = BTreeMap::from([
            ("DJANGO_SETTINGS_MODULE".to_owned(), "shop.settings".to_owned()),
            ("HOME".to_owned(), text(directory.path())?),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            // The worker starts its `python3`.
            ("PATH".to_owned(), format!("{}:/usr/bin:/bin", text(python.parent().context("a directory")?)?)),
            ("PYTHONPATH".to_owned(), text(&packages)?),
            // Short: a socket is below it.
            ("TMPDIR".to_owned(), text(directory.path())?),
            ("DATABASE_URL".to_owned(), database.url()),
            ("VIRTUAL_ENV".to_owned(), text(python.parent().and_then(Path::parent).context("a virtual environment")?)?),
        ]);
        let project = Self { python, database, environment, package, directory };
        project.fill()?;
        Ok(project)
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn fill(&self) -> anyhow::Result<()> {
        let apps = ["admin", "auth", "contenttypes", "sessions", "messages", "staticfiles"];
        let apps = apps.map(|app| format!("'django.contrib.{app}'")).join(", ");
        // Without TLS, which a database on the same machine does not need.
        let settings = format!(
            "SECRET_KEY = 'x'\nUSE_TZ = True\nINSTALLED_APPS = [{apps}, 'reproq_django', 'shop']\nDATABASES = {{'default': {{\n\
             'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'HOST': '127.0.0.1', 'PORT': '{}', 'USER': '{}', \
             'PASSWORD': '{}', 'OPTIONS': {{'sslmode': 'disable'}}}}}}\n",
            self.database.name, self.database.cluster.port, OWNER.0, OWNER.1
        );
        fs::create_dir(self.directory().join("shop"))?;
        for (name, content) in
            [("__init__", ""), ("settings", &settings), ("models", MODELS), ("tasks", TASKS), ("heavy", HEAVY)]
        {
            fs::write(self.directory().join(format!("shop/{name}.py")), content)?;
        }
        fs::write(self.directory().join("nothing.py"), NOTHING)?;
        fs::write(
            self.directory().join("manage.py"),
            "import os\n\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
        )?;
        let made = Command::new(&self.python).args(["-c", BIG]).current_dir(self.directory()).status()?;
        ensure!(made.success(), "Python cannot write the package");
        self.database.sql(
            "create table shop_order (id bigint generated by default as identity primary key, name text not null)",
        );
        self.add_tasks("SUCCESSFUL", ROWS);
        Ok(())
    }

    /// Adds tasks that do nothing.
    pub fn add_tasks(&self, status: &str, count: usize) {
        let spec = format!(
            "{{\"v\": 1, \"args\": [], \"kwargs\": {{}}, \"task_path\": \"{DOES_NOTHING}\", \"queue_name\": \"default\"}}"
        );
        self.database.sql(&format!(
            "insert into task_runs (backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, enqueued_at, \
             attempts, max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, metadata_json, \
             created_at, updated_at, cancel_requested) select 'default', 'default', 0, '{spec}', md5(n::text) || md5('h'), \
             '{DOES_NOTHING}', '{status}', now(), 0, 3, 900, 0, 0, '[]', '[]', '{{}}', now(), now(), false from \
             generate_series(1, {count}) n"
        ));
    }

    /// Removes those of a worker; others have not been started by one.
    pub fn remove_tasks(&self) {
        self.database.sql("delete from task_runs where started_at is not null");
    }
}
