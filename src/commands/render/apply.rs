//! `reproq render env apply`: confirms and makes the changes of the plan.

use crate::change::AUDIT_SCHEMA;
use crate::change::Clock;
use crate::change::Proposal;
use crate::cli::DeployWhen;
use crate::cli::RenderApplyArgs;
use crate::commands::consent;
use crate::commands::release::begin_audit;
use crate::commands::release::runtime;
use crate::commands::render;
use crate::commands::render::BlueprintFile;
use crate::commands::render::errors;
use crate::commands::render::report::DeployReport;
use crate::commands::render::report::EnvApplyReport;
use crate::commands::render::report::EnvPlanReport;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::platform;
use crate::render::AppliedEnv;
use crate::render::ApplyEnv;
use crate::render::ChangedOwners;
use crate::render::EnvEvent;
use crate::render::EnvOwner;
use crate::render::EnvPlan;
use crate::render::OwnerKind;
use crate::render::RenderApi;
use crate::render::Survey;

pub(super) fn apply(arguments: &RenderApplyArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let file = render::blueprint(&arguments.scope, session)?;
    let remove = render::keys_to_remove(&arguments.remove, &arguments.scope, &file.blueprint)?;
    let progress = session.ui.progress();
    let runtime = runtime()?;
    let (api, survey) = runtime.block_on(async {
        let api = render::api(session, &progress)?;
        let survey = render::read(&api, &file, &arguments.scope).await?;
        Ok::<_, CommandError>((api, survey))
    })?;
    let plans = render::plans(&survey, &remove, &file)?;
    let changes: usize = plans.iter().map(|plan| plan.changes().len()).sum();
    let mut report = EnvApplyReport::new(&plans, &survey.gaps, &[], None);
    let mut failure = None;
    let mut changed = Vec::new();
    if changes > 0 {
        confirm(&plans, &survey, arguments, session)?;
        session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    }
    platform::watch_signals();
    if changes > 0 {
        let (applied, audit) = runtime.block_on(run(&api, &plans, &survey, arguments, session))?;
        report = EnvApplyReport::new(&plans, &survey.gaps, &applied, Some(audit));
        changed = applied.iter().filter(|applied| applied.made() > 0).map(|applied| applied.owner.clone()).collect();
        let made = applied.iter().map(AppliedEnv::made).sum();
        failure = applied.into_iter().find_map(|applied| applied.stop).map(|stop| errors::stopped(stop, made));
    }
    if let (Some(when), None) = (arguments.deploy, &failure) {
        let services = to_deploy(when, &changed, &survey, &file);
        failure = runtime.block_on(deploy(&api, services, &mut report)).err();
    }
    report.status = failure.as_ref().map_or(ExitStatus::Success, |failure| failure.status);
    session.ui.report(&report)?;
    if let Some(failure) = &failure {
        session.ui.error_after_report(failure);
    }
    Ok(report.status)
}

/// Asks for confirmation. Whatever changes until the answer is found before the first change.
fn confirm(
    plans: &[EnvPlan],
    survey: &Survey<'_>,
    arguments: &RenderApplyArgs,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let changes = plans.iter().map(|plan| plan.changes().len()).sum();
    let proposal = Proposal { number: changes, thing: "variable", done: "changed" };
    let question = |wanted| format!("Type {wanted} to change {}:", count(wanted, "variable"));
    let show = || session.ui.preview(&EnvPlanReport::new(plans, &survey.gaps));
    let confirmed = consent::confirm(&proposal, question, show, arguments.yes, session);
    confirmed.map(|_| ()).map_err(|mut error| {
        let hint =
            "review the plan with `reproq render env plan`, then confirm with `--yes` or, in a workflow, with CI=true";
        error.hints.iter_mut().for_each(|shown| hint.clone_into(shown));
        error
    })
}

/// Carries out the plans, one after another until one stops. Returns their results and the path of the audit record.
async fn run(
    api: &RenderApi<'_>,
    plans: &[EnvPlan],
    survey: &Survey<'_>,
    arguments: &RenderApplyArgs,
    session: &Session<'_>,
) -> Result<(Vec<AppliedEnv>, String), CommandError> {
    let mut audit = begin_audit(arguments.audit.as_ref(), "render-env", session)?;
    let path = audit.path().to_string_lossy().into_owned();
    let clock = Clock::wall(session.now);
    let planned: Vec<&EnvPlan> = plans.iter().filter(|plan| !plan.changes().is_empty()).collect();
    audit.write(clock.now(), first_event(&planned)).map_err(|error| errors::stopped(error.into(), 0))?;
    let progress = session.ui.progress();
    let mut all: Vec<AppliedEnv> = Vec::new();
    for (plan, target) in plans.iter().zip(&survey.targets) {
        if plan.changes().is_empty() {
            continue;
        }
        session.ui.status(&format!("Changing {} of {}", count(plan.changes().len(), "variable"), plan.owner()));
        let mut work = ApplyEnv { api, audit: &mut audit, clock: &clock, progress: &progress };
        let applied = work.run(plan, target.live.clone()).await;
        let is_over = applied.stop.is_some();
        all.push(applied);
        if is_over {
            break;
        }
    }
    let stop = all.iter().find_map(|applied| applied.stop.as_ref());
    let status = stop.map_or_else(|| "finished".to_owned(), ToString::to_string);
    let changed = all.iter().map(AppliedEnv::made).sum();
    if let (Err(error), Some(last)) = (audit.write(clock.now(), EnvEvent::End { status, changed }), all.last_mut()) {
        last.stop.get_or_insert(error.into());
    }
    Ok((all, path))
}

fn first_event(plans: &[&EnvPlan]) -> EnvEvent {
    let changes = plans.iter().flat_map(|plan| plan.changes());
    EnvEvent::Begin {
        schema: AUDIT_SCHEMA.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        command: "render env apply".to_owned(),
        subject: ChangedOwners { owners: plans.iter().map(|plan| plan.owner().clone()).collect() },
        plan_digest: None,
        units: changes.map(|change| change.key.to_string()).collect(),
    }
}

/// The services to deploy: those whose variables changed, or those of a group that changed.
fn to_deploy(when: DeployWhen, changed: &[EnvOwner], survey: &Survey<'_>, file: &BlueprintFile) -> Vec<EnvOwner> {
    let services = survey.targets.iter().map(|target| &target.owner);
    let services = services.filter(|owner| owner.kind == OwnerKind::Service);
    let is_changed = |service: &&EnvOwner| {
        let declared = file.blueprint.service(&service.name);
        let used = declared.into_iter().flat_map(|service| &service.groups).map(|group| group.name.as_str());
        let used: Vec<&str> = used.collect();
        let by_group = |owner: &EnvOwner| owner.kind == OwnerKind::Group && used.contains(&owner.name.as_str());
        changed.contains(service) || changed.iter().any(by_group)
    };
    match when {
        DeployWhen::Always => services.cloned().collect(),
        DeployWhen::Changed => services.filter(is_changed).cloned().collect(),
    }
}

/// Starts the deploys.
async fn deploy(api: &RenderApi<'_>, services: Vec<EnvOwner>, report: &mut EnvApplyReport) -> Result<(), CommandError> {
    for service in services {
        let made = report.made + report.deploys.len();
        let id = api.deploy(&service).await.map_err(|error| errors::deploy(error, &service, made))?;
        report.deploys.push(DeployReport { service: service.name, id });
    }
    report.deploy_needed = false;
    Ok(())
}
