//! Who created the tables.

use serde::Serialize;

use super::catalog::DatabaseCatalog;
use super::expected::TABLE_NAMES;
use super::expected::TASK_RUNS;

/// Who created the tables. Django and the worker create the same tables with different types, defaults and indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaOrigin {
    /// There is no table of tasks.
    Empty,
    /// Django's migration only.
    Django,
    /// Django's migration, and the worker's tables after it.
    DjangoThenWorker,
    /// The worker's tables, created by `migrate-worker`.
    Worker,
    /// The worker's tables, created by its baseline SQL.
    WorkerBaseline,
}

impl SchemaOrigin {
    /// Decides from the catalog. The type of `spec_hash` tells Django and the worker apart permanently: defaults may have been
    /// added since.
    pub fn of(catalog: &DatabaseCatalog) -> Self {
        let Some(tasks) = catalog.table(TASK_RUNS) else { return Self::Empty };
        let is_django =
            tasks.column("spec_hash").is_some_and(|column| column.sql_type.starts_with("character varying"));
        let is_complete = TABLE_NAMES.iter().all(|name| catalog.table(name).is_some());
        // Both programs print the function's source as they indent it in their own.
        let is_baseline = catalog.function.as_ref().is_some_and(|source| {
            let first = source.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            !first.starts_with(char::is_whitespace)
        });
        match (is_django, is_complete, is_baseline) {
            (true, false, _) => Self::Django,
            (true, true, _) => Self::DjangoThenWorker,
            (false, _, false) => Self::Worker,
            (false, _, true) => Self::WorkerBaseline,
        }
    }

    /// As a person reads it.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Empty => "no tables yet",
            Self::Django => "created by Django's migration; the worker's own tables are missing",
            Self::DjangoThenWorker => "created by Django's migration, then completed for the worker",
            Self::Worker => "created for the worker, not by Django",
            Self::WorkerBaseline => "created by the worker's baseline SQL",
        }
    }
}
