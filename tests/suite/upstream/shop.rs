//! A Django project with the real package, the real worker and a real database.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use fake_github::ReleaseSpec;
use test_postgres::Database;
use test_postgres::OWNER;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::asset_name;
use crate::support::context::finished;
use crate::support::context::program_under_test;
use crate::support::django;
use crate::support::skip;

const SETTINGS: &str = "\
SECRET_KEY = 'x'
USE_TZ = True
ALLOWED_HOSTS = ['testserver']
ROOT_URLCONF = 'shop.urls'
INSTALLED_APPS = [
    'django.contrib.admin', 'django.contrib.auth', 'django.contrib.contenttypes', 'django.contrib.sessions',
    'django.contrib.messages', 'reproq_django', 'shop',
]
MIDDLEWARE = [
    'django.contrib.sessions.middleware.SessionMiddleware', 'django.contrib.auth.middleware.AuthenticationMiddleware',
    'django.contrib.messages.middleware.MessageMiddleware',
]
TEMPLATES = [{
    'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True,
    'OPTIONS': {'context_processors': [
        'django.template.context_processors.request', 'django.contrib.auth.context_processors.auth',
        'django.contrib.messages.context_processors.messages',
    ]},
}]
TASKS = {'default': {'BACKEND': 'reproq_django.backend.ReproqBackend', 'QUEUES': []}}
METRICS_AUTH_TOKEN = 'token'
";

const URLS: &str = "\
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path('admin/', admin.site.urls), path('reproq/', include('reproq_django.urls'))]
";

const TASKS: &str = "\
from django.tasks import task


@task()
def add(left, right):
    return left + right


@task()
def sleeps(seconds):
    import time
    time.sleep(seconds)
";

/// The worker's binary. Recorded as skipped if none is named.
pub(super) fn real_worker() -> Option<PathBuf> {
    named("REPROQ_TEST_WORKER", "the binary of reproq-worker").filter(|path| {
        assert!(path.is_file(), "REPROQ_TEST_WORKER: {} is not a file", path.display());
        true
    })
}

/// A path in a variable. Neither program can be had everywhere, so that its absence is recorded and not a failure, even in CI.
pub(super) fn named(variable: &str, what: &str) -> Option<PathBuf> {
    let value = env::var_os(variable).filter(|value| !value.is_empty());
    if value.is_none() {
        skip::record("the real programs of upstream", &format!("name {what} in {variable}"));
    }
    value.map(PathBuf::from)
}

/// The project.
pub(super) struct Shop {
    pub context: Context,
    pub database: Database,
    pub worker: PathBuf,
    python: PathBuf,
}

impl Shop {
    /// A project whose tables `manage.py migrate` has created.
    pub fn open() -> Option<Self> {
        let shop = Self::without_tables()?;
        shop.manage(&["migrate", "--verbosity=0"]);
        Some(shop)
    }

    /// A project with an empty database.
    pub fn without_tables() -> Option<Self> {
        // First what is missing nearly everywhere, so that no server is started for nothing.
        real_worker()?;
        Self::beside(Database::new()?)
    }

    /// A project with this database.
    pub fn beside(database: Database) -> Option<Self> {
        let package = named("REPROQ_DJANGO_SOURCE", "a checkout of reproq-django")?.join("src");
        let worker = real_worker()?;
        let python = django::python()?;
        let mut context = Context::new();
        let programs = python.parent().expect("it is in a virtual environment");
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let path = [context.root().join("ours"), programs.to_owned(), "/usr/bin".into(), "/bin".into()];
        let path = env::join_paths(path).expect("a path").into_string().expect("UTF-8");
        context.set("PATH", path).set("VIRTUAL_ENV", text(programs.parent().expect("a virtual environment")));
        context.set("PYTHONPATH", text(&package)).set("PYTHONDONTWRITEBYTECODE", "1");
        context.set("DJANGO_SETTINGS_MODULE", "shop.settings");
        // Our command under its own name, and nothing else of that name.
        fs::create_dir(context.root().join("ours")).expect("made");
        std::os::unix::fs::symlink(program_under_test(), context.root().join("ours/reproq")).expect("linked");
        let settings = format!(
            "{SETTINGS}DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'USER': '{}', \
             'PASSWORD': '{}', 'HOST': '127.0.0.1', 'PORT': '{}'}}}}\n",
            database.name, OWNER.0, OWNER.1, database.cluster.port
        );
        let files = [
            ("manage.py", django::MANAGE),
            ("shop/__init__.py", ""),
            ("shop/settings.py", settings.as_str()),
            ("shop/urls.py", URLS),
            ("shop/tasks.py", TASKS),
        ];
        for (name, content) in files {
            django::write(&context.project().join(name), content);
        }
        Some(Self { context, database, worker, python })
    }

    /// Publishes the real worker in the GitHub of the test.
    pub fn publish_worker(&self) {
        let output = Command::new(&self.worker).arg("--version").env_clear().output().expect("it starts");
        let version = String::from_utf8(output.stdout).expect("UTF-8");
        let version = version.trim().rsplit(' ').next().expect("a version").to_owned();
        let bytes = fs::read(&self.worker).expect("readable");
        self.context.repo().add(ReleaseSpec::new(&format!("v{version}")).file(&asset_name(), bytes));
    }

    /// Publishes the real worker, and installs it with our command.
    pub fn install_worker(&self) {
        self.publish_worker();
        self.context.succeed(&["install"]);
    }

    /// `manage.py`, to be run in the project.
    pub fn manage_command(&self, arguments: &[&str]) -> Command {
        let ours = self.context.command(&[]);
        let mut command = Command::new(&self.python);
        command.arg(self.context.project().join("manage.py")).args(arguments).env_clear();
        command.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.context.project());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `manage.py` and expects success.
    pub fn manage(&self, arguments: &[&str]) -> Output {
        let output = finished(self.manage_command(arguments).output().expect("Python starts"));
        assert_eq!(output.code, 0, "{arguments:?}: {output:#?}");
        output
    }

    /// Runs Python in the project and returns its output.
    pub fn python_lines(&self, script: &str) -> Vec<String> {
        let output = self.manage_command(&["shell", "--no-imports", "--verbosity=0", "-c", script]).output();
        let output = output.expect("Python starts");
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    /// Runs Python in the project and returns its last line of output as JSON.
    pub fn python(&self, script: &str) -> serde_json::Value {
        let lines = self.python_lines(script);
        let last = lines.last().unwrap_or_else(|| panic!("no output: {script}"));
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {lines:?}"))
    }

    /// Waits until a query returns this.
    pub fn wait_for(&self, sql: &str, expected: &str, limit: Duration) {
        let begin = Instant::now();
        loop {
            let found = self.database.sql(sql);
            if found == expected {
                return;
            }
            assert!(begin.elapsed() < limit, "{sql} is {found}, not {expected}, after {limit:?}: {}", self.tasks());
            sleep(Duration::from_millis(100));
        }
    }

    fn tasks(&self) -> String {
        self.database.sql("select result_id, status, attempts, errors_json from task_runs order by result_id limit 20")
    }
}

/// A process that is ended with its test.
pub(super) struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a process runs; one that has ended and was not waited for does not.
pub(super) fn is_running(pid: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("ps runs");
    !output.stdout.is_empty() && !output.stdout.starts_with(b"Z")
}

/// Sends SIGTERM, and waits until the process does not run.
pub(super) fn end(pid: u32) {
    let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().expect("kill runs");
    assert!(sent.success(), "process {pid} has ended by itself");
    let is_gone = (0..300).any(|_| {
        sleep(Duration::from_millis(50));
        !is_running(pid)
    });
    assert!(is_gone, "process {pid} does not end");
}
