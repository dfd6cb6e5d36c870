//! What is over.

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;

use super::live::server;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::depth;
use crate::sql::history;
use crate::sql::live;
use crate::stats::EventCount;
use crate::stats::FailingTask;
use crate::stats::Heatmap;
use crate::stats::LiveCount;
use crate::stats::Trend;
use crate::stats::TrendWindow;

/// The number of tasks of each status in each queue. Reads the whole table.
pub async fn count_all(tx: &Transaction<'_>) -> Result<Vec<(String, String, i64)>, PgError> {
    let rows = tx.rows(history::COUNTS, &[]).await?;
    rows.iter().map(|row| Ok((row.read("queue_name")?, row.read("status")?, row.read("tasks")?))).collect()
}

/// The tasks that failed most often, of all times.
pub async fn failing_ever(tx: &Transaction<'_>, limit: i64) -> Result<Vec<FailingTask>, PgError> {
    let rows = tx.rows(history::FAILING_EVER, &[limit.into()]).await?;
    rows.iter().map(|row| Ok(FailingTask { task_path: row.read("task_path")?, tasks: row.read("tasks")? })).collect()
}

/// Whether the extension `pg_cron` could be created.
pub async fn has_pg_cron(tx: &Transaction<'_>) -> Result<bool, PgError> {
    tx.one(history::PG_CRON, &[]).await?.read("found")
}

/// Failures by task and bucket, and where the first bucket begins.
pub async fn heatmap(
    tx: &Transaction<'_>,
    seconds: i64,
    bucket_seconds: i64,
    tasks: i64,
) -> Result<(Heatmap, TrendWindow), PgError> {
    let server = server(tx).await?;
    let window = window(server.now, seconds, bucket_seconds);
    let start = text(window.start);
    let params = [start.as_str().into(), Param::Float(precise(bucket_seconds)), tasks.into()];
    let cells = tx.fetch(history::HEATMAP, &params).await?;
    Ok((Heatmap::new(&cells, window.buckets()), window))
}

/// Whether samples of the depth can be read, and whether they can be written.
pub async fn depth_history(tx: &Transaction<'_>) -> Result<(bool, bool), PgError> {
    let row = tx.one(depth::STATE, &[]).await?;
    Ok((row.read("readable")?, row.read("writable")?))
}

/// Depth and throughput by bucket, by the newest rows, and by samples of the depth where there are any.
pub async fn trend(
    tx: &Transaction<'_>,
    seconds: i64,
    bucket_seconds: i64,
    max_rows: i64,
) -> Result<(Trend, TrendWindow), PgError> {
    let server = server(tx).await?;
    let bounds = tx.one(history::BOUNDS, &[]).await?;
    let newest_id = bounds.read::<Option<i64>>("newest")?.unwrap_or(0);
    let oldest_id = bounds.read::<Option<i64>>("oldest")?.unwrap_or(0);
    let live: Vec<LiveCount> = tx.fetch(live::QUEUES, &[super::MAX_ROWS.into()]).await?;
    let window = TrendWindow {
        after_id: (newest_id - max_rows).max(0),
        oldest_id,
        newest_id,
        live: live.iter().map(|count| count.tasks).sum(),
        ..window(server.now, seconds, bucket_seconds)
    };
    let start = text(window.start);
    let params = [window.after_id.into(), start.as_str().into(), Param::Float(precise(bucket_seconds))];
    let events: Vec<EventCount> = tx.fetch(history::TREND, &params).await?;
    let mut trend = Trend::new(&window, &events);
    if depth_history(tx).await?.0 {
        let rows = tx.rows(depth::SAMPLES, &params[1..]).await?;
        let samples: Result<Vec<(i64, i64)>, PgError> =
            rows.iter().map(|row| Ok((row.read("bucket")?, row.read("depth")?))).collect();
        trend.use_samples(&samples?);
    }
    Ok((trend, window))
}

/// Buckets begin at multiples of their length, so that two runs show the same ones.
fn window(now: DateTime<Utc>, seconds: i64, bucket_seconds: i64) -> TrendWindow {
    let first = now.timestamp() - seconds + bucket_seconds;
    let start = first - first.rem_euclid(bucket_seconds);
    let start = DateTime::from_timestamp(start, 0).unwrap_or(now);
    TrendWindow { start, now, bucket_seconds, after_id: 0, oldest_id: 0, newest_id: 0, live: 0 }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[expect(clippy::cast_precision_loss, reason = "the length of a bucket has few digits")]
const fn precise(seconds: i64) -> f64 {
    seconds as f64
}
