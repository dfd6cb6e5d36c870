//! What `init` does: every step with its state, from the facts. Pure; the run carries out exactly these steps.

use serde::Serialize;

use crate::cli::ConfigFormat;
use crate::commands::init::text;
use crate::commands::init::text::DatabaseSource;
use crate::django::APP;
use crate::django::DjangoFacts;
use crate::django::TaskModules;
use crate::model::text::count;

/// What was read of the project.
#[derive(Debug, Clone)]
pub(super) struct InitFacts {
    /// The text of `pyproject.toml`.
    pub pyproject: Option<String>,
    /// Whether it has a table `[tool.reproq]`.
    pub has_settings: bool,
    /// The worker's configuration file.
    pub worker_file: Option<WorkerFile>,
    /// The text of `.gitignore`.
    pub gitignore: Option<String>,
    /// Whether the project is in a work tree of git.
    pub is_work_tree: bool,
    pub django: DjangoFacts,
    /// Whether the database of Django's settings can hold the queue.
    pub django_database: Result<(), String>,
    /// The interpreter, relative to the project, if it is in a virtual environment there.
    pub local_python: Option<String>,
    /// The names of the migrations in the installed package.
    pub migrations: Vec<String>,
    pub worker: WorkerState,
    pub database: DatabaseState,
}

/// The worker's configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkerFile {
    pub path: String,
    pub has_dsn: bool,
}

/// The installed worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WorkerState {
    /// As requested; its release or build.
    UpToDate(String),
    /// As requested, but no lockfile pins it.
    NotLocked(String),
    /// To be installed, for this reason.
    Needed(String),
}

/// The database of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DatabaseState {
    /// It was not read: the network is disabled and the database not on this machine, or the database is left out.
    NotRead,
    /// No URL, or one that cannot be used.
    Unusable(String),
    /// It could not be read now.
    Unreachable(String),
    Read {
        /// Its server and name.
        place: String,
        /// The migrations of the app that Django recorded.
        recorded: Vec<String>,
        /// Whether any table of the queue exists.
        has_tables: bool,
        /// How many statements `db migrate` would run now.
        pending: usize,
    },
}

/// What the command line asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct InitOptions {
    pub format: ConfigFormat,
    pub skip_install: bool,
    pub skip_migrate: bool,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepName {
    Settings,
    WorkerConfig,
    Gitignore,
    DjangoSettings,
    Install,
    DjangoMigrate,
    DbMigrate,
}

impl StepName {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::WorkerConfig => "worker config",
            Self::Gitignore => "gitignore",
            Self::DjangoSettings => "django settings",
            Self::Install => "install",
            Self::DjangoMigrate => "django migrate",
            Self::DbMigrate => "db migrate",
        }
    }
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepState {
    /// Nothing to do.
    Unchanged,
    Planned,
    Done,
    /// Left out at the user's request, or not needed here.
    Skipped,
    /// The user must do something first.
    Waiting,
}

impl StepState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
        }
    }
}

/// What a planned step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StepWork {
    /// Writes a file in the project: the old text, if there is one, and what follows it.
    Write {
        path: String,
        old: Option<String>,
        added: String,
    },
    /// Installs the worker; `again` if it is installed and not locked.
    Install {
        again: bool,
    },
    DjangoMigrate {
        fake_initial: bool,
    },
    DbMigrate,
}

/// A step of the plan.
#[derive(Debug, Clone, Serialize)]
pub(super) struct InitStep {
    pub step: StepName,
    pub state: StepState,
    /// What is done, or why nothing is.
    pub summary: String,
    /// The text that is added, or that the user adds to the settings of Django.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip)]
    pub work: Option<StepWork>,
}

impl InitStep {
    fn new(step: StepName, state: StepState, summary: impl Into<String>) -> Self {
        Self { step, state, summary: summary.into(), text: None, work: None }
    }

    fn planned(step: StepName, summary: impl Into<String>, work: StepWork) -> Self {
        let text = if let StepWork::Write { added, .. } = &work { Some(added.clone()) } else { None };
        Self { text, work: Some(work), ..Self::new(step, StepState::Planned, summary) }
    }
}

/// Decides about every step.
pub(super) fn decide(facts: &InitFacts, options: InitOptions) -> Vec<InitStep> {
    vec![
        settings(facts),
        worker_config(facts, options.format),
        gitignore(facts),
        django_settings(facts),
        install(facts, options),
        django_migrate(facts, options),
        db_migrate(facts, options),
    ]
}

fn settings(facts: &InitFacts) -> InitStep {
    let step = StepName::Settings;
    let Some(pyproject) = &facts.pyproject else {
        let summary = "there is no pyproject.toml, so the defaults apply";
        return InitStep::new(step, StepState::Skipped, summary);
    };
    if facts.has_settings {
        return InitStep::new(step, StepState::Unchanged, "pyproject.toml has [tool.reproq]");
    }
    let source = match (&facts.worker_file, &facts.django_database) {
        (Some(WorkerFile { has_dsn: true, .. }), _) => DatabaseSource::WorkerConfig,
        (_, Ok(())) => DatabaseSource::Django,
        (_, Err(_)) => DatabaseSource::Nothing,
    };
    match text::settings(pyproject, source) {
        Some(added) => InitStep::planned(
            step,
            "add [tool.reproq] to pyproject.toml",
            StepWork::Write { path: "pyproject.toml".to_owned(), old: Some(pyproject.clone()), added },
        ),
        None => InitStep::new(
            step,
            StepState::Waiting,
            "pyproject.toml has `tool` in one line; write it as tables, or add [tool.reproq] yourself",
        ),
    }
}

fn worker_config(facts: &InitFacts, format: ConfigFormat) -> InitStep {
    let step = StepName::WorkerConfig;
    if let Some(file) = &facts.worker_file {
        return InitStep::new(step, StepState::Unchanged, format!("the worker reads {}", file.path));
    }
    let modules = match &facts.django.tasks {
        TaskModules::Found(registered) => registered.allow_list(),
        TaskModules::NotRequested | TaskModules::Failed(_) | TaskModules::TimedOut(_) => Vec::new(),
    };
    let added = text::worker_config(format, &text::queues(&facts.django), &modules, facts.local_python.as_deref());
    let path = match format {
        ConfigFormat::Yaml => "reproq.yaml",
        ConfigFormat::Toml => "reproq.toml",
    };
    InitStep::planned(
        step,
        format!("write {path}, the configuration of the worker"),
        StepWork::Write { path: path.to_owned(), old: None, added },
    )
}

fn gitignore(facts: &InitFacts) -> InitStep {
    let step = StepName::Gitignore;
    if !facts.is_work_tree {
        return InitStep::new(step, StepState::Skipped, "the project is not in a work tree of git");
    }
    match text::ignored(facts.gitignore.as_deref().unwrap_or_default()) {
        None => InitStep::new(step, StepState::Unchanged, ".gitignore has .reproq"),
        Some(added) => InitStep::planned(
            step,
            "add /.reproq/ to .gitignore",
            StepWork::Write { path: ".gitignore".to_owned(), old: facts.gitignore.clone(), added },
        ),
    }
}

fn django_settings(facts: &InitFacts) -> InitStep {
    let step = StepName::DjangoSettings;
    let django = &facts.django;
    if django.package.is_none() {
        let python = django.python.display();
        let summary = format!("install the package reproq-django for {python}, then add this to the settings");
        return InitStep { text: text::snippet(django), ..InitStep::new(step, StepState::Waiting, summary) };
    }
    match text::snippet(django) {
        Some(snippet) => {
            let summary = format!("add this to the settings ({})", django.settings_module);
            InitStep { text: Some(snippet), ..InitStep::new(step, StepState::Waiting, summary) }
        }
        None => {
            InitStep::new(step, StepState::Unchanged, format!("{} has the app and a backend", django.settings_module))
        }
    }
}

fn install(facts: &InitFacts, options: InitOptions) -> InitStep {
    let step = StepName::Install;
    match &facts.worker {
        _ if options.skip_install => InitStep::new(step, StepState::Skipped, "disabled (--skip-install)"),
        WorkerState::UpToDate(label) => InitStep::new(step, StepState::Unchanged, format!("{label} is installed")),
        WorkerState::NotLocked(label) => InitStep::planned(
            step,
            format!("lock the worker: {label} is installed, and there is no reproq.lock"),
            StepWork::Install { again: true },
        ),
        WorkerState::Needed(reason) => InitStep::planned(
            step,
            format!("install and lock the worker: {reason}"),
            StepWork::Install { again: false },
        ),
    }
}

/// Why the database is not changed, if it is not.
fn obstacle(facts: &InitFacts, options: InitOptions) -> Option<(StepState, String)> {
    if options.skip_migrate {
        return Some((StepState::Skipped, "disabled (--skip-migrate)".to_owned()));
    }
    if facts.django.package.is_none() || !facts.django.has_app() {
        return Some((StepState::Waiting, format!("`{APP}` must be in INSTALLED_APPS first")));
    }
    match &facts.database {
        DatabaseState::NotRead => {
            Some((StepState::Skipped, "the network is disabled, and the database is not on this machine".to_owned()))
        }
        DatabaseState::Unusable(reason) => Some((StepState::Waiting, reason.clone())),
        DatabaseState::Unreachable(_) | DatabaseState::Read { .. } => None,
    }
}

/// The migrations of the package that Django has not recorded; `None` if the database could not be read.
fn unrecorded(facts: &InitFacts) -> Option<(Vec<&str>, bool)> {
    let DatabaseState::Read { recorded, has_tables, .. } = &facts.database else { return None };
    let missing = facts.migrations.iter().filter(|name| !recorded.contains(name)).map(String::as_str).collect();
    Some((missing, *has_tables && recorded.is_empty()))
}

fn django_migrate(facts: &InitFacts, options: InitOptions) -> InitStep {
    let step = StepName::DjangoMigrate;
    if let Some((state, summary)) = obstacle(facts, options) {
        return InitStep::new(step, state, summary);
    }
    let command = |fake_initial: bool| {
        let fake = if fake_initial { " --fake-initial" } else { "" };
        format!("`manage.py migrate {APP}{fake}`")
    };
    match unrecorded(facts) {
        None => {
            let DatabaseState::Unreachable(reason) = &facts.database else {
                return InitStep::new(step, StepState::Unchanged, "nothing to migrate");
            };
            let summary = format!("run {}; the database could not be read yet: {reason}", command(false));
            InitStep::planned(step, summary, StepWork::DjangoMigrate { fake_initial: false })
        }
        Some((missing, _)) if missing.is_empty() => {
            InitStep::new(step, StepState::Unchanged, format!("the migrations of `{APP}` are recorded"))
        }
        Some((missing, fake_initial)) => {
            let summary = format!("run {}: {}", command(fake_initial), missing.join(", "));
            InitStep::planned(step, summary, StepWork::DjangoMigrate { fake_initial })
        }
    }
}

fn db_migrate(facts: &InitFacts, options: InitOptions) -> InitStep {
    let step = StepName::DbMigrate;
    if let Some((state, summary)) = obstacle(facts, options) {
        return InitStep::new(step, state, summary);
    }
    let is_after_django = unrecorded(facts).is_none_or(|(missing, _)| !missing.is_empty());
    match &facts.database {
        DatabaseState::Read { pending: 0, place, .. } if !is_after_django => {
            InitStep::new(step, StepState::Unchanged, format!("{place} has everything the queue needs"))
        }
        DatabaseState::Read { pending, place, .. } if !is_after_django => {
            let summary = format!("add what {place} lacks: {}", count(*pending, "statement"));
            InitStep::planned(step, summary, StepWork::DbMigrate)
        }
        DatabaseState::Read { .. }
        | DatabaseState::Unreachable(_)
        | DatabaseState::Unusable(_)
        | DatabaseState::NotRead => {
            InitStep::planned(step, "add what Django's tables lack: defaults and indexes", StepWork::DbMigrate)
        }
    }
}

#[cfg(test)]
mod tests;
