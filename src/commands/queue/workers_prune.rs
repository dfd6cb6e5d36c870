//! `reproq workers prune`: plan, show, confirm, delete what still is as it was shown, read back.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::pg::Limits;
use reproq_queue::read;
use reproq_queue::stats::DeadWorker;
use reproq_queue::text::span;
use reproq_queue::write;
use serde::Serialize;

use super::record::AuditedWorker;
use super::record::QueueAction;
use super::record::QueueRecord;
use super::several::PlanProgress;
use super::several::finish;
use super::several::refuse_more;
use super::table;
use crate::change::Proposal;
use crate::cli::WorkersPruneArgs;
use crate::commands::consent;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::platform;
use crate::ui::Report;
use crate::ui::TextReport;

/// The rows that a transaction deletes.
const BATCH: usize = 500;

#[derive(Debug, Serialize)]
struct WorkersPruneReport {
    dry_run: bool,
    /// The time of the database.
    at: DateTime<Utc>,
    older_than_seconds: u64,
    workers: Vec<PrunedWorker>,
    planned: usize,
    deleted: usize,
    /// Whether the deleted rows were looked for.
    verified: bool,
    audit: Option<String>,
}

#[derive(Debug, Serialize)]
struct PrunedWorker {
    worker_id: String,
    hostname: Option<String>,
    version: Option<String>,
    last_seen_at: DateTime<Utc>,
    /// Running tasks that it holds the lease of.
    running: i64,
    outcome: WorkerOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum WorkerOutcome {
    /// It would be deleted, or the run ended before.
    Planned,
    Deleted,
    /// It holds leases: its row tells whose the tasks are.
    HoldsLeases,
    /// It reported itself, took a task, or was deleted by another session in the meantime.
    Changed,
}

pub(super) fn prune(arguments: &WorkersPruneArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (report, failure) =
        Database::with(&arguments.database, session, async |database| prune_in(database, arguments, session).await)?;
    session.ui.report(&report)?;
    let skipped = report.number(WorkerOutcome::Changed);
    let progress = PlanProgress { planned: report.planned, changed: report.deleted, skipped };
    Ok(finish(progress, failure.as_ref(), &arguments.plan, session))
}

async fn prune_in(
    database: &Database,
    arguments: &WorkersPruneArgs,
    session: &Session<'_>,
) -> Result<(WorkersPruneReport, Option<CommandError>), CommandError> {
    let seconds = arguments.older_than.as_secs_f64();
    let read = database
        .session
        .read(Limits::default(), async |tx| Ok((read::server(tx).await?.now, read::dead_workers(tx, seconds).await?)));
    let (at, found) = read.await.map_err(hints::database)?;
    let mut report = WorkersPruneReport::new(at, &found, arguments);
    if report.dry_run || report.planned == 0 {
        return Ok((report, None));
    }
    let plan = &arguments.plan;
    refuse_more(report.planned, "worker", "deleted", plan, session)?;
    let proposal = Proposal { number: report.planned, thing: "worker", done: "deleted" };
    let server = database.session.server();
    let question = |number| format!("Type {number} to delete the rows of {} in {server}:", count(number, "worker"));
    consent::confirm(&proposal, question, || session.ui.preview(&report), plan.confirm.yes, session)?;
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    let planned: Vec<&DeadWorker> = found.iter().filter(|worker| worker.running == 0).collect();
    let units: Vec<String> = planned.iter().map(|worker| worker.worker_id.clone()).collect();
    let mut record = QueueRecord::begin(plan.audit.as_ref(), "workers prune", &units, database, session)?;
    report.audit = record.path();
    let result = delete(database, &planned, seconds, &mut record, &mut report).await;
    report.verified = result.is_ok();
    let recorded = record.end(&result, report.deleted);
    Ok((report, result.err().or(recorded.err())))
}

async fn delete(
    database: &Database,
    planned: &[&DeadWorker],
    seconds: f64,
    record: &mut QueueRecord,
    report: &mut WorkersPruneReport,
) -> Result<(), CommandError> {
    for batch in planned.chunks(BATCH) {
        let workers: Vec<DeadWorker> = batch.iter().map(|worker| (*worker).clone()).collect();
        let audited: Vec<AuditedWorker<'_>> = workers
            .iter()
            .map(|worker| AuditedWorker {
                worker_id: &worker.worker_id,
                hostname: worker.hostname.as_deref(),
                last_seen_at: worker.last_seen_at,
            })
            .collect();
        let number = record.intent(QueueAction::DeleteWorkers { workers: &audited })?;
        let deleted =
            database.session.write(Limits::default(), async |tx| write::delete_workers(tx, &workers).await).await;
        let described = match &deleted {
            Ok(deleted) => Ok(format!("{} deleted: {}", deleted.len(), deleted.join(" "))),
            Err(error) => Err(error.to_string()),
        };
        record.result(number, &described)?;
        let deleted = deleted.map_err(hints::database)?;
        for worker in &workers {
            let is_deleted = deleted.contains(&worker.worker_id);
            report.settle(&worker.worker_id, if is_deleted { WorkerOutcome::Deleted } else { WorkerOutcome::Changed });
        }
    }
    verify(database, seconds, report).await
}

/// Reads back. A worker that was started again under the same id has a new row.
async fn verify(database: &Database, seconds: f64, report: &WorkersPruneReport) -> Result<(), CommandError> {
    let read = database.session.read(Limits::default(), async |tx| read::dead_workers(tx, seconds).await);
    let left = read.await.map_err(hints::database)?;
    let is_deleted = |id: &str| {
        report.workers.iter().any(|worker| worker.worker_id == id && worker.outcome == WorkerOutcome::Deleted)
    };
    let wrong: Vec<String> =
        left.into_iter().map(|worker| worker.worker_id).filter(|worker| is_deleted(worker)).take(20).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(CommandError::message(ExitStatus::Conflict, "deleted workers still exist")
        .details(wrong)
        .hint("run `reproq db check`, and the same command again"))
}

impl WorkersPruneReport {
    fn new(at: DateTime<Utc>, found: &[DeadWorker], arguments: &WorkersPruneArgs) -> Self {
        let workers: Vec<PrunedWorker> = found
            .iter()
            .map(|worker| PrunedWorker {
                worker_id: worker.worker_id.clone(),
                hostname: worker.hostname.clone(),
                version: worker.version.clone(),
                last_seen_at: worker.last_seen_at,
                running: worker.running,
                outcome: if worker.running > 0 { WorkerOutcome::HoldsLeases } else { WorkerOutcome::Planned },
            })
            .collect();
        Self {
            dry_run: arguments.plan.confirm.dry_run,
            at,
            older_than_seconds: arguments.older_than.as_secs(),
            planned: workers.iter().filter(|worker| worker.outcome == WorkerOutcome::Planned).count(),
            workers,
            deleted: 0,
            verified: false,
            audit: None,
        }
    }

    fn number(&self, outcome: WorkerOutcome) -> usize {
        self.workers.iter().filter(|worker| worker.outcome == outcome).count()
    }

    fn settle(&mut self, id: &str, outcome: WorkerOutcome) {
        if let Some(worker) = self.workers.iter_mut().find(|worker| worker.worker_id == id) {
            worker.outcome = outcome;
        }
        self.deleted = self.number(WorkerOutcome::Deleted);
    }
}

impl Report for WorkersPruneReport {
    const SCHEMA: &'static str = "reproq.workers-prune/1";

    fn human(&self, out: &mut TextReport) {
        let has_begun = self.audit.is_some();
        let rows = self.workers.iter().map(|worker| {
            let outcome = match worker.outcome {
                WorkerOutcome::Planned if has_begun => "not reached".to_owned(),
                WorkerOutcome::Planned => "delete".to_owned(),
                WorkerOutcome::Deleted => "deleted".to_owned(),
                WorkerOutcome::HoldsLeases => {
                    let number = usize::try_from(worker.running).unwrap_or(usize::MAX);
                    format!("kept: it holds the lease of {}", count(number, "running task"))
                }
                WorkerOutcome::Changed => "kept: it changed in the meantime".to_owned(),
            };
            let seconds = (self.at - worker.last_seen_at).num_seconds();
            vec![
                worker.worker_id.clone(),
                format!("{} ago", span(seconds)),
                worker.hostname.clone().unwrap_or_else(|| "-".to_owned()),
                outcome,
            ]
        });
        if !self.workers.is_empty() {
            out.table(&table(&["WORKER", "SEEN", "HOST", "ROW"], rows));
            out.blank();
        }
        if self.number(WorkerOutcome::HoldsLeases) > 0 {
            out.line("`reproq task reclaim` takes leases back that have expired.");
        }
        let age = span(i64::try_from(self.older_than_seconds).unwrap_or(i64::MAX));
        out.line(&match (self.planned, self.dry_run, self.verified) {
            (0, ..) => format!("Nothing to do: no worker without a lease was last seen more than {age} ago."),
            (planned, true, _) => format!("{} would be deleted; nothing was changed.", count(planned, "worker")),
            (planned, false, true) if self.deleted == planned => {
                format!("Verified: {} deleted.", count(planned, "worker"))
            }
            (planned, false, _) if has_begun => format!("{} of {} deleted.", self.deleted, count(planned, "worker")),
            (planned, false, _) => format!("{} to delete.", count(planned, "worker")),
        });
    }
}
