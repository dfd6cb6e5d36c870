//! What is live.

use futures_util::future::try_join3;
use futures_util::future::try_join4;

use super::MAX_ROWS;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::history;
use crate::sql::live;
use crate::stats::DeadWorker;
use crate::stats::FailingTask;
use crate::stats::HistoryCount;
use crate::stats::QueueControl;
use crate::stats::QueueSnapshot;
use crate::stats::RateLimitRow;
use crate::stats::ScheduleRow;
use crate::stats::ServerRow;
use crate::stats::WorkerRow;

/// A table up to this size is counted, in a few milliseconds. The history of larger ones is estimated.
const COUNTED_BYTES: i64 = 8 * 1024 * 1024;

/// The statuses of the history.
const FINAL: [&str; 3] = ["SUCCESSFUL", "FAILED", "CANCELLED"];

/// The server, and the table of tasks.
pub async fn server(tx: &Transaction<'_>) -> Result<ServerRow, PgError> {
    let mut rows = tx.fetch(live::SERVER, &[]).await?;
    rows.pop().ok_or_else(|| PgError::Answer { message: "no table of tasks".to_owned() })
}

/// Everything `stats` shows. Failures are counted for the last seconds.
pub async fn snapshot(tx: &Transaction<'_>, seconds: f64) -> Result<QueueSnapshot, PgError> {
    let several = &tx.for_several(6);
    let (live, (failing, failures), schedules) = try_join3(
        live_snapshot(several),
        failing(several, seconds, 5),
        several.fetch(live::SCHEDULE_TIMES, &[MAX_ROWS.into()]),
    )
    .await?;
    let (history, history_is_exact) = finished(tx, &live.server).await?;
    Ok(QueueSnapshot { schedules, history, history_is_exact, failing, failures, ..live })
}

/// The same without history, failures and schedules.
pub async fn live_snapshot(tx: &Transaction<'_>) -> Result<QueueSnapshot, PgError> {
    let tx = &tx.for_several(4);
    let most = [MAX_ROWS.into()];
    let queues = tx.fetch(live::QUEUES, &most);
    let (server, live, controls, workers) = try_join4(server(tx), queues, controls(tx), workers(tx)).await?;
    Ok(QueueSnapshot {
        server,
        live,
        controls,
        workers,
        schedules: Vec::new(),
        history: None,
        history_is_exact: false,
        failing: Vec::new(),
        failures: 0,
    })
}

/// What was set for queues.
pub async fn controls(tx: &Transaction<'_>) -> Result<Vec<QueueControl>, PgError> {
    tx.fetch(live::CONTROLS, &[MAX_ROWS.into()]).await
}

/// The workers, and owners of leases that are none.
pub async fn workers(tx: &Transaction<'_>) -> Result<Vec<WorkerRow>, PgError> {
    tx.fetch(live::WORKERS, &[MAX_ROWS.into()]).await
}

/// Workers that have not reported themselves for some seconds, up to [`MAX_ROWS`].
pub async fn dead_workers(tx: &Transaction<'_>, seconds: f64) -> Result<Vec<DeadWorker>, PgError> {
    tx.fetch(live::DEAD_WORKERS, &[Param::Float(seconds), MAX_ROWS.into()]).await
}

/// Schedules after a name.
pub async fn schedules(tx: &Transaction<'_>, after: Option<&str>, limit: i64) -> Result<Vec<ScheduleRow>, PgError> {
    tx.fetch(live::SCHEDULES, &[limit.into(), Param::Text(after)]).await
}

/// The limits with these keys; all, if there are none.
pub async fn limits(tx: &Transaction<'_>, keys: &[String]) -> Result<Vec<RateLimitRow>, PgError> {
    tx.fetch(live::LIMITS, &[Param::Texts(keys), MAX_ROWS.into()]).await
}

async fn finished(tx: &Transaction<'_>, server: &ServerRow) -> Result<(Option<Vec<HistoryCount>>, bool), PgError> {
    let mut counts: Vec<HistoryCount> =
        FINAL.iter().map(|status| HistoryCount { status: (*status).to_owned(), tasks: 0 }).collect();
    let is_small = server.bytes <= COUNTED_BYTES;
    if !is_small && server.rows < 0.0 {
        return Ok((None, false));
    }
    let mut add = |status: &str, tasks: i64| {
        if let Some(count) = counts.iter_mut().find(|count| count.status == status) {
            count.tasks += tasks;
        }
    };
    if is_small {
        for row in tx.rows(history::COUNTS, &[]).await? {
            add(&row.read::<String>("status")?, row.read("tasks")?);
        }
    } else {
        for row in tx.rows(history::SHARES, &[]).await? {
            add(&row.read::<String>("status")?, rounded(row.read::<f64>("share")? * server.rows));
        }
    }
    Ok((Some(counts), is_small))
}

#[expect(clippy::cast_possible_truncation, reason = "a number of rows, estimated anyway")]
fn rounded(rows: f64) -> i64 {
    rows.round() as i64
}

/// The tasks that failed most often in the last seconds, and the number of all failures.
pub async fn failing(tx: &Transaction<'_>, seconds: f64, limit: i64) -> Result<(Vec<FailingTask>, i64), PgError> {
    let mut failing = Vec::new();
    let mut total = 0;
    for row in tx.rows(history::FAILING, &[Param::Float(seconds), limit.into()]).await? {
        total = row.read("total")?;
        failing.push(FailingTask { task_path: row.read("task_path")?, tasks: row.read("tasks")? });
    }
    Ok((failing, total))
}
