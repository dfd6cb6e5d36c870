//! `reproq worker --prefork`: what the fork server imports, and the worker's arguments and configuration with it.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::run::report::ForkServerReport;
use crate::commands::session::Session;
use crate::django::DjangoAnswer;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::process::find_program;
use crate::model::worker_flags::WorkerCommand;
use crate::worker::config::ConfigSource;
use crate::worker::config::EffectiveConfig;
use crate::worker::launch::LaunchPlan;
use crate::worker::prefork::PreforkDirectory;
use crate::worker::prefork::PreforkError;
use crate::worker::prefork::PreforkProject;
use crate::worker::prefork::environment_digest;

/// The variable with the settings module.
const SETTINGS: &str = "DJANGO_SETTINGS_MODULE";

/// The modules whose tasks a worker runs without an allow-list.
const DEFAULT_MODULES: [&str; 2] = ["myapp.tasks.", "tasks."];

/// A fork server that is to be started for a worker.
#[derive(Debug, Clone)]
pub(super) struct ForkServerPlan {
    directory: PreforkDirectory,
    program: PathBuf,
    project: PreforkProject,
    /// The worker's configuration, which names the client as its Python.
    config: String,
    /// The worker with this configuration.
    pub launch: LaunchPlan,
}

impl ForkServerPlan {
    /// The plan, or why tasks cannot be forked.
    pub(super) fn new(
        config: &EffectiveConfig,
        launch: &LaunchPlan,
        ask: AskDjango,
        session: &Session<'_>,
    ) -> Result<Self, String> {
        if config.refusals.iter().any(|refusal| !refusal.is_missing_database) {
            return Err("the worker refuses its configuration".to_owned());
        }
        let variables = &launch.environment.variables;
        let settings = variables.iter().find(|(name, _)| name == SETTINGS).and_then(|(_, value)| value.to_str());
        let settings = settings.ok_or("the settings of Django are unknown; set DJANGO_SETTINGS_MODULE")?;
        let python = python(config, launch, ask, session)?;
        let program =
            session.env.own_executable.clone().ok_or("the system does not report the path of this program")?;
        let directory = PreforkDirectory::new_in(&base(session));
        let client = directory.client();
        let client = client.to_str().ok_or("the path of the private directory is not UTF-8")?;
        let size = |name| usize::try_from(config.integer(name)).unwrap_or(0);
        let project = PreforkProject {
            python,
            directory: launch.directory.clone(),
            settings: settings.to_owned(),
            executor: config.text("worker.executor_module").to_owned(),
            allowed: allowed(config, launch),
            environment: environment_digest(variables.iter().cloned()),
            stdout_limit: size("worker.max_stdout_bytes"),
            stderr_limit: size("worker.max_stderr_bytes"),
            worker: std::process::id(),
        };
        let config = config.file_with(WorkerCommand::Worker, ("worker.python_bin", client));
        let mut launch = launch.clone();
        let is_config = |argument: &String| argument.trim_start_matches('-').split('=').next() == Some("config");
        launch.arguments.retain(|argument| !is_config(argument));
        launch.arguments.push(format!("--config={}", directory.config().display()));
        Ok(Self { directory, program, project, config, launch })
    }

    /// Starts the keeper and waits for the fork server. If there is none, the worker must be started without it.
    pub(super) fn start(&self, limit: Duration, session: &Session<'_>) -> bool {
        let started = self
            .directory
            .create(&self.program, &self.project, &self.config)
            .and_then(|()| self.directory.start(&self.program, &self.launch.environment.variables, limit));
        match started {
            Ok(status) => {
                session.ui.debug(&format!("the fork server is ready in {}", self.directory.config().display()));
                for problem in &status.problems {
                    session.ui.warn(&format!("tasks are not forked: {problem}"));
                }
                if !status.problems.is_empty() {
                    session
                        .ui
                        .hint("plain Python runs the tasks until this is fixed; `reproq prefork status` shows it");
                }
                true
            }
            // It still imports, and serves when it is ready.
            Err(error @ PreforkError::TimedOut(_)) => {
                session.ui.warn(&format!("{error}; plain Python runs the tasks until it is ready"));
                true
            }
            Err(error) => {
                self.directory.remove();
                let error = CommandError::new(ExitStatus::Failure, error);
                session.ui.warn(&format!("plain Python runs the tasks: {}", error.lines().join(": ")));
                false
            }
        }
    }

    pub(super) fn report(&self) -> ForkServerReport {
        ForkServerReport {
            python: self.project.python.display().to_string(),
            settings: self.project.settings.clone(),
            executor: self.project.executor.clone(),
            imports: self.project.allowed.clone(),
        }
    }
}

/// Where private directories are made: systemd's for the service, the user's, or the one for temporary files.
pub(in crate::commands) fn bases(session: &Session<'_>) -> Vec<PathBuf> {
    let of_service = session.env.var("RUNTIME_DIRECTORY");
    let of_service = of_service.as_deref().and_then(|all| all.split(':').next()).map(PathBuf::from);
    let of_user = session.env.var("XDG_RUNTIME_DIR").map(PathBuf::from);
    let temporary = session.env.var("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let is_usable = |path: &PathBuf| path.is_absolute() && crate::platform::is_writable(path);
    of_service.into_iter().chain(of_user).filter(is_usable).chain([temporary]).collect()
}

fn base(session: &Session<'_>) -> PathBuf {
    bases(session).into_iter().next().unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// The interpreter: the one in the configuration, else the one that has the project's Django, else the worker's default.
fn python(
    config: &EffectiveConfig,
    launch: &LaunchPlan,
    ask: AskDjango,
    session: &Session<'_>,
) -> Result<PathBuf, String> {
    let value = config.value("worker.python_bin");
    let named = value.filter(|value| value.source != ConfigSource::Default).map(|value| value.value.to_string());
    if named.is_none()
        && let DjangoAnswer::Answered(facts) = django::answer(session, ask)
    {
        return Ok(facts.python);
    }
    let named = named.unwrap_or_else(|| "python3".to_owned());
    if named.contains('/') {
        return Ok(launch.directory.join(Path::new(&named)));
    }
    find_program(&named, &launch.environment.variables, None).map_err(|_| format!("there is no `{named}` on PATH"))
}

/// The allow-list that the worker has in the end.
fn allowed(config: &EffectiveConfig, launch: &LaunchPlan) -> Vec<String> {
    let flag = launch.arguments.iter().find_map(|argument| argument.strip_prefix("--allowed-task-modules="));
    let list = match flag {
        Some(flag) => flag.split(',').map(|entry| entry.trim().to_owned()).collect(),
        None => config.list("worker.allowed_task_modules"),
    };
    let list: Vec<String> = list.into_iter().filter(|entry| !entry.is_empty()).collect();
    if list.is_empty() { DEFAULT_MODULES.map(str::to_owned).to_vec() } else { list }
}
