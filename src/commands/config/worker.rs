//! `reproq config worker`, `config beat`: every value as the worker reads it, what it ignores, and what it refuses.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::cli::ConfigWorkerArgs;
use crate::commands::database_url;
use crate::commands::database_url::DatabaseLookup;
use crate::commands::database_url::DatabaseReader;
use crate::commands::database_url::FoundDatabase;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::session::Session;
use crate::config::DatabaseUrl;
use crate::django::DjangoAnswer;
use crate::django::RegisteredTasks;
use crate::django::TaskModules;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_again;
use crate::model::secret::REDACTED;
use crate::model::secret::Secret;
use crate::model::secret::passwords_in;
use crate::model::worker_flags::WorkerCommand;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::config;
use crate::worker::config::ConfigFile;
use crate::worker::config::ConfigFileError;
use crate::worker::config::ConfigFileReason;
use crate::worker::config::ConfigRefusal;
use crate::worker::config::ConfigSource;
use crate::worker::config::ConfigValue;
use crate::worker::config::EffectiveConfig;
use crate::worker::config::IgnoredKey;

/// The report of `config worker` and `config beat`.
#[derive(Debug, Serialize)]
struct WorkerConfigReport {
    command: &'static str,
    /// The directory that the worker is started in.
    directory: String,
    /// The file, as the worker opens it; `null` if there is none.
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_selected_by: Option<&'static str>,
    values: Vec<ShownValue>,
    /// Keys of the file without a meaning for the worker.
    ignored: Vec<IgnoredKey>,
    /// Why the worker would not start.
    refusals: Vec<ConfigRefusal>,
    notes: Vec<String>,
    #[serde(skip)]
    explain: bool,
}

/// A value with its secret masked.
#[derive(Debug, Serialize)]
struct ShownValue {
    name: &'static str,
    value: Value,
    source: ConfigSource,
    /// Where else it can be set.
    flag: Option<&'static str>,
    variable: Option<&'static str>,
    #[serde(skip)]
    text: String,
}

pub(super) fn show(
    command: WorkerCommand,
    arguments: &ConfigWorkerArgs,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let (file, mut config) = read(command, &arguments.arguments, session)?;
    launched(command, arguments, &mut config, session)?;
    let refused = refusal(&config, file.as_ref());
    session.ui.report(&report(command, file.as_ref(), config, arguments.explain, &session.project.root))?;
    let Some(refused) = refused else { return Ok(ExitStatus::Success) };
    session.ui.error_after_report(&refused);
    Ok(refused.status)
}

/// The configuration of a command that is started in the project.
pub(in crate::commands) fn read(
    command: WorkerCommand,
    arguments: &[String],
    session: &Session<'_>,
) -> Result<(Option<ConfigFile>, EffectiveConfig), CommandError> {
    let variable = |name: &str| session.env.var(name);
    let named = variable("REPROQ_CONFIG");
    let file = config::find(&session.project.root, arguments, named.as_deref()).map_err(unreadable)?;
    let config = config::read(command, file.as_ref(), &variable, arguments);
    config.values.iter().filter(|value| value.is_secret).for_each(|value| session.ui.redact(&value.value.to_string()));
    Ok((file, config))
}

/// The URL of the database in the configuration file alone.
pub(in crate::commands) fn database_in_file(
    command: WorkerCommand,
    arguments: &[String],
    session: &Session<'_>,
) -> Result<Option<DatabaseUrl>, CommandError> {
    let named = session.env.var("REPROQ_CONFIG");
    let Some(file) = config::find(&session.project.root, arguments, named.as_deref()).map_err(unreadable)? else {
        return Ok(None);
    };
    let config = config::read(command, Some(&file), &|_| None, &[]);
    let Some(dsn) = config.value("dsn") else { return Ok(None) };
    let ConfigSource::File { key, line } = dsn.source else { return Ok(None) };
    let from = format!("{}, line {line}: {key}", file.path.display());
    Ok(Some(DatabaseUrl { url: Secret::new(dsn.value.to_string()), from }))
}

/// The tasks of Django's apps, or why they are unknown. `None` if the settings were not read or there is no Django.
pub(in crate::commands) fn task_modules(answer: &DjangoAnswer) -> Option<Result<&RegisteredTasks, String>> {
    match answer {
        DjangoAnswer::Skipped { .. } | DjangoAnswer::NoProject => None,
        DjangoAnswer::Failed { .. } | DjangoAnswer::TimedOut { .. } => Some(Err(answer.failure().unwrap_or_default())),
        DjangoAnswer::Answered(facts) => match &facts.tasks {
            TaskModules::NotRequested => None,
            TaskModules::Found(registered) => Some(Ok(registered)),
            TaskModules::Failed(reason) => Some(Err(reason.clone())),
            TaskModules::TimedOut(limit) => {
                Some(Err(format!("the apps did not load within {} s", limit.as_secs_f64())))
            }
        },
    }
}

/// Adds what `reproq worker` passes on where the worker itself finds nothing.
fn launched(
    command: WorkerCommand,
    arguments: &ConfigWorkerArgs,
    config: &mut EffectiveConfig,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let needs_allow_list = command == WorkerCommand::Worker && config.is_allow_list_unset();
    let ask = match (arguments.django.no_django, needs_allow_list) {
        (true, _) => AskDjango::No,
        (false, true) => AskDjango::Tasks(django::LIMIT),
        (false, false) => AskDjango::Settings(django::LIMIT),
    };
    let lookup = DatabaseLookup {
        alias: None,
        reader: DatabaseReader::Worker,
        ask,
        worker_file: &|| database_in_file(command, &arguments.arguments, session),
    };
    if config.value("dsn").is_none_or(|dsn| matches!(dsn.source, ConfigSource::Default | ConfigSource::File { .. })) {
        match database_url::find(&lookup, session) {
            Ok(None | Some(FoundDatabase { is_in_worker_file: true, .. })) => {}
            Ok(Some(FoundDatabase { found, .. })) => {
                passwords_in(found.url.expose()).iter().for_each(|password| session.ui.redact(password));
                config.launch_with("dsn", &ConfigValue::Text(found.url.expose().clone()), &found.from);
            }
            Err(error) => config.notes.extend(error.lines().into_iter().take(1)),
        }
    }
    if needs_allow_list {
        let answer = django::answer(session, ask);
        match task_modules(&answer).map(|tasks| tasks.map(RegisteredTasks::allow_list)) {
            Some(Ok(allowed)) if !allowed.is_empty() => {
                let allowed = ConfigValue::List(allowed);
                config.launch_with("worker.allowed_task_modules", &allowed, "the tasks of Django's apps");
            }
            Some(Err(reason)) => config.notes.push(format!(
                "`reproq worker` does not start without worker.allowed_task_modules: the tasks of Django's apps are unknown: {reason}"
            )),
            _ => config.notes.push(format!("worker.allowed_task_modules is empty, so {}", config::DEFAULT_ALLOW_LIST)),
        }
    }
    Ok(())
}

/// Why the worker would not start with this configuration.
fn refusal(config: &EffectiveConfig, file: Option<&ConfigFile>) -> Option<CommandError> {
    let lines: Vec<String> = config.refusals.iter().map(|refusal| sentence(refusal, file)).collect();
    let (first, others) = lines.split_first()?;
    let failure = CommandError::message(ExitStatus::Usage, format!("the worker refuses this configuration: {first}"));
    Some(
        failure
            .details(others.iter().cloned())
            .hint("`reproq config worker --explain` shows where each value comes from"),
    )
}

/// The problem, with file and line.
pub(in crate::commands) fn sentence(refusal: &ConfigRefusal, file: Option<&ConfigFile>) -> String {
    match (refusal.line, file) {
        (Some(line), Some(file)) => format!("{}, line {line}: {}", file.path.display(), refusal.problem),
        (_, _) => refusal.problem.clone(),
    }
}

fn unreadable(error: ConfigFileError) -> CommandError {
    match error {
        ConfigFileError::Read { path, source } => CommandError::io("read", &path, io_again(&source))
            .context("the worker would not start")
            .hint("`--config FILE` and REPROQ_CONFIG name the file, relative to the project"),
        ConfigFileError::MissingValue | ConfigFileError::Extension(_) => CommandError::new(ExitStatus::Usage, error)
            .hint("the worker reads files that end with .yaml, .yml or .toml"),
    }
}

fn report(
    command: WorkerCommand,
    file: Option<&ConfigFile>,
    config: EffectiveConfig,
    explain: bool,
    directory: &Path,
) -> WorkerConfigReport {
    let values = config.values.into_iter().map(|value| {
        let is_masked = value.is_secret && !value.value.to_string().is_empty();
        let text = if is_masked { REDACTED.to_owned() } else { value.value.to_string() };
        let shown = if is_masked {
            Value::from(REDACTED)
        } else {
            serde_json::to_value(&value.value).expect("strings, numbers and lists of strings")
        };
        let (name, source, flag, variable) = (value.name, value.source, value.flag, value.variable);
        ShownValue { name, value: shown, source, flag, variable, text }
    });
    let mut notes = config.notes;
    if let Some(word) = config.ignored_arguments.first() {
        notes.push(format!("the worker ignores the argument `{word}` and everything after it"));
    }
    WorkerConfigReport {
        command: command.as_str(),
        directory: directory.display().to_string(),
        file: file.map(|file| file.path.display().to_string()),
        file_selected_by: file.map(|file| match file.reason {
            ConfigFileReason::Flag => "--config",
            ConfigFileReason::Variable => "REPROQ_CONFIG",
            ConfigFileReason::Name => "its name",
        }),
        values: values.collect(),
        ignored: config.ignored,
        refusals: config.refusals,
        notes,
        explain,
    }
}

impl Report for WorkerConfigReport {
    const SCHEMA: &'static str = "reproq.worker-config/1";

    fn human(&self, out: &mut TextReport) {
        let is_shown = |it: &&ShownValue| self.explain || it.source != ConfigSource::Default;
        match (&self.file, self.file_selected_by) {
            (Some(file), Some(by)) => out.strong(&format!("{file} in {} (selected by {by})", self.directory)),
            (_, _) => out.strong(&format!("No configuration file in {}", self.directory)),
        }
        if self.explain {
            out.faint("A flag takes precedence over a variable, a variable over the file, the file over the default.");
        }
        out.blank();
        let mut heading = vec!["SETTING", "VALUE", "FROM"];
        heading.extend(self.explain.then_some("CAN BE SET BY"));
        let heading = heading.into_iter().map(str::to_owned).collect();
        let rows = self.values.iter().filter(is_shown).map(|it| {
            let mut row = vec![it.name.to_owned(), it.text.clone(), self.source(&it.source)];
            row.extend(self.explain.then(|| it.ways()));
            row
        });
        let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
        if rows.len() > 1 {
            out.table(&rows);
        }
        let defaults = self.values.len() + 1 - rows.len();
        if defaults > 0 {
            out.faint(&format!("{defaults} more settings have their default value; use `--explain` to list them"));
        }
        for ignored in &self.ignored {
            out.line(&format!("ignored: line {}: `{}` has no meaning for the worker", ignored.line, ignored.key));
        }
        for note in &self.notes {
            out.line(&format!("note: {note}"));
        }
    }
}

impl WorkerConfigReport {
    fn source(&self, source: &ConfigSource) -> String {
        match source {
            ConfigSource::Default => "the default".to_owned(),
            ConfigSource::File { key, line } => {
                format!("{}, line {line}: {key}", self.file.as_deref().unwrap_or_default())
            }
            ConfigSource::Variable { name } => format!("the variable {name}"),
            ConfigSource::Flag { name } => format!("the flag --{name}"),
            ConfigSource::Launch { from } => format!("`reproq {}`, from {from}", self.command),
        }
    }
}

impl ShownValue {
    fn ways(&self) -> String {
        let key = self.name.contains('.').then(|| self.name.to_owned());
        let flag = self.flag.map(|flag| format!("--{flag}"));
        let ways: Vec<String> = flag.into_iter().chain(self.variable.map(str::to_owned)).chain(key).collect();
        ways.join(", ")
    }
}
