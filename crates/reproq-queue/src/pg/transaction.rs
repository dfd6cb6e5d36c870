//! One transaction.

use std::time::Duration;

use super::error::PgError;
use super::row::FromRow;
use super::row::Param;
use super::row::Row;

/// A transaction that is open. It ends with the closure it is given to.
#[derive(Debug)]
pub struct Transaction<'a> {
    pub(super) client: &'a tokio_postgres::Client,
    /// If there is no response for this long, the connection is lost: the server would have ended the statement itself.
    pub(super) response_limit: Duration,
}

impl Transaction<'_> {
    /// The rows of a query.
    pub async fn rows(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, PgError> {
        let params: Vec<_> = params.iter().map(Param::typed).collect();
        let answer = self.within(self.client.query_typed(sql, &params)).await?;
        Ok(answer.into_iter().map(Row::new).collect())
    }

    /// The rows of a query, as values.
    pub async fn fetch<T: FromRow>(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<T>, PgError> {
        self.rows(sql, params).await?.iter().map(T::from_row).collect()
    }

    /// The only row of a query.
    pub async fn one(&self, sql: &str, params: &[Param<'_>]) -> Result<Row, PgError> {
        let mut rows = self.rows(sql, params).await?;
        let found = rows.len();
        match rows.pop() {
            Some(row) if found == 1 => Ok(row),
            Some(_) | None => Err(PgError::Answer { message: format!("{found} rows instead of one") }),
        }
    }

    /// The number of rows that a statement changed.
    pub async fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, PgError> {
        let params: Vec<_> = params.iter().map(Param::typed).collect();
        self.within(self.client.execute_typed(sql, &params)).await
    }

    /// Runs statements without parameters, separated by semicolons.
    pub async fn batch(&self, sql: &str) -> Result<(), PgError> {
        self.within(self.client.batch_execute(sql)).await
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, PgError> {
        match tokio::time::timeout(self.response_limit, work).await {
            Ok(answer) => answer.map_err(|error| PgError::of_statement(&error)),
            Err(_) => Err(PgError::Lost { committing: false, reason: Some("no response".to_owned()) }),
        }
    }
}
