//! Carries out a change in batches: a record, one transaction, what was read back.

use std::time::Duration;

use reproq_queue::changes::ChangeRefusal;
use reproq_queue::changes::PlannedTask;
use reproq_queue::changes::RefusedTask;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::read;
use reproq_queue::write;
use reproq_queue::write::TaskWrite;

use super::ChangeRequest;
use super::report::TaskChangeReport;
use crate::change::BatchStep;
use crate::change::Batches;
use crate::change::Response;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::queue::record::AuditedTask;
use crate::commands::queue::record::QueueAction;
use crate::commands::queue::record::QueueRecord;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// The rows of a transaction: few enough that a worker never waits long for one of them.
const BATCH: usize = 500;

/// How often a batch is tried again if another session holds what it needs.
const TRIES: u32 = 5;

/// The pause before that.
const PAUSE: Duration = Duration::from_millis(500);

/// Changes tasks that the user named.
pub(super) async fn named(
    database: &Database,
    request: &ChangeRequest<'_>,
    ids: &[i64],
    session: &Session<'_>,
    report: &mut TaskChangeReport,
) -> Result<(), CommandError> {
    let planned: Vec<PlannedTask> = ids.iter().map(|id| PlannedTask::named(*id)).collect();
    let audit = &request.arguments.bulk.plan.audit;
    let record = if audit.is_some() {
        QueueRecord::begin(audit.as_ref(), &command(request), &planned_ids(&planned), database, session)?
    } else {
        QueueRecord::none()
    };
    in_batches(database, request, &planned, session, report, record).await
}

/// Changes the tasks of a plan.
pub(super) async fn planned(
    database: &Database,
    request: &ChangeRequest<'_>,
    planned: &[PlannedTask],
    session: &Session<'_>,
    report: &mut TaskChangeReport,
) -> Result<(), CommandError> {
    let audit = request.arguments.bulk.plan.audit.as_ref();
    let record = QueueRecord::begin(audit, &command(request), &planned_ids(planned), database, session)?;
    in_batches(database, request, planned, session, report, record).await
}

fn command(request: &ChangeRequest<'_>) -> String {
    format!("task {}", request.name)
}

fn planned_ids(planned: &[PlannedTask]) -> Vec<String> {
    planned.iter().map(|task| task.id.to_string()).collect()
}

async fn in_batches(
    database: &Database,
    request: &ChangeRequest<'_>,
    planned: &[PlannedTask],
    session: &Session<'_>,
    report: &mut TaskChangeReport,
    mut record: QueueRecord,
) -> Result<(), CommandError> {
    report.audit = record.path();
    let result = all_batches(database, request, planned, session, report, &mut record).await;
    report.verified = result.is_ok();
    report.left = planned.len().saturating_sub(report.settled_of_plan());
    let recorded = record.end(&result, report.changed);
    result?;
    recorded
}

async fn all_batches(
    database: &Database,
    request: &ChangeRequest<'_>,
    planned: &[PlannedTask],
    session: &Session<'_>,
    report: &mut TaskChangeReport,
    record: &mut QueueRecord,
) -> Result<(), CommandError> {
    let mut batches = Batches::new(planned, BATCH, false);
    let mut tries = 0;
    while let Some(batch) = batches.next(|_| true) {
        let tasks = batch.iter().map(AuditedTask::new).collect();
        let number = record.intent(QueueAction::ChangeTasks { change: request.name, tasks })?;
        let result =
            database.session.write(limits(), async |tx| write::change_tasks(tx, request.change, &batch).await).await;
        record.result(number, &described(&result))?;
        let (written, error) = match result {
            Ok(written) => (Some(written), None),
            Err(error) => (None, Some(error)),
        };
        let response = match &error {
            None => Response::Done,
            Some(error) if write::is_duplicate(error) => Response::OneRefused(()),
            Some(PgError::Conflict { .. } | PgError::LockTimeout { .. }) if tries < TRIES => Response::Again(()),
            Some(_) => Response::Stop(()),
        };
        match (batches.after(batch, response), written, error) {
            (BatchStep::Done(_), Some(written), _) => {
                read_back(database, &written).await?;
                report.written(written);
                if planned.len() > BATCH {
                    session.ui.status(&format!("{} of {} tasks {}", report.changed, planned.len(), request.done));
                }
            }
            (BatchStep::Wait(..), ..) => {
                tries += 1;
                database.session.pause(PAUSE).await.map_err(hints::database)?;
            }
            (BatchStep::Refused(task, ()), ..) => report.refuse(duplicate(database, task).await?),
            (BatchStep::Stop(..), _, Some(error)) => return Err(hints::database(error)),
            (BatchStep::Continue | BatchStep::Done(_) | BatchStep::Stop(..), ..) => {}
        }
    }
    Ok(())
}

/// Short: a row that is not free is left out, and only rows of workflows are waited for.
fn limits() -> Limits {
    Limits { lock: Duration::from_secs(2), ..Limits::default() }
}

/// Nothing of a batch is committed by halves; this finds a server that reports success without it.
async fn read_back(database: &Database, written: &TaskWrite) -> Result<(), CommandError> {
    if written.changed.is_empty() {
        return Ok(());
    }
    let read = database.session.read(Limits::default(), async |tx| write::not_changed(tx, &written.changed).await);
    let left = read.await.map_err(hints::database)?;
    if left.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = left.iter().map(ToString::to_string).collect();
    Err(CommandError::message(ExitStatus::Conflict, "tasks are as they were before the change")
        .details([ids.join(", ")])
        .hint("run `reproq db check`, and the same command again"))
}

/// A task with the same specification was enqueued while the change was made.
async fn duplicate(database: &Database, task: PlannedTask) -> Result<RefusedTask, CommandError> {
    let ids = [task.id];
    let read = database.session.read(Limits::default(), async |tx| {
        Ok((read::observe(tx, &ids).await?.pop(), read::duplicates_of(tx, &ids).await?))
    });
    let (row, others) = read.await.map_err(|error: PgError| hints::database(error))?;
    let refusal = match others.get(&task.id) {
        Some(other) => ChangeRefusal::SameSpecification { other: *other },
        None => ChangeRefusal::Changed,
    };
    Ok(RefusedTask { id: task.id, task: row, refusal })
}

/// For the record.
fn described(result: &Result<TaskWrite, PgError>) -> Result<String, String> {
    match result {
        Ok(written) if written.refused.is_empty() => Ok(format!("{} changed", written.changed.len())),
        Ok(written) => {
            let ids: Vec<String> = written.refused.iter().map(|it| it.id.to_string()).collect();
            Ok(format!("{} changed, not changed: {}", written.changed.len(), ids.join(" ")))
        }
        Err(error) => Err(error.to_string()),
    }
}
