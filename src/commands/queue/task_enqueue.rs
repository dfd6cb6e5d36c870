//! `reproq task enqueue`: the row and the hash that Django's backend would write for a call, checked against the project's code.

use reproq_queue::routing::QueueRouting;
use reproq_queue::spec::TaskSpec;
use reproq_queue::tasks::NewTask;
use reproq_queue::write;
use reproq_queue::write::InsertOutcome;
use serde::Serialize;
use serde_json::Value;

use crate::cli::DatabaseArgs;
use crate::cli::TaskEnqueueArgs;
use crate::commands::database::Database;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::queue::task_hash;
use crate::commands::session::Session;
use crate::django::DjangoFacts;
use crate::django::RegisteredTasks;
use crate::django::TaskAttributes;
use crate::django::TaskBackend;
use crate::django::TaskModules;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

/// Django's limits.
const PRIORITIES: std::ops::RangeInclusive<i32> = -100..=100;

/// A path that is less similar is not meant.
const SIMILARITY: f64 = 0.85;

/// The report of `task enqueue` and `task replay`.
#[derive(Debug, Serialize)]
pub(super) struct TaskEnqueueReport {
    /// The new task, or the one that is the same.
    pub(super) id: i64,
    /// The alias of its database, if there is one.
    pub(super) database: Option<String>,
    /// Whether there is a new task.
    pub(super) enqueued: bool,
    pub(super) task_path: String,
    pub(super) queue_name: String,
    pub(super) spec_hash: String,
    /// The finished task that this one repeats.
    pub(super) replayed: Option<i64>,
}

/// What the project says about a task.
struct KnownTask {
    defaults: TaskSpec,
    backend: String,
    expires_after: Option<f64>,
    /// `DEDUP_ACTIVE`.
    dedupe: bool,
    /// The queues of the backend; empty if all are allowed.
    queues: Vec<String>,
    /// The databases of the queues; `None` if the project was not asked.
    routing: Option<QueueRouting>,
}

pub(super) fn enqueue(arguments: &TaskEnqueueArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let known = if arguments.unchecked { KnownTask::unchecked(arguments) } else { known(arguments, session)? };
    let spec = task_hash::specification(&arguments.spec, &known.defaults)?;
    if !arguments.unchecked {
        check(&spec, &known)?;
    }
    let expires_after = arguments.expires_in.map(|time| time.as_secs_f64()).or(known.expires_after);
    let mut task = NewTask::of_spec(&spec, &known.backend, expires_after)
        .map_err(|error| CommandError::new(ExitStatus::Usage, error))?;
    task.dedupe = known.dedupe;
    if task.spec.contains("\\u0000") {
        let message = "the task contains the character U+0000, which PostgreSQL does not store";
        return Err(CommandError::message(ExitStatus::Usage, message).hint("remove it from the arguments"));
    }
    let database = database(arguments, &spec.queue_name, &known, session);
    let outcome = Database::write(&database, session, async |tx| write::insert_task(tx, &task).await)?;
    if let (InsertOutcome::Duplicate(id), false) = (outcome, known.dedupe) {
        return Err(no_second(id));
    }
    session.ui.report(&TaskEnqueueReport {
        id: outcome.id(),
        database: database.database,
        enqueued: matches!(outcome, InsertOutcome::Inserted(_)),
        task_path: task.task_path,
        queue_name: task.queue_name,
        spec_hash: task.spec_hash,
        replayed: None,
    })?;
    Ok(ExitStatus::Success)
}

/// The setting allows equal tasks, and the database does not.
fn no_second(id: i64) -> CommandError {
    let message =
        format!("task {id} is the same and is not finished, and an index on spec_hash allows only one of them");
    CommandError::message(ExitStatus::Conflict, message)
        .hint("DEDUP_ACTIVE is off in TASKS, which has no effect in a database with this index; wait until the task is finished")
}

impl KnownTask {
    fn unchecked(arguments: &TaskEnqueueArgs) -> Self {
        Self {
            defaults: TaskSpec::new(&arguments.spec.task),
            backend: arguments.backend.clone().unwrap_or_else(|| "default".to_owned()),
            expires_after: None,
            dedupe: true,
            queues: Vec::new(),
            routing: None,
        }
    }
}

/// Asks the project's Django.
fn known(arguments: &TaskEnqueueArgs, session: &Session<'_>) -> Result<KnownTask, CommandError> {
    let path = arguments.spec.task.as_str();
    let answer = django::answer(session, AskDjango::Tasks(arguments.django_timeout));
    let unknown = |reason: &str| {
        CommandError::message(ExitStatus::Usage, format!("cannot check whether the task `{path}` exists: {reason}"))
            .details(answer.stderr().iter().map(|line| format!("stderr: {line}")))
            .hint("`--unchecked` enqueues it without the check")
    };
    let facts = django::facts(&answer, session).map_err(|error| {
        error
            .context(format!("cannot check whether the task `{path}` exists"))
            .hint("`--unchecked` enqueues it without the check")
    })?;
    let registered = match &facts.tasks {
        TaskModules::Found(registered) => registered,
        TaskModules::Failed(reason) => return Err(unknown(reason)),
        TaskModules::TimedOut(limit) => {
            return Err(unknown(&format!("the apps did not load within {} s", limit.as_secs_f64())));
        }
        TaskModules::NotRequested => return Err(unknown("the tasks were not listed")),
    };
    if !registered.paths.iter().any(|known| known == path) {
        return Err(no_such_task(path, registered));
    }
    let attributes = registered.attributes.get(path).cloned().unwrap_or_default();
    of_attributes(arguments, facts, &attributes)
}

fn no_such_task(path: &str, registered: &RegisteredTasks) -> CommandError {
    let message = format!("the apps of the project define no task `{path}` in their `tasks` modules");
    let error = CommandError::message(ExitStatus::NotFound, message).details(registered.problems.iter().cloned());
    let scored = registered.paths.iter().map(|known| (strsim::jaro(path, known), known));
    let error = match scored.filter(|(score, _)| *score > SIMILARITY).max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((_, similar)) => error.hint(format!("did you mean `{similar}`?")),
        None => error,
    };
    error.hint("for a task in another module use `--unchecked`")
}

fn of_attributes(
    arguments: &TaskEnqueueArgs,
    facts: &DjangoFacts,
    attributes: &TaskAttributes,
) -> Result<KnownTask, CommandError> {
    let spec = &arguments.spec;
    let given = |name: &str| match name {
        "run_after" => spec.run_after.is_some(),
        "lock_key" => spec.lock_key.is_some(),
        "concurrency_key" => spec.concurrency_key.is_some(),
        _ => spec.concurrency_limit.is_some(),
    };
    if let Some(name) = attributes.computed().into_iter().find(|name| !given(name)) {
        let message = format!("`{name}` of the task `{}` is computed by its code for each call", spec.task);
        let option = name.replace('_', "-");
        return Err(CommandError::message(ExitStatus::Usage, message).hint(format!("give its value with `--{option}`")));
    }
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let number = |value: &Value| value.as_i64().and_then(|number| i32::try_from(number).ok());
    let alias = arguments.backend.clone().or_else(|| text(&attributes.backend)).unwrap_or_else(|| "default".to_owned());
    let backend = backend(facts, &alias)?;
    let option = |name: &str| backend.options.get(name);
    let mut defaults = TaskSpec::new(&spec.task);
    defaults.queue_name = text(&attributes.queue_name).unwrap_or(defaults.queue_name);
    defaults.priority = number(&attributes.priority).unwrap_or(defaults.priority);
    defaults.takes_context = attributes.takes_context == Value::Bool(true);
    defaults.lock_key = text(&attributes.lock_key);
    defaults.concurrency_key = text(&attributes.concurrency_key);
    defaults.concurrency_limit = number(&attributes.concurrency_limit).unwrap_or(0);
    defaults.timeout_seconds = option("TIMEOUT_SECONDS").and_then(number).unwrap_or(defaults.timeout_seconds);
    defaults.max_attempts = option("MAX_ATTEMPTS").and_then(number).unwrap_or(defaults.max_attempts);
    defaults.code_ref = option("CODE_REF").and_then(text);
    defaults.pip_lock_hash = option("PIP_LOCK_HASH").and_then(text);
    Ok(KnownTask {
        defaults,
        backend: alias,
        expires_after: option("EXPIRES_IN")
            .and_then(|value| value["seconds"].as_f64())
            .filter(|seconds| *seconds != 0.0),
        dedupe: option("DEDUP_ACTIVE").is_none_or(is_true),
        queues: backend.queues.clone(),
        routing: Some(super::routing(facts)),
    })
}

/// As Python sees a setting.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

fn backend<'a>(facts: &'a DjangoFacts, alias: &str) -> Result<&'a TaskBackend, CommandError> {
    let known: Vec<&str> = facts.queue_backends().map(|backend| backend.alias.as_str()).collect();
    facts.queue_backends().find(|backend| backend.alias == alias).ok_or_else(|| {
        let message = format!("the backend `{alias}` in Django's TASKS does not enqueue into this queue");
        CommandError::message(ExitStatus::Usage, message).hint(if known.is_empty() {
            "add a backend `reproq_django.backend.ReproqBackend` to TASKS, or use `--unchecked`".to_owned()
        } else {
            format!("use `--backend` with one of: {}", known.join(", "))
        })
    })
}

/// What Django refuses before it enqueues.
fn check(spec: &TaskSpec, known: &KnownTask) -> Result<(), CommandError> {
    let refused = |message: String| {
        Err(CommandError::message(ExitStatus::Usage, message).hint("`--unchecked` enqueues it nevertheless"))
    };
    if !known.queues.is_empty() && !known.queues.contains(&spec.queue_name) {
        let queues = known.queues.join(", ");
        return refused(format!("the backend `{}` has no queue `{}`; it has {queues}", known.backend, spec.queue_name));
    }
    if !PRIORITIES.contains(&spec.priority) {
        return refused(format!("the priority {} is not from -100 to 100", spec.priority));
    }
    Ok(())
}

/// The database that Django would use: the one of the queue, unless it is the default one, or an alias is given.
fn database(arguments: &TaskEnqueueArgs, queue: &str, known: &KnownTask, session: &Session<'_>) -> DatabaseArgs {
    let Some(routing) = known.routing.as_ref().filter(|_| arguments.database.database.is_none()) else {
        return arguments.database.clone();
    };
    let route = routing.route_of(queue);
    session.ui.debug(&format!("the queue `{queue}` is in {route}"));
    if route.alias == routing.default_alias() {
        return arguments.database.clone();
    }
    DatabaseArgs { database: Some(route.alias.to_owned()) }
}

impl Report for TaskEnqueueReport {
    const SCHEMA: &'static str = "reproq.task-enqueue/1";

    fn human(&self, out: &mut TextReport) {
        let id = match &self.database {
            Some(alias) => format!("{alias}:{}", self.id),
            None => self.id.to_string(),
        };
        if out.is_quiet() {
            out.line(&id);
            return;
        }
        let what = match self.replayed {
            Some(replayed) => format!("{} again, as task {replayed} did", self.task_path),
            None => self.task_path.clone(),
        };
        out.line(&if self.enqueued {
            format!("Task {id} is enqueued in {}. It runs {what}.", self.queue_name)
        } else {
            format!("Nothing was enqueued: task {id} is the same and is not finished.")
        });
    }
}
