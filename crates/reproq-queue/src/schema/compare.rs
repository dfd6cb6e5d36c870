//! Compares a database with what the queue needs.

use super::catalog::CatalogTable;
use super::catalog::DatabaseCatalog;
use super::catalog::SchemaSnapshot;
use super::expected::CHECK;
use super::expected::Column;
use super::expected::INDEXES;
use super::expected::Index;
use super::expected::PARENT;
use super::expected::SPEC_UNIQUE;
use super::expected::TABLES;
use super::expected::TASK_RUNS;
use super::expected::TRIGGER;
use super::expected::Table;
use super::finding::Finding;
use super::origin::SchemaOrigin;

/// The newest major version of PostgreSQL that the project is tested with.
const NEWEST_TESTED: u32 = 18;

/// The port of a Unix socket, as `pg_stat_activity` shows it.
const UNIX_SOCKET: i64 = -1;

/// A process of the server that has run for longer than this was not started for this connection.
const FRESH_SECONDS: f64 = 60.0;

/// Fewer dead rows than this are no concern.
const DEAD_ROWS: i64 = 10_000;

/// All findings: what a migration repairs first, then the rest.
pub fn findings(snapshot: &SchemaSnapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    for expected in TABLES {
        match snapshot.catalog.table(expected.name) {
            None => found.push(Finding::TableMissing { table: expected.name.to_owned() }),
            Some(table) if table.kind != "r" => found.push(Finding::NotATable { table: table.name.clone() }),
            Some(table) => {
                columns(expected, table, &mut found);
                indexes(table, &mut found);
                rows(table, &mut found);
            }
        }
    }
    task_path(snapshot, &mut found);
    data(snapshot, &mut found);
    surroundings(snapshot, &mut found);
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    found
}

fn columns(expected: &Table, table: &CatalogTable, found: &mut Vec<Finding>) {
    for column in expected.columns {
        match table.column(column.name) {
            None if is_computed(expected, column) => {
                found.push(Finding::SchemaTooOld { table: table.name.clone(), column: column.name.to_owned() });
            }
            None => found.push(Finding::ColumnMissing { table: table.name.clone(), column: column.name.to_owned() }),
            Some(actual) if !column.accepted.contains(&actual.sql_type.as_str()) => found.push(Finding::ColumnType {
                table: table.name.clone(),
                column: column.name.to_owned(),
                found: actual.sql_type.clone(),
            }),
            Some(_) => {}
        }
    }
    let without = without_default(expected, table);
    if !without.is_empty() {
        let columns = without.iter().map(|column| column.name.to_owned()).collect();
        found.push(Finding::DefaultsMissing { table: table.name.clone(), columns });
    }
    for column in &table.columns {
        let is_known = expected.columns.iter().any(|known| known.name == column.name);
        if !is_known && column.not_null && column.default.is_none() && !column.generated {
            found.push(Finding::UnknownRequiredColumn { table: table.name.clone(), column: column.name.clone() });
        }
    }
}

/// Whether the values of a column follow from others, so that adding it is not enough.
pub(super) fn is_computed(table: &Table, column: &Column) -> bool {
    let has_no_value = column.not_null && column.default.is_none();
    has_no_value || (table.name == TASK_RUNS && column.name == "task_path")
}

/// The columns that exist without a default they should have.
pub(super) fn without_default(expected: &Table, table: &CatalogTable) -> Vec<Column> {
    let lacks = |column: &&Column| {
        let actual = table.column(column.name);
        column.default.is_some() && actual.is_some_and(|actual| actual.default.is_none() && !actual.generated)
    };
    expected.columns.iter().filter(lacks).copied().collect()
}

/// How an expected index stands in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IndexState {
    Present,
    Missing,
    /// The name of the index that was not built to the end.
    Invalid(String),
    Building(String),
    Differs(String),
}

/// An index with the same definition counts under any name.
pub(super) fn index_state(expected: &Index, table: &CatalogTable) -> IndexState {
    let wanted = canonical(expected.definition);
    let is_equal = |definition: &str| canonical(keys_and_condition(definition)) == wanted;
    let same: Vec<_> = table
        .indexes
        .iter()
        .filter(|index| index.unique == expected.unique && is_equal(&index.definition) && !is_left_over(&index.name))
        .collect();
    if same.iter().any(|index| index.valid) || (expected.name == PARENT && has_parent_index(table)) {
        return IndexState::Present;
    }
    if let Some(index) = same.iter().find(|index| index.building) {
        return IndexState::Building(index.name.clone());
    }
    if let Some(index) = same.first() {
        return IndexState::Invalid(index.name.clone());
    }
    match table.indexes.iter().find(|index| index.name == expected.name) {
        Some(index) => IndexState::Differs(keys_and_condition(&index.definition).to_owned()),
        None => IndexState::Missing,
    }
}

/// Whether deletions find the children of a task by an index.
pub(super) fn has_parent_index(table: &CatalogTable) -> bool {
    let usable = [canonical("(parent_id)"), canonical("(parent_id) WHERE parent_id IS NOT NULL")];
    table.indexes.iter().any(|index| index.valid && usable.contains(&canonical(keys_and_condition(&index.definition))))
}

/// The names that `REINDEX CONCURRENTLY` gives to the copy it builds and the one it replaces.
fn is_left_over(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.ends_with("_ccnew") || name.ends_with("_ccold")
}

/// What follows the access method in a definition of `pg_get_indexdef`; an index of another method keeps its name there.
fn keys_and_condition(definition: &str) -> &str {
    let after = definition.split_once(" USING ").map_or(definition, |(_, after)| after);
    after.strip_prefix("btree ").unwrap_or(after)
}

/// A definition without the differences between how it is written and how the server prints it.
fn canonical(definition: &str) -> String {
    let text = definition
        .replace("::timestamp with time zone", "")
        .replace("::timestamptz", "")
        .replace("::text", "")
        .replace("IN (", "= ANY (ARRAY[")
        .replace("= true", "");
    text.chars().filter(|c| !c.is_whitespace() && !"()[]".contains(*c)).collect::<String>().to_lowercase()
}

fn indexes(table: &CatalogTable, found: &mut Vec<Finding>) {
    for expected in INDEXES.iter().filter(|index| index.table == table.name) {
        let table_name = table.name.clone();
        let missing = expected.name.to_owned();
        match index_state(expected, table) {
            IndexState::Present => {}
            IndexState::Missing if expected.name == PARENT => found.push(Finding::ParentIndexMissing),
            IndexState::Missing => found.push(Finding::IndexMissing { table: table_name, index: missing }),
            IndexState::Invalid(index) => found.push(Finding::IndexInvalid { table: table_name, index }),
            IndexState::Building(index) => found.push(Finding::IndexBuilding { table: table_name, index }),
            IndexState::Differs(definition) => {
                found.push(Finding::IndexDiffers { table: table_name, index: missing, found: definition });
            }
        }
    }
    for index in table.indexes.iter().filter(|index| is_left_over(&index.name) && !index.building) {
        found.push(Finding::IndexLeftOver { table: table.name.clone(), index: index.name.clone() });
    }
}

fn rows(table: &CatalogTable, found: &mut Vec<Finding>) {
    let (dead, live) = (table.dead_rows.unwrap_or(0), table.live_rows.unwrap_or(0));
    if dead > DEAD_ROWS && dead > live / 5 {
        found.push(Finding::DeadRows { table: table.name.clone(), dead, live });
    }
    let privileges = &table.privileges;
    let each = [
        ("SELECT", privileges.select),
        ("INSERT", privileges.insert),
        ("UPDATE", privileges.update),
        ("DELETE", privileges.delete),
    ];
    let missing: Vec<String> = each.iter().filter(|(_, has)| !has).map(|(name, _)| (*name).to_owned()).collect();
    if !missing.is_empty() {
        found.push(Finding::PermissionMissing { table: table.name.clone(), privileges: missing });
    }
}

fn task_path(snapshot: &SchemaSnapshot, found: &mut Vec<Finding>) {
    let Some(tasks) = snapshot.catalog.table(TASK_RUNS) else { return };
    if snapshot.catalog.function.is_none() {
        found.push(Finding::FunctionMissing);
    }
    if !tasks.triggers.iter().any(|name| name == TRIGGER) {
        found.push(Finding::TriggerMissing);
    }
    if !tasks.has_constraint(CHECK) {
        found.push(if snapshot.data.has_empty_task_path == Some(true) {
            Finding::EmptyTaskPaths
        } else {
            Finding::CheckMissing
        });
    }
}

fn data(snapshot: &SchemaSnapshot, found: &mut Vec<Finding>) {
    if let Some(duplicates) = snapshot.data.duplicates.as_ref().filter(|duplicates| !duplicates.is_empty()) {
        found.retain(|finding| !is_about(finding, SPEC_UNIQUE));
        found.push(Finding::Duplicates { examples: duplicates.clone() });
    }
    let is_django =
        matches!(SchemaOrigin::of(&snapshot.catalog), SchemaOrigin::Django | SchemaOrigin::DjangoThenWorker);
    if is_django && snapshot.catalog.django_migrations && snapshot.data.django_migrations.is_empty() {
        found.push(Finding::MigrationNotRecorded);
    }
}

fn is_about(finding: &Finding, name: &str) -> bool {
    matches!(finding, Finding::IndexMissing { index, .. } | Finding::IndexInvalid { index, .. } if index == name)
}

fn surroundings(snapshot: &SchemaSnapshot, found: &mut Vec<Finding>) {
    let catalog = &snapshot.catalog;
    let server = &catalog.server;
    if server.major() > NEWEST_TESTED {
        found.push(Finding::UntestedServer { major: server.major() });
    }
    if server.in_recovery {
        found.push(Finding::Standby);
    } else if server.read_only {
        found.push(Finding::ReadOnly);
    }
    let not_owned: Vec<String> =
        catalog.tables.iter().filter(|table| !table.owned).map(|table| table.name.clone()).collect();
    if !not_owned.is_empty() {
        found.push(Finding::NotOwner { tables: not_owned });
    }
    if catalog.tables.len() < TABLES.len() && !server.may_create {
        found.push(Finding::MayNotCreate { schema: server.schema.clone() });
    }
    if has_pooler(snapshot) {
        found.push(Finding::Pooler);
    }
    if !catalog.activity.old.is_empty() {
        found.push(Finding::OldTransactions { transactions: catalog.activity.old.clone() });
    }
    if catalog.activity.prepared > 0 {
        found.push(Finding::PreparedTransactions { count: catalog.activity.prepared });
    }
    if !catalog.activity.sees_all {
        found.push(Finding::ActivityHidden);
    }
}

/// Whether the server talks to another process than this one: it sees another port, or its process is older than the
/// connection.
pub fn has_pooler(snapshot: &SchemaSnapshot) -> bool {
    let connection = &snapshot.catalog.connection;
    let is_other_port = connection.client_port.is_some_and(|seen| match snapshot.local_port {
        Some(ours) => seen != i64::from(ours),
        None => seen != UNIX_SOCKET,
    });
    is_other_port || connection.backend_seconds.is_some_and(|seconds| seconds > FRESH_SECONDS)
}

/// Whether active tasks with the same specification are possible: the index that forbids them is not there.
pub fn may_have_duplicates(catalog: &DatabaseCatalog) -> bool {
    let unique = INDEXES.iter().find(|index| index.name == SPEC_UNIQUE);
    let (Some(table), Some(unique)) = (catalog.table(TASK_RUNS), unique) else { return false };
    index_state(unique, table) != IndexState::Present
}

/// Whether tasks without a `task_path` are possible: the constraint that forbids them is not there.
pub fn may_have_empty_task_paths(catalog: &DatabaseCatalog) -> bool {
    catalog.table(TASK_RUNS).is_some_and(|table| !table.has_constraint(CHECK))
}
