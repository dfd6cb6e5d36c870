//! `reproq render env plan`: what happens to each variable, and why. Nothing is changed.

use crate::cli::RenderPlanArgs;
use crate::commands::release::runtime;
use crate::commands::render;
use crate::commands::render::report::EnvPlanReport;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn plan(arguments: &RenderPlanArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let file = render::blueprint(&arguments.scope, session)?;
    let remove = render::keys_to_remove(&arguments.remove, &arguments.scope, &file.blueprint)?;
    let progress = session.ui.progress();
    let survey = runtime()?.block_on(async {
        let api = render::api(session, &progress)?;
        render::read(&api, &file, &arguments.scope).await
    })?;
    let plans = render::plans(&survey, &remove, &file)?;
    let pending = arguments.exit_code && plans.iter().any(|plan| !plan.changes().is_empty());
    session.ui.report(&EnvPlanReport::new(&plans, &survey.gaps))?;
    Ok(if pending { ExitStatus::Pending } else { ExitStatus::Success })
}
