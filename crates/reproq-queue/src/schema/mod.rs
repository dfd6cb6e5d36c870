//! The schema of the queue: what is expected, what a database has, how the two differ, and the statements that close the gap.
//! Pure; `pg` runs the queries.

mod catalog;
mod compare;
mod expected;
mod finding;
mod migration;
mod origin;
#[cfg(test)]
mod tests;

pub use catalog::Activity;
pub use catalog::CATALOG;
pub use catalog::CatalogColumn;
pub use catalog::CatalogConstraint;
pub use catalog::CatalogIndex;
pub use catalog::CatalogTable;
pub use catalog::Connection;
pub use catalog::DatabaseCatalog;
pub use catalog::Duplicate;
pub use catalog::OldTransaction;
pub use catalog::Privileges;
pub use catalog::SchemaSnapshot;
pub use catalog::ServerFacts;
pub use catalog::TableData;
pub use catalog::Worker;
pub use compare::findings;
pub use compare::has_pooler;
pub use compare::may_have_duplicates;
pub use compare::may_have_empty_task_paths;
pub use expected::FUNCTION as FUNCTION_NAME;
pub use expected::TABLE_NAMES;
pub use finding::Finding;
pub use finding::Severity;
pub use migration::Blocked;
pub use migration::MigrationPlan;
pub use migration::MigrationStep;
pub use migration::StepKind;
pub use origin::SchemaOrigin;
