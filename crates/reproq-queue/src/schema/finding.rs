//! One difference between a database and what the queue needs.

use std::fmt;

use serde::Serialize;

use super::catalog::Duplicate;
use super::catalog::OldTransaction;

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Information.
    Note,
    /// It may cause trouble.
    Warning,
    /// A migration repairs it.
    Pending,
    /// It must be repaired by someone: no migration can.
    Problem,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// A table does not exist.
    TableMissing {
        /// The table.
        table: String,
    },
    /// The name belongs to something that is not a plain table.
    NotATable {
        /// The name.
        table: String,
    },
    /// A column does not exist.
    ColumnMissing {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A table was created by a version of the worker that did not have a column whose values must be computed.
    SchemaTooOld {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column has a type that neither Django nor the worker creates.
    ColumnType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The type found.
        found: String,
    },
    /// A column that this program does not know must be filled by every insertion.
    UnknownRequiredColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Columns without the default that the worker's insertions rely on.
    DefaultsMissing {
        /// The table.
        table: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// An index does not exist.
    IndexMissing {
        /// The table.
        table: String,
        /// The index.
        index: String,
    },
    /// An index was not built to the end and is not used.
    IndexInvalid {
        /// The table.
        table: String,
        /// The index.
        index: String,
    },
    /// An index is being built now.
    IndexBuilding {
        /// The table.
        table: String,
        /// The index.
        index: String,
    },
    /// An index of this name has another definition.
    IndexDiffers {
        /// The table.
        table: String,
        /// The index.
        index: String,
        /// The definition found.
        found: String,
    },
    /// What an interrupted rebuild left: it costs space and time, and nothing uses it.
    IndexLeftOver {
        /// The table.
        table: String,
        /// The index.
        index: String,
    },
    /// Active tasks share a specification, which the unique index forbids.
    Duplicates {
        /// The first of them.
        examples: Vec<Duplicate>,
    },
    /// The function of the trigger does not exist.
    FunctionMissing,
    /// The trigger does not exist, or is disabled.
    TriggerMissing,
    /// The constraint does not exist.
    CheckMissing,
    /// Tasks without a path, which the constraint forbids.
    EmptyTaskPaths,
    /// Deleting tasks reads the whole table for each row.
    ParentIndexMissing,
    /// Many rows are dead and not vacuumed.
    DeadRows {
        /// The table.
        table: String,
        /// Dead rows.
        dead: i64,
        /// Live rows.
        live: i64,
    },
    /// A transaction has been open for long. Rows that it may still see cannot be removed, and indexes cannot be completed.
    OldTransactions {
        /// The transactions.
        transactions: Vec<OldTransaction>,
    },
    /// Prepared transactions exist.
    PreparedTransactions {
        /// Their number.
        count: u64,
    },
    /// The user does not see the sessions of other users.
    ActivityHidden,
    /// The server is newer than any version this program was tested with.
    UntestedServer {
        /// The major version.
        major: u32,
    },
    /// The user may not do something with a table.
    PermissionMissing {
        /// The table.
        table: String,
        /// The privileges that are missing.
        privileges: Vec<String>,
    },
    /// The user does not own a table, and so cannot change it.
    NotOwner {
        /// The tables.
        tables: Vec<String>,
    },
    /// The user may not create tables.
    MayNotCreate {
        /// The schema.
        schema: Option<String>,
    },
    /// The server sees another client than this process: a pooler or a proxy is in front.
    Pooler,
    /// The server is a standby.
    Standby,
    /// Transactions are read-only unless they ask for more.
    ReadOnly,
    /// Django's tables exist, and Django has not recorded its migration.
    MigrationNotRecorded,
}

impl Finding {
    /// Its severity.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::TableMissing { .. }
            | Self::ColumnMissing { .. }
            | Self::DefaultsMissing { .. }
            | Self::IndexMissing { .. }
            | Self::IndexInvalid { .. }
            | Self::FunctionMissing
            | Self::TriggerMissing
            | Self::CheckMissing
            | Self::ParentIndexMissing => Severity::Pending,
            Self::NotATable { .. }
            | Self::SchemaTooOld { .. }
            | Self::ColumnType { .. }
            | Self::UnknownRequiredColumn { .. }
            | Self::IndexDiffers { .. }
            | Self::Duplicates { .. }
            | Self::EmptyTaskPaths
            | Self::PermissionMissing { .. } => Severity::Problem,
            Self::IndexLeftOver { .. }
            | Self::IndexBuilding { .. }
            | Self::DeadRows { .. }
            | Self::OldTransactions { .. }
            | Self::PreparedTransactions { .. }
            | Self::UntestedServer { .. }
            | Self::NotOwner { .. }
            | Self::MayNotCreate { .. }
            | Self::ReadOnly
            | Self::MigrationNotRecorded
            | Self::Pooler => Severity::Warning,
            Self::ActivityHidden | Self::Standby => Severity::Note,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableMissing { table } => write!(f, "table {table} is missing"),
            Self::NotATable { table } => write!(f, "{table} is not a plain table"),
            Self::ColumnMissing { table, column } => write!(f, "column {table}.{column} is missing"),
            Self::SchemaTooOld { table, column } => {
                write!(f, "column {table}.{column} is missing, and its values must be computed from the existing tasks")
            }
            Self::ColumnType { table, column, found } => {
                write!(f, "column {table}.{column} has the unexpected type {found}")
            }
            Self::UnknownRequiredColumn { table, column } => write!(
                f,
                "column {table}.{column} is unknown, is required and has no default: nothing is inserted into {table}"
            ),
            Self::DefaultsMissing { table, columns } => {
                write!(f, "no default for {} of {table}: {}", plural(columns.len(), "column"), columns.join(", "))
            }
            Self::IndexMissing { table, index } => write!(f, "index {index} on {table} is missing"),
            Self::IndexInvalid { table, index } => {
                write!(f, "index {index} on {table} is INVALID: its build was interrupted, and nothing uses it")
            }
            Self::IndexBuilding { table, index } => write!(f, "index {index} on {table} is being built now"),
            Self::IndexDiffers { table, index, found } => {
                write!(f, "index {index} on {table} has an unexpected definition: {found}")
            }
            Self::IndexLeftOver { table, index } => {
                write!(f, "index {index} on {table} is left over from an interrupted rebuild")
            }
            Self::Duplicates { examples } => {
                let each = |duplicate: &Duplicate| {
                    let hash: String = duplicate.spec_hash.chars().take(12).collect();
                    format!("{hash}… ({} tasks, first {})", duplicate.tasks, duplicate.first)
                };
                let each: Vec<String> = examples.iter().map(each).collect();
                write!(
                    f,
                    "active tasks have the same specification, so the index that forbids it cannot be built: {}",
                    each.join(", ")
                )
            }
            Self::FunctionMissing => f.write_str("the function of the trigger that fills task_path is missing"),
            Self::TriggerMissing => f.write_str("the trigger that fills task_path is missing or disabled"),
            Self::CheckMissing => f.write_str("the constraint that task_path is not empty is missing"),
            Self::EmptyTaskPaths => f.write_str("some tasks have no task_path, which the worker cannot run"),
            Self::ParentIndexMissing => {
                f.write_str("no usable index on task_runs.parent_id: each deleted task reads the whole table")
            }
            Self::DeadRows { table, dead, live } => {
                write!(f, "{table} has {dead} dead rows and {live} live ones: vacuum falls behind")
            }
            Self::OldTransactions { transactions } => {
                let each = |old: &OldTransaction| {
                    let name = old.application.as_deref().filter(|name| !name.is_empty());
                    let who = name.or(old.user.as_deref()).unwrap_or("unknown");
                    let state = old.state.as_deref().unwrap_or("state unknown");
                    format!("process {} ({who}, {state}) for {}", old.pid, duration(old.seconds))
                };
                let each: Vec<String> = transactions.iter().map(each).collect();
                write!(f, "open transactions keep dead rows and delay index builds: {}", each.join(", "))
            }
            Self::PreparedTransactions { count } => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                write!(f, "{} never committed", plural(count, "prepared transaction"))
            }
            Self::ActivityHidden => f.write_str("this user does not see the transactions of other users"),
            Self::UntestedServer { major } => {
                write!(f, "PostgreSQL {major} is newer than the versions this program was tested with")
            }
            Self::PermissionMissing { table, privileges } => {
                write!(f, "this user may not {} {table}", privileges.join(", "))
            }
            Self::NotOwner { tables } => write!(f, "this user does not own {}", tables.join(", ")),
            Self::MayNotCreate { schema: Some(schema) } => {
                write!(f, "this user may not create tables in the schema {schema}")
            }
            Self::MayNotCreate { schema: None } => f.write_str("the search path names no schema that exists"),
            Self::Pooler => f.write_str("a connection pooler or a proxy is in front of the server"),
            Self::Standby => f.write_str("this server is a standby: it cannot be written to"),
            Self::ReadOnly => f.write_str("transactions of this user or database are read-only by default"),
            Self::MigrationNotRecorded => {
                f.write_str("Django has not recorded the migration reproq_django.0001_baseline")
            }
        }
    }
}

pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A duration, in the largest unit that fits.
fn duration(seconds: f64) -> String {
    let minutes = seconds / 60.0;
    match minutes {
        minutes if minutes < 120.0 => format!("{minutes:.0} min"),
        minutes if minutes < 48.0 * 60.0 => format!("{:.0} h", minutes / 60.0),
        minutes => format!("{:.0} days", minutes / 60.0 / 24.0),
    }
}
