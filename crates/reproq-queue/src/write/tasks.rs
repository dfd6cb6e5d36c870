//! Retry, cancel, discard, reclaim: lock, decide, write, tell the workflow.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::changes::BatchPlan;
use crate::changes::ChangeRefusal;
use crate::changes::ObservedTask;
use crate::changes::PlannedTask;
use crate::changes::RefusedTask;
use crate::changes::TaskChange;
use crate::changes::TaskStep;
use crate::changes::TaskToChange;
use crate::changes::WorkflowEffect;
use crate::changes::plan_batch;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::read;
use crate::sql::task_changes as sql;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskWrite {
    /// What was changed, as it was before.
    pub changed: Vec<TaskToChange>,
    /// What was not.
    pub refused: Vec<RefusedTask>,
    /// How many other tasks of their workflows were changed with them.
    pub followed: u64,
}

/// A row as it was read, and what is written to it.
#[derive(Serialize)]
struct Seen<'a> {
    id: i64,
    status: &'a str,
    attempts: i32,
    leased_by: Option<&'a str>,
    leased_until: Option<DateTime<Utc>>,
    cancel_requested: bool,
    max_attempts: i32,
    message: String,
    lease_matters: bool,
}

/// A changed task of a workflow.
#[derive(Serialize)]
struct Member<'a> {
    id: i64,
    workflow_id: &'a str,
    message: String,
    fails: bool,
}

/// Changes tasks. Nothing waits for a row that another session holds.
pub async fn change_tasks(
    tx: &Transaction<'_>,
    change: TaskChange,
    planned: &[PlannedTask],
) -> Result<TaskWrite, PgError> {
    let ids: Vec<i64> = planned.iter().map(|task| task.id).collect();
    let found = tx.fetch(sql::LOCK, &[Param::BigInts(&ids)]).await?;
    let BatchPlan { steps, mut refused, absent } = plan_batch(change, planned, found);
    refused.extend(why_absent(tx, &absent).await?);
    let mut written = TaskWrite { refused, ..TaskWrite::default() };
    for step in [
        TaskStep::Retry,
        TaskStep::Cancel,
        TaskStep::RequestCancel,
        TaskStep::Discard,
        TaskStep::Requeue,
        TaskStep::GiveUp,
    ] {
        let tasks: Vec<&ObservedTask> = steps.iter().filter(|it| it.step == step).map(|it| &it.task).collect();
        if !tasks.is_empty() {
            write_step(tx, step, &tasks, &mut written).await?;
        }
    }
    Ok(written)
}

/// Those of these tasks for which nothing has changed: every step changes something that is compared.
pub async fn not_changed(tx: &Transaction<'_>, changed: &[TaskToChange]) -> Result<Vec<i64>, PgError> {
    let seen: Vec<Seen<'_>> = changed.iter().map(|it| seen(it.step, &it.task)).collect();
    let rows = tx.rows(sql::NOT_CHANGED, &[Param::Text(Some(&json(&seen)))]).await?;
    rows.iter().map(|row| row.read("result_id")).collect()
}

/// Whether a retry failed because a task with the same specification was enqueued at the same time.
pub fn is_duplicate(error: &PgError) -> bool {
    matches!(error, PgError::Server { code, .. } if code == "23505")
}

/// Rows that were not locked are locked by others, or do not exist.
async fn why_absent(tx: &Transaction<'_>, absent: &[i64]) -> Result<Vec<RefusedTask>, PgError> {
    if absent.is_empty() {
        return Ok(Vec::new());
    }
    let existing = read::existing(tx, absent).await?;
    let refusal = |id| if existing.contains(id) { ChangeRefusal::Locked } else { ChangeRefusal::Missing };
    Ok(absent.iter().map(|id| RefusedTask { id: *id, task: None, refusal: refusal(id) }).collect())
}

async fn write_step(
    tx: &Transaction<'_>,
    step: TaskStep,
    tasks: &[&ObservedTask],
    written: &mut TaskWrite,
) -> Result<(), PgError> {
    let statement = match step {
        TaskStep::Retry => sql::RETRY,
        TaskStep::Cancel => sql::CANCEL,
        TaskStep::RequestCancel => sql::REQUEST_CANCEL,
        TaskStep::Discard => sql::DISCARD,
        TaskStep::Requeue => sql::REQUEUE,
        TaskStep::GiveUp => sql::GIVE_UP,
    };
    let rows: Vec<Seen<'_>> = tasks.iter().map(|task| seen(step, task)).collect();
    let mut done = BTreeSet::new();
    for row in tx.rows(statement, &[Param::Text(Some(&json(&rows)))]).await? {
        done.insert(row.read::<i64>("result_id")?);
    }
    let (changed, left): (Vec<&ObservedTask>, Vec<_>) =
        tasks.iter().copied().partition(|task| done.contains(&task.result_id));
    written.refused.extend(why_left(tx, step, &left).await?);
    if let Some(effect) = step.workflow_effect() {
        written.followed += tell_workflows(tx, effect, &changed).await?;
    }
    written.changed.extend(changed.into_iter().map(|task| TaskToChange { task: task.clone(), step }));
    Ok(())
}

/// A locked row that was not changed has a duplicate.
async fn why_left(tx: &Transaction<'_>, step: TaskStep, left: &[&ObservedTask]) -> Result<Vec<RefusedTask>, PgError> {
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = left.iter().map(|task| task.result_id).collect();
    let others = if step == TaskStep::Retry { read::duplicates_of(tx, &ids).await? } else { BTreeMap::new() };
    let refusal = |id| match others.get(&id) {
        Some(other) => ChangeRefusal::SameSpecification { other: *other },
        None => ChangeRefusal::Changed,
    };
    Ok(left
        .iter()
        .map(|task| RefusedTask { id: task.result_id, task: Some((*task).clone()), refusal: refusal(task.result_id) })
        .collect())
}

/// Returns how many tasks were changed with their workflow.
async fn tell_workflows(
    tx: &Transaction<'_>,
    effect: WorkflowEffect,
    changed: &[&ObservedTask],
) -> Result<u64, PgError> {
    let members: Vec<Member<'_>> = changed
        .iter()
        .filter_map(|task| {
            let workflow_id = task.workflow_id.as_deref()?;
            let message = format!("task {} of the workflow will not succeed", task.result_id);
            let fails = effect == WorkflowEffect::FailForGood;
            Some(Member { id: task.result_id, workflow_id, message, fails })
        })
        .collect();
    let has_workflows = changed.iter().any(|task| task.has_workflows);
    let statement = match (effect, has_workflows) {
        _ if members.is_empty() => return Ok(0),
        (WorkflowEffect::TakeBack, true) => sql::TAKE_BACK,
        (WorkflowEffect::Fail | WorkflowEffect::FailForGood, true) => sql::FAIL_WORKFLOWS,
        (WorkflowEffect::FailForGood, false) => sql::FAIL_CHAINS,
        (WorkflowEffect::TakeBack | WorkflowEffect::Fail, false) => return Ok(0),
    };
    tx.execute(statement, &[Param::Text(Some(&json(&members)))]).await
}

fn seen(step: TaskStep, task: &ObservedTask) -> Seen<'_> {
    Seen {
        id: task.result_id,
        status: task.status.as_str(),
        attempts: task.attempts,
        leased_by: task.leased_by.as_deref(),
        leased_until: task.leased_until,
        cancel_requested: task.cancel_requested,
        max_attempts: if step == TaskStep::Retry { task.max_attempts_of_retry() } else { task.max_attempts },
        message: task.lease_message(),
        lease_matters: step != TaskStep::RequestCancel,
    }
}

fn json(rows: &impl Serialize) -> String {
    serde_json::to_string(rows).expect("rows of strings and numbers")
}
