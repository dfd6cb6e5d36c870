//! Tasks that changed since they were observed last.

use std::collections::BTreeMap;

use futures_util::future::try_join4;

use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::watch;
use crate::tasks::ClaimableTask;
use crate::tasks::KnownTask;
use crate::tasks::TaskObservation;
use crate::tasks::WatchedTask;

/// The tasks that run, can be claimed, or are newer than an id, at most `limit` of each; and what became of the `known` ones
/// that are not among them any more, or were claimed and can be claimed again.
pub async fn changed_tasks(
    tx: &Transaction<'_>,
    known: &[KnownTask],
    after_id: i64,
    limit: i64,
) -> Result<TaskObservation, PgError> {
    let several = &tx.for_several(4);
    let most = [limit.into()];
    let after = [after_id.into(), limit.into()];
    let (running, claimable, newer, newest): (Vec<WatchedTask>, Vec<ClaimableTask>, Vec<WatchedTask>, _) = try_join4(
        several.fetch(watch::RUNNING, &most),
        several.fetch(watch::CLAIMABLE, &most),
        several.fetch(watch::NEWER, &after),
        several.one(watch::NEWEST, &[]),
    )
    .await?;
    let mut changed: BTreeMap<i64, &KnownTask> = known.iter().map(|task| (task.result_id, task)).collect();
    for task in &claimable {
        let is_unchanged = |known: &&KnownTask| !known.is_running && known.attempts == task.attempts;
        if changed.get(&task.result_id).is_some_and(is_unchanged) {
            changed.remove(&task.result_id);
        }
    }
    for task in running.iter().chain(&newer) {
        changed.remove(&task.result_id);
    }
    let ids: Vec<i64> = changed.into_keys().collect();
    let left = if ids.is_empty() { Vec::new() } else { tx.fetch(watch::OF_IDS, &[Param::BigInts(&ids)]).await? };
    Ok(TaskObservation { running, claimable, left, newer, newest_id: newest.read("newest")? })
}

/// The tasks that failed last, latest first.
pub async fn recent_failures(tx: &Transaction<'_>, limit: i64) -> Result<Vec<WatchedTask>, PgError> {
    tx.fetch(watch::RECENT_FAILURES, &[limit.into()]).await
}

/// How many tasks wait only for others with their concurrency key.
pub async fn blocked_tasks(tx: &Transaction<'_>) -> Result<i64, PgError> {
    tx.one(watch::BLOCKED, &[]).await?.read("tasks")
}
