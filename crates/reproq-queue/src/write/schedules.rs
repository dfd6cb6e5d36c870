//! Inserts, changes and deletes schedules.

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;

use super::Written;
use super::columns::InsertTarget;
use super::columns::refuse_unknown;
use crate::pg::FromRow;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Row;
use crate::pg::Transaction;
use crate::sql::schedules as sql;
use crate::stats::ScheduleRow;

/// What the insertion names.
const SCHEDULES: InsertTarget = InsertTarget {
    table: "periodic_tasks",
    columns: &[
        "name",
        "cron_expr",
        "task_path",
        "payload_json",
        "queue_name",
        "priority",
        "max_attempts",
        "concurrency_key",
        "concurrency_limit",
        "enabled",
        "last_run_at",
        "next_run_at",
        "created_at",
        "updated_at",
    ],
};

/// A schedule that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleState {
    /// The row, with its whole payload.
    pub row: ScheduleRow,
    /// Its definition, which a change repeats as its condition.
    definition: String,
}

/// The channel on which a session is notified of schedules that were inserted or changed.
pub const SCHEDULES_CHANGED: &str = sql::CHANGED;

/// The time of the database, and the schedule with a name.
pub async fn schedule(tx: &Transaction<'_>, name: &str) -> Result<(DateTime<Utc>, Option<ScheduleState>), PgError> {
    let row = tx.one(sql::ONE, &[name.into()]).await?;
    Ok((row.read("now")?, state(&row)?))
}

/// The time of the database, and all schedules by name, up to a number.
pub async fn all_schedules(tx: &Transaction<'_>, limit: i64) -> Result<(DateTime<Utc>, Vec<ScheduleState>), PgError> {
    let rows = tx.rows(sql::ALL, &[limit.into()]).await?;
    let Some(first) = rows.first() else {
        return Err(PgError::Answer { message: "no time".to_owned() });
    };
    let states: Result<Vec<_>, PgError> = rows.iter().filter_map(|row| state(row).transpose()).collect();
    Ok((first.read("now")?, states?))
}

fn state(row: &Row) -> Result<Option<ScheduleState>, PgError> {
    if row.read::<Option<String>>("name")?.is_none() {
        return Ok(None);
    }
    Ok(Some(ScheduleState { row: ScheduleRow::from_row(row)?, definition: row.read("definition")? }))
}

/// Inserts a schedule.
pub async fn insert_schedule(tx: &Transaction<'_>, new: &ScheduleRow) -> Result<Written<ScheduleRow>, PgError> {
    refuse_unknown(tx, SCHEDULES).await?;
    let next = new.next_run_at.map(text);
    Ok(written(tx.fetch(sql::INSERT, &parameters(new, next.as_deref())).await?))
}

/// Changes a schedule. Its next run is written only if it differs, because a beat may move it in the meantime.
pub async fn update_schedule(
    tx: &Transaction<'_>,
    old: &ScheduleState,
    new: &ScheduleRow,
) -> Result<Written<ScheduleRow>, PgError> {
    if old.row == *new {
        return Ok(Written::Unchanged);
    }
    let next = new.next_run_at.filter(|next| Some(*next) != old.row.next_run_at).map(text);
    let mut all = parameters(new, next.as_deref()).to_vec();
    all.push(Param::from(old.definition.as_str()));
    Ok(written(tx.fetch(sql::UPDATE, &all).await?))
}

/// Deletes a schedule, and returns it as it was. Tasks that it has enqueued stay.
pub async fn delete_schedule(tx: &Transaction<'_>, old: &ScheduleState) -> Result<Written<ScheduleRow>, PgError> {
    let parameters = [Param::from(old.row.name.as_str()), Param::from(old.definition.as_str())];
    Ok(written(tx.fetch(sql::DELETE, &parameters).await?))
}

fn parameters<'a>(row: &'a ScheduleRow, next: Option<&'a str>) -> [Param<'a>; 11] {
    [
        Param::from(row.name.as_str()),
        Param::from(row.cron_expr.as_str()),
        Param::from(row.task_path.as_str()),
        Param::from(row.payload.as_str()),
        Param::from(row.queue_name.as_str()),
        row.priority.into(),
        row.max_attempts.into(),
        Param::Text(row.concurrency_key.as_deref()),
        row.concurrency_limit.into(),
        Param::Bool(row.enabled),
        Param::Text(next),
    ]
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn written(mut rows: Vec<ScheduleRow>) -> Written<ScheduleRow> {
    rows.pop().map_or(Written::Conflict, Written::Changed)
}
