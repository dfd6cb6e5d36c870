//! `reproq periodic sync`: asks the project's Python for the schedules that its code defines, plans, shows, confirms, writes them one
//! by one, and reads them again.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::Utc;
use jiff::tz::TimeZoneDatabase;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Transaction;
use reproq_queue::read;
use reproq_queue::routing::QueueRouting;
use reproq_queue::routing::matches_pattern;
use reproq_queue::schedules::ScheduleChange;
use reproq_queue::spec::PeriodicPayload;
use reproq_queue::spec::read_json;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::write;
use reproq_queue::write::ScheduleState;
use reproq_queue::write::Written;
use serde::Serialize;
use serde_json::Value;

use super::periodic_change::ScheduleValues;
use super::periodic_set::has_nul;
use super::record::QueueAction;
use super::record::QueueRecord;
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
use crate::django::RecurringSchedule;
use crate::django::RegisteredTasks;
use crate::django::TaskModules;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::platform;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct PeriodicSyncReport {
    dry_run: bool,
    /// The settings module of Django.
    settings_module: String,
    schedules: Vec<SyncRow>,
    planned: usize,
    changed: usize,
    /// Whether what was changed was read again.
    verified: bool,
    audit: Option<String>,
}

#[derive(Debug, Serialize)]
struct SyncRow {
    name: String,
    action: SyncAction,
    state: SyncState,
    /// Why nothing is done.
    reason: Option<String>,
    /// The schedule as it was.
    before: Option<ScheduleValues>,
    /// The schedule as the code defines it.
    after: Option<ScheduleValues>,
    #[serde(skip)]
    plan: Option<Planned>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum SyncAction {
    Create,
    Change,
    /// It is not defined by the code.
    Disable,
    /// It is as the code defines it.
    Keep,
    /// It is not defined by the code, and left as it is.
    Leave,
    /// It belongs into another database.
    Elsewhere,
    /// The worker could not run it.
    Refuse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum SyncState {
    /// Nothing is to be done.
    Nothing,
    /// It would be done, or the run ended before.
    Planned,
    Done,
    /// Another session changed it meanwhile, and it was left as it is.
    Conflict,
}

/// What is written.
#[derive(Debug, Clone)]
struct Planned {
    old: Option<ScheduleState>,
    new: ScheduleRow,
}

/// Which queue is in which database.
struct Routes {
    routing: QueueRouting,
    patterns: Vec<(String, String)>,
    /// The database that is synchronized.
    target: String,
}

pub(super) fn sync(arguments: &PeriodicSyncArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let answer = django::answer(session, AskDjango::Recurring(arguments.django_timeout));
    let facts = django::facts(&answer, session)?;
    let (registered, schedules) = registered(facts)?;
    for problem in &registered.problems {
        session.ui.warn(problem);
    }
    check_disabling(arguments, registered, &schedules)?;
    let routes = Routes::new(facts, arguments.database.database.as_deref());
    let (report, failure) = Database::with(&arguments.database, session, async |database| {
        sync_in(database, facts, &schedules, &routes, arguments, session).await
    })?;
    session.ui.report(&report)?;
    let skipped = report.schedules.iter().filter(|row| row.is_wrong()).count();
    let progress = PlanProgress { planned: report.planned, changed: report.changed, skipped };
    Ok(finish(progress, failure.as_ref(), &arguments.plan, session))
}

/// The schedules by name. Of several with the same name, the last one counts, as for Django.
fn registered(facts: &DjangoFacts) -> Result<(&RegisteredTasks, BTreeMap<&str, &RecurringSchedule>), CommandError> {
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
    schedules: &BTreeMap<&str, &RecurringSchedule>,
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

impl Routes {
    fn new(facts: &DjangoFacts, alias: Option<&str>) -> Self {
        let setting = facts.settings.get("REPROQ_QUEUE_DATABASES").and_then(Value::as_object);
        let routes: Vec<(String, String)> = setting
            .into_iter()
            .flatten()
            .filter_map(|(queue, alias)| Some((queue.clone(), alias.as_str()?.to_owned())))
            .collect();
        let patterns = routes.iter().filter(|(queue, _)| queue.contains(['*', '?', '['])).cloned().collect();
        Self {
            routing: QueueRouting::new(facts.default_alias(), routes),
            patterns,
            target: alias.unwrap_or_else(|| facts.default_alias()).to_owned(),
        }
    }

    /// Why a queue is not in the database; `None` if it is. The order of the setting's patterns is not known here.
    fn elsewhere(&self, queue: &str) -> Option<String> {
        let found = self.routing.database_of(queue);
        let matching: Vec<&str> = self
            .patterns
            .iter()
            .filter(|(pattern, _)| matches_pattern(queue, pattern))
            .map(|(_, alias)| alias.as_str())
            .collect();
        if matching.contains(&found) && matching.iter().any(|alias| *alias != found) {
            return Some(format!(
                "several patterns of REPROQ_QUEUE_DATABASES match its queue {queue}; list it there by name"
            ));
        }
        (found != self.target)
            .then(|| format!("its queue {queue} is in the database `{found}`: use `--database {found}`"))
    }
}

async fn sync_in(
    database: &Database,
    facts: &DjangoFacts,
    schedules: &BTreeMap<&str, &RecurringSchedule>,
    routes: &Routes,
    arguments: &PeriodicSyncArgs,
    session: &Session<'_>,
) -> Result<(PeriodicSyncReport, Option<CommandError>), CommandError> {
    let zones = jiff::tz::db();
    let read = database
        .session
        .read(Limits::default(), async |tx| plan(tx, schedules, routes, arguments.disable_missing, zones).await);
    let rows = read.await.map_err(hints::database)?;
    let mut report = PeriodicSyncReport {
        dry_run: arguments.plan.confirm.dry_run,
        settings_module: facts.settings_module.clone(),
        planned: rows.iter().filter(|row| row.state == SyncState::Planned).count(),
        schedules: rows,
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
        report.schedules.iter().filter(|row| row.plan.is_some()).map(|row| row.name.clone()).collect();
    let mut record = QueueRecord::begin(plan.audit.as_ref(), "periodic sync", &units, database, session)?;
    report.audit = record.path();
    let result = carry_out(database, &mut record, &mut report).await;
    report.verified = result.is_ok();
    let recorded = record.end(&result, report.changed);
    Ok((report, result.err().or(recorded.err())))
}

/// Every schedule of the code, then those that it does not define.
async fn plan(
    tx: &Transaction<'_>,
    schedules: &BTreeMap<&str, &RecurringSchedule>,
    routes: &Routes,
    disable_missing: bool,
    zones: &TimeZoneDatabase,
) -> Result<Vec<SyncRow>, PgError> {
    let mut rows = Vec::new();
    for (name, schedule) in schedules {
        let row = match routes.elsewhere(&schedule.queue_name) {
            Some(reason) => SyncRow::nothing(name, SyncAction::Elsewhere, Some(reason), None),
            None => {
                let (now, old) = write::schedule(tx, name).await?;
                SyncRow::of(schedule, old, now, zones)
            }
        };
        rows.push(row);
    }
    for listed in read::schedules(tx, None, read::MAX_ROWS).await? {
        if schedules.contains_key(listed.name.as_str()) {
            continue;
        }
        let reason = Some("the code does not define it".to_owned());
        match write::schedule(tx, &listed.name).await?.1 {
            Some(old) if disable_missing && old.row.enabled => {
                let new = ScheduleRow { enabled: false, ..old.row.clone() };
                rows.push(SyncRow::planned(SyncAction::Disable, Some(old), new, reason));
            }
            Some(old) => rows.push(SyncRow::nothing(&listed.name, SyncAction::Leave, reason, Some(&old.row))),
            None => {}
        }
    }
    Ok(rows)
}

async fn carry_out(
    database: &Database,
    record: &mut QueueRecord,
    report: &mut PeriodicSyncReport,
) -> Result<(), CommandError> {
    let mut written = Vec::new();
    for row in &mut report.schedules {
        let Some(plan) = row.plan.take() else { continue };
        let after = ScheduleValues::of(&plan.new);
        let action = QueueAction::ChangeSchedule { schedule: &row.name, before: row.before.as_ref(), after: &after };
        let number = record.intent(action)?;
        let result = database.session.write(Limits::default(), async |tx| match &plan.old {
            Some(old) => write::update_schedule(tx, old, &plan.new).await,
            None => write::insert_schedule(tx, &plan.new).await,
        });
        let (state, described) = match result.await {
            Ok(Written::Changed(new)) => {
                row.after = Some(ScheduleValues::of(&new));
                written.push(plan.new);
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
async fn verify(database: &Database, written: &[ScheduleRow]) -> Result<(), CommandError> {
    let read = database.session.read(Limits::default(), async |tx| {
        let mut wrong = Vec::new();
        for new in written {
            let (_, found) = write::schedule(tx, &new.name).await?;
            let is_right = found.is_some_and(|found| {
                let row = found.row;
                (&row.cron_expr, &row.task_path, row.enabled) == (&new.cron_expr, &new.task_path, new.enabled)
            });
            if !is_right {
                wrong.push(new.name.clone());
            }
        }
        Ok(wrong)
    });
    let wrong: Vec<String> = read.await.map_err(|error: PgError| hints::database(error))?;
    if wrong.is_empty() {
        return Ok(());
    }
    Err(CommandError::message(ExitStatus::Conflict, "schedules are not as they were written")
        .details(wrong)
        .hint("another session may have changed them; run the same command again"))
}

impl SyncRow {
    fn nothing(name: &str, action: SyncAction, reason: Option<String>, row: Option<&ScheduleRow>) -> Self {
        Self {
            name: name.to_owned(),
            action,
            state: SyncState::Nothing,
            reason,
            before: row.map(ScheduleValues::of),
            after: row.map(ScheduleValues::of),
            plan: None,
        }
    }

    fn planned(action: SyncAction, old: Option<ScheduleState>, new: ScheduleRow, reason: Option<String>) -> Self {
        Self {
            name: new.name.clone(),
            action,
            state: SyncState::Planned,
            reason,
            before: old.as_ref().map(|old| ScheduleValues::of(&old.row)),
            after: Some(ScheduleValues::of(&new)),
            plan: Some(Planned { old, new }),
        }
    }

    /// What is to be done about a schedule of the code.
    fn of(
        schedule: &RecurringSchedule,
        old: Option<ScheduleState>,
        now: DateTime<Utc>,
        zones: &TimeZoneDatabase,
    ) -> Self {
        let name = schedule.key.as_str();
        let row = old.as_ref().map(|old| &old.row);
        let refused = |reason: String| Self::nothing(name, SyncAction::Refuse, Some(reason), row);
        if name.is_empty() {
            return refused("it has no name".to_owned());
        }
        let payload = match PeriodicPayload::read(&schedule.payload) {
            Ok(payload) => payload,
            Err(error) => return refused(error.to_string()),
        };
        if read_json(&schedule.payload).is_ok_and(|payload| has_nul(&payload)) {
            return refused("its arguments contain U+0000, which PostgreSQL does not store".to_owned());
        }
        match change(schedule, &payload).apply(row, now, zones) {
            Ok(new) if Some(&new) == row => Self::nothing(name, SyncAction::Keep, None, row),
            Ok(new) => {
                let action = if old.is_some() { SyncAction::Change } else { SyncAction::Create };
                Self::planned(action, old, new, None)
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                refused(format!("{error}{}", cause.unwrap_or_default()))
            }
        }
    }

    /// Whether it is not as the code defines it.
    fn is_wrong(&self) -> bool {
        self.action == SyncAction::Refuse || self.state == SyncState::Conflict
    }
}

/// Everything that Django's `sync-recurring` writes, except for the next run.
fn change(schedule: &RecurringSchedule, payload: &PeriodicPayload) -> ScheduleChange {
    ScheduleChange {
        name: schedule.key.clone(),
        cron_expr: Some(schedule.schedule.clone()),
        task_path: Some(schedule.task_path.clone()),
        args: Some(payload.args().to_owned()),
        kwargs: Some(payload.kwargs().to_owned()),
        queue_name: Some(schedule.queue_name.clone()),
        priority: Some(schedule.priority),
        max_attempts: Some(schedule.max_attempts),
        concurrency_key: Some(schedule.concurrency_key.clone().unwrap_or_default()),
        concurrency_limit: Some(schedule.concurrency_limit),
        enabled: Some(schedule.enabled),
    }
}

impl Report for PeriodicSyncReport {
    const SCHEMA: &'static str = "reproq.periodic-sync/1";

    fn human(&self, out: &mut TextReport) {
        for row in &self.schedules {
            let action = match (row.action, row.state) {
                (_, SyncState::Conflict) => "left",
                (SyncAction::Create, SyncState::Done) => "created",
                (SyncAction::Change, SyncState::Done) => "changed",
                (SyncAction::Disable, SyncState::Done) => "disabled",
                (SyncAction::Create, _) => "create",
                (SyncAction::Change, _) => "change",
                (SyncAction::Disable, _) => "disable",
                (SyncAction::Keep, _) => "keep",
                (SyncAction::Leave, _) => "leave",
                (SyncAction::Elsewhere, _) => "skip",
                (SyncAction::Refuse, _) => "refuse",
            };
            let reason = match row.state {
                SyncState::Conflict => Some("it changed in the meantime".to_owned()),
                SyncState::Nothing | SyncState::Planned | SyncState::Done => row.reason.clone(),
            };
            out.line(&format!(
                "{action:<8} {}{}",
                row.name,
                reason.map(|reason| format!(": {reason}")).unwrap_or_default()
            ));
            if matches!(row.action, SyncAction::Create | SyncAction::Change)
                && let Some(after) = &row.after
            {
                for line in after.differences(row.before.as_ref()) {
                    out.line(&format!("           {line}"));
                }
            }
        }
        if !self.schedules.is_empty() {
            out.blank();
        }
        let schedules = |number| count(number, "schedule");
        out.line(&match (self.planned, self.dry_run, self.verified) {
            (0, ..) if self.schedules.is_empty() => {
                "The code defines no schedules, and the database has none.".to_owned()
            }
            (0, ..) => "Nothing to do.".to_owned(),
            (planned, true, _) => format!("{} would be changed; nothing was changed.", schedules(planned)),
            (planned, false, true) if self.changed == planned => format!("Verified: {} changed.", schedules(planned)),
            (planned, false, _) if self.audit.is_some() => {
                format!("{} of {} changed.", self.changed, schedules(planned))
            }
            (planned, false, _) => format!("{} to change.", schedules(planned)),
        });
    }
}
