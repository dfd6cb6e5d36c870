//! `reproq queue list`: depth, age, workers and pauses of each queue.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::read;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::queue_depths;
use serde::Serialize;

use crate::cli::DatabaseArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::commands::stats::queue_table;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct QueueListReport {
    at: DateTime<Utc>,
    queues: Vec<QueueDepth>,
}

pub(super) fn list(arguments: &DatabaseArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (at, queues) = Database::read(arguments, session, async |tx| {
        let snapshot = read::live_snapshot(tx).await?;
        Ok((snapshot.server.now, queue_depths(&snapshot)))
    })?;
    session.ui.report(&QueueListReport { at, queues })?;
    Ok(ExitStatus::Success)
}

impl Report for QueueListReport {
    const SCHEMA: &'static str = "reproq.queue-list/1";

    fn human(&self, out: &mut TextReport) {
        if self.queues.is_empty() && !out.is_quiet() {
            out.line("No queue has live tasks, workers or a pause.");
        }
        queue_table(&self.queues, out);
    }
}
