//! `reproq periodic enable` and `periodic disable`.

use reproq_queue::schedules;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::write;
use reproq_queue::write::Written;

use super::changed_meanwhile;
use super::periodic_change::ScheduleChangeReport;
use super::periodic_change::ScheduleOutcome;
use super::periodic_change::ScheduleValues;
use super::periodic_change::no_schedule;
use super::periodic_change::refused;
use crate::cli::PeriodicEnableArgs;
use crate::cli::PeriodicNameArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn enable(arguments: &PeriodicEnableArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let name = &arguments.schedule.name;
    let zones = jiff::tz::db();
    let done = Database::write(&arguments.schedule.database, session, async |tx| {
        let (now, Some(state)) = write::schedule(tx, name).await? else { return Ok(Ok(None)) };
        if state.row.enabled {
            return Ok(Ok(Some((now, state.row, Written::Unchanged))));
        }
        let new = match schedules::enabled(&state.row, arguments.catch_up, now, zones) {
            Ok(new) => new,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let written = write::update_schedule(tx, &state, &new).await?;
        Ok(Ok(Some((now, state.row, written))))
    })?;
    let found = done.map_err(|refusal| refused(name, refusal, ExitStatus::Conflict))?;
    let (at, before, written) = found.ok_or_else(|| no_schedule(name))?;
    report(name, at, &before, written, ScheduleOutcome::Enabled, session)
}

pub(super) fn disable(arguments: &PeriodicNameArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let name = &arguments.name;
    let found = Database::write(&arguments.database, session, async |tx| {
        let (now, Some(state)) = write::schedule(tx, name).await? else { return Ok(None) };
        let new = ScheduleRow { enabled: false, ..state.row.clone() };
        let written = write::update_schedule(tx, &state, &new).await?;
        Ok(Some((now, state.row, written)))
    })?;
    let (at, before, written) = found.ok_or_else(|| no_schedule(name))?;
    report(name, at, &before, written, ScheduleOutcome::Disabled, session)
}

fn report(
    name: &str,
    at: chrono::DateTime<chrono::Utc>,
    before: &ScheduleRow,
    written: Written<ScheduleRow>,
    outcome: ScheduleOutcome,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let (outcome, after) = match written {
        Written::Changed(row) => (outcome, ScheduleValues::of(&row)),
        Written::Unchanged => (ScheduleOutcome::Unchanged, ScheduleValues::of(before)),
        Written::Conflict => return Err(changed_meanwhile(&format!("the schedule `{name}`"))),
    };
    let before = Some(ScheduleValues::of(before));
    session.ui.report(&ScheduleChangeReport { name: name.to_owned(), at, outcome, before, after: Some(after) })?;
    Ok(ExitStatus::Success)
}
