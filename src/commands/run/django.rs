//! What the worker needs of Django, and does not find itself: the modules of the tasks, and the settings with which they run.

use std::path::Path;

use crate::commands::config::worker as configuration;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::request;
use crate::commands::session::Session;
use crate::django::DjangoAnswer;
use crate::django::DjangoFacts;
use crate::django::settings_module_in;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::process::find_program;
use crate::model::secret::Secret;
use crate::model::worker_flags::WorkerCommand;
use crate::worker::config;
use crate::worker::config::ConfigSource;
use crate::worker::config::EffectiveConfig;
use crate::worker::launch::SetVariable;

/// The variable that names the settings. The processes that run the tasks inherit it from the worker.
const SETTINGS: &str = "DJANGO_SETTINGS_MODULE";

/// Whether neither a flag nor a variable nor the file names the modules of tasks.
pub(super) fn needs_allow_list(command: WorkerCommand, config: &EffectiveConfig) -> bool {
    command == WorkerCommand::Worker && config.is_allow_list_unset()
}

/// The flag with the modules of the project's tasks, if nothing else names them: without it, the worker runs only tasks in
/// modules with the names of its default, and fails all others for good. A worker that does so because Django did not answer is
/// not started.
pub(super) fn allow_list(
    command: WorkerCommand,
    config: &EffectiveConfig,
    ask: AskDjango,
    session: &Session<'_>,
) -> Result<Option<String>, CommandError> {
    if !needs_allow_list(command, config) {
        return Ok(None);
    }
    let answer = django::answer(session, ask);
    let registered = match configuration::task_modules(&answer) {
        None => return Ok(None),
        Some(Ok(registered)) => registered,
        Some(Err(reason)) => return Err(unknown_tasks(&reason)),
    };
    for problem in &registered.problems {
        session.ui.warn(problem);
    }
    let allowed = registered.allow_list();
    if !allowed.is_empty() {
        return Ok(Some(format!("--allowed-task-modules={}", allowed.join(","))));
    }
    let problem = "the apps of Django define no tasks in `tasks` modules";
    session.ui.warn(&format!("{problem}; {}", config::DEFAULT_ALLOW_LIST));
    session.ui.hint(NAME_THE_MODULES);
    Ok(None)
}

/// How the user names the modules.
const NAME_THE_MODULES: &str =
    "set `worker.allowed_task_modules` in the worker's configuration, or ALLOWED_TASK_MODULES";

fn unknown_tasks(reason: &str) -> CommandError {
    let message = format!("the tasks of Django's apps are unknown: {reason}");
    CommandError::message(ExitStatus::Failure, message)
        .hint(
            "the worker was not started: without a list of task modules, it would permanently fail the project's tasks",
        )
        .hint("repair the project, or allow more time with `--django-timeout`")
        .hint(format!("or {NAME_THE_MODULES}"))
}

/// The variable with the settings module, as `manage.py` sets it for what it starts.
pub(super) fn settings(command: WorkerCommand, ask: AskDjango, session: &Session<'_>) -> Option<SetVariable> {
    if command != WorkerCommand::Worker || session.env.var_os(SETTINGS).is_some() {
        return None;
    }
    let (module, from) = match django::answer(session, ask) {
        DjangoAnswer::Answered(facts) => (facts.settings_module, "Django"),
        DjangoAnswer::Skipped { .. }
        | DjangoAnswer::NoProject
        | DjangoAnswer::Failed { .. }
        | DjangoAnswer::TimedOut { .. } => (settings_module_in(&session.project.root)?, "manage.py"),
    };
    let from = from.to_owned();
    (!module.is_empty()).then_some(SetVariable { name: SETTINGS, from, value: Secret::new(module) })
}

/// The variables that are named in a warning.
const NAMED: usize = 5;

/// Warns of variables that `manage.py` sets. What `manage.py` starts inherits them; they may be meant for its commands only, so that
/// they are not passed on.
pub(super) fn warn_about_variables(command: WorkerCommand, ask: AskDjango, session: &Session<'_>) {
    let DjangoAnswer::Answered(facts) = django::answer(session, ask) else { return };
    // Both are looked after: one is passed on, and the other selects the worker.
    let names = facts.manage_variables.iter().filter(|name| ![SETTINGS, "REPROQ_WORKER_BIN"].contains(&name.as_str()));
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    if command != WorkerCommand::Worker || names.is_empty() {
        return;
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    session.ui.warn(&format!("the worker and its tasks do not get what manage.py sets: {}{more}", names.join(", ")));
    session.ui.hint("set these variables where `reproq worker` is started, or in the settings module");
}

/// Warns if tasks run with another Python than the project's, where they would not find its packages.
pub(super) fn warn_about_python(config: &EffectiveConfig, ask: AskDjango, session: &Session<'_>) {
    let is_default = config.value("worker.python_bin").is_some_and(|python| python.source == ConfigSource::Default);
    if !is_default {
        return;
    }
    let DjangoAnswer::Answered(facts) = django::answer(session, ask) else { return };
    let DjangoFacts { python, .. } = *facts;
    let found = find_program("python3", &request::environment(session), None).ok();
    // Not the files: in a virtual environment, both may be links to the same one.
    if found.as_deref().and_then(Path::parent) != python.parent() {
        let found = found.map_or_else(|| "there is none".to_owned(), |found| format!("which is {}", found.display()));
        session.ui.warn(&format!(
            "tasks run with `python3` on PATH ({found}), and Django was found with {}",
            python.display()
        ));
        session.ui.hint("activate the project's environment, or set `worker.python_bin` in the worker's configuration");
    }
}
