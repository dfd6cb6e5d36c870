//! Deletes the rows of dead workers.

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::workers as sql;
use crate::stats::DeadWorker;

#[derive(Serialize)]
struct SeenWorker<'a> {
    worker_id: &'a str,
    last_seen_at: DateTime<Utc>,
}

/// Deletes workers that have not reported themselves since they were read and hold no lease. Returns the ids of those that were
/// deleted.
pub async fn delete_workers(tx: &Transaction<'_>, workers: &[DeadWorker]) -> Result<Vec<String>, PgError> {
    let seen: Vec<SeenWorker<'_>> = workers
        .iter()
        .map(|worker| SeenWorker { worker_id: &worker.worker_id, last_seen_at: worker.last_seen_at })
        .collect();
    let json = serde_json::to_string(&seen).map_err(|error| PgError::Answer { message: error.to_string() })?;
    tx.rows(sql::DELETE, &[json.as_str().into()]).await?.iter().map(|row| row.read("worker_id")).collect()
}
