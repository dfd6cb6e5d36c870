//! Finds the URL of the database: in the variables and `[tool.reproq.databases]`, then in the worker's configuration, then in the
//! settings of Django. Each of these is read only if nothing before it has the answer.

use std::path::Path;

use reproq_queue::dsn::is_refused_from_the_worker;

use crate::commands::config::worker as configuration;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::config::DATABASE_VARIABLE;
use crate::config::DatabasePlace;
use crate::config::DatabaseUrl;
use crate::config::NoDatabaseUrl;
use crate::config::database_place;
use crate::django::DjangoAnswer;
use crate::django::DjangoFacts;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::model::secret::Secret;
use crate::model::worker_flags::WorkerCommand;

/// The name of a systemd credential with the URL of the database.
const CREDENTIAL: &str = "dsn";

/// No URL is longer.
const MAX_CREDENTIAL: u64 = 64 * 1024;

/// What to do without a database.
const SET_IT: &str = "set DATABASE_URL, or `dsn` in the worker's configuration";

/// Who reads the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatabaseReader {
    /// This program.
    Own,
    /// The worker, which cannot use every setting of libpq.
    Worker,
}

/// What is looked for.
pub(super) struct DatabaseLookup<'a> {
    pub alias: Option<&'a str>,
    pub reader: DatabaseReader,
    pub ask: AskDjango,
    /// The URL in the worker's configuration file, if it has one.
    pub worker_file: &'a dyn Fn() -> Result<Option<DatabaseUrl>, CommandError>,
}

/// A URL that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundDatabase {
    pub found: DatabaseUrl,
    /// Whether the worker finds the same one without help.
    pub is_in_worker_file: bool,
}

impl FoundDatabase {
    const fn new(found: DatabaseUrl) -> Self {
        Self { found, is_in_worker_file: false }
    }
}

/// Finds the URL; not finding one is an error.
pub(super) fn require(lookup: &DatabaseLookup<'_>, session: &Session<'_>) -> Result<FoundDatabase, CommandError> {
    find(lookup, session)?.ok_or_else(|| hints::no_database(NoDatabaseUrl::Nothing))
}

/// Finds the URL; `None` if nothing names a database.
pub(super) fn find(lookup: &DatabaseLookup<'_>, session: &Session<'_>) -> Result<Option<FoundDatabase>, CommandError> {
    let is_unnamed = lookup.alias.is_none() && session.env.var_os(DATABASE_VARIABLE).is_none();
    if is_unnamed && let Some(found) = credential(session)? {
        return Ok(Some(FoundDatabase::new(found)));
    }
    let place = database_place(lookup.alias, &session.settings.databases, &session.env).map_err(hints::no_database)?;
    match place {
        DatabasePlace::Found(found) => Ok(Some(FoundDatabase::new(found))),
        DatabasePlace::WorkerConfig { alias } => match (lookup.worker_file)()? {
            Some(found) => Ok(Some(FoundDatabase::new(found))),
            None => Err(hints::no_database(NoDatabaseUrl::NotInWorkerConfig { alias })),
        },
        DatabasePlace::Django { alias } => {
            let answer = django::answer(session, lookup.ask);
            let missing = match &answer {
                DjangoAnswer::NoProject => "there is no Django project here",
                DjangoAnswer::Skipped { .. } => "the Django settings were not read",
                DjangoAnswer::Answered(_) | DjangoAnswer::Failed { .. } | DjangoAnswer::TimedOut { .. } => {
                    return of_django(&answer, alias.as_deref(), lookup.reader, session).map(Some);
                }
            };
            let alias = alias.unwrap_or_else(|| "default".to_owned());
            Err(hints::no_database(NoDatabaseUrl::NotInDjango { alias, reason: missing.to_owned() }))
        }
        DatabasePlace::Undeclared { alias, known } => {
            let answer = django::answer(session, lookup.ask);
            match &answer {
                DjangoAnswer::NoProject | DjangoAnswer::Skipped { .. } => {
                    Err(hints::no_database(NoDatabaseUrl::UnknownAlias { alias, known }))
                }
                DjangoAnswer::Answered(_) | DjangoAnswer::Failed { .. } | DjangoAnswer::TimedOut { .. } => {
                    of_django(&answer, Some(&alias), lookup.reader, session).map(Some)
                }
            }
        }
        DatabasePlace::Unnamed => unnamed(lookup, session),
    }
}

fn unnamed(lookup: &DatabaseLookup<'_>, session: &Session<'_>) -> Result<Option<FoundDatabase>, CommandError> {
    if let Some(found) = (lookup.worker_file)()? {
        return Ok(Some(FoundDatabase { found, is_in_worker_file: true }));
    }
    let answer = django::answer(session, lookup.ask);
    match &answer {
        DjangoAnswer::NoProject | DjangoAnswer::Skipped { .. } => Ok(None),
        DjangoAnswer::Answered(_) | DjangoAnswer::Failed { .. } | DjangoAnswer::TimedOut { .. } => {
            of_django(&answer, None, lookup.reader, session).map(Some)
        }
    }
}

/// The database that a command of this program uses if none is named on its command line.
pub(super) fn of_the_project(session: &Session<'_>) -> Result<FoundDatabase, CommandError> {
    require(&own(None, AskDjango::Settings(django::LIMIT), &|| worker_file(session)), session)
}

/// The lookup of this program.
pub(super) const fn own<'a>(
    alias: Option<&'a str>,
    ask: AskDjango,
    worker_file: &'a dyn Fn() -> Result<Option<DatabaseUrl>, CommandError>,
) -> DatabaseLookup<'a> {
    DatabaseLookup { alias, reader: DatabaseReader::Own, ask, worker_file }
}

/// The URL in the file that the worker discovers in the project.
pub(super) fn worker_file(session: &Session<'_>) -> Result<Option<DatabaseUrl>, CommandError> {
    configuration::database_in_file(WorkerCommand::Worker, &[], session)
}

/// The URL of an alias of `DATABASES`; `None` is the queue's default one.
fn of_django(
    answer: &DjangoAnswer,
    alias: Option<&str>,
    reader: DatabaseReader,
    session: &Session<'_>,
) -> Result<FoundDatabase, CommandError> {
    let Some(facts) = answer.facts() else {
        let reason = answer.failure().unwrap_or_default();
        let message =
            format!("no database is configured outside of Django, whose settings could not be read: {reason}");
        return Err(CommandError::message(ExitStatus::Usage, message)
            .details(answer.stderr().iter().map(|line| format!("stderr: {line}")))
            .hint("make `python manage.py check` pass in the project's environment, or set DATABASE_URL"));
    };
    let alias = alias.unwrap_or_else(|| facts.default_alias());
    let from = format!("DATABASES[{alias:?}] of Django ({})", facts.settings_module);
    let Some(database) = facts.database(alias) else { return Err(unknown(alias, facts)) };
    let is_left_out = |key: &str| reader == DatabaseReader::Worker && is_refused_from_the_worker(key);
    let written = database.url(&is_left_out).map_err(|problem| {
        CommandError::new(ExitStatus::Usage, problem)
            .context(format!("the database `{alias}` of Django cannot be used"))
            .hint(SET_IT)
    })?;
    for name in &written.left_out {
        session.ui.debug(&format!("`{name}` in OPTIONS is not passed on: the worker cannot use it"));
    }
    session.ui.redact(written.url.expose());
    Ok(FoundDatabase::new(DatabaseUrl { url: written.url, from }))
}

fn unknown(alias: &str, facts: &DjangoFacts) -> CommandError {
    let known: Vec<&str> = facts.databases.iter().map(|database| database.alias.as_str()).collect();
    let message = format!("Django has no database `{alias}`; known: {}", known.join(", "));
    CommandError::message(ExitStatus::Usage, message)
        .hint("use one of them, or add the alias to [tool.reproq.databases] in pyproject.toml")
}

/// The URL in a systemd credential (`LoadCredential=dsn:FILE`).
fn credential(session: &Session<'_>) -> Result<Option<DatabaseUrl>, CommandError> {
    let Some(directory) = session.env.var_os("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    let path = Path::new(directory).join(CREDENTIAL);
    match bounded_read::read_text(&path, MAX_CREDENTIAL) {
        Ok(text) if text.trim().is_empty() => {
            let message = format!("the credential `{CREDENTIAL}` is empty");
            Err(CommandError::message(ExitStatus::Usage, message)
                .hint("write the URL of the database to the file that `LoadCredential` names"))
        }
        Ok(text) => Ok(Some(DatabaseUrl {
            url: Secret::new(text.trim().to_owned()),
            from: format!("the credential `{CREDENTIAL}`"),
        })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::io("read", &path, error)),
    }
}
