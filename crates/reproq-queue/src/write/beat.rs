//! Enqueues what is due: a batch of schedules in one transaction, each row of them exactly once.
//!
//! The rows are locked while they are decided, inserted and advanced, so that other beats, ours or the worker's, pass over them. If
//! the database refuses the batch, each schedule is tried alone: one that fails leaves the others as they are.

use chrono::DateTime;
use chrono::Utc;
use jiff::tz::TimeZoneDatabase;
use serde::Serialize;

use super::insert::InsertOutcome;
use super::insert::insert_tasks;
use crate::beat::DueSchedule;
use crate::beat::Tick;
use crate::pg::FromRow;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Row;
use crate::pg::Transaction;
use crate::sql::beat;
use crate::tasks::NewTask;

/// How many schedules are read at once.
const BATCH: i64 = 100;

/// Arguments up to this size are read with those of the others.
const SMALL_PAYLOAD: i32 = 4096;

/// The largest arguments that are read. The worker refuses to run a task with more than 1 MiB unless it is told otherwise.
const MAX_PAYLOAD: i32 = 16 * 1024 * 1024;

/// What happened to the schedules of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BeatBatch {
    /// A result for each.
    pub results: Vec<TickResult>,
    /// Whether more may be due.
    pub is_full: bool,
}

/// What happened to a schedule that was due.
#[derive(Debug, Clone, PartialEq)]
pub struct TickResult {
    /// Its name.
    pub name: String,
    /// Its version before; a schedule that failed still has it.
    pub version: String,
    /// The expression that it has.
    pub cron_expr: String,
    /// Since when it was due; `None` if that is infinite.
    pub due: Option<DateTime<Utc>>,
    /// What happened.
    pub outcome: TickOutcome,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum TickOutcome {
    /// A task was inserted, or is there already. Without a next run the schedule is now disabled.
    Enqueued {
        /// The task.
        task: InsertOutcome,
        /// The next run.
        next: Option<DateTime<Utc>>,
    },
    /// It would be enqueued; nothing was changed.
    Due {
        /// The next run.
        next: Option<DateTime<Utc>>,
    },
    /// No date matches it, and it is now disabled.
    Disabled,
    /// It is still due, for this reason.
    Failed(String),
}

impl FromRow for DueSchedule {
    fn from_row(row: &Row) -> Result<Self, PgError> {
        Ok(Self {
            name: row.read("name")?,
            version: row.read("version")?,
            cron_expr: row.read("cron_expr")?,
            task_path: row.read("task_path")?,
            payload: row.read("payload")?,
            payload_bytes: row.read("payload_bytes")?,
            queue_name: row.read("queue_name")?,
            priority: row.read("priority")?,
            max_attempts: row.read("max_attempts")?,
            concurrency_key: row.read("concurrency_key")?,
            concurrency_limit: row.read("concurrency_limit")?,
            next_run_at: row.read("next_run_at")?,
        })
    }
}

/// A schedule and what it needs.
struct Decided {
    due: DueSchedule,
    is_large: bool,
    now: DateTime<Utc>,
    tick: Result<Tick, String>,
}

#[derive(Serialize)]
struct Advance<'a> {
    version: &'a str,
    name: &'a str,
    next: Option<DateTime<Utc>>,
    has_run: bool,
}

/// Enqueues schedules that are due, but for those in these versions.
pub async fn beat_batch(
    tx: &Transaction<'_>,
    except: &[String],
    zones: &TimeZoneDatabase,
) -> Result<BeatBatch, PgError> {
    let (decided, is_full) = decide(tx, &[beat::DUE, beat::LOCKED].concat(), except, zones).await?;
    let (alone, together): (Vec<Decided>, Vec<Decided>) = decided.into_iter().partition(|one| one.is_large);
    let mut results = apply_together(tx, together).await?;
    for one in alone {
        results.push(apply_alone(tx, with_payload(tx, one, zones).await?).await?);
    }
    Ok(BeatBatch { results, is_full })
}

/// What `beat_batch` would do. Needs no right to write.
pub async fn preview_batch(
    tx: &Transaction<'_>,
    except: &[String],
    zones: &TimeZoneDatabase,
) -> Result<BeatBatch, PgError> {
    let (decided, is_full) = decide(tx, beat::DUE, except, zones).await?;
    let mut results = Vec::with_capacity(decided.len());
    for one in decided {
        let one = if one.is_large { with_payload(tx, one, zones).await? } else { one };
        let outcome = match &one.tick {
            Ok(Tick::Run { next, .. }) => TickOutcome::Due { next: *next },
            Ok(Tick::Disable) => TickOutcome::Disabled,
            Err(reason) => TickOutcome::Failed(reason.clone()),
        };
        results.push(one.with(outcome));
    }
    Ok(BeatBatch { results, is_full })
}

/// Seconds until the next schedule is due; `None` if none is enabled. It may be due already.
pub async fn seconds_to_next(tx: &Transaction<'_>, except: &[String]) -> Result<Option<f64>, PgError> {
    tx.rows(beat::NEXT, &[Param::Texts(except)]).await?.first().map(|row| row.read("seconds")).transpose()
}

impl Decided {
    fn new(mut due: DueSchedule, now: DateTime<Utc>, zones: &TimeZoneDatabase) -> Self {
        let tick = due.tick(now, zones).map_err(|error| error.to_string());
        // The task has it now, and there may be many.
        let is_large = due.payload.take().is_none() && due.payload_bytes <= MAX_PAYLOAD;
        Self { due, is_large, now, tick }
    }

    fn with(self, outcome: TickOutcome) -> TickResult {
        let DueSchedule { name, version, cron_expr, next_run_at: due, .. } = self.due;
        TickResult { name, version, cron_expr, due, outcome }
    }
}

async fn decide(
    tx: &Transaction<'_>,
    sql: &str,
    except: &[String],
    zones: &TimeZoneDatabase,
) -> Result<(Vec<Decided>, bool), PgError> {
    let rows = tx.rows(sql, &[Param::Texts(except), BATCH.into(), SMALL_PAYLOAD.into()]).await?;
    let decided = rows.iter().map(|row| Ok(Decided::new(DueSchedule::from_row(row)?, row.read("now")?, zones)));
    let decided = decided.collect::<Result<Vec<_>, PgError>>()?;
    let is_full = i64::try_from(decided.len()).is_ok_and(|count| count == BATCH);
    Ok((decided, is_full))
}

async fn with_payload(tx: &Transaction<'_>, one: Decided, zones: &TimeZoneDatabase) -> Result<Decided, PgError> {
    let payload = tx.one(beat::PAYLOAD, &[one.due.name.as_str().into()]).await?.read("payload")?;
    Ok(Decided::new(DueSchedule { payload: Some(payload), ..one.due }, one.now, zones))
}

/// All in one statement, or, if the database refuses that, each alone.
async fn apply_together(tx: &Transaction<'_>, decided: Vec<Decided>) -> Result<Vec<TickResult>, PgError> {
    if let Ok(outcomes) = attempt(tx, &decided).await? {
        return Ok(decided.into_iter().zip(outcomes).map(|(one, outcome)| one.with(outcome)).collect());
    }
    let mut results = Vec::with_capacity(decided.len());
    for one in decided {
        results.push(apply_alone(tx, one).await?);
    }
    Ok(results)
}

async fn apply_alone(tx: &Transaction<'_>, one: Decided) -> Result<TickResult, PgError> {
    let outcome = match attempt(tx, std::slice::from_ref(&one)).await? {
        Ok(mut outcomes) => outcomes.pop().unwrap_or_else(|| TickOutcome::Failed("nothing happened".to_owned())),
        Err(refusal) => TickOutcome::Failed(refusal.to_string()),
    };
    Ok(one.with(outcome))
}

/// Applies decisions, or nothing. The inner error is what the database has against them; with others the transaction is over.
async fn attempt(tx: &Transaction<'_>, decided: &[Decided]) -> Result<Result<Vec<TickOutcome>, PgError>, PgError> {
    if decided.iter().all(|one| one.tick.is_err()) {
        return Ok(Ok(decided.iter().map(failed).collect()));
    }
    tx.batch("SAVEPOINT attempt").await?;
    match apply(tx, decided).await {
        Ok(outcomes) => {
            tx.batch("RELEASE SAVEPOINT attempt").await?;
            Ok(Ok(outcomes))
        }
        Err(refusal @ (PgError::Server { .. } | PgError::Conflict { .. } | PgError::SequenceBehind { .. })) => {
            tx.batch("ROLLBACK TO SAVEPOINT attempt").await?;
            Ok(Err(refusal))
        }
        Err(error) => Err(error),
    }
}

fn failed(one: &Decided) -> TickOutcome {
    TickOutcome::Failed(one.tick.as_ref().err().cloned().unwrap_or_default())
}

async fn apply(tx: &Transaction<'_>, decided: &[Decided]) -> Result<Vec<TickOutcome>, PgError> {
    let ticks = || decided.iter().filter_map(|one| Some((&one.due, one.tick.as_ref().ok()?)));
    let tasks: Vec<&NewTask> = ticks()
        .filter_map(|(_, tick)| match tick {
            Tick::Run { task, .. } => Some(task.as_ref()),
            Tick::Disable => None,
        })
        .collect();
    let mut inserted = insert_tasks(tx, &tasks).await?.into_iter();
    let changes = ticks().map(|(due, tick)| {
        let (next, has_run) = match tick {
            Tick::Run { next, .. } => (*next, true),
            Tick::Disable => (None, false),
        };
        Advance { version: &due.version, name: &due.name, next, has_run }
    });
    advance(tx, &changes.collect::<Vec<_>>()).await?;
    let outcomes = decided.iter().map(|one| match &one.tick {
        Ok(Tick::Run { next, .. }) => match inserted.next() {
            Some(task) => TickOutcome::Enqueued { task, next: *next },
            None => TickOutcome::Failed("no row for the task".to_owned()),
        },
        Ok(Tick::Disable) => TickOutcome::Disabled,
        Err(_) => failed(one),
    });
    Ok(outcomes.collect())
}

async fn advance(tx: &Transaction<'_>, changes: &[Advance<'_>]) -> Result<(), PgError> {
    let json = serde_json::to_string(changes).map_err(|error| PgError::Answer { message: error.to_string() })?;
    let advanced = tx.execute(beat::ADVANCE, &[json.as_str().into()]).await?;
    if usize::try_from(advanced).is_ok_and(|advanced| advanced == changes.len()) {
        return Ok(());
    }
    Err(PgError::Conflict { message: format!("{advanced} of {} schedules could be advanced", changes.len()) })
}
