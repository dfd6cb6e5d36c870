//! `reproq limit list`: the rate limits, and what is left of each.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::read;
use reproq_queue::stats::RateLimitRow;
use serde::Serialize;

use super::table;
use crate::cli::DatabaseArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::time;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct LimitListReport {
    at: DateTime<Utc>,
    /// Whether the table exists; without it nothing is limited.
    table_exists: bool,
    limits: Vec<LimitEntry>,
}

#[derive(Debug, Serialize)]
struct LimitEntry {
    key: String,
    tokens_per_second: f64,
    burst: i32,
    /// Whether it limits anything. One for a task or queue that does not exempts it from the wider ones.
    active: bool,
    /// The tokens that are available now.
    available: f64,
    /// How long until a task can be claimed.
    wait_seconds: f64,
    last_refilled_at: DateTime<Utc>,
}

pub(super) fn list(arguments: &DatabaseArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let report = Database::read(arguments, session, async |tx| {
        let server = read::server(tx).await?;
        let rows = if server.has_limits { read::limits(tx, &[]).await? } else { Vec::new() };
        let limits = rows.iter().map(entry).collect();
        Ok(LimitListReport { at: server.now, table_exists: server.has_limits, limits })
    })?;
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

fn entry(row: &RateLimitRow) -> LimitEntry {
    LimitEntry {
        key: row.key.clone(),
        tokens_per_second: row.rate,
        burst: row.burst,
        active: row.is_active(),
        available: row.available(),
        wait_seconds: row.wait_seconds(),
        last_refilled_at: row.last_refilled_at,
    }
}

impl Report for LimitListReport {
    const SCHEMA: &'static str = "reproq.limit-list/1";

    fn human(&self, out: &mut TextReport) {
        if !self.table_exists {
            out.line("The database has no table of rate limits; `reproq db migrate` creates it.");
            return;
        }
        if self.limits.is_empty() {
            if !out.is_quiet() {
                out.line("There are no rate limits.");
            }
            return;
        }
        let rows = self.limits.iter().map(|limit| {
            let state = match (limit.active, limit.wait_seconds > 0.0) {
                (false, _) if limit.key == "global" => "no limit".to_owned(),
                (false, _) => "exempt".to_owned(),
                (true, true) => format!("next in {:.1} s", limit.wait_seconds),
                (true, false) => "ok".to_owned(),
            };
            vec![
                limit.key.clone(),
                format!("{}/s", limit.tokens_per_second),
                limit.burst.to_string(),
                format!("{:.1}", limit.available),
                state,
                time(limit.last_refilled_at),
            ]
        });
        out.table(&table(&["KEY", "RATE", "BURST", "AVAILABLE", "STATE", "LAST USED"], rows));
    }
}
