//! The answer, as plain values.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::django::APP;
use crate::django::DjangoDatabase;
use crate::django::TaskModules;

/// How much is asked. Each scope includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DjangoScope {
    /// The settings.
    Settings,
    /// The tasks in the `tasks` modules of the apps, which are imported for it.
    Tasks,
    /// The schedules that these modules register.
    Recurring,
}

impl DjangoScope {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Tasks => "tasks",
            Self::Recurring => "recurring",
        }
    }
}

/// The result of querying Django.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DjangoAnswer {
    /// Skipped at the user's request.
    Skipped {
        /// How it was requested, such as `--no-django was given`.
        reason: String,
    },
    /// There is no Django project, so nothing was run.
    NoProject,
    /// Django loaded the project's settings.
    Answered(Box<DjangoFacts>),
    /// Django could not be run, or failed to load the settings.
    Failed {
        /// The reason, as a lowercase clause.
        reason: String,
        /// The last lines of Python's stderr, printable.
        stderr: Vec<String>,
        /// A hint, if the cause is neither the project nor its Python.
        hint: Option<String>,
    },
    /// The project's Python timed out and was killed.
    TimedOut {
        /// The time limit.
        limit: Duration,
        /// The last lines of its stderr, printable.
        stderr: Vec<String>,
    },
}

impl DjangoAnswer {
    /// The facts, if there are any.
    pub fn facts(&self) -> Option<&DjangoFacts> {
        match self {
            Self::Answered(facts) => Some(facts),
            Self::Skipped { .. } | Self::NoProject | Self::Failed { .. } | Self::TimedOut { .. } => None,
        }
    }

    /// Why there is a Django project and no answer, as a lowercase clause.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::Failed { reason, .. } => Some(reason.clone()),
            Self::TimedOut { limit, .. } => Some(time_is_over(*limit)),
            Self::Skipped { .. } | Self::NoProject | Self::Answered(_) => None,
        }
    }

    /// The last lines of Python's stderr.
    pub(crate) fn stderr(&self) -> &[String] {
        match self {
            Self::Failed { stderr, .. } | Self::TimedOut { stderr, .. } => stderr,
            Self::Skipped { .. } | Self::NoProject | Self::Answered(_) => &[],
        }
    }
}

/// The reason of an answer that did not come in time.
pub(crate) fn time_is_over(limit: Duration) -> String {
    format!("Django did not respond within {} s", limit.as_secs_f64())
}

/// Django's response after it loaded the project's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DjangoFacts {
    /// The interpreter.
    pub python: PathBuf,
    /// Its version, such as `3.12.1`.
    pub python_version: String,
    /// Django's version, such as `6.0.1`.
    pub django_version: String,
    /// The loaded settings module.
    pub settings_module: String,
    /// `settings.REPROQ_WORKER_BIN`.
    pub setting: DjangoSetting,
    /// The environment variable `REPROQ_WORKER_BIN` after the settings were loaded, because settings often load a `.env` file.
    pub environment: Option<OsString>,
    /// The directory of the installed `reproq_django` package, if any.
    pub package: Option<PathBuf>,
    /// Its version, if it is known.
    pub package_version: Option<String>,
    /// Why `manage.py` was not used to load the settings, although it does more than the generated one.
    pub manage_problem: Option<String>,
    /// The variables that `manage.py` sets before it calls Django, if it does more than the generated one.
    pub manage_variables: Vec<String>,
    /// `INSTALLED_APPS`.
    pub installed_apps: Vec<String>,
    /// `DATABASES`, in order.
    pub databases: Vec<DjangoDatabase>,
    /// `TASKS`, in order.
    pub task_backends: Vec<TaskBackend>,
    /// `REPROQ_QUEUE_DATABASES`, in order: names and patterns of queues, each with the alias of a database.
    pub queue_databases: Vec<(String, String)>,
    /// The settings `REPROQ_*`.
    pub settings: NamedValues,
    /// The tasks of the apps.
    pub tasks: TaskModules,
}

impl DjangoFacts {
    /// The alias of the queue's database: `REPROQ_DEFAULT_DB_ALIAS`, else `default`.
    pub(crate) fn default_alias(&self) -> &str {
        let named = self.settings.get("REPROQ_DEFAULT_DB_ALIAS").and_then(Value::as_str);
        named.filter(|alias| !alias.is_empty()).unwrap_or("default")
    }

    /// The database with this alias.
    pub(crate) fn database(&self, alias: &str) -> Option<&DjangoDatabase> {
        self.databases.iter().find(|database| database.alias == alias)
    }

    /// The aliases of all databases with queues, sorted: the default one, and the values of `REPROQ_QUEUE_DATABASES`.
    pub(crate) fn queue_aliases(&self) -> Vec<String> {
        let routes = self.queue_databases.iter().map(|(_, alias)| alias.as_str());
        let mut aliases: Vec<String> = routes.chain([self.default_alias()]).map(str::to_owned).collect();
        aliases.sort();
        aliases.dedup();
        aliases
    }

    /// Whether the app of the queue is installed, by its name or its configuration.
    pub(crate) fn has_app(&self) -> bool {
        self.installed_apps.iter().any(|app| is_of_the_package(app))
    }

    /// The backends of `TASKS` that enqueue into the queue.
    pub(crate) fn queue_backends(&self) -> impl Iterator<Item = &TaskBackend> {
        self.task_backends.iter().filter(|backend| is_of_the_package(&backend.backend))
    }
}

fn is_of_the_package(path: &str) -> bool {
    path.strip_prefix(APP).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The value of `settings.REPROQ_WORKER_BIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DjangoSetting {
    /// Not set, or `None`.
    Unset,
    /// An empty value, which Django treats as unset.
    Empty,
    /// A path, as written.
    Set(OsString),
    /// Not a path, so that Django fails with a `TypeError`; the name of its type.
    WrongType(String),
}

/// An entry of `TASKS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskBackend {
    /// Its alias.
    pub alias: String,
    /// `BACKEND`.
    pub backend: String,
    /// `QUEUES`; empty if every queue is allowed.
    pub queues: Vec<String>,
    /// `OPTIONS`.
    pub options: NamedValues,
}

/// Values that may be secret: only their names are printed. What JSON cannot express is an object with the key `$type`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NamedValues(pub(super) BTreeMap<String, Value>);

impl NamedValues {
    /// A value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for NamedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
