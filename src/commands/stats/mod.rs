//! `reproq stats`: the state of the queues, failures by hour, depth and throughput.

mod api;
mod heatmap;
mod live;
mod trend;

use std::time::Duration;

use reproq_queue::pg::Limits;
use reproq_queue::read;

use crate::cli::DatabaseArgs;
use crate::cli::StatsArgs;
use crate::cli::StatsCommand;
use crate::cli::StatsFormat;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(in crate::commands) use live::FAILURE_WINDOW;
pub(in crate::commands) use live::queue_state;
pub(in crate::commands) use live::queue_table;

use live::StatsReport;

pub(super) fn run(arguments: &StatsArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match (&arguments.command, arguments.format) {
        (Some(StatsCommand::Heatmap(arguments)), _) => heatmap::heatmap(arguments, session),
        (Some(StatsCommand::Trend(arguments)), _) => trend::trend(arguments, session),
        (None, StatsFormat::Api) => api::api(arguments, session),
        (None, StatsFormat::Report) if arguments.watch => watch(arguments, session),
        (None, StatsFormat::Report) => stats(arguments, session),
    }
}

fn stats(arguments: &StatsArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let mut report = StatsReport::default();
    let failures = each_database(arguments, session, |database| {
        Database::with(database, session, async |database_of| {
            let snapshot = database_of
                .session
                .read(Limits::default(), async |tx| read::snapshot(tx, FAILURE_WINDOW).await)
                .await
                .map_err(hints::database)?;
            report.add(database.database.clone(), &database_of.from, &snapshot);
            Ok(())
        })
    })?;
    failures.iter().for_each(|(alias, failure)| report.add_failure(alias.clone(), failure));
    session.ui.report(&report)?;
    Ok(finish(failures, report.is_empty(), session))
}

/// The errors of databases, with their aliases.
type DatabaseFailures = Vec<(Option<String>, CommandError)>;

/// Reads each of the databases. One of several that fails does not stop the others.
fn each_database(
    arguments: &StatsArgs,
    session: &Session<'_>,
    mut read: impl FnMut(&DatabaseArgs) -> Result<(), CommandError>,
) -> Result<DatabaseFailures, CommandError> {
    let databases = if arguments.all_databases { Database::all(session) } else { vec![arguments.database.clone()] };
    let mut failures = DatabaseFailures::new();
    for database in &databases {
        match read(database) {
            Err(failure) if databases.len() > 1 && failure.status != ExitStatus::Interrupted => {
                failures.push((database.database.clone(), failure));
            }
            other => other?,
        }
    }
    Ok(failures)
}

/// Prints the errors after the report. If no database could be read, the first error is that of the command.
fn finish(failures: DatabaseFailures, is_empty: bool, session: &Session<'_>) -> ExitStatus {
    let status = match failures.first() {
        None => ExitStatus::Success,
        Some((_, first)) if is_empty => first.status,
        Some(_) => ExitStatus::Partial,
    };
    for (alias, failure) in failures {
        let alias = alias.unwrap_or_default();
        session.ui.error_after_report(&failure.context(format!("cannot read the database `{alias}`")));
    }
    status
}

/// One connection, and one transaction for each picture.
fn watch(arguments: &StatsArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    if session.ui.is_json() || arguments.all_databases {
        let option = if session.ui.is_json() { "--json" } else { "--all-databases" };
        return Err(CommandError::message(ExitStatus::Usage, format!("`--watch` cannot be used with `{option}`"))
            .hint("run it repeatedly without `--watch`"));
    }
    let interval = arguments.interval.max(Duration::from_millis(200));
    Database::with(&arguments.database, session, async |database| {
        loop {
            let reading = database.session.read(Limits::default(), async |tx| read::snapshot(tx, FAILURE_WINDOW).await);
            let snapshot = reading.await.map_err(hints::database)?;
            let mut report = StatsReport::default();
            report.add(arguments.database.database.clone(), &database.from, &snapshot);
            session.ui.redraw(&report)?;
            database.session.pause(interval).await.map_err(hints::database)?;
        }
    })
}

/// A time span as whole seconds, at least 1.
fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).max(1)
}

/// More buckets are not shown.
const MAX_BUCKETS: i64 = 2000;

/// The length of the window and of a bucket, if they fit.
fn window(since: Duration, bucket: Duration) -> Result<(i64, i64), CommandError> {
    let (since, bucket) = (seconds(since), seconds(bucket));
    if bucket > since || since / bucket > MAX_BUCKETS {
        let message = format!("`--since` must be 1 to {MAX_BUCKETS} times `--bucket`");
        return Err(CommandError::message(ExitStatus::Usage, message).hint("choose another `--bucket`"));
    }
    Ok((since, bucket))
}
