//! Reads everything that `init` decides on. Changes nothing.
#![expect(clippy::disallowed_methods, reason = "the project's files are looked at here")]

use std::fs;
use std::io;
use std::path::Path;

use reproq_queue::pg;
use reproq_queue::pg::Limits;
use reproq_queue::schema::MigrationPlan;

use crate::cli::DatabaseArgs;
use crate::cli::InitArgs;
use crate::commands::config::worker as configuration;
use crate::commands::database;
use crate::commands::database::Database;
use crate::commands::database_url;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::hints;
use crate::commands::init::plan::DatabaseState;
use crate::commands::init::plan::InitFacts;
use crate::commands::init::plan::WorkerFile;
use crate::commands::init::plan::WorkerState;
use crate::commands::request;
use crate::commands::session::Session;
use crate::config::DatabaseUrl;
use crate::config::parse_pyproject;
use crate::django::DjangoAnswer;
use crate::django::DjangoFacts;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::InstallOptions;
use crate::flows::install::InstallRequest;
use crate::flows::install::InstallStatus;
use crate::io::fs::bounded_read;
use crate::model::worker_flags::WorkerCommand;
use crate::worker::store;
use crate::worker::store::ReceiptOrigin;

/// Larger files are not continued.
const MAX_FILE: u64 = 1024 * 1024;

/// The database of the project.
pub(super) const DATABASE: DatabaseArgs = DatabaseArgs { database: None };

pub(super) fn gather(arguments: &InitArgs, session: &Session<'_>) -> Result<InitFacts, CommandError> {
    let root = &session.project.root;
    let django = ask(arguments, session)?;
    let pyproject = read(&root.join("pyproject.toml"))?;
    if let Some(text) = &pyproject
        && let Err(error) = text.parse::<toml::Table>()
    {
        let line =
            error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        let reason = error.message().lines().collect::<Vec<_>>().join(", ");
        let message = format!("pyproject.toml is not valid TOML: line {line}: {reason}");
        return Err(
            CommandError::message(ExitStatus::Usage, message).hint("correct the file, then run the same command again")
        );
    }
    let parsed = pyproject.as_deref().map(|text| parse_pyproject("pyproject.toml".as_ref(), text)).transpose();
    let parsed = parsed.map_err(|error| CommandError::new(ExitStatus::Usage, anyhow::Error::from(error)))?;
    let database = django.database(django.default_alias());
    let django_database = match database {
        Some(database) => database.url(&|_| false).map(drop).map_err(|problem| problem.to_string()),
        None => Err(format!("Django has no database `{}`", django.default_alias())),
    };
    Ok(InitFacts {
        has_settings: parsed.is_some_and(|parsed| parsed.path.is_some()),
        pyproject,
        worker_file: worker_file(session)?,
        gitignore: read(&root.join(".gitignore"))?,
        is_work_tree: root.ancestors().any(|directory| directory.join(".git").symlink_metadata().is_ok()),
        django_database,
        local_python: local_python(&django, root),
        migrations: migrations(&django),
        worker: worker(arguments, session)?,
        database: if arguments.skip_migrate { DatabaseState::NotRead } else { read_database(&django, session)? },
        django,
    })
}

fn ask(arguments: &InitArgs, session: &Session<'_>) -> Result<DjangoFacts, CommandError> {
    let answer = django::answer(session, AskDjango::Tasks(arguments.django_timeout));
    django::facts(&answer, session).cloned().map_err(|error| match answer {
        DjangoAnswer::NoProject => error.hint("without Django, `reproq install` installs the worker"),
        DjangoAnswer::Skipped { .. }
        | DjangoAnswer::Answered(_)
        | DjangoAnswer::Failed { .. }
        | DjangoAnswer::TimedOut { .. } => error,
    })
}

/// The text of a file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>, CommandError> {
    match bounded_read::read(path, MAX_FILE) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
            let message = format!("`{}` is not UTF-8", path.display());
            CommandError::message(ExitStatus::Usage, message).hint("convert it, then run the same command again")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::io("read", path, error)),
    }
}

fn worker_file(session: &Session<'_>) -> Result<Option<WorkerFile>, CommandError> {
    let (file, _) = configuration::read(WorkerCommand::Worker, &[], session)?;
    let dsn = configuration::database_in_file(WorkerCommand::Worker, &[], session)?;
    Ok(file.map(|file| WorkerFile { path: file.path.display().to_string(), has_dsn: dsn.is_some() }))
}

/// The interpreter relative to the project. One that the user activated is on `PATH` when the worker runs.
fn local_python(django: &DjangoFacts, root: &Path) -> Option<String> {
    let relative = django.python.strip_prefix(root).ok()?;
    Some(relative.to_str()?.replace('\\', "/"))
}

/// The migrations in the installed package, by the names of their files.
fn migrations(django: &DjangoFacts) -> Vec<String> {
    let Some(package) = &django.package else { return Vec::new() };
    let entries = fs::read_dir(package.join("migrations")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".py").map(str::to_owned))
        .filter(|name| !name.starts_with(['_', '~']))
        .collect();
    names.sort();
    names
}

/// The options of the installation, as `install` has them.
pub(super) fn install_options(arguments: &InitArgs, session: &Session<'_>) -> Result<InstallOptions, CommandError> {
    let target = request::host_target(session)
        .map_err(|error| CommandError::new(ExitStatus::NotFound, error).hint("there is no worker for this platform"))?;
    let spec = request::tag_spec(arguments.tag.as_deref())?;
    request::options(spec, target, session)
}

fn worker(arguments: &InitArgs, session: &Session<'_>) -> Result<WorkerState, CommandError> {
    let request: InstallRequest = request::request(install_options(arguments, session)?, session)?;
    let (installed, _) = store::scan(&request.options.layout).map_err(|error| hints::store(&error))?;
    let is_locked = request::lockfile(session)?.is_some();
    let status = install::install_status(&request, installed).map_err(|what| {
        let path = request.options.layout.binary.display();
        CommandError::message(ExitStatus::Conflict, format!("{what} is in place of {path}"))
            .hint("move it away, then run the same command again")
    })?;
    Ok(match status {
        InstallStatus::UpToDate(receipt) | InstallStatus::UpToDateIfNewest(receipt, _) => {
            let is_build = !matches!(receipt.origin, ReceiptOrigin::Release { .. });
            if is_locked || is_build {
                WorkerState::UpToDate(receipt.label())
            } else {
                WorkerState::NotLocked(receipt.label())
            }
        }
        InstallStatus::Work(reason) => WorkerState::Needed(reason.to_string()),
    })
}

/// `manage.py migrate` uses the database of Django's settings, and `db migrate` the one that the queue's commands use.
fn warn_of_two_databases(found: &DatabaseUrl, django: &DjangoFacts, session: &Session<'_>) {
    let alias = django.default_alias();
    let Some(Ok(written)) = django.database(alias).map(|database| database.url(&|_| false)) else { return };
    let of_django = DatabaseUrl { url: written.url, from: format!("DATABASES[{alias:?}]") };
    if let (Ok(one), Ok(other)) = (database::dsn(&of_django, session), database::dsn(found, session))
        && one.to_string() != other.to_string()
    {
        session
            .ui
            .warn(&format!("Django migrates {one}, and the commands of the queue use {other} (from {})", found.from));
        session.ui.hint("let both name the same database");
    }
}

fn read_database(django: &DjangoFacts, session: &Session<'_>) -> Result<DatabaseState, CommandError> {
    let found = match database_url::of_the_project(session) {
        Ok(found) => found.found,
        Err(error) => return Ok(DatabaseState::Unusable(error.lines().join(": "))),
    };
    if database::dsn(&found, session).is_ok_and(|dsn| database::refuse_offline(&dsn, session).is_err()) {
        return Ok(DatabaseState::NotRead);
    }
    warn_of_two_databases(&found, django, session);
    let read = Database::with(&DATABASE, session, async |database| {
        let snapshot = pg::inspect(&database.session, Limits::default()).await.map_err(hints::database)?;
        Ok(DatabaseState::Read {
            place: format!("{} (from {})", snapshot.catalog.server.database, database.from),
            has_tables: !snapshot.catalog.tables.is_empty(),
            pending: MigrationPlan::compute(&snapshot).steps.len(),
            recorded: snapshot.data.django_migrations,
        })
    });
    match read {
        Ok(read) => Ok(read),
        Err(error) if error.status == ExitStatus::Interrupted => Err(error),
        Err(error) => Ok(DatabaseState::Unreachable(error.lines().join(": "))),
    }
}
