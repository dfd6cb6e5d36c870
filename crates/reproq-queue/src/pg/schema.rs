//! Reads the schema of a database, and applies a migration to it.

use std::time::Duration;

use futures_util::future::try_join4;

use super::error::PgError;
use super::row::FromRow;
use super::row::Param;
use super::row::Row;
use super::session::Limits;
use super::session::Session;
use super::transaction::Transaction;
use crate::schema::CATALOG;
use crate::schema::CatalogTable;
use crate::schema::DatabaseCatalog;
use crate::schema::Duplicate;
use crate::schema::MigrationStep;
use crate::schema::SchemaSnapshot;
use crate::schema::TABLE_NAMES;
use crate::schema::TableData;
use crate::schema::Worker;

/// How often a statement is tried again if a lock is not free.
const ATTEMPTS: u32 = 5;

/// The pause between two attempts, in which those who wait behind it can continue.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads everything that decisions about the schema are based on.
pub async fn inspect(session: &Session, limits: Limits) -> Result<SchemaSnapshot, PgError> {
    let (catalog, data) = session
        .read(limits, async |tx| {
            let catalog = catalog(tx).await?;
            let data = table_data(tx, &catalog).await?;
            Ok::<_, PgError>((catalog, data))
        })
        .await?;
    Ok(SchemaSnapshot { catalog, data, local_port: session.local_port() })
}

async fn catalog(tx: &Transaction<'_>) -> Result<DatabaseCatalog, PgError> {
    let names: Vec<String> = TABLE_NAMES.iter().map(|name| (*name).to_owned()).collect();
    let row = tx.one(CATALOG, &[Param::Texts(&names), crate::schema::FUNCTION_NAME.into()]).await?;
    let text: String = row.read("catalog")?;
    serde_json::from_str(&text).map_err(|error| PgError::Answer { message: format!("the catalog: {error}") })
}

async fn table_data(tx: &Transaction<'_>, catalog: &DatabaseCatalog) -> Result<TableData, PgError> {
    let tx = &tx.for_several(4);
    let readable = |name: &str, columns: &[&str]| {
        catalog.table(name).is_some_and(|table: &CatalogTable| {
            table.privileges.select && columns.iter().all(|column| table.column(column).is_some())
        })
    };
    let migrations = async {
        if !catalog.django_migrations {
            return Ok(Vec::new());
        }
        let sql = "select name::text as name from django_migrations where app = 'reproq_django' order by id";
        tx.rows(sql, &[]).await?.iter().map(|row| row.read("name")).collect()
    };
    let workers = async {
        if !readable("reproq_workers", &["worker_id", "version", "last_seen_at"]) {
            return Ok(Vec::new());
        }
        let sql = "select worker_id, version, \
                   least(greatest(extract(epoch from clock_timestamp()) - extract(epoch from last_seen_at), 0), 1e12)::bigint as seconds \
                   from reproq_workers order by last_seen_at desc limit 20";
        tx.fetch(sql, &[]).await
    };
    let duplicates = async {
        if !readable("task_runs", &["spec_hash", "status", "result_id"]) || !crate::schema::may_have_duplicates(catalog)
        {
            return Ok(None);
        }
        let sql = "select spec_hash::text as spec_hash, count(*) as tasks, min(result_id) as first from task_runs \
                   where status in ('READY', 'RUNNING') group by spec_hash having count(*) > 1 \
                   order by count(*) desc, min(result_id) limit 5";
        tx.fetch(sql, &[]).await.map(Some)
    };
    let empty_paths = async {
        if !readable("task_runs", &["task_path"]) || !crate::schema::may_have_empty_task_paths(catalog) {
            return Ok(None);
        }
        let sql = "select exists (select from task_runs where coalesce(task_path, '') = '') as found";
        tx.one(sql, &[]).await?.read("found").map(Some)
    };
    let (django_migrations, workers, duplicates, has_empty_task_path) =
        try_join4(migrations, workers, duplicates, empty_paths).await?;
    Ok(TableData { django_migrations, workers, duplicates, has_empty_task_path })
}

impl FromRow for Worker {
    fn from_row(row: &Row) -> Result<Self, PgError> {
        Ok(Self { worker_id: row.read("worker_id")?, version: row.read("version")?, seconds: row.read("seconds")? })
    }
}

impl FromRow for Duplicate {
    fn from_row(row: &Row) -> Result<Self, PgError> {
        let hash: String = row.read("spec_hash")?;
        Ok(Self { spec_hash: hash.trim_end().to_owned(), tasks: row.read("tasks")?, first: row.read("first")? })
    }
}

/// How an index is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexBuild {
    /// How long it may take.
    pub limit: Duration,
    /// Whether a pooler is in front of the server, so that the time limits of the role apply too.
    pub is_pooled: bool,
}

/// Applies one statement of a migration. A lock that is not free is tried again, so that others never wait behind this program
/// for longer than the limit.
pub async fn apply(session: &Session, step: &MigrationStep, limits: Limits, build: IndexBuild) -> Result<(), PgError> {
    if step.kind.is_concurrent() {
        return session.concurrently(&step.sql, build.limit, build.is_pooled).await;
    }
    for _ in 1..ATTEMPTS {
        match session.write(limits, async |tx| tx.batch(&step.sql).await).await {
            Err(PgError::LockTimeout { .. }) => session.pause(PAUSE).await?,
            other => return other,
        }
    }
    session.write(limits, async |tx| tx.batch(&step.sql).await).await
}
