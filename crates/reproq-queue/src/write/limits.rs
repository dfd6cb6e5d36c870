//! Sets and removes rate limits.

use super::Written;
use super::columns::InsertTarget;
use super::columns::refuse_unknown;
use crate::limit_key::LimitKey;
use crate::pg::FromRow;
use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Row;
use crate::pg::Transaction;
use crate::sql::limits as sql;
use crate::stats::RateLimitRow;

/// What the insertion names.
const LIMITS: InsertTarget = InsertTarget {
    table: "rate_limits",
    columns: &["key", "tokens_per_second", "burst_size", "current_tokens", "last_refilled_at"],
};

/// A limit before it is changed.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitState {
    /// Its row.
    pub row: Option<RateLimitRow>,
    /// How many tasks are READY that follow it, or would if it existed.
    pub governed: i64,
    /// The limits that others of its tasks follow instead, up to 20.
    pub narrower: Vec<String>,
}

impl FromRow for LimitState {
    fn from_row(row: &Row) -> Result<Self, PgError> {
        let exists = row.read::<Option<String>>("key")?.is_some();
        Ok(Self {
            row: if exists { Some(RateLimitRow::from_row(row)?) } else { None },
            governed: row.read("governed")?,
            narrower: row.read("narrower")?,
        })
    }
}

/// Sets a limit. Without a burst, it keeps the one it has; a new one has 1.
pub async fn set_limit(
    tx: &Transaction<'_>,
    key: &LimitKey,
    rate: f64,
    burst: Option<i32>,
) -> Result<(LimitState, Written<RateLimitRow>), PgError> {
    let (name, state) = seen(tx, key).await?;
    let key = Param::from(name.as_str());
    let Some(old) = &state.row else {
        refuse_unknown(tx, LIMITS).await?;
        let new = tx.fetch(sql::INSERT, &[key, Param::Float(rate), burst.unwrap_or(1).into()]).await?;
        return Ok((state, written(new)));
    };
    let burst = burst.unwrap_or(old.burst.max(1));
    if is_stored_as(old.rate, rate) && old.burst == burst {
        return Ok((state, Written::Unchanged));
    }
    let parameters = [key, Param::Float(rate), burst.into(), Param::Float(old.rate), old.burst.into()];
    let new = tx.fetch(sql::UPDATE, &parameters).await?;
    Ok((state, written(new)))
}

/// Removes a limit, and returns it as it was.
pub async fn remove_limit(
    tx: &Transaction<'_>,
    key: &LimitKey,
) -> Result<(LimitState, Written<RateLimitRow>), PgError> {
    let (name, state) = seen(tx, key).await?;
    let Some(old) = &state.row else { return Ok((state, Written::Unchanged)) };
    let parameters = [Param::from(name.as_str()), Param::Float(old.rate), old.burst.into()];
    let removed = tx.fetch(sql::DELETE, &parameters).await?;
    Ok((state, written(removed)))
}

async fn seen(tx: &Transaction<'_>, key: &LimitKey) -> Result<(String, LimitState), PgError> {
    let name = key.to_string();
    let row = tx.one(sql::SEEN, &[name.as_str().into(), key.kind().into(), key.name().into()]).await?;
    let state = LimitState::from_row(&row)?;
    Ok((name, state))
}

/// Whether the column, which has the precision of a `real`, holds this rate.
#[expect(clippy::cast_possible_truncation, clippy::float_cmp, reason = "the column is rounded in the same way")]
fn is_stored_as(stored: f64, rate: f64) -> bool {
    stored as f32 == rate as f32
}

fn written(mut rows: Vec<RateLimitRow>) -> Written<RateLimitRow> {
    rows.pop().map_or(Written::Conflict, Written::Changed)
}
