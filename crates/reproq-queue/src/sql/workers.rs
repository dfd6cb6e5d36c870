//! Deleting the rows of workers.

/// Deletes workers ($1, a JSON array of ids and times) that have not reported themselves since, and hold no lease.
pub(crate) const DELETE: &str = "
delete from reproq_workers w using jsonb_to_recordset($1::jsonb) as seen (worker_id text, last_seen_at timestamptz)
where w.worker_id = seen.worker_id and w.last_seen_at = seen.last_seen_at
  and not exists (select from task_runs t where t.status = 'RUNNING' and t.leased_by = w.worker_id)
returning w.worker_id";
