//! `reproq install`: installs the verified worker at `./.reproq/bin/reproq`.

mod report;

pub(super) use report::show_outcome;

use crate::cli::InstallArgs;
use crate::commands::from;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::BuildMode;
use crate::flows::install::InstallError;
use crate::flows::install::InstallOptions;
use crate::platform;

pub(super) fn install(arguments: &InstallArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let context = request::install_context(session, &environment, arguments.wait.lock_timeout, &progress);
    let spec = request::tag_spec(arguments.tag.as_deref())?;
    let named = arguments.from.as_deref().map(|from| from::named(from, session, &context)).transpose()?;
    let bundle = named.as_ref().map(|named| &*named.bundle);
    let target = request::target(arguments.target.as_deref(), spec.as_ref(), bundle, session, &context)?;
    request::refuse_other_platform_in_project(target, arguments, session)?;
    let build = match (arguments.build, arguments.no_build) {
        (true, _) => BuildMode::Only,
        (false, true) => BuildMode::Never,
        (false, false) => BuildMode::Fallback,
    };
    let mut options = InstallOptions {
        build,
        locked: arguments.locked,
        force: arguments.force,
        from: named.as_ref().map(|named| named.bundle.clone()),
        ..request::options(spec, target, session)?
    };
    options.trust.allow_unverified = arguments.allow_unverified;
    options.signers.accept_change = arguments.signer.accept_signer_change;
    if let Some(path) = &arguments.to {
        options = request::installed_to(path, options, session);
    }
    let request = request::request(options, session)?;
    if arguments.mode.dry_run {
        let plan = install::plan(&request, &context).map_err(|error| hints::explain(error, &request))?;
        return report::show_plan(plan, &request, arguments.exit_code, session);
    }
    platform::watch_signals();
    let outcome = install::run(&request, &context);
    platform::exit_if_signaled(outcome.as_ref().is_err_and(InstallError::is_of_a_child));
    let outcome = outcome.map_err(|error| hints::explain(error, &request))?;
    drop(progress);
    show_outcome(outcome, &request, arguments.django.no_django, session)
}
