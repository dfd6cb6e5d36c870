//! `reproq workflow repair`: plan, show, confirm, one transaction for each workflow, read back.

use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::read;
use reproq_queue::workflow::RepairStep;
use reproq_queue::workflow::WorkflowKind;
use reproq_queue::workflow::WorkflowRepair;
use reproq_queue::write;
use serde::Serialize;

use super::record::QueueAction;
use super::record::QueueRecord;
use super::several::PlanProgress;
use super::several::finish;
use super::several::refuse_more;
use super::workflow_list::kind;
use super::workflow_name::WorkflowName;
use crate::change::Proposal;
use crate::cli::WorkflowRepairArgs;
use crate::commands::consent;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::platform;
use crate::ui::Report;
use crate::ui::TextReport;

/// The most workflows that one run looks at.
const MOST: usize = 1000;

/// The workflows that are read at a time.
const PART: usize = 100;

#[derive(Debug, Serialize)]
struct WorkflowRepairReport {
    dry_run: bool,
    /// How many workflows were examined.
    examined: usize,
    /// Whether there are more, which were not.
    truncated: bool,
    /// Those that need a repair, or that cannot be repaired.
    workflows: Vec<RepairRow>,
    planned: usize,
    repaired: usize,
    /// Whether those that were repaired were read again, and need no repair.
    verified: bool,
    audit: Option<String>,
}

#[derive(Debug, Serialize)]
struct RepairRow {
    workflow_id: String,
    kind: WorkflowKind,
    outcome: RepairOutcome,
    steps: Vec<StepRow>,
    /// What is left as it is, and why.
    unclear: Vec<String>,
    #[serde(skip)]
    plan: WorkflowRepair,
}

#[derive(Debug, Serialize)]
struct StepRow {
    #[serde(flatten)]
    step: RepairStep,
    summary: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum RepairOutcome {
    /// It would be repaired, or the run ended before.
    Planned,
    Repaired,
    /// It changed after it was shown, and was left as it is.
    Changed,
    /// Another session held what is needed, and it was left as it is.
    Locked,
    /// What it lacks cannot be decided.
    Unclear,
}

pub(super) fn repair(arguments: &WorkflowRepairArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let name = arguments.workflow.as_deref().map(WorkflowName::read).transpose()?;
    let (report, failure) = Database::with(&arguments.database, session, async |database| {
        repair_in(database, name.as_ref(), arguments, session).await
    })?;
    session.ui.report(&report)?;
    let skipped = report.workflows.iter().filter(|row| !row.is_in_order()).count();
    let progress = PlanProgress { planned: report.planned, changed: report.repaired, skipped };
    Ok(finish(progress, failure.as_ref(), &arguments.plan, session))
}

async fn repair_in(
    database: &Database,
    name: Option<&WorkflowName>,
    arguments: &WorkflowRepairArgs,
    session: &Session<'_>,
) -> Result<(WorkflowRepairReport, Option<CommandError>), CommandError> {
    let mut report = survey(database, name, arguments).await?;
    let plan = &arguments.plan;
    if report.dry_run || report.planned == 0 {
        return Ok((report, None));
    }
    refuse_more(report.planned, "workflow", "repaired", plan, session)?;
    let proposal = Proposal { number: report.planned, thing: "workflow", done: "repaired" };
    let server = database.session.server();
    let question = |number| format!("Type {number} to repair {} in {server}:", count(number, "workflow"));
    consent::confirm(&proposal, question, || session.ui.preview(&report), plan.confirm.yes, session)?;
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    let units: Vec<String> = report
        .workflows
        .iter()
        .filter(|row| row.outcome == RepairOutcome::Planned)
        .map(|row| row.workflow_id.clone())
        .collect();
    let mut record = QueueRecord::begin(plan.audit.as_ref(), "workflow repair", &units, database, session)?;
    report.audit = record.path();
    let result = carry_out(database, &mut record, &mut report).await;
    report.verified = result.is_ok();
    let recorded = record.end(&result, report.repaired);
    Ok((report, result.err().or(recorded.err())))
}

/// Reads the workflows, in one state of the database, and plans.
async fn survey(
    database: &Database,
    name: Option<&WorkflowName>,
    arguments: &WorkflowRepairArgs,
) -> Result<WorkflowRepairReport, CommandError> {
    let read = database.session.read(Limits::default(), async |tx| {
        let ids = match name {
            Some(name) => Some(name.resolve(tx).await?.into_iter().collect()),
            None => read::waiting_workflows(tx, i64::try_from(MOST + 1).unwrap_or(i64::MAX)).await?,
        };
        let Some(mut ids) = ids else { return Ok(None) };
        let truncated = ids.len() > MOST;
        ids.truncate(MOST);
        let mut examined = 0;
        let mut repairs = Vec::new();
        for part in ids.chunks(PART) {
            let facts = read::workflow_facts(tx, part).await?;
            examined += facts.len();
            repairs.extend(facts.iter().map(WorkflowRepair::plan));
        }
        Ok(Some((examined, truncated, repairs)))
    });
    let found = read.await.map_err(|error: PgError| hints::database(error))?;
    let Some((examined, truncated, repairs)) = found else {
        let message = "the database has no index on workflow_id, without which all tasks would be read";
        return Err(CommandError::message(ExitStatus::Conflict, message)
            .hint("run `reproq db migrate`, which creates it, or name a workflow"));
    };
    if let Some(name) = name.filter(|_| examined == 0) {
        return Err(name.not_found());
    }
    let workflows: Vec<RepairRow> = repairs.into_iter().filter_map(RepairRow::new).collect();
    Ok(WorkflowRepairReport {
        dry_run: arguments.plan.confirm.dry_run,
        examined,
        truncated,
        planned: workflows.iter().filter(|row| row.outcome == RepairOutcome::Planned).count(),
        workflows,
        repaired: 0,
        verified: false,
        audit: None,
    })
}

async fn carry_out(
    database: &Database,
    record: &mut QueueRecord,
    report: &mut WorkflowRepairReport,
) -> Result<(), CommandError> {
    for row in report.workflows.iter_mut().filter(|row| row.outcome == RepairOutcome::Planned) {
        let number =
            record.intent(QueueAction::RepairWorkflow { workflow: &row.workflow_id, steps: &row.plan.steps })?;
        let written =
            database.session.write(Limits::default(), async |tx| write::repair_workflow(tx, &row.plan).await).await;
        let outcome = match written {
            Ok(true) => RepairOutcome::Repaired,
            Ok(false) | Err(PgError::Conflict { .. }) => RepairOutcome::Changed,
            Err(PgError::LockTimeout { .. }) => RepairOutcome::Locked,
            Err(error) => {
                record.result(number, &Err(error.to_string()))?;
                return Err(hints::database(error));
            }
        };
        row.outcome = outcome;
        record.result(
            number,
            &if outcome == RepairOutcome::Repaired {
                Ok("repaired".to_owned())
            } else {
                Err("it changed, and was left as it is".to_owned())
            },
        )?;
        report.repaired += usize::from(outcome == RepairOutcome::Repaired);
    }
    verify(database, report).await
}

/// Reads back: what was repaired needs no repair.
async fn verify(database: &Database, report: &WorkflowRepairReport) -> Result<(), CommandError> {
    let repaired: Vec<String> = report
        .workflows
        .iter()
        .filter(|row| row.outcome == RepairOutcome::Repaired)
        .map(|row| row.workflow_id.clone())
        .collect();
    let read = database.session.read(Limits::default(), async |tx| {
        let mut left = Vec::new();
        for part in repaired.chunks(PART) {
            let facts = read::workflow_facts(tx, part).await?;
            let plans = facts.iter().map(WorkflowRepair::plan);
            left.extend(plans.filter(|plan| !plan.is_empty()).map(|plan| plan.workflow_id));
        }
        Ok(left)
    });
    let left: Vec<String> = read.await.map_err(|error: PgError| hints::database(error))?;
    if left.is_empty() {
        return Ok(());
    }
    Err(CommandError::message(ExitStatus::Conflict, "workflows that were repaired need another repair")
        .details(left)
        .hint("run the same command again"))
}

impl RepairRow {
    /// `None` if the workflow is in order.
    fn new(plan: WorkflowRepair) -> Option<Self> {
        if plan.is_empty() && plan.unclear.is_empty() {
            return None;
        }
        let steps = plan.steps.iter().map(|step| StepRow { step: step.clone(), summary: step.to_string() });
        Some(Self {
            workflow_id: plan.workflow_id.clone(),
            kind: plan.kind,
            outcome: if plan.is_empty() { RepairOutcome::Unclear } else { RepairOutcome::Planned },
            steps: steps.collect(),
            unclear: plan.unclear.clone(),
            plan,
        })
    }

    fn is_in_order(&self) -> bool {
        self.outcome == RepairOutcome::Repaired && self.unclear.is_empty()
    }
}

impl Report for WorkflowRepairReport {
    const SCHEMA: &'static str = "reproq.workflow-repair/1";

    fn human(&self, out: &mut TextReport) {
        let has_begun = self.audit.is_some();
        for row in &self.workflows {
            let outcome = match row.outcome {
                RepairOutcome::Planned if has_begun => "not reached",
                RepairOutcome::Planned => "to repair",
                RepairOutcome::Repaired => "repaired",
                RepairOutcome::Changed => "left as it is: it changed in the meantime",
                RepairOutcome::Locked => "left as it is: another session holds it",
                RepairOutcome::Unclear => "left as it is",
            };
            out.line(&format!("{} {}: {outcome}", kind(row.kind), row.workflow_id));
            for step in &row.steps {
                out.line(&format!("  {}", step.summary));
            }
            for unclear in &row.unclear {
                out.line(&format!("  not repaired: {unclear}"));
            }
        }
        if !self.workflows.is_empty() {
            out.blank();
        }
        let workflows = |number| count(number, "workflow");
        out.line(&match (self.planned, self.dry_run, self.verified) {
            (0, ..) if self.workflows.is_empty() => {
                format!("Nothing to do: {} examined, none hangs.", workflows(self.examined))
            }
            (0, ..) => format!("Nothing to repair: {} examined.", workflows(self.examined)),
            (planned, true, _) => format!("{} would be repaired; nothing was changed.", workflows(planned)),
            (planned, false, true) if self.repaired == planned => {
                format!("Verified: {} repaired.", workflows(planned))
            }
            (planned, false, _) if has_begun => format!("{} of {} repaired.", self.repaired, workflows(planned)),
            (planned, false, _) => format!("{} to repair.", workflows(planned)),
        });
        if self.truncated {
            out.faint("There are more workflows: run the command again.");
        }
    }
}
