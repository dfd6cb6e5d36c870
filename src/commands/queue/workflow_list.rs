//! `reproq workflow list`: live workflows, and the newest with a callback.

use reproq_queue::read;
use reproq_queue::workflow::WorkflowKind;
use reproq_queue::workflow::WorkflowState;
use reproq_queue::workflow::WorkflowSummary;
use serde::Serialize;

use super::table;
use super::time_or_dash;
use crate::cli::WorkflowListArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct WorkflowListReport {
    /// Whether tasks can be found by their workflow. Without the index, the list is empty.
    has_index: bool,
    /// Whether the table of workflows with a callback exists.
    table_exists: bool,
    workflows: Vec<WorkflowSummary>,
}

pub(super) fn list(arguments: &WorkflowListArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let page =
        Database::read(&arguments.database, session, async |tx| read::workflows(tx, i64::from(arguments.limit)).await)?;
    session.ui.report(&WorkflowListReport {
        has_index: page.has_index,
        table_exists: page.has_table,
        workflows: page.workflows,
    })?;
    Ok(ExitStatus::Success)
}

pub(super) const fn kind(kind: WorkflowKind) -> &'static str {
    match kind {
        WorkflowKind::Chord => "chord",
        WorkflowKind::Chain => "chain",
        WorkflowKind::Group => "group",
    }
}

pub(super) const fn state(state: WorkflowState) -> &'static str {
    match state {
        WorkflowState::Active => "active",
        WorkflowState::Finished => "finished",
        WorkflowState::Stopped => "stopped",
        WorkflowState::Hanging => "hanging",
    }
}

impl Report for WorkflowListReport {
    const SCHEMA: &'static str = "reproq.workflow-list/1";

    fn human(&self, out: &mut TextReport) {
        if !self.has_index {
            out.line("The database has no index on workflow_id; `reproq db migrate` creates it.");
            return;
        }
        if self.workflows.is_empty() {
            if !out.is_quiet() {
                out.line("There are no workflows.");
            }
            return;
        }
        let rows = self.workflows.iter().map(|workflow| {
            vec![
                workflow.workflow_id.clone(),
                kind(workflow.kind).to_owned(),
                state(workflow.state).to_owned(),
                workflow.successful.to_string(),
                workflow.failed.to_string(),
                workflow.active.to_string(),
                workflow.waiting.to_string(),
                time_or_dash(workflow.first),
                workflow.problems.first().cloned().unwrap_or_default(),
            ]
        });
        let heading = ["WORKFLOW", "KIND", "STATE", "SUCCESSFUL", "FAILED", "ACTIVE", "WAITING", "SINCE", "NOTE"];
        out.table(&table(&heading, rows));
    }
}
