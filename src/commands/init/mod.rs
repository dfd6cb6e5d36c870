//! `reproq init`: sets up a Django project. A plan is made, shown and confirmed, and then carried out step by step.

mod apply;
mod gather;
mod plan;
mod report;
mod text;

use crate::change::Proposal;
use crate::cli::InitArgs;
use crate::commands::consent::confirm;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::doctor;
use crate::commands::init::plan::InitOptions;
use crate::commands::init::plan::StepState;
use crate::commands::init::report::InitReport;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::doctor::Area;
use crate::model::text::count;

pub(super) fn init(arguments: &InitArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let facts = gather::gather(arguments, session)?;
    let options = InitOptions {
        format: arguments.format,
        skip_install: arguments.skip_install,
        skip_migrate: arguments.skip_migrate,
    };
    let mut report = InitReport {
        project: session.project.root.display().to_string(),
        dry_run: arguments.confirm.dry_run,
        steps: plan::decide(&facts, options),
        findings: None,
    };
    let planned = report.number(StepState::Planned);
    if report.dry_run {
        session.ui.report(&report)?;
        return Ok(if planned > 0 && arguments.confirm.exit_code { ExitStatus::Pending } else { ExitStatus::Success });
    }
    if planned > 0 {
        let proposal = Proposal { number: planned, thing: "step", done: "carried out" };
        let question = |number| format!("Type {number} to carry out {}:", count(number, "step"));
        confirm(&proposal, question, || session.ui.preview(&report), arguments.confirm.yes, session)?;
        apply::apply(&mut report.steps, &facts.django, arguments, session)?;
    }
    let mut findings = doctor::examine(false, AskDjango::Settings(django::LIMIT), session)?;
    if arguments.skip_install {
        findings.retain(|finding| !matches!(finding.area, Area::Installed | Area::Which));
    }
    report.findings = Some(findings);
    session.ui.report(&report)?;
    Ok(match () {
        () if report.number(StepState::Waiting) > 0 => ExitStatus::Partial,
        () if report.has_problems() => ExitStatus::Failure,
        () => ExitStatus::Success,
    })
}
