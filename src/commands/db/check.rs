//! `reproq db check`: everything that the queue needs and the database lacks. Exits with 3 if a migration would change
//! something, and with 1 if something else must be repaired.

use reproq_queue::pg;
use reproq_queue::pg::Limits;
use reproq_queue::schema::Finding;
use reproq_queue::schema::Severity;
use reproq_queue::schema::findings;
use serde::Serialize;

use super::report::DatabaseFacts;
use crate::cli::DatabaseArgs;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct DbCheckReport {
    database: DatabaseFacts,
    findings: Vec<FindingRow>,
}

#[derive(Debug, Serialize)]
struct FindingRow {
    severity: Severity,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    #[serde(flatten)]
    finding: Finding,
}

pub(super) fn check(arguments: &DatabaseArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let report = Database::with(arguments, session, async |database| {
        let snapshot = pg::inspect(&database.session, Limits::default()).await.map_err(hints::database)?;
        let rows = findings(&snapshot).into_iter().map(|finding| FindingRow {
            severity: finding.severity(),
            message: finding.to_string(),
            hint: hints::finding(&finding),
            finding,
        });
        Ok(DbCheckReport { database: DatabaseFacts::new(database, &snapshot), findings: rows.collect() })
    })?;
    session.ui.report(&report)?;
    Ok(report.status())
}

impl DbCheckReport {
    fn number(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|row| row.severity == severity).count()
    }

    fn status(&self) -> ExitStatus {
        match (self.number(Severity::Pending), self.number(Severity::Problem)) {
            (0, 0) => ExitStatus::Success,
            (0, _) => ExitStatus::Failure,
            _ => ExitStatus::Pending,
        }
    }
}

impl Report for DbCheckReport {
    const SCHEMA: &'static str = "reproq.db-check/1";

    fn human(&self, out: &mut TextReport) {
        self.database.human(out);
        for row in &self.findings {
            out.line(&format!("{:<8} {}", label(row.severity), row.message));
            if let Some(hint) = row.hint {
                out.faint(&format!("{:<8} {hint}", ""));
            }
        }
        let pending = self.number(Severity::Pending);
        let problems = self.number(Severity::Problem);
        if pending > 0 {
            out.blank();
            out.line("`reproq db migrate --dry-run` shows the statements that make the pending changes.");
        } else if problems > 0 {
            out.blank();
            out.line(&format!("{} must be repaired.", count(problems, "problem")));
        } else {
            out.line("The database has everything the queue needs.");
        }
    }
}

const fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Pending => "pending",
        Severity::Problem => "problem",
    }
}
