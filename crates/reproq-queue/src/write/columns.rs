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
    let columns: Vec<String> = target.columns.iter().map(|column| (*column).to_owned()).collect();
    let rows = tx.rows(insert::UNKNOWN_COLUMNS, &[target.table.into(), Param::Texts(&columns)]).await?;
    match rows.first() {
        Some(row) => Err(PgError::UnknownColumn { table: target.table.to_owned(), column: row.read("attname")? }),
        None => Ok(()),
    }
}
