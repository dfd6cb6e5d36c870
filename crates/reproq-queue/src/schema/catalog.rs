//! What a database has: the answer of one query over the catalog of PostgreSQL, and what the tables themselves say.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

/// The query. Parameters: the names of the tables, the name of the trigger's function. One row with one JSON text.
pub const CATALOG: &str = include_str!("catalog.sql");

/// The answer of [`CATALOG`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DatabaseCatalog {
    /// The server and the database.
    pub server: ServerFacts,
    /// How the server sees this connection.
    pub connection: Connection,
    /// Other sessions.
    pub activity: Activity,
    /// The tables of the queue that exist.
    pub tables: Vec<CatalogTable>,
    /// The source of the trigger's function, if it exists.
    pub function: Option<String>,
    /// Whether Django's table of migrations exists and can be read.
    pub django_migrations: bool,
    /// Whether there is a table for samples of the depth.
    #[serde(default)]
    pub depth_history: bool,
}

/// The server and the database.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ServerFacts {
    /// As the server prints it, for example `15.18 (Debian 15.18-1)`.
    pub version: String,
    /// As a number, for example 150018.
    pub number: u32,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The schema in which new tables are created; `None` if the search path names none that exists.
    pub schema: Option<String>,
    /// Whether this is a standby.
    pub in_recovery: bool,
    /// Whether transactions are read-only unless they ask for more.
    pub read_only: bool,
    /// Whether the user may create tables in that schema.
    pub may_create: bool,
    /// The size of the database in bytes, if the user may know it.
    pub database_bytes: Option<i64>,
}

impl ServerFacts {
    /// The major version.
    pub const fn major(&self) -> u32 {
        self.number / 10_000
    }
}

/// How the server sees this connection.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Connection {
    /// The port of the client; -1 for a Unix socket.
    pub client_port: Option<i64>,
    /// How long ago the server's process started.
    pub backend_seconds: Option<f64>,
    /// Whether the server's side is encrypted.
    pub tls: Option<bool>,
}

/// Other sessions in the database.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Activity {
    /// Whether the user sees the sessions of other users.
    pub sees_all: bool,
    /// Transactions older than five minutes, oldest first, at most five.
    pub old: Vec<OldTransaction>,
    /// The number of prepared transactions.
    pub prepared: u64,
}

/// A transaction that has been open for long.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct OldTransaction {
    /// The server process.
    pub pid: i64,
    /// The user.
    pub user: Option<String>,
    /// The application's name.
    pub application: Option<String>,
    /// `idle in transaction`, `active` and others.
    pub state: Option<String>,
    /// Its age in seconds.
    pub seconds: f64,
}

/// A table of the queue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CatalogTable {
    /// Its name.
    pub name: String,
    /// Its schema.
    pub schema: String,
    /// `r` for a plain table, `p` for a partitioned one, `v` for a view.
    pub kind: String,
    /// The estimated number of rows; negative if it was never analyzed.
    pub rows: f64,
    /// Its size in bytes, with TOAST.
    pub bytes: i64,
    /// The size of its indexes in bytes.
    pub index_bytes: i64,
    /// Rows that are visible, by the statistics.
    pub live_rows: Option<i64>,
    /// Rows that are deleted or replaced and still take space.
    pub dead_rows: Option<i64>,
    /// The end of the last vacuum.
    pub vacuumed: Option<DateTime<Utc>>,
    /// Whether the user may change its definition.
    pub owned: bool,
    /// Whether the user may create indexes in its schema.
    pub may_create: bool,
    /// What the user may do with its rows.
    pub privileges: Privileges,
    /// Its columns, in order.
    pub columns: Vec<CatalogColumn>,
    /// Its indexes, by name.
    pub indexes: Vec<CatalogIndex>,
    /// Its constraints, by name.
    pub constraints: Vec<CatalogConstraint>,
    /// The names of its enabled triggers.
    pub triggers: Vec<String>,
}

/// What the user may do with the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the four privileges")]
pub struct Privileges {
    /// `SELECT`.
    pub select: bool,
    /// `INSERT`.
    pub insert: bool,
    /// `UPDATE`.
    pub update: bool,
    /// `DELETE`.
    pub delete: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CatalogColumn {
    /// Its name.
    pub name: String,
    /// Its type, as `format_type` prints it.
    #[serde(rename = "type")]
    pub sql_type: String,
    /// Whether it rejects NULL.
    pub not_null: bool,
    /// Its default.
    pub default: Option<String>,
    /// Whether the server computes it.
    pub generated: bool,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CatalogIndex {
    /// Its name.
    pub name: String,
    /// Its definition, as `pg_get_indexdef` prints it.
    pub definition: String,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether queries can use it.
    pub valid: bool,
    /// Whether it is not valid yet, and an index is being built on the table now.
    pub building: bool,
    /// Its size in bytes.
    pub bytes: i64,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CatalogConstraint {
    /// Its name.
    pub name: String,
    /// Its definition, as `pg_get_constraintdef` prints it.
    pub definition: String,
}

impl DatabaseCatalog {
    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&CatalogTable> {
        self.tables.iter().find(|table| table.name == name)
    }
}

impl CatalogTable {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&CatalogColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether it has a constraint of this name.
    pub fn has_constraint(&self, name: &str) -> bool {
        self.constraints.iter().any(|constraint| constraint.name == name)
    }
}

/// A specification that several active tasks share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The hash of the specification.
    pub spec_hash: String,
    /// The number of tasks.
    pub tasks: i64,
    /// The first of them.
    pub first: i64,
}

/// A worker that has reported itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Its id.
    pub worker_id: String,
    /// Its version.
    pub version: Option<String>,
    /// How long ago it was last seen, in seconds, by the clock of the database.
    pub seconds: i64,
}

/// What the tables say, as far as it was asked for and permitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableData {
    /// Duplicates among active tasks, at most five; `None` if the unique index excludes them.
    pub duplicates: Option<Vec<Duplicate>>,
    /// Whether a task has no `task_path`; `None` if the constraint excludes it.
    pub has_empty_task_path: Option<bool>,
    /// The migrations of `reproq_django` that Django has recorded.
    pub django_migrations: Vec<String>,
    /// The workers.
    pub workers: Vec<Worker>,
}

/// Everything the decisions about a schema are based on.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaSnapshot {
    /// The catalog.
    pub catalog: DatabaseCatalog,
    /// The tables.
    pub data: TableData,
    /// The port of this side of the connection; `None` for a Unix socket.
    pub local_port: Option<u16>,
}
