//! `reproq beat`, `reproq schedule`: enqueue periodic tasks that are due, as the worker's beat does, once or until a signal.

mod forever;
mod once;
mod pass;
mod report;

use std::time::Duration;

use reproq_queue::pg;

use crate::cli::BeatArgs;
use crate::cli::ScheduleArgs;
use crate::commands::config::worker as configuration;
use crate::commands::database;
use crate::commands::database::Database;
use crate::commands::database_url;
use crate::commands::database_url::DatabaseLookup;
use crate::commands::database_url::DatabaseReader;
use crate::commands::django::AskDjango;
use crate::commands::run;
use crate::commands::session::Session;
use crate::config::DatabaseUrl;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::secret::Secret;
use crate::model::worker_flags::WorkerCommand;
use crate::worker::config::ConfigSource;
use crate::worker::config::EffectiveConfig;
use crate::worker::config::go_boolean;
use crate::worker::launch;

/// Looking more often than this would only load the server.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The time limits of a batch. A batch is not interrupted by a signal, so that nobody has to wait longer for the end.
const LIMITS: pg::Limits =
    pg::Limits { statement: Duration::from_secs(20), lock: Duration::from_secs(5), idle: Duration::from_secs(30) };

/// A database whose schedules run.
struct BeatDatabase {
    /// Its alias, unless it is the only one.
    alias: Option<String>,
    target: pg::Target,
}

pub(super) fn beat(arguments: &BeatArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let flags = arguments.flags();
    if arguments.schedule.exec {
        return run::start(WorkerCommand::Beat, false, &flags, &arguments.schedule.start, session);
    }
    let is_once = is_once(&flags)?;
    native(&arguments.schedule, &flags, is_once, session)
}

pub(super) fn schedule(arguments: &ScheduleArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let flags = &arguments.start.arguments;
    if arguments.exec {
        return run::start(WorkerCommand::Beat, true, flags, &arguments.start, session);
    }
    native(arguments, flags, true, session)
}

fn native(
    arguments: &ScheduleArgs,
    flags: &[String],
    is_once: bool,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    // What the worker would refuse or not see is refused here too, so that both read a command line in the same way.
    launch::without_secrets(WorkerCommand::Beat, flags, false)
        .map_err(|error| run::refused(error, WorkerCommand::Beat))?;
    let (file, config) = configuration::read(WorkerCommand::Beat, flags, session)?;
    if let Some(refusal) = config.refusals.iter().find(|refusal| !refusal.is_missing_database) {
        return Err(CommandError::message(ExitStatus::Usage, configuration::sentence(refusal, file.as_ref()))
            .hint("`reproq config beat --explain` shows every value and where it comes from")
            .hint("flags of a newer worker work with `--exec`"));
    }
    let aliases = if arguments.all_databases { Database::all(session) } else { vec![arguments.start.database.clone()] };
    let databases: Result<Vec<BeatDatabase>, CommandError> = aliases
        .into_iter()
        .map(|it| {
            let url = url(it.database.as_deref(), &config, flags, arguments, session)?;
            Ok(BeatDatabase { alias: it.database, target: database::target(&url, session)? })
        })
        .collect();
    let databases = databases?;
    if is_once || arguments.start.change.dry_run {
        return once::once(&databases, arguments.start.change.dry_run, session);
    }
    forever::forever(&databases, interval(&config), session)
}

/// The URL of a database, from where the worker's beat would have it.
fn url(
    alias: Option<&str>,
    config: &EffectiveConfig,
    flags: &[String],
    arguments: &ScheduleArgs,
    session: &Session<'_>,
) -> Result<DatabaseUrl, CommandError> {
    let flag = config.value("dsn").filter(|dsn| matches!(dsn.source, ConfigSource::Flag { .. }));
    if let Some(dsn) = flag.filter(|_| alias.is_none()) {
        return Ok(DatabaseUrl { url: Secret::new(dsn.value.to_string()), from: "the flag --dsn".to_owned() });
    }
    let start = &arguments.start;
    let lookup = DatabaseLookup {
        alias,
        reader: DatabaseReader::Own,
        ask: if start.django.no_django { AskDjango::No } else { AskDjango::Settings(start.django_timeout) },
        worker_file: &|| configuration::database_in_file(WorkerCommand::Beat, flags, session),
    };
    Ok(database_url::require(&lookup, session)?.found)
}

/// Whether the flags have `--once`.
fn is_once(flags: &[String]) -> Result<bool, CommandError> {
    let given = WorkerCommand::Beat
        .parse(flags)
        .map_err(|error| run::refused(launch::LaunchError::Flag(error), WorkerCommand::Beat))?;
    let Some(once) = given.flags.iter().rev().find(|flag| flag.name == "once") else { return Ok(false) };
    let Some(value) = &once.value else { return Ok(true) };
    go_boolean(value).ok_or_else(|| {
        CommandError::message(ExitStatus::Usage, format!("`--once={value}` is neither true nor false"))
            .hint("use `--once`")
    })
}

/// How often schedules are looked for. The worker's beat crashes if it is not positive.
fn interval(config: &EffectiveConfig) -> Duration {
    let nanoseconds = u64::try_from(config.duration("beat.interval").0).unwrap_or(0);
    Duration::from_nanos(nanoseconds).max(SHORTEST_INTERVAL)
}
