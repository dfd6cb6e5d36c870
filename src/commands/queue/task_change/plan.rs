//! What a change would do, without doing it.

use reproq_queue::changes::BatchPlan;
use reproq_queue::changes::ChangeRefusal;
use reproq_queue::changes::ObservedTask;
use reproq_queue::changes::PlannedTask;
use reproq_queue::changes::RefusedTask;
use reproq_queue::changes::TaskChange;
use reproq_queue::changes::TaskToChange;
use reproq_queue::changes::plan_batch;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Transaction;
use reproq_queue::read;
use reproq_queue::tasks::TaskFilter;

use super::ChangeRequest;
use super::report::TaskChangeReport;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::failure::CommandError;

/// The most tasks that one run changes, so that what is to be changed can be kept in memory: 24 bytes each.
const MOST: usize = 100_000;

/// Exactly the tasks that will be changed.
pub(super) struct ChangePlan {
    pub(super) report: TaskChangeReport,
    pub(super) tasks: Vec<PlannedTask>,
}

/// What would happen to tasks that are named.
pub(super) async fn of_named(
    database: &Database,
    request: &ChangeRequest<'_>,
    ids: &[i64],
) -> Result<ChangePlan, CommandError> {
    let mut report = TaskChangeReport::new(request.name, request.done, true, false);
    let read = database.session.read(Limits::default(), async |tx| {
        let found = read::observe(tx, ids).await?;
        let planned: Vec<PlannedTask> = ids.iter().map(|id| PlannedTask::named(*id)).collect();
        decide(tx, request.change, &planned, found).await
    });
    let plan = read.await.map_err(hints::database)?;
    for id in plan.absent {
        report.refuse(RefusedTask { id, task: None, refusal: ChangeRefusal::Missing });
    }
    plan.refused.into_iter().for_each(|it| report.refuse(it));
    plan.steps.iter().for_each(|it| report.change(it));
    Ok(ChangePlan { report, tasks: plan.steps.iter().map(shown).collect() })
}

/// A task as it was shown.
const fn shown(it: &TaskToChange) -> PlannedTask {
    PlannedTask { id: it.task.result_id, shown: Some((it.task.status, it.task.attempts)) }
}

/// The tasks that match a filter, oldest first, in one state of the database.
pub(super) async fn of_matching(
    database: &Database,
    request: &ChangeRequest<'_>,
    filter: &TaskFilter,
) -> Result<ChangePlan, CommandError> {
    let most = request.arguments.bulk.limit.map_or(MOST, |limit| (limit as usize).min(MOST));
    let read = database.session.read(Limits::default(), async |tx| {
        let report = TaskChangeReport::new(request.name, request.done, true, true);
        let mut plan = ChangePlan { report, tasks: Vec::new() };
        read::select_candidates(tx, filter).await?;
        loop {
            let found = read::next_candidates(tx).await?;
            if found.is_empty() {
                return Ok(plan);
            }
            let planned: Vec<PlannedTask> = found.iter().map(|task| PlannedTask::named(task.result_id)).collect();
            let BatchPlan { steps, refused, .. } = decide(tx, request.change, &planned, found).await?;
            refused.into_iter().for_each(|it| plan.report.refuse(it));
            for it in &steps {
                if plan.tasks.len() == most {
                    plan.report.more = true;
                    return Ok(plan);
                }
                plan.tasks.push(shown(it));
                plan.report.change(it);
            }
        }
    });
    read.await.map_err(|error: PgError| hints::database(error))
}

/// Decides, and asks for what is active with the same specification.
async fn decide(
    tx: &Transaction<'_>,
    change: TaskChange,
    planned: &[PlannedTask],
    found: Vec<ObservedTask>,
) -> Result<BatchPlan, PgError> {
    let mut plan = plan_batch(change, planned, found);
    if change == TaskChange::Retry {
        let ids: Vec<i64> = plan.steps.iter().map(|it| it.task.result_id).collect();
        let others = read::duplicates_of(tx, &ids).await?;
        plan.refuse(|it| {
            let other = *others.get(&it.task.result_id)?;
            Some(ChangeRefusal::SameSpecification { other })
        });
    }
    Ok(plan)
}
