//! `reproq periodic set`: creates or changes a schedule that the worker can run.

use reproq_queue::schedules::ScheduleChange;
use reproq_queue::spec::Key;
use reproq_queue::spec::Value;
use reproq_queue::spec::read_json;
use reproq_queue::write;
use reproq_queue::write::Written;

use super::changed_meanwhile;
use super::periodic_change::ScheduleChangeReport;
use super::periodic_change::ScheduleOutcome;
use super::periodic_change::ScheduleValues;
use super::periodic_change::refused;
use crate::cli::PeriodicSetArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn set(arguments: &PeriodicSetArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let name = &arguments.schedule.name;
    let (args, kwargs) = (arguments.args.as_deref(), arguments.kwargs.as_deref());
    check_json("--args", args, |value| matches!(value, Value::List(_)), "a JSON array", "[1, \"two\"]")?;
    check_json("--kwargs", kwargs, |value| matches!(value, Value::Object(_)), "a JSON object", "{\"name\": 1}")?;
    let change = ScheduleChange {
        name: name.clone(),
        cron_expr: arguments.cron.clone(),
        task_path: arguments.task.clone(),
        args: arguments.args.clone(),
        kwargs: arguments.kwargs.clone(),
        queue_name: arguments.queue.clone(),
        priority: arguments.priority,
        max_attempts: arguments.max_attempts,
        concurrency_key: arguments.concurrency_key.clone(),
        concurrency_limit: arguments.concurrency_limit,
        enabled: arguments.disabled.then_some(false),
    };
    let zones = jiff::tz::db();
    let done = Database::write(&arguments.schedule.database, session, async |tx| {
        let (now, before) = write::schedule(tx, name).await?;
        let new = match change.apply(before.as_ref().map(|state| &state.row), now, zones) {
            Ok(new) => new,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let written = match &before {
            Some(state) => write::update_schedule(tx, state, &new).await?,
            None => write::insert_schedule(tx, &new).await?,
        };
        Ok(Ok((now, before.map(|state| state.row), written)))
    })?;
    let (at, before, written) = done.map_err(|refusal| refused(name, refusal, ExitStatus::Usage))?;
    let (outcome, after) = match written {
        Written::Changed(row) if before.is_none() => (ScheduleOutcome::Created, Some(row)),
        Written::Changed(row) => (ScheduleOutcome::Changed, Some(row)),
        Written::Unchanged => (ScheduleOutcome::Unchanged, before.clone()),
        Written::Conflict => return Err(changed_meanwhile(&format!("the schedule `{name}`"))),
    };
    session.ui.report(&ScheduleChangeReport {
        name: name.clone(),
        at,
        outcome,
        before: before.as_ref().map(ScheduleValues::of),
        after: after.as_ref().map(ScheduleValues::of),
    })?;
    Ok(ExitStatus::Success)
}

/// Refuses what PostgreSQL would not store, or the worker not read.
fn check_json(
    option: &str,
    json: Option<&str>,
    is_right: fn(&Value) -> bool,
    expected: &str,
    example: &str,
) -> Result<(), CommandError> {
    let Some(json) = json else { return Ok(()) };
    let hint = format!("write it like `{option} '{example}'`");
    let value = read_json(json).map_err(|error| {
        CommandError::new(ExitStatus::Usage, error).context(format!("failed to read `{option}`")).hint(&hint)
    })?;
    if !is_right(&value) {
        return Err(CommandError::message(ExitStatus::Usage, format!("`{option}` is not {expected}")).hint(hint));
    }
    if has_nul(&value) {
        let message = format!("`{option}` contains U+0000, which PostgreSQL does not store");
        return Err(CommandError::message(ExitStatus::Usage, message));
    }
    Ok(())
}

/// Whether a value contains U+0000, which PostgreSQL does not store.
pub(super) fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => false,
        Value::Text(text) => text.contains('\0'),
        Value::List(values) => values.iter().any(has_nul),
        Value::Object(entries) => {
            entries.iter().any(|(key, value)| has_nul(value) || matches!(key, Key::Text(key) if key.contains('\0')))
        }
    }
}
