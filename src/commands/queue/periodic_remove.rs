//! `reproq periodic remove`.

use reproq_queue::write;
use reproq_queue::write::Written;

use super::changed_meanwhile;
use super::periodic_change::ScheduleChangeReport;
use super::periodic_change::ScheduleOutcome;
use super::periodic_change::ScheduleValues;
use super::periodic_change::no_schedule;
use crate::cli::PeriodicNameArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn remove(arguments: &PeriodicNameArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let name = &arguments.name;
    let found = Database::write(&arguments.database, session, async |tx| {
        let (now, Some(state)) = write::schedule(tx, name).await? else { return Ok(None) };
        Ok(Some((now, write::delete_schedule(tx, &state).await?)))
    })?;
    let (at, deleted) = found.ok_or_else(|| no_schedule(name))?;
    let before = match deleted {
        Written::Changed(row) => ScheduleValues::of(&row),
        Written::Unchanged | Written::Conflict => {
            return Err(changed_meanwhile(&format!("the schedule `{name}`")));
        }
    };
    let outcome = ScheduleOutcome::Removed;
    session.ui.report(&ScheduleChangeReport { name: name.clone(), at, outcome, before: Some(before), after: None })?;
    session.ui.hint(
        "a schedule that the project's code defines returns with the next `manage.py migrate` (REPROQ_RECURRING_AUTOSYNC)",
    );
    Ok(ExitStatus::Success)
}
