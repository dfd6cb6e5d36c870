//! From facts to causes.

use super::Cause;
use super::LeaseHolder;
use super::TaskFacts;
use super::WhyFacts;
use crate::moves::moved_task;
use crate::stats::WorkerState;
use crate::tasks::ActiveTask;

/// The number of tasks up to which others are counted.
pub(crate) const COUNTED: i64 = 10_000;

/// The causes, what blocks first.
pub fn causes(facts: &WhyFacts) -> Vec<Cause> {
    let mut causes = match facts.task.status.as_str() {
        "READY" => ready(facts),
        "RUNNING" => running(facts),
        "WAITING" => waiting(facts),
        _ => finished(facts),
    };
    causes.sort_by_key(|cause| !cause.blocks());
    if causes.is_empty() {
        causes.push(Cause::Nothing);
    }
    causes
}

fn ready(facts: &WhyFacts) -> Vec<Cause> {
    let task = &facts.task;
    let mut causes: Vec<Cause> = [
        paused(facts),
        not_due(facts),
        lock(facts),
        concurrency(task, facts.concurrent),
        rate_limit(facts),
        no_worker(facts),
        allow_list(facts),
    ]
    .into_iter()
    .flatten()
    .collect();
    if facts.ahead > 0 {
        let tasks = facts.ahead.min(COUNTED);
        causes.push(Cause::TasksAhead { queue: task.queue_name.clone(), tasks, is_limit: facts.ahead > COUNTED });
    }
    causes.extend(facts.duplicates.iter().map(duplicate));
    causes.extend(cancel_requested(task));
    causes.extend(task.expires_at.filter(|at| *at <= facts.now).map(|expires_at| Cause::Expired { expires_at }));
    causes
}

fn paused(facts: &WhyFacts) -> Option<Cause> {
    let control = facts.control.as_ref().filter(|control| control.paused)?;
    Some(Cause::QueuePaused {
        queue: control.queue_name.clone(),
        since: control.paused_at,
        reason: control.reason.clone().filter(|reason| !reason.is_empty()),
    })
}

fn not_due(facts: &WhyFacts) -> Option<Cause> {
    let task = &facts.task;
    let run_after = task.run_after.filter(|at| *at > facts.now)?;
    let seconds = (run_after - facts.now).num_seconds();
    Some(if task.attempts > 0 {
        Cause::RetryLater {
            attempts: task.attempts,
            max_attempts: task.max_attempts,
            run_after,
            seconds,
            error: task.error.clone(),
        }
    } else {
        Cause::RunAfter { run_after, seconds }
    })
}

fn lock(facts: &WhyFacts) -> Option<Cause> {
    // An empty key is a key.
    let lock_key = facts.task.lock_key.clone()?;
    if facts.lock_holders.is_empty() {
        return None;
    }
    let holders = facts.lock_holders.iter().map(|holder| LeaseHolder {
        id: holder.result_id,
        worker: holder.leased_by.clone(),
        lease_expired: holder.expired != Some(false),
    });
    Some(Cause::LockHeld { lock_key, holders: holders.collect() })
}

fn concurrency(task: &TaskFacts, running: i64) -> Option<Cause> {
    let concurrency_key = task.concurrency_key.clone().filter(|key| !key.is_empty())?;
    let is_full = task.concurrency_limit > 0 && running >= i64::from(task.concurrency_limit);
    is_full.then_some(Cause::ConcurrencyFull { concurrency_key, running, limit: task.concurrency_limit })
}

/// The first limit that exists decides, even if it limits nothing.
fn rate_limit(facts: &WhyFacts) -> Option<Cause> {
    let keys = rate_limit_keys(&facts.task.task_path, &facts.task.queue_name);
    let limit = keys.iter().find_map(|key| facts.limits.iter().find(|limit| limit.key == *key))?;
    let seconds = limit.wait_seconds();
    (seconds > 0.0).then(|| Cause::RateLimited { key: limit.key.clone(), tokens_per_second: limit.rate, seconds })
}

/// The limits that may apply to a task, in order.
pub(crate) fn rate_limit_keys(task_path: &str, queue: &str) -> [String; 3] {
    [format!("task:{task_path}"), format!("queue:{queue}"), "global".to_owned()]
}

fn no_worker(facts: &WhyFacts) -> Option<Cause> {
    let queue = &facts.task.queue_name;
    if facts.workers.iter().any(|worker| worker.serves(queue)) {
        return None;
    }
    let of = |state: WorkerState| facts.workers.iter().filter(move |worker| worker.state() == state);
    let stale = of(WorkerState::Stale).filter(|worker| worker.queue_names().contains(queue)).count();
    Some(Cause::NoWorker { queue: queue.clone(), stale, alive_elsewhere: of(WorkerState::Alive).count() })
}

/// Each entry allows the paths that begin with it; `*` allows all.
fn allow_list(facts: &WhyFacts) -> Option<Cause> {
    let allowed = facts.allowed_modules.as_ref()?;
    let path = &facts.task.task_path;
    let is_allowed = allowed.iter().any(|prefix| prefix == "*" || path.starts_with(prefix.as_str()));
    (!is_allowed).then(|| Cause::NotAllowed { task_path: path.clone(), allowed: allowed.clone() })
}

fn duplicate(task: &ActiveTask) -> Cause {
    let lease_expired = task.status == "RUNNING" && task.expired != Some(false);
    Cause::Duplicate { id: task.result_id, status: task.status.clone(), lease_expired }
}

fn cancel_requested(task: &TaskFacts) -> Option<Cause> {
    task.cancel_requested.then(|| Cause::CancelRequested { status: task.status.clone() })
}

fn running(facts: &WhyFacts) -> Vec<Cause> {
    let task = &facts.task;
    let worker = task.leased_by.clone();
    let lease = match task.leased_until {
        None => Cause::LeaseMissing { worker },
        Some(leased_until) if leased_until < facts.now => Cause::LeaseExpired {
            worker_alive: worker.as_ref().is_some_and(|name| {
                facts.workers.iter().any(|it| it.worker_id == *name && it.state() == WorkerState::Alive)
            }),
            worker,
            leased_until,
            seconds: (facts.now - leased_until).num_seconds(),
            attempts_left: task.attempts < task.max_attempts,
        },
        Some(leased_until) => {
            Cause::Running { worker, leased_until, seconds: (leased_until - facts.now).num_seconds() }
        }
    };
    std::iter::once(lease).chain(cancel_requested(task)).chain(facts.duplicates.iter().map(duplicate)).collect()
}

fn waiting(facts: &WhyFacts) -> Vec<Cause> {
    let task = &facts.task;
    if let Some(origin) = task.leased_by.as_deref().and_then(moved_task) {
        return vec![Cause::Held { queue: task.queue_name.clone(), origin }];
    }
    if let Some(run) = &facts.callback_of {
        let workflow = run.workflow_id.clone();
        return vec![if run.status == "FAILED" || run.failure_count > 0 {
            Cause::WorkflowFailed { workflow, failed: run.failure_count }
        } else if run.success_count >= run.expected_count {
            Cause::NotReleased { workflow }
        } else {
            Cause::MembersActive { workflow, expected: run.expected_count, successful: run.success_count }
        }];
    }
    let cause = match (task.parent_id, facts.parent_status.clone()) {
        (Some(parent), Some(status)) => match status.as_str() {
            "FAILED" | "CANCELLED" => Cause::ParentFailed { parent, status },
            "SUCCESSFUL" => Cause::ParentGone { parent: Some(parent), status: Some(status) },
            _ => Cause::ParentActive { parent, status },
        },
        (parent, _) => Cause::ParentGone { parent, status: None },
    };
    std::iter::once(cause).chain(cancel_requested(task)).collect()
}

fn finished(facts: &WhyFacts) -> Vec<Cause> {
    let task = &facts.task;
    let is_failed = task.status == "FAILED";
    let end = Cause::Finished {
        status: task.status.clone(),
        at: task.finished_at,
        error: task.error.clone().filter(|_| task.status != "SUCCESSFUL"),
        kind: task.error_kind.clone().filter(|_| is_failed),
    };
    // An active task with the same specification prevents a retry.
    let duplicates = facts.duplicates.iter().filter(|_| is_failed).map(duplicate);
    std::iter::once(end).chain(duplicates).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
