//! One transaction.

use std::time::Duration;

use super::error::PgError;
use super::row::FromRow;
use super::row::Param;
use super::row::Row;
use super::session::Limits;

/// A transaction that is open. It ends with the closure it is given to.
#[derive(Debug)]
pub struct Transaction<'a> {
    pub(super) client: &'a tokio_postgres::Client,
    /// If there is no response for this long, the connection is lost: the server would have ended the statement itself.
    pub(super) response_limit: Duration,
}

impl Transaction<'_> {
    /// The same for statements that are sent together, so that the network is waited for once: the last of them waits for all.
    pub(crate) fn for_several(&self, statements: u32) -> Self {
        Self { client: self.client, response_limit: self.response_limit.saturating_mul(statements) }
    }

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

    /// Begins it.
    pub(super) async fn begin(&self, begin: &str, limits: Limits) -> Result<(), PgError> {
        // One message, so that a pooler sees one transaction from the start. Compiling a query costs more than any of ours.
        self.batch(&format!(
            "{begin}; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = {}; SET LOCAL jit = off",
            limits.statement.as_millis(),
            limits.lock.as_millis(),
            limits.idle.as_millis()
        ))
        .await
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
