//! `reproq periodic sync`: asks the project's Python for the schedules that its code defines, plans, shows, confirms, writes them one
//! by one, and reads them again.

mod plan;
mod report;

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::read::MAX_ROWS;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::write;
use reproq_queue::write::ScheduleState;
use reproq_queue::write::Written;

use self::plan::CodeSchedules;
use self::plan::PlannedSchedule;
use self::plan::SyncRules;
use self::report::PeriodicSyncReport;
use self::report::SyncRow;
use self::report::SyncState;
use super::periodic_change::ScheduleValues;
use super::record::QueueAction;
use super::record::QueueRecord;
use super::routing;
use super::several::PlanProgress;
use super::several::finish;
use super::several::refuse_more;
use crate::change::Proposal;
use crate::cli::PeriodicSyncArgs;
use crate::commands::consent;
use crate::commands::database::Database;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::django::DjangoFacts;
use crate::django::RegisteredTasks;
use crate::django::TaskModules;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::platform;

pub(super) fn sync(arguments: &PeriodicSyncArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let answer = django::answer(session, AskDjango::Recurring(arguments.django_timeout));
    let facts = django::facts(&answer, session)?;
    let (registered, schedules) = registered(facts)?;
    for problem in &registered.problems {
        session.ui.warn(problem);
    }
    check_disabling(arguments, registered, &schedules)?;
    let (report, failure) = Database::with(&arguments.database, session, async |database| {
        sync_in(database, facts, &schedules, arguments, session).await
    })?;
    session.ui.report(&report)?;
    let skipped = report.schedules.iter().filter(|row| row.is_wrong()).count();
    let progress = PlanProgress { planned: report.planned, changed: report.changed, skipped };
    Ok(finish(progress, failure.as_ref(), &arguments.plan, session))
}

/// The schedules by name. Of several with the same name, the last one counts, as for Django.
fn registered(facts: &DjangoFacts) -> Result<(&RegisteredTasks, CodeSchedules<'_>), CommandError> {
    let failed = |reason: &str| {
        CommandError::message(ExitStatus::Failure, format!("the project's schedules could not be read: {reason}"))
    };
    match &facts.tasks {
        TaskModules::Found(registered) => match &registered.recurring {
            Some(Ok(schedules)) => {
                Ok((registered, schedules.iter().map(|schedule| (schedule.key.as_str(), schedule)).collect()))
            }
            Some(Err(reason)) => Err(failed(reason)),
            None => Err(failed("they were not requested")),
        },
        TaskModules::NotRequested => Err(failed("they were not requested")),
        TaskModules::Failed(reason) => Err(failed(reason)),
        TaskModules::TimedOut(limit) => Err(failed(&format!("the apps did not load within {} s", limit.as_secs()))
            .hint("allow more time with `--django-timeout`")),
    }
}

/// A module that was not imported may define the schedules that seem to be missing.
fn check_disabling(
    arguments: &PeriodicSyncArgs,
    registered: &RegisteredTasks,
    schedules: &CodeSchedules<'_>,
) -> Result<(), CommandError> {
    if !arguments.disable_missing || (registered.problems.is_empty() && !schedules.is_empty()) {
        return Ok(());
    }
    let message = match registered.problems.len() {
        0 => "the code defines no schedule at all, so that every schedule would be disabled".to_owned(),
        number => format!("{} could not be imported, which may define schedules", count(number, "module")),
    };
    Err(CommandError::message(ExitStatus::Conflict, message)
        .hint("omit `--disable-missing`; `reproq periodic disable` disables one schedule"))
}

async fn sync_in(
    database: &Database,
    facts: &DjangoFacts,
    code: &CodeSchedules<'_>,
    arguments: &PeriodicSyncArgs,
    session: &Session<'_>,
) -> Result<(PeriodicSyncReport, Option<CommandError>), CommandError> {
    let (now, read) = read(database).await?;
    let routing = routing(facts);
    let rules = SyncRules {
        routing: &routing,
        target: arguments.database.database.as_deref().unwrap_or_else(|| facts.default_alias()),
        disable_missing: arguments.disable_missing,
        now,
        zones: jiff::tz::db(),
    };
    let planned = plan::plan(code, &read.iter().map(|(name, state)| (name.as_str(), &state.row)).collect(), &rules);
    let mut report = PeriodicSyncReport {
        dry_run: arguments.plan.confirm.dry_run,
        settings_module: facts.settings_module.clone(),
        planned: planned.iter().filter(|schedule| schedule.new.is_some()).count(),
        schedules: planned.iter().map(SyncRow::new).collect(),
        changed: 0,
        verified: false,
        audit: None,
    };
    if report.dry_run || report.planned == 0 {
        return Ok((report, None));
    }
    let plan = &arguments.plan;
    refuse_more(report.planned, "schedule", "changed", plan, session)?;
    let proposal = Proposal { number: report.planned, thing: "schedule", done: "changed" };
    let server = database.session.server();
    let question = |number| format!("Type {number} to change {} in {server}:", count(number, "schedule"));
    consent::confirm(&proposal, question, || session.ui.preview(&report), plan.confirm.yes, session)?;
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    let units: Vec<String> =
        planned.iter().filter(|schedule| schedule.new.is_some()).map(|schedule| schedule.name.clone()).collect();
    let mut record = QueueRecord::begin(plan.audit.as_ref(), "periodic sync", &units, database, session)?;
    report.audit = record.path();
    let result = carry_out(database, &planned, &read, &mut record, &mut report).await;
    report.verified = result.is_ok();
    let recorded = record.end(&result, report.changed);
    Ok((report, result.err().or(recorded.err())))
}

/// The time of the database, and its schedules by name.
async fn read(database: &Database) -> Result<(DateTime<Utc>, BTreeMap<String, ScheduleState>), CommandError> {
    let reading = database.session.read(Limits::default(), async |tx| write::all_schedules(tx, MAX_ROWS + 1).await);
    let (now, states) = reading.await.map_err(|error: PgError| hints::database(error))?;
    let most = usize::try_from(MAX_ROWS).unwrap_or(usize::MAX);
    if states.len() > most {
        let message = format!("the database has more than {}", count(most, "schedule"));
        return Err(CommandError::message(ExitStatus::Conflict, message)
            .hint("`reproq periodic list` lists them; `reproq periodic remove` removes one"));
    }
    Ok((now, states.into_iter().map(|state| (state.row.name.clone(), state)).collect()))
}

async fn carry_out(
    database: &Database,
    planned: &[PlannedSchedule],
    read: &BTreeMap<String, ScheduleState>,
    record: &mut QueueRecord,
    report: &mut PeriodicSyncReport,
) -> Result<(), CommandError> {
    let mut written = Vec::new();
    for (schedule, row) in planned.iter().zip(&mut report.schedules) {
        let Some(new) = &schedule.new else { continue };
        let after = ScheduleValues::of(new);
        let action = QueueAction::ChangeSchedule { schedule: &row.name, before: row.before.as_ref(), after: &after };
        let number = record.intent(action)?;
        let result = database.session.write(Limits::default(), async |tx| match read.get(&schedule.name) {
            Some(old) => write::update_schedule(tx, old, new).await,
            None => write::insert_schedule(tx, new).await,
        });
        let (state, described) = match result.await {
            Ok(Written::Changed(is)) => {
                row.after = Some(ScheduleValues::of(&is));
                written.push(new);
                (SyncState::Done, Ok("written".to_owned()))
            }
            Ok(Written::Unchanged | Written::Conflict) => {
                (SyncState::Conflict, Err("it changed, and was left as it is".to_owned()))
            }
            Err(error) => {
                record.result(number, &Err(error.to_string()))?;
                return Err(hints::database(error));
            }
        };
        row.state = state;
        record.result(number, &described)?;
        report.changed += usize::from(state == SyncState::Done);
    }
    verify(database, &written).await
}

/// Reads back. A beat may have run a schedule since.
async fn verify(database: &Database, written: &[&ScheduleRow]) -> Result<(), CommandError> {
    if written.is_empty() {
        return Ok(());
    }
    let (_, found) = read(database).await?;
    let is_right = |new: &ScheduleRow| {
        found.get(&new.name).is_some_and(|ScheduleState { row, .. }| {
            (&row.cron_expr, &row.task_path, row.enabled) == (&new.cron_expr, &new.task_path, new.enabled)
        })
    };
    let wrong: Vec<String> = written.iter().filter(|new| !is_right(new)).map(|new| new.name.clone()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(CommandError::message(ExitStatus::Conflict, "schedules are not as they were written")
        .details(wrong)
        .hint("another session may have changed them; run the same command again"))
}
