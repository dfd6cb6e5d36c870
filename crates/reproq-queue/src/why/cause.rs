//! The causes.

use std::fmt;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use serde::Serialize;

/// A task that runs, and its worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaseHolder {
    /// The task.
    pub id: i64,
    /// Its worker.
    pub worker: Option<String>,
    /// Whether its lease has expired or is missing.
    pub lease_expired: bool,
}

/// Why a task is where it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the task, of the worker and of what it waits for")]
pub enum Cause {
    /// Nothing is claimed from its queue.
    QueuePaused { queue: String, since: Option<DateTime<Utc>>, reason: Option<String> },
    /// Its time has not come.
    RunAfter { run_after: DateTime<Utc>, seconds: i64 },
    /// It failed, and its next attempt is later.
    RetryLater { attempts: i32, max_attempts: i32, run_after: DateTime<Utc>, seconds: i64, error: Option<String> },
    /// Another task with its lock key runs.
    LockHeld { lock_key: String, holders: Vec<LeaseHolder> },
    /// As many tasks with its concurrency key run as may.
    ConcurrencyFull { concurrency_key: String, running: i64, limit: i32 },
    /// A rate limit has no token left. It blocks all tasks of the queue behind this one.
    RateLimited { key: String, tokens_per_second: f64, seconds: f64 },
    /// No worker that has reported itself lately serves its queue.
    NoWorker { queue: String, stale: usize, alive_elsewhere: usize },
    /// Workers with this environment do not run its module.
    NotAllowed { task_path: String, allowed: Vec<String> },
    /// Other due tasks are claimed first.
    TasksAhead { queue: String, tasks: i64, is_limit: bool },
    /// Another task with the same specification is active.
    Duplicate { id: i64, status: String, lease_expired: bool },
    /// Its cancellation was requested.
    CancelRequested { status: String },
    /// It has expired. Workers run it all the same, and `prune expired` deletes it.
    Expired { expires_at: DateTime<Utc> },
    /// It runs.
    Running { worker: Option<String>, leased_until: DateTime<Utc>, seconds: i64 },
    /// Its worker stopped renewing its lease.
    LeaseExpired {
        worker: Option<String>,
        leased_until: DateTime<Utc>,
        seconds: i64,
        worker_alive: bool,
        attempts_left: bool,
    },
    /// It runs without a lease, so no worker reclaims it.
    LeaseMissing { worker: Option<String> },
    /// It waits for another task.
    ParentActive { parent: i64, status: String },
    /// It waits for a task that will not succeed.
    ParentFailed { parent: i64, status: String },
    /// It waits for a task that does not exist, or has released it already.
    ParentGone { parent: Option<i64>, status: Option<String> },
    /// It was copied from another database, and the move of its queue is not finished.
    Held { queue: String, origin: i64 },
    /// It is the callback of a workflow whose other tasks are not finished.
    MembersActive { workflow: String, expected: i32, successful: i32 },
    /// It is the callback of a workflow that has failed.
    WorkflowFailed { workflow: String, failed: i32 },
    /// It is the callback of a workflow whose tasks have succeeded, and it was not released.
    NotReleased { workflow: String },
    /// It has ended.
    Finished { status: String, at: Option<DateTime<Utc>>, error: Option<String>, kind: Option<String> },
    /// It is not blocked: a worker should claim it within seconds.
    Nothing,
}

impl Cause {
    /// Whether it keeps the task from running, or from ending. Others are worth knowing.
    pub const fn blocks(&self) -> bool {
        match self {
            Self::QueuePaused { .. }
            | Self::RunAfter { .. }
            | Self::RetryLater { .. }
            | Self::LockHeld { .. }
            | Self::ConcurrencyFull { .. }
            | Self::RateLimited { .. }
            | Self::NoWorker { .. }
            | Self::NotAllowed { .. }
            | Self::LeaseExpired { .. }
            | Self::LeaseMissing { .. }
            | Self::ParentActive { .. }
            | Self::ParentFailed { .. }
            | Self::ParentGone { .. }
            | Self::Held { .. }
            | Self::MembersActive { .. }
            | Self::WorkflowFailed { .. }
            | Self::NotReleased { .. } => true,
            Self::TasksAhead { .. }
            | Self::Duplicate { .. }
            | Self::CancelRequested { .. }
            | Self::Expired { .. }
            | Self::Running { .. }
            | Self::Finished { .. }
            | Self::Nothing => false,
        }
    }
}

fn time(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn worker(name: Option<&String>) -> String {
    name.map_or_else(|| "an unknown worker".to_owned(), |name| format!("worker {name}"))
}

fn because(error: Option<&String>) -> String {
    error.map(|error| format!(": {error}")).unwrap_or_default()
}

impl fmt::Display for Cause {
    #[expect(clippy::too_many_lines, reason = "one arm for each cause")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueuePaused { queue, since, reason } => {
                write!(f, "queue {queue} is paused")?;
                if let Some(since) = since {
                    write!(f, " since {}", time(since))?;
                }
                f.write_str(&because(reason.as_ref()))
            }
            Self::RunAfter { run_after, seconds } => {
                write!(f, "it must not run before {} (in {seconds} s)", time(run_after))
            }
            Self::RetryLater { attempts, max_attempts, run_after, seconds, error } => write!(
                f,
                "attempt {attempts} of {max_attempts} failed{}; the next is at {} (in {seconds} s)",
                because(error.as_ref()),
                time(run_after)
            ),
            Self::LockHeld { lock_key, holders } => {
                write!(f, "lock key {lock_key} is held")?;
                for (index, holder) in holders.iter().enumerate() {
                    let before = if index == 0 { " by" } else { "," };
                    let lease = if holder.lease_expired { ", whose lease has expired or is missing" } else { "" };
                    write!(f, "{before} task {} ({}{lease})", holder.id, worker(holder.worker.as_ref()))?;
                }
                Ok(())
            }
            Self::ConcurrencyFull { concurrency_key, running, limit } => {
                write!(f, "{running} tasks with concurrency key {concurrency_key} run, and {limit} may")
            }
            Self::RateLimited { key, tokens_per_second, seconds } => write!(
                f,
                "rate limit {key} ({tokens_per_second} per second) has no token; the next is available in {seconds:.1} s"
            ),
            Self::NoWorker { queue, stale, alive_elsewhere } => {
                write!(f, "no live worker serves queue {queue}")?;
                if *stale > 0 {
                    write!(f, "; {stale} that did stopped reporting")?;
                }
                if *alive_elsewhere > 0 {
                    write!(f, "; {alive_elsewhere} serve other queues")?;
                }
                Ok(())
            }
            Self::NotAllowed { task_path, allowed } => write!(
                f,
                "a worker with this environment does not run {task_path}: ALLOWED_TASK_MODULES is {}",
                allowed.join(",")
            ),
            Self::TasksAhead { queue, tasks, is_limit } => {
                let more = if *is_limit { "at least " } else { "" };
                write!(f, "{more}{tasks} due tasks of queue {queue} come first")
            }
            Self::Duplicate { id, status, lease_expired } => {
                let lease = if *lease_expired { " with an expired or missing lease" } else { "" };
                write!(f, "task {id} has the same specification and is {status}{lease}")
            }
            Self::CancelRequested { status } if status == "RUNNING" => {
                f.write_str("cancellation was requested; its worker ends it at the next heartbeat")
            }
            Self::CancelRequested { .. } => {
                f.write_str("cancellation was requested; a worker that claims it ends it at the first heartbeat")
            }
            Self::Expired { expires_at } => {
                write!(f, "it expired at {}; it still runs if it is claimed", time(expires_at))
            }
            Self::Running { worker: name, leased_until, seconds } => write!(
                f,
                "{} runs it; the lease lasts until {} (in {seconds} s)",
                worker(name.as_ref()),
                time(leased_until)
            ),
            Self::LeaseExpired { worker: name, leased_until, seconds, worker_alive, attempts_left } => {
                let alive = if *worker_alive { "still reports itself" } else { "does not report itself" };
                let then = if *attempts_left { "runs it again" } else { "marks it FAILED: no attempts are left" };
                write!(
                    f,
                    "its lease expired at {} ({seconds} s ago); {} {alive}; the worker that reclaims it {then}",
                    time(leased_until),
                    worker(name.as_ref())
                )
            }
            Self::LeaseMissing { worker: name } => {
                write!(f, "it is RUNNING without a lease ({}), so no worker reclaims it", worker(name.as_ref()))
            }
            Self::ParentActive { parent, status } => write!(f, "it waits for task {parent}, which is {status}"),
            Self::ParentFailed { parent, status } => {
                write!(f, "it waits for task {parent}, which is {status}: it never runs unless that task is retried")
            }
            Self::ParentGone { parent: Some(parent), status: Some(status) } => {
                write!(f, "it waits for task {parent}, which is {status} and did not release it")
            }
            Self::ParentGone { parent: Some(parent), status: None } => {
                write!(f, "it waits for task {parent}, which no longer exists")
            }
            Self::ParentGone { parent: None, .. } => {
                f.write_str("it is WAITING, but has no parent and is not a callback")
            }
            Self::Held { queue, origin } => write!(
                f,
                "it is a copy of task {origin} of another database, which runs there until the move of queue {queue} is finished"
            ),
            Self::MembersActive { workflow, expected, successful } => {
                write!(f, "it is the callback of workflow {workflow}: {successful} of {expected} tasks have succeeded")
            }
            Self::WorkflowFailed { workflow, failed } => {
                write!(f, "it is the callback of workflow {workflow}, of which {failed} tasks failed")
            }
            Self::NotReleased { workflow } => {
                write!(f, "it is the callback of workflow {workflow}, whose tasks have succeeded; it was not released")
            }
            Self::Finished { status, at, error, kind } => {
                match at {
                    Some(at) => write!(f, "it has been {status} since {}", time(at))?,
                    None => write!(f, "it is {status}")?,
                }
                if let Some(kind) = kind {
                    write!(f, " ({kind})")?;
                }
                f.write_str(&because(error.as_ref()))
            }
            Self::Nothing => f.write_str("it is not blocked: a worker should claim it within seconds"),
        }
    }
}
