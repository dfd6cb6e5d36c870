//! Rows and parameters, without the types of the driver.

use chrono::DateTime;
use chrono::Utc;
use tokio_postgres::types::Timestamp;
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
    pub fn read<T: FromColumn>(&self, column: &str) -> Result<T, PgError> {
        T::read(&self.0, column).map_err(|error| PgError::Answer { message: error.to_string() })
    }
}

/// A type of a column.
pub trait FromColumn: Sized {
    /// Reads it from a row of the driver.
    fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, tokio_postgres::Error>;
}

/// Types that the driver reads.
macro_rules! values {
    ($($type:ty),*) => {
        $(impl FromColumn for $type {
            fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, tokio_postgres::Error> {
                row.try_get(column)
            }
        })*
    };
}

values!(bool, i32, i64, f32, f64, String, Vec<String>, Vec<i64>, Option<Vec<i64>>);
values!(Option<bool>, Option<i32>, Option<i64>, Option<f32>, Option<f64>, Option<String>, Option<Vec<String>>);

/// `infinity` is read as the last time of the year 9999, `-infinity` as the first of the year 1: everything else about the row is
/// readable, and a change whose condition repeats such a time changes nothing.
fn finite(time: Timestamp<DateTime<Utc>>) -> DateTime<Utc> {
    const LAST: i64 = 253_402_300_799;
    const FIRST: i64 = -62_135_596_800;
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    match time {
        Timestamp::Value(time) => time,
        Timestamp::PosInfinity => at(LAST),
        Timestamp::NegInfinity => at(FIRST),
    }
}

impl FromColumn for DateTime<Utc> {
    fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, tokio_postgres::Error> {
        row.try_get(column).map(finite)
    }
}

impl FromColumn for Option<DateTime<Utc>> {
    fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, tokio_postgres::Error> {
        let read: Option<Timestamp<DateTime<Utc>>> = row.try_get(column)?;
        Ok(read.map(finite))
    }
}

/// A value that is read from a row.
pub trait FromRow: Sized {
    /// Reads it.
    fn from_row(row: &Row) -> Result<Self, PgError>;
}
