//! `beat --once`: everything that is due now, in one database or in each.

use reproq_queue::pg;
use reproq_queue::pg::PgError;
use reproq_queue::write::TickResult;

use crate::commands::beat::BeatDatabase;
use crate::commands::beat::pass;
use crate::commands::beat::pass::FailedSchedules;
use crate::commands::beat::report::BeatReport;
use crate::commands::beat::report::DatabaseBeat;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::net::runtime;
use crate::platform;

pub(super) fn once(
    databases: &[BeatDatabase],
    is_dry_run: bool,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    platform::watch_signals();
    // A signal ends the process only after the statement is cancelled.
    let _hold = platform::hold_exit();
    let runtime = runtime().map_err(|error| CommandError::system("start the network runtime", error))?;
    let mut report = BeatReport { dry_run: is_dry_run, databases: Vec::new() };
    let mut failures = Vec::new();
    for database in databases {
        let mut beat = DatabaseBeat::new(database.alias.clone());
        if let Err(error) = runtime.block_on(of_database(database, is_dry_run, &mut beat, session)) {
            let failure = hints::database(error);
            beat.error = Some(failure.lines().join(": "));
            failures.push(failure);
        }
        report.databases.push(beat);
    }
    let has_done_nothing = report.databases.iter().all(|beat| beat.is_empty() && beat.error.is_some());
    match failures.pop() {
        // With one database there is nothing to report but its error.
        Some(failure) if has_done_nothing && failures.is_empty() => return Err(failure),
        Some(failure) => {
            failures.push(failure);
        }
        None => {}
    }
    session.ui.report(&report)?;
    failures.iter().for_each(|failure| session.ui.error_after_report(failure));
    if report.databases.iter().any(|beat| beat.failed > 0) {
        session.ui.hint("`reproq periodic check` lists what is wrong with the schedules");
    }
    Ok(if has_done_nothing {
        failures.first().map_or(ExitStatus::Failure, |failure| failure.status)
    } else if report.has_failures() {
        ExitStatus::Partial
    } else {
        ExitStatus::Success
    })
}

async fn of_database(
    database: &BeatDatabase,
    is_dry_run: bool,
    beat: &mut DatabaseBeat,
    session: &Session<'_>,
) -> Result<(), PgError> {
    let connection = pg::Session::open(&database.target, platform::is_interrupted).await?;
    let mut add = |result: TickResult| {
        if let Some(warning) = beat.add(&result) {
            session.ui.warn(&database.prefixed(&warning));
        }
    };
    let worked = if is_dry_run {
        pass::preview(&connection, add).await
    } else {
        pass::pass(&connection, &mut FailedSchedules::default(), platform::is_interrupted, |result, _| add(result))
            .await
    };
    connection.close().await;
    worked
}
