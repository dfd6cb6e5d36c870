//! Rows and parameters, without the types of the driver.

use tokio_postgres::types::FromSql;
use tokio_postgres::types::ToSql;
use tokio_postgres::types::Type;

use super::error::PgError;

/// A parameter of a statement. Its type is sent with it, so that the server need not be asked for it; other types are cast in
/// the statement: `$1::jsonb`, `$1::timestamptz`, `$1::uuid` take a text.
#[derive(Debug, Clone, Copy)]
pub enum Param<'a> {
    /// `text`.
    Text(Option<&'a str>),
    /// Sent without a type, so that it takes that of the column: `spec_hash` is `char(64)` or `varchar(64)`, and a value of another
    /// type would not use its index.
    Hash(&'a str),
    /// `int8`.
    BigInt(Option<i64>),
    /// `int4`.
    Int(Option<i32>),
    /// `bool`.
    Bool(bool),
    /// `float8`.
    Float(f64),
    /// `text[]`.
    Texts(&'a [String]),
    /// `int8[]`.
    BigInts(&'a [i64]),
}

impl Param<'_> {
    pub(super) fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Text(value) => (value, Type::TEXT),
            Self::Hash(value) => (value, Type::UNKNOWN),
            Self::BigInt(value) => (value, Type::INT8),
            Self::Int(value) => (value, Type::INT4),
            Self::Bool(value) => (value, Type::BOOL),
            Self::Float(value) => (value, Type::FLOAT8),
            Self::Texts(value) => (value, Type::TEXT_ARRAY),
            Self::BigInts(value) => (value, Type::INT8_ARRAY),
        }
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::BigInt(Some(value))
    }
}

impl From<i32> for Param<'_> {
    fn from(value: i32) -> Self {
        Self::Int(Some(value))
    }
}

/// A row.
#[derive(Debug)]
pub struct Row(tokio_postgres::Row);

impl Row {
    pub(super) const fn new(row: tokio_postgres::Row) -> Self {
        Self(row)
    }

    /// The value of a column. Select only built-in types: the driver would ask for others with a named statement.
    pub fn read<T: for<'a> FromSql<'a>>(&self, column: &str) -> Result<T, PgError> {
        self.0.try_get(column).map_err(|error| PgError::Answer { message: error.to_string() })
    }
}

/// A value that is read from a row.
pub trait FromRow: Sized {
    /// Reads it.
    fn from_row(row: &Row) -> Result<Self, PgError>;
}
