//! `reproq render env verify`: whether every declared variable exists, for CI. Values are not compared.

use crate::cli::RenderVerifyArgs;
use crate::commands::release::runtime;
use crate::commands::render;
use crate::commands::render::report::EnvVerifyReport;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn verify(arguments: &RenderVerifyArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let file = render::blueprint(&arguments.scope, session)?;
    let progress = session.ui.progress();
    let survey = runtime()?.block_on(async {
        let api = render::api(session, &progress)?;
        render::read(&api, &file, &arguments.scope).await
    })?;
    let plans = render::plans(&survey, &[], &file)?;
    let report = EnvVerifyReport::new(&plans, &survey.gaps);
    session.ui.report(&report)?;
    Ok(report.status())
}
