//! `reproq task hash`: the canonical specification of a task and its hash, as Django's backend computes them.

use reproq_queue::spec::Key;
use reproq_queue::spec::TaskSpec;
use reproq_queue::spec::Value;
use reproq_queue::spec::ValueError;
use reproq_queue::spec::read_json;
use reproq_queue::spec::spec_hash;
use serde::Serialize;

use crate::cli::TaskSpecArgs;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct TaskHashReport {
    spec_hash: String,
    canonical: String,
}

/// Prints the hash and the text it is computed from.
pub(super) fn hash(arguments: &TaskSpecArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let spec = specification(arguments, &TaskSpec::new(&arguments.task))?;
    let canonical = spec.canonical().map_err(|error| CommandError::new(ExitStatus::Usage, error))?;
    if canonical.contains("\\u0000") {
        session.ui.warn("the arguments contain U+0000, which PostgreSQL does not store: enqueueing this task fails");
    }
    session.ui.report(&TaskHashReport { spec_hash: spec_hash(&canonical), canonical })?;
    Ok(ExitStatus::Success)
}

/// The specification. What is not given is taken from `defaults`.
pub(super) fn specification(arguments: &TaskSpecArgs, defaults: &TaskSpec) -> Result<TaskSpec, CommandError> {
    let run_after = arguments.run_after.as_deref().map(str::parse).transpose();
    let run_after = run_after.map_err(|error| CommandError::new(ExitStatus::Usage, error))?;
    let queue = arguments.queue.as_ref().unwrap_or(&defaults.queue_name);
    let concurrency_key = arguments.concurrency_key.as_ref().or(defaults.concurrency_key.as_ref());
    Ok(TaskSpec {
        args: positional(&arguments.args)?,
        kwargs: keyword(&arguments.kwargs)?,
        takes_context: arguments.takes_context || defaults.takes_context,
        queue_name: if queue.is_empty() { "default".to_owned() } else { queue.clone() },
        priority: arguments.priority.unwrap_or(defaults.priority),
        lock_key: arguments.lock_key.clone().or_else(|| defaults.lock_key.clone()),
        // As Django's backend does with a blank key and a negative limit.
        concurrency_key: concurrency_key.cloned().filter(|key| !key.trim().is_empty()),
        concurrency_limit: arguments.concurrency_limit.unwrap_or(defaults.concurrency_limit).max(0),
        run_after: run_after.or_else(|| defaults.run_after.clone()),
        timeout_seconds: arguments.timeout_seconds.unwrap_or(defaults.timeout_seconds),
        max_attempts: arguments.max_attempts.unwrap_or(defaults.max_attempts),
        code_ref: arguments.code_ref.clone().or_else(|| defaults.code_ref.clone()),
        pip_lock_hash: arguments.pip_lock_hash.clone().or_else(|| defaults.pip_lock_hash.clone()),
        ..TaskSpec::new(&arguments.task)
    })
}

fn positional(json: &str) -> Result<Vec<Value>, CommandError> {
    match read_json(json).map_err(|error| unreadable("--args", error))? {
        Value::List(args) => Ok(args),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Object(_) => {
            Err(CommandError::message(ExitStatus::Usage, "`--args` is not a JSON array")
                .hint("write the positional arguments like `--args '[1, \"two\"]'`"))
        }
    }
}

fn keyword(json: &str) -> Result<Vec<(Key, Value)>, CommandError> {
    let kwargs = match read_json(json).map_err(|error| unreadable("--kwargs", error))? {
        Value::Object(kwargs) => kwargs,
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
            return Err(CommandError::message(ExitStatus::Usage, "`--kwargs` is not a JSON object")
                .hint("write the keyword arguments like `--kwargs '{\"name\": 1}'`"));
        }
    };
    let has = |name: &str| kwargs.iter().any(|(key, _)| matches!(key, Key::Text(key) if key == name));
    if let Some(taken) = TaskSpec::ENQUEUE_PARAMETERS.into_iter().find(|name| has(name)) {
        let message = format!("`{taken}` in `--kwargs` is not an argument of the task: `enqueue` takes it");
        let option = format!("--{}", taken.replace('_', "-"));
        return Err(CommandError::message(ExitStatus::Usage, message).hint(format!("use the option `{option}`")));
    }
    Ok(kwargs)
}

fn unreadable(option: &str, error: ValueError) -> CommandError {
    CommandError::new(ExitStatus::Usage, error).context(format!("failed to read `{option}`"))
}

impl Report for TaskHashReport {
    const SCHEMA: &'static str = "reproq.task-hash/1";

    fn human(&self, out: &mut TextReport) {
        out.line(&self.spec_hash);
        if !out.is_quiet() {
            out.line(&self.canonical);
        }
    }
}
