//! `reproq task prune`: deletes finished tasks.
//!
//! There is no index on the end of a task, so the table is read in the order of ids, in parts, up to the tasks that were
//! enqueued after the limit. What has finished before it is fixed, so that the plan can only shrink until it is carried out.

use std::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use reproq_queue::changes::PruneCounts;
use reproq_queue::changes::PruneRule;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::read;
use reproq_queue::read::PrunePart;
use reproq_queue::write;
use serde::Serialize;

use super::record::QueueAction;
use super::record::QueueRecord;
use super::seconds;
use super::several::refuse_more;
use crate::change::Proposal;
use crate::cli::TaskPruneArgs;
use crate::commands::consent;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::model::text::time;
use crate::platform;
use crate::ui::Report;
use crate::ui::TextReport;

/// The rows that are read at a time.
const PART: i64 = 10_000;

/// The rows that a transaction deletes: a few milliseconds.
const BATCH: usize = 1000;

/// Without an index each deletion reads the whole table: more than this many would block the database.
const FEW: u64 = 10;

/// How often a batch is tried again if another session holds what it needs, and the pause before that.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Serialize)]
struct TaskPruneReport {
    dry_run: bool,
    /// Tasks that finished before this are deleted.
    before: DateTime<Utc>,
    /// Whether the index exists that deletions need.
    has_parent_index: bool,
    planned: u64,
    deleted: u64,
    /// What was found, of each status; what another task or an unfinished workflow needs is kept.
    found: PruneCounts,
    /// Whether the deleted rows were looked for.
    verified: bool,
    audit: Option<String>,
}

pub(super) fn prune(arguments: &TaskPruneArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    // After a signal, what was deleted is still reported.
    let _hold = platform::hold_exit();
    let (report, failure) =
        Database::with(&arguments.database, session, async |database| prune_in(database, arguments, session).await)?;
    session.ui.report(&report)?;
    let Some(failure) = failure else {
        let is_pending = report.dry_run && arguments.bulk.plan.confirm.exit_code && report.planned > 0;
        return Ok(if is_pending { ExitStatus::Pending } else { ExitStatus::Success });
    };
    session.ui.error_after_report(&failure);
    let is_interrupt = failure.status == ExitStatus::Interrupted;
    if is_interrupt {
        session.ui.hint("what was deleted stays deleted; run the same command again to continue");
    }
    Ok(if report.deleted > 0 && !is_interrupt { ExitStatus::Partial } else { failure.status })
}

async fn prune_in(
    database: &Database,
    arguments: &TaskPruneArgs,
    session: &Session<'_>,
) -> Result<(TaskPruneReport, Option<CommandError>), CommandError> {
    let bulk = &arguments.bulk;
    let (now, has_parent_index) =
        read(database, async |tx| Ok((read::server(tx).await?.now, read::has_parent_index(tx).await?))).await?;
    let rule = rule(arguments, now)?;
    session.ui.status("Looking for finished tasks");
    let found = survey(database, &rule, bulk.limit).await?;
    let most = bulk.limit.map_or(u64::MAX, u64::from);
    let mut report = TaskPruneReport {
        dry_run: bulk.plan.confirm.dry_run,
        before: rule.before,
        has_parent_index,
        planned: found.deletable().min(most),
        deleted: 0,
        found,
        verified: false,
        audit: None,
    };
    let needs_index = !has_parent_index && report.planned > FEW;
    if bulk.plan.confirm.dry_run || report.planned == 0 {
        if needs_index {
            session.ui.warn("the database has no index on task_runs.parent_id: so many tasks cannot be deleted yet");
            session.ui.hint("run `reproq db migrate`, which builds it");
        }
        return Ok((report, None));
    }
    if needs_index {
        return Err(no_index(report.planned));
    }
    let planned = usize::try_from(report.planned).unwrap_or(usize::MAX);
    refuse_more(planned, "task", "deleted", &bulk.plan, session)?;
    let proposal = Proposal { number: planned, thing: "task", done: "deleted" };
    let server = database.session.server();
    let question = |number| format!("Type {number} to permanently delete {} in {server}:", count(number, "task"));
    consent::confirm(&proposal, question, || session.ui.preview(&report), bulk.plan.confirm.yes, session)?;
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    let mut record = QueueRecord::begin(bulk.plan.audit.as_ref(), "task prune", &[], database, session)?;
    report.audit = record.path();
    let result = delete(database, &rule, arguments.pause, &mut record, &mut report, session).await;
    report.verified = result.is_ok();
    let recorded = record.end(&result, usize::try_from(report.deleted).unwrap_or(usize::MAX));
    Ok((report, result.err().or(recorded.err())))
}

fn rule(arguments: &TaskPruneArgs, now: DateTime<Utc>) -> Result<PruneRule, CommandError> {
    let age = TimeDelta::try_seconds(seconds(arguments.older_than));
    let before = age.and_then(|age| now.checked_sub_signed(age)).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let mut rule = PruneRule::new(before, &arguments.status).map_err(|live| {
        CommandError::message(ExitStatus::Usage, format!("a task that is {live} is never deleted"))
            .hint("finished tasks are SUCCESSFUL, FAILED or CANCELLED; `reproq task cancel` cancels others")
    })?;
    rule.queue.clone_from(&arguments.queue);
    rule.task.clone_from(&arguments.task);
    Ok(rule)
}

fn no_index(planned: u64) -> CommandError {
    let tasks = count(usize::try_from(planned).unwrap_or(usize::MAX), "task");
    let message = format!("{tasks} would be deleted, but the database has no index on task_runs.parent_id");
    CommandError::message(ExitStatus::Conflict, message)
        .details(["each deletion would read the whole table".to_owned()])
        .hint("run `reproq db migrate`, which builds the index; until then, delete a few with `--limit 10`")
}

/// Counts what can be deleted, up to a limit.
async fn survey(database: &Database, rule: &PruneRule, limit: Option<u32>) -> Result<PruneCounts, CommandError> {
    let mut counts = PruneCounts::default();
    let mut after = Some(0);
    while let Some(from) = after.filter(|_| limit.is_none_or(|limit| counts.deletable() < u64::from(limit))) {
        let part = part(database, rule, from).await?;
        counts.add(part.counts);
        after = part.next;
    }
    Ok(counts)
}

async fn part(database: &Database, rule: &PruneRule, after: i64) -> Result<PrunePart, CommandError> {
    read(database, async |tx| read::prune_part(tx, rule, after, PART).await).await
}

async fn read<T>(
    database: &Database,
    work: impl AsyncFnOnce(&reproq_queue::pg::Transaction<'_>) -> Result<T, PgError>,
) -> Result<T, CommandError> {
    database.session.read(Limits::default(), work).await.map_err(hints::database)
}

/// Deletes as many as were planned, part by part.
async fn delete(
    database: &Database,
    rule: &PruneRule,
    pause: Duration,
    record: &mut QueueRecord,
    report: &mut TaskPruneReport,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let mut after = Some(0);
    while let Some(from) = after {
        let PrunePart { ids, next, .. } = part(database, rule, from).await?;
        for batch in ids.chunks(BATCH) {
            let left = usize::try_from(report.planned - report.deleted).unwrap_or(usize::MAX);
            if left == 0 {
                return Ok(());
            }
            let batch = &batch[..batch.len().min(left)];
            let number = record.intent(QueueAction::DeleteTasks { tasks: batch })?;
            let deleted = batch_of(database, rule, batch).await;
            let described = deleted.as_ref().map(|ids| format!("{} deleted", ids.len())).map_err(ToString::to_string);
            record.result(number, &described)?;
            let deleted = deleted.map_err(hints::database)?;
            report.deleted += deleted.len() as u64;
            are_gone(database, &deleted).await?;
            if report.planned > BATCH as u64 {
                session.ui.status(&format!("{} of {} tasks deleted", report.deleted, report.planned));
            }
            if report.deleted < report.planned {
                database.session.pause(pause).await.map_err(hints::database)?;
            }
        }
        after = next;
    }
    Ok(())
}

/// One transaction. Only the rows of children are waited for.
async fn batch_of(database: &Database, rule: &PruneRule, ids: &[i64]) -> Result<Vec<i64>, PgError> {
    let limits = Limits { lock: Duration::from_secs(2), ..Limits::default() };
    for _ in 1..TRIES {
        match database.session.write(limits, async |tx| write::delete_tasks(tx, rule, ids).await).await {
            Err(PgError::Conflict { .. } | PgError::LockTimeout { .. }) => database.session.pause(PAUSE).await?,
            other => return other,
        }
    }
    database.session.write(limits, async |tx| write::delete_tasks(tx, rule, ids).await).await
}

/// Reads back.
async fn are_gone(database: &Database, ids: &[i64]) -> Result<(), CommandError> {
    let left = read(database, async |tx| read::existing(tx, ids).await).await?;
    if left.is_empty() {
        return Ok(());
    }
    Err(CommandError::message(ExitStatus::Conflict, "deleted tasks still exist")
        .details(left.iter().take(20).map(ToString::to_string))
        .hint("run `reproq db check`, and the same command again"))
}

impl Report for TaskPruneReport {
    const SCHEMA: &'static str = "reproq.task-prune/1";

    fn human(&self, out: &mut TextReport) {
        let found = &self.found;
        let mut pairs = vec![
            ("Finished before", time(self.before)),
            ("Successful", found.successful.to_string()),
            ("Failed", found.failed.to_string()),
            ("Cancelled", found.cancelled.to_string()),
        ];
        for (name, number) in [("Awaited by others", found.awaited), ("Workflow unfinished", found.in_live_workflow)] {
            if number > 0 {
                pairs.push((name, format!("{number}, kept")));
            }
        }
        out.pairs(&pairs);
        out.blank();
        out.line(&match (self.planned, self.dry_run, self.verified) {
            (0, ..) => "Nothing to do: there is no such task.".to_owned(),
            (planned, true, _) => format!("{} would be deleted; nothing was changed.", tasks(planned)),
            (_, false, true) => format!("Verified: {} deleted.", tasks(self.deleted)),
            (planned, false, false) => format!("{} of {planned} deleted.", tasks(self.deleted)),
        });
    }
}

fn tasks(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "task")
}
