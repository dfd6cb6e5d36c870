//! The statements that give a database what the queue needs. They only add; nothing is dropped or rewritten.

use serde::Serialize;

use super::catalog::CatalogTable;
use super::catalog::DatabaseCatalog;
use super::catalog::SchemaSnapshot;
use super::compare::IndexState;
use super::compare::index_state;
use super::compare::is_computed;
use super::compare::without_default;
use super::expected::CHECK;
use super::expected::Column;
use super::expected::FUNCTION;
use super::expected::INDEXES;
use super::expected::Index;
use super::expected::SPEC_UNIQUE;
use super::expected::TABLES;
use super::expected::TASK_RUNS;
use super::expected::TRIGGER;
use super::expected::Table;
use super::finding::plural;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Creates a table, with its first rows.
    CreateTable,
    /// Adds a column with a constant default, which rewrites nothing.
    AddColumn,
    /// Sets defaults for later insertions; existing rows keep their values.
    SetDefaults,
    /// Creates the function of the trigger.
    CreateFunction,
    /// Creates the trigger.
    CreateTrigger,
    /// Adds a constraint without checking existing rows.
    AddConstraint,
    /// Builds an index while others read and write.
    CreateIndex,
    /// Builds an index again whose build was interrupted, while others read and write.
    RebuildIndex,
}

impl StepKind {
    /// Whether it must run outside of a transaction, and its locks let others read and write.
    pub const fn is_concurrent(self) -> bool {
        match self {
            Self::CreateIndex | Self::RebuildIndex => true,
            Self::CreateTable
            | Self::AddColumn
            | Self::SetDefaults
            | Self::CreateFunction
            | Self::CreateTrigger
            | Self::AddConstraint => false,
        }
    }
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationStep {
    /// What it does.
    pub kind: StepKind,
    /// The same, for a person.
    pub summary: String,
    /// The statement.
    pub sql: String,
}

/// A change that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The change.
    pub change: String,
    /// The reason.
    pub reason: String,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MigrationPlan {
    /// The statements, in order.
    pub steps: Vec<MigrationStep>,
    /// Changes that cannot be made.
    pub blocked: Vec<Blocked>,
    /// Indexes that another session is building now.
    pub building: Vec<String>,
}

impl MigrationPlan {
    /// Decides from what the database has.
    pub fn compute(snapshot: &SchemaSnapshot) -> Self {
        let mut plan = Self::default();
        for table in TABLES {
            plan.table(table, &snapshot.catalog);
        }
        plan.task_path(snapshot);
        for index in INDEXES {
            plan.index(index, snapshot);
        }
        plan
    }

    /// Also gives the database a table for samples of the depth, which no worker needs.
    pub fn add_depth_history(&mut self, catalog: &DatabaseCatalog) {
        let summary = "create table reproq_depth_history".to_owned();
        match schema_for_new_tables(catalog) {
            _ if catalog.depth_history => {}
            None => self.block(summary, "the search path names no schema that exists".to_owned()),
            Some(schema) => {
                let name = qualified(&schema, "reproq_depth_history");
                let columns = "    sampled_at timestamptz NOT NULL,\n    queue_name text NOT NULL,\n    ready bigint NOT NULL,\n    \
                               scheduled bigint NOT NULL,\n    running bigint NOT NULL,\n    waiting bigint NOT NULL,\n    \
                               PRIMARY KEY (sampled_at, queue_name)";
                self.push(StepKind::CreateTable, summary, format!("CREATE TABLE IF NOT EXISTS {name} (\n{columns}\n)"));
            }
        }
    }

    /// Whether nothing would change.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn push(&mut self, kind: StepKind, summary: String, sql: String) {
        self.steps.push(MigrationStep { kind, summary, sql });
    }

    fn block(&mut self, change: String, reason: String) {
        self.blocked.push(Blocked { change, reason });
    }

    fn table(&mut self, expected: &Table, catalog: &DatabaseCatalog) {
        let Some(table) = catalog.table(expected.name) else { return self.create(expected, catalog) };
        if table.kind != "r" {
            return self.block(format!("complete {}", table.name), "it is not a plain table".to_owned());
        }
        let name = qualified(&table.schema, &table.name);
        for column in expected.columns.iter().filter(|column| table.column(column.name).is_none()) {
            let summary = format!("add column {}.{}", table.name, column.name);
            if is_computed(expected, column) {
                let reason = "its values must be computed from the existing tasks; run `migrate-worker` first";
                self.block(summary, reason.to_owned());
            } else {
                let sql = format!("ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {}", definition(column));
                self.push(StepKind::AddColumn, summary, sql);
            }
        }
        let without = without_default(expected, table);
        if !without.is_empty() {
            let each = |column: &Column| {
                format!("ALTER COLUMN {} SET DEFAULT {}", column.name, column.default.unwrap_or("NULL"))
            };
            let each: Vec<String> = without.iter().map(each).collect();
            let summary = format!("set the default of {} of {}", plural(without.len(), "column"), table.name);
            self.push(StepKind::SetDefaults, summary, format!("ALTER TABLE {name} {}", each.join(", ")));
        }
    }

    fn create(&mut self, expected: &Table, catalog: &DatabaseCatalog) {
        let summary = format!("create table {}", expected.name);
        let Some(schema) = schema_for_new_tables(catalog) else {
            return self.block(summary, "the search path names no schema that exists".to_owned());
        };
        let name = qualified(&schema, expected.name);
        let mut lines: Vec<String> =
            expected.columns.iter().map(|column| format!("    {}", definition(column))).collect();
        lines.push(format!("    PRIMARY KEY ({})", expected.primary_key));
        if expected.name == TASK_RUNS {
            lines.push(format!(
                "    CONSTRAINT task_runs_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES {name} (result_id) ON DELETE SET NULL"
            ));
        }
        let mut sql = format!("CREATE TABLE IF NOT EXISTS {name} (\n{}\n)", lines.join(",\n"));
        if expected.name == "rate_limits" {
            // The worker expects the row; without a rate there is no limit.
            sql.push_str(&format!(
                ";\nINSERT INTO {name} (key, tokens_per_second, burst_size, current_tokens, last_refilled_at)\n    \
                 VALUES ('global', 0, 1, 0, now()) ON CONFLICT (key) DO NOTHING"
            ));
        }
        self.push(StepKind::CreateTable, summary, sql);
    }

    fn task_path(&mut self, snapshot: &SchemaSnapshot) {
        let catalog = &snapshot.catalog;
        let tasks = catalog.table(TASK_RUNS);
        if tasks.is_some_and(|tasks| tasks.kind != "r" || tasks.column("task_path").is_none()) {
            return;
        }
        let Some(schema) = tasks.map(|tasks| tasks.schema.clone()).or_else(|| schema_for_new_tables(catalog)) else {
            return;
        };
        let (table, function) = (qualified(&schema, TASK_RUNS), qualified(&schema, FUNCTION));
        if catalog.function.is_none() {
            let sql = format!(
                "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$\n    \
                 BEGIN\n        \
                 IF coalesce(NEW.task_path, '') = '' THEN\n            \
                 NEW.task_path := NEW.spec_json->>'task_path';\n        \
                 END IF;\n        \
                 RETURN NEW;\n    \
                 END;\n$$"
            );
            self.push(StepKind::CreateFunction, format!("create function {FUNCTION}"), sql);
        }
        if !tasks.is_some_and(|tasks| tasks.triggers.iter().any(|name| name == TRIGGER)) {
            let sql = format!(
                "CREATE TRIGGER {TRIGGER} BEFORE INSERT OR UPDATE OF spec_json, task_path ON {table}\n    \
                 FOR EACH ROW EXECUTE FUNCTION {}()",
                if catalog.function.is_some() { FUNCTION.to_owned() } else { function }
            );
            self.push(StepKind::CreateTrigger, format!("create trigger {TRIGGER}"), sql);
        }
        if !tasks.is_some_and(|tasks| tasks.has_constraint(CHECK)) {
            let summary = format!("add constraint {CHECK}");
            if snapshot.data.has_empty_task_path == Some(true) {
                let reason = "some tasks have no task_path; run `migrate-worker` first, which fills it";
                return self.block(summary, reason.to_owned());
            }
            let sql = format!(
                "ALTER TABLE {table} ADD CONSTRAINT {CHECK}\n    \
                 CHECK (task_path IS NOT NULL AND task_path <> '') NOT VALID"
            );
            self.push(StepKind::AddConstraint, summary, sql);
        }
    }

    fn index(&mut self, expected: &Index, snapshot: &SchemaSnapshot) {
        let catalog = &snapshot.catalog;
        let table = catalog.table(expected.table);
        if table.is_some_and(|table| table.kind != "r") {
            return;
        }
        let Some(schema) = table.map(|table| table.schema.clone()).or_else(|| schema_for_new_tables(catalog)) else {
            return;
        };
        let state = table.map_or(IndexState::Missing, |table: &CatalogTable| index_state(expected, table));
        let duplicates = snapshot.data.duplicates.as_ref().is_some_and(|duplicates| !duplicates.is_empty());
        if expected.name == SPEC_UNIQUE && duplicates && state != IndexState::Present {
            let reason = "active tasks have the same specification; let them finish, or cancel all but one of each";
            return self.block(format!("create unique index {SPEC_UNIQUE}"), reason.to_owned());
        }
        match state {
            IndexState::Present => {}
            IndexState::Building(name) => self.building.push(name),
            IndexState::Missing => {
                let unique = if expected.unique { "UNIQUE " } else { "" };
                let sql = format!(
                    "CREATE {unique}INDEX CONCURRENTLY IF NOT EXISTS {} ON {} {}",
                    expected.name,
                    qualified(&schema, expected.table),
                    expected.definition
                );
                self.push(StepKind::CreateIndex, format!("build index {}", expected.name), sql);
            }
            IndexState::Invalid(name) => {
                let sql = format!("REINDEX INDEX CONCURRENTLY {}", qualified(&schema, &name));
                self.push(StepKind::RebuildIndex, format!("build index {name} again"), sql);
            }
            IndexState::Differs(_) => self.block(
                format!("build index {}", expected.name),
                "an index of this name has another definition; rename it".to_owned(),
            ),
        }
    }
}

/// New tables belong next to the existing ones.
fn schema_for_new_tables(catalog: &DatabaseCatalog) -> Option<String> {
    let existing = catalog.table(TASK_RUNS).or_else(|| catalog.tables.first());
    existing.map(|table| table.schema.clone()).or_else(|| catalog.server.schema.clone())
}

/// A column in `CREATE TABLE` and `ADD COLUMN`.
fn definition(column: &Column) -> String {
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    let default = column.default.map(|default| format!(" DEFAULT {default}")).unwrap_or_default();
    format!("{} {}{not_null}{default}", column.name, column.sql_type)
}

/// A name in its schema. The name itself is ours; the schema is the user's.
fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

/// A name, quoted unless it needs no quotes.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
