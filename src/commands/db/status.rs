//! `reproq db status`: the database on one screen.

use reproq_queue::pg;
use reproq_queue::pg::Limits;
use reproq_queue::schema::MigrationPlan;
use reproq_queue::schema::SchemaSnapshot;
use reproq_queue::schema::Worker;
use serde::Serialize;

use super::report::DatabaseFacts;
use crate::cli::DatabaseArgs;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::model::text::size;
use crate::ui::Report;
use crate::ui::TextReport;

/// More workers than this are counted, not listed.
const SHOWN_WORKERS: usize = 3;

#[derive(Debug, Serialize)]
struct DbStatusReport {
    database: DatabaseFacts,
    database_bytes: Option<i64>,
    standby: bool,
    django_migrations: Vec<String>,
    workers: Vec<Worker>,
    tables: Vec<TableFacts>,
    pending_changes: usize,
}

#[derive(Debug, Serialize)]
struct TableFacts {
    name: String,
    /// Estimated by the statistics; `None` if there are none yet.
    rows: Option<i64>,
    bytes: i64,
    index_bytes: i64,
}

pub(super) fn status(arguments: &DatabaseArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let report = Database::with(arguments, session, async |database| {
        let snapshot = pg::inspect(&database.session, Limits::default()).await.map_err(hints::database)?;
        Ok(DbStatusReport::new(database, snapshot))
    })?;
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

impl DbStatusReport {
    fn new(database: &Database, snapshot: SchemaSnapshot) -> Self {
        let tables = snapshot.catalog.tables.iter().map(|table| TableFacts {
            name: table.name.clone(),
            rows: estimate(table.rows),
            bytes: table.bytes,
            index_bytes: table.index_bytes,
        });
        Self {
            database: DatabaseFacts::new(database, &snapshot),
            database_bytes: snapshot.catalog.server.database_bytes,
            standby: snapshot.catalog.server.in_recovery,
            tables: tables.collect(),
            pending_changes: MigrationPlan::compute(&snapshot).steps.len(),
            django_migrations: snapshot.data.django_migrations,
            workers: snapshot.data.workers,
        }
    }
}

/// Negative means that the table was never analyzed.
#[expect(clippy::cast_possible_truncation, reason = "a number of rows, estimated anyway")]
fn estimate(rows: f64) -> Option<i64> {
    (rows >= 0.0).then_some(rows as i64)
}

impl Report for DbStatusReport {
    const SCHEMA: &'static str = "reproq.db-status/1";

    fn human(&self, out: &mut TextReport) {
        let mut pairs = self.database.pairs();
        let migrations = if self.django_migrations.is_empty() {
            "no migration of reproq_django recorded".to_owned()
        } else {
            self.django_migrations.join(", ")
        };
        pairs.push(("Django", migrations));
        pairs.push(("Workers", self.workers()));
        if let Some(bytes) = self.database_bytes {
            pairs.push(("Size", bytes_text(bytes)));
        }
        if self.standby {
            pairs.push(("Role", "standby".to_owned()));
        }
        out.pairs(&pairs);
        if !self.tables.is_empty() {
            out.blank();
            let heading = ["TABLE", "ROWS", "SIZE", "INDEXES"].map(str::to_owned).to_vec();
            let rows = self.tables.iter().map(|table| {
                let rows = table.rows.map_or_else(|| "unknown".to_owned(), |rows| format!("~{rows}"));
                vec![table.name.clone(), rows, bytes_text(table.bytes), bytes_text(table.index_bytes)]
            });
            out.table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>());
        }
        if self.pending_changes > 0 {
            out.blank();
            out.line(&format!("{} pending; see `reproq db check`", count(self.pending_changes, "change")));
        }
    }
}

impl DbStatusReport {
    fn workers(&self) -> String {
        let each = |worker: &Worker| {
            let version = worker.version.as_deref().unwrap_or("unknown version");
            format!("{} {version} (seen {} s ago)", worker.worker_id, worker.seconds.max(0))
        };
        let mut shown: Vec<String> = self.workers.iter().take(SHOWN_WORKERS).map(each).collect();
        if let Some(more) = self.workers.len().checked_sub(SHOWN_WORKERS).filter(|more| *more > 0) {
            shown.push(format!("{more} more"));
        }
        if shown.is_empty() { "none registered".to_owned() } else { shown.join(", ") }
    }
}

fn bytes_text(bytes: i64) -> String {
    size(u64::try_from(bytes).unwrap_or(0))
}
