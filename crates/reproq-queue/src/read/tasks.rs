//! Lists of tasks, and one task.

use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::tasks;
use crate::tasks::ActiveTask;
use crate::tasks::ChildTask;
use crate::tasks::TaskDetail;
use crate::tasks::TaskFilter;
use crate::tasks::TaskSummary;
use crate::tasks::regex_of_pattern;

/// The largest JSON value of a task that is read.
const MAX_JSON: i32 = 1024 * 1024;

/// The number of errors of a task that are read.
const MAX_ERRORS: i64 = 20;

/// The parameters of the condition that filters make.
pub(super) struct FilterParams<'a> {
    filter: &'a TaskFilter,
    statuses: Vec<String>,
    regex: Option<String>,
}

impl<'a> FilterParams<'a> {
    pub(super) fn new(filter: &'a TaskFilter) -> Self {
        Self {
            filter,
            statuses: filter.statuses.iter().map(ToString::to_string).collect(),
            regex: filter.task.as_deref().and_then(regex_of_pattern),
        }
    }

    /// The parameters of the condition, in its order.
    pub(super) fn condition(&self) -> [Param<'_>; 9] {
        let filter = self.filter;
        let regex = self.regex.as_deref();
        [
            Param::Texts(&self.statuses),
            Param::Text(filter.queue.as_deref()),
            Param::Text(filter.task.as_deref().filter(|_| regex.is_none())),
            Param::Text(regex),
            Param::BigInt(filter.older_seconds),
            Param::BigInt(filter.newer_seconds),
            Param::Text(filter.error.as_deref()),
            Param::Text(filter.workflow.as_deref()),
            Param::Bool(filter.without_lease),
        ]
    }
}

/// A page of tasks, newest first.
pub async fn list(tx: &Transaction<'_>, filter: &TaskFilter, limit: i64) -> Result<Vec<TaskSummary>, PgError> {
    let matching = FilterParams::new(filter);
    let mut params = matching.condition().to_vec();
    params.extend([Param::BigInt(filter.after), limit.into()]);
    tx.fetch(tasks::LIST, &params).await
}

/// The tasks that failed last, latest first.
pub async fn latest_failures(tx: &Transaction<'_>, limit: i64) -> Result<Vec<TaskSummary>, PgError> {
    tx.fetch(tasks::LATEST_FAILURES, &[limit.into()]).await
}

/// Everything about a task.
pub async fn detail(tx: &Transaction<'_>, id: i64) -> Result<Option<TaskDetail>, PgError> {
    let mut rows = tx.fetch(tasks::DETAIL, &[id.into(), MAX_JSON.into(), MAX_ERRORS.into()]).await?;
    Ok(rows.pop())
}

/// Other tasks with the same specification that are READY or RUNNING.
pub async fn duplicates(tx: &Transaction<'_>, spec_hash: &str, id: i64) -> Result<Vec<ActiveTask>, PgError> {
    tx.fetch(tasks::DUPLICATES, &[Param::Hash(spec_hash), id.into()]).await
}

/// Tasks that wait for this one.
pub async fn children(tx: &Transaction<'_>, id: i64) -> Result<Vec<ChildTask>, PgError> {
    tx.fetch(tasks::CHILDREN, &[id.into()]).await
}
