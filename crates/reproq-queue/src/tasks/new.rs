//! A task that is to be inserted.

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use serde::Serialize;

use crate::spec::ScheduledSpec;
use crate::spec::SpecError;
use crate::spec::TaskSpec;
use crate::spec::spec_hash;

/// The backend that the worker's beat writes into its rows, whatever Django calls it.
const BEATS_BACKEND: &str = "default";

/// The time limit that the worker's beat writes.
const BEATS_TIMEOUT_SECONDS: i32 = 900;

/// A task that is READY. The other columns are those of a task that was just enqueued.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewTask {
    /// The backend in Django's setting `TASKS`.
    pub backend_alias: String,
    /// The queue.
    pub queue_name: String,
    /// Tasks with a higher priority run first.
    pub priority: i32,
    /// The time before which it does not run, with its offset.
    pub run_after: Option<String>,
    /// Its specification as JSON.
    pub spec: String,
    /// The hash of the canonical text of the specification.
    pub spec_hash: String,
    /// The dotted path of the task's function.
    pub task_path: String,
    /// How often it is attempted.
    pub max_attempts: i32,
    /// How long one attempt may take.
    pub timeout_seconds: i32,
    /// Of all tasks with this key, one runs at a time.
    pub lock_key: Option<String>,
    /// Of all tasks with this key, `concurrency_limit` run at a time.
    pub concurrency_key: Option<String>,
    /// No limit if it is 0.
    pub concurrency_limit: i32,
    /// Seconds after which it may be deleted if no worker has claimed it.
    pub expires_after: Option<f64>,
    /// Whether an equal task that is READY or RUNNING takes its place. An index that allows only one of them does so in any case.
    pub dedupe: bool,
}

impl NewTask {
    /// The task that Django's backend `alias` enqueues for a specification.
    pub fn of_spec(spec: &TaskSpec, alias: &str, expires_after: Option<f64>) -> Result<Self, SpecError> {
        let canonical = spec.canonical()?;
        Ok(Self {
            backend_alias: alias.to_owned(),
            queue_name: spec.queue_name.clone(),
            priority: spec.priority,
            run_after: spec.run_after.as_ref().map(ToString::to_string),
            spec_hash: spec_hash(&canonical),
            spec: canonical,
            task_path: spec.task_path.clone(),
            max_attempts: spec.max_attempts,
            timeout_seconds: spec.timeout_seconds,
            lock_key: spec.lock_key.clone(),
            concurrency_key: spec.concurrency_key.clone(),
            concurrency_limit: spec.concurrency_limit,
            expires_after,
            dedupe: true,
        })
    }

    /// The task that the worker's beat enqueues for a run of a schedule, which does not run before this time.
    pub fn of_run(spec: ScheduledSpec, run_after: DateTime<Utc>) -> Self {
        let canonical = spec.canonical();
        Self {
            backend_alias: BEATS_BACKEND.to_owned(),
            queue_name: spec.resolved_queue().to_owned(),
            priority: spec.priority,
            run_after: Some(run_after.to_rfc3339_opts(SecondsFormat::Micros, true)),
            spec_hash: spec_hash(&canonical),
            spec: canonical,
            max_attempts: spec.resolved_max_attempts(),
            timeout_seconds: BEATS_TIMEOUT_SECONDS,
            lock_key: None,
            concurrency_key: spec.concurrency_key,
            concurrency_limit: spec.concurrency_limit,
            expires_after: None,
            dedupe: true,
            task_path: spec.task_path,
        }
    }
}
