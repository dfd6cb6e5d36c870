//! `reproq stats --format api`: the document of Django's stats page, key for key. It counts the whole history.

use reproq_queue::pg::PgError;
use reproq_queue::pg::Transaction;
use reproq_queue::read;
use reproq_queue::stats::FailingTask;
use reproq_queue::stats::QueueControl;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::WorkerRow;
use reproq_serve::StatsDocument;
use reproq_serve::StatsRows;
use reproq_serve::TOP_OF_EACH;

use super::each_database;
use super::finish;
use crate::cli::StatsArgs;
use crate::commands::database::Database;
use crate::commands::serve::scheduler;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::printable_json;
use crate::ui::Report;
use crate::ui::TextReport;

/// What one database has.
struct Read {
    alias: String,
    counts: Vec<(String, String, i64)>,
    workers: Vec<WorkerRow>,
    schedules: Vec<ScheduleRow>,
    controls: Vec<QueueControl>,
    failing: Vec<FailingTask>,
    has_pg_cron: bool,
}

pub(super) fn api(arguments: &StatsArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let mut read = Vec::new();
    let failures = each_database(arguments, session, |database| {
        let alias = database.database.as_deref().unwrap_or("default");
        read.push(Database::read(database, session, async |tx| read_one(tx, alias).await)?);
        Ok(())
    })?;
    let rows = read.iter().map(|read| (read.alias.as_str(), read.rows()));
    let document = StatsDocument::new(rows, scheduler(&session.env));
    session.ui.report(&document)?;
    Ok(finish(failures, document.is_empty(), session))
}

async fn read_one(tx: &Transaction<'_>, alias: &str) -> Result<Read, PgError> {
    Ok(Read {
        alias: alias.to_owned(),
        counts: read::count_all(tx).await?,
        workers: read::workers(tx).await?,
        schedules: read::schedules(tx, None, read::MAX_ROWS).await?,
        controls: read::controls(tx).await?,
        failing: read::failing_ever(tx, TOP_OF_EACH).await?,
        has_pg_cron: read::has_pg_cron(tx).await?,
    })
}

impl Read {
    fn rows(&self) -> StatsRows<'_> {
        StatsRows {
            counts: &self.counts,
            workers: &self.workers,
            schedules: &self.schedules,
            controls: &self.controls,
            failing: &self.failing,
            has_pg_cron: self.has_pg_cron,
        }
    }
}

impl Report for StatsDocument {
    const SCHEMA: &'static str = "reproq.stats-api/1";

    /// Exactly Django's keys; with `--json` the name of the schema is added.
    fn human(&self, out: &mut TextReport) {
        let text = serde_json::to_string_pretty(self).expect("a map with string keys");
        out.script(&printable_json(&text));
        out.script("\n");
    }
}
