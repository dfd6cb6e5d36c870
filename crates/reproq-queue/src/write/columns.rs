//! Whether a table has columns that an insertion by this version would leave without a value.

use crate::pg::Param;
use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::insert;

/// A table that rows are inserted into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InsertTarget {
    /// Its name.
    pub(super) table: &'static str,
    /// The columns that the insertion names, whether they may be NULL or not.
    pub(super) columns: &'static [&'static str],
}

/// Refuses the insertion if the table has another column that must not be NULL and that the database does not fill: it was
/// created by a newer version, and only that version knows what belongs there.
pub(super) async fn refuse_unknown(tx: &Transaction<'_>, target: InsertTarget) -> Result<(), PgError> {
    let rows = tx.rows(insert::UNKNOWN_COLUMN, &[target.table.into(), Param::Texts(&names(target))]).await?;
    rows.first().map_or(Ok(()), |row| Err(unknown(target, row.read("attname")?)))
}

/// The same for tasks, which one session inserts at a time if no index prevents that two are equal. What the session inserts must be
/// in another statement, which sees what others have inserted before.
pub(super) async fn prepare_insertion(tx: &Transaction<'_>, target: InsertTarget) -> Result<(), PgError> {
    let row = tx.one(insert::PREPARE, &[target.table.into(), Param::Texts(&names(target))]).await?;
    row.read::<Option<String>>("attname")?.map_or(Ok(()), |column| Err(unknown(target, column)))
}

fn names(target: InsertTarget) -> Vec<String> {
    target.columns.iter().map(|column| (*column).to_owned()).collect()
}

fn unknown(target: InsertTarget, column: String) -> PgError {
    PgError::UnknownColumn { table: target.table.to_owned(), column }
}
