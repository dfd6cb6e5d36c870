//! What changes of several rows have in common, apart from what they change: the largest number, and the exit status.

use crate::cli::PlanArgs;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;

/// The most changes of one run in continuous integration, where nobody looks at the plan.
const MAX_IN_CI: usize = 1000;

/// Refuses a plan that is larger than allowed.
pub(super) fn refuse_more(
    planned: usize,
    thing: &str,
    done: &str,
    arguments: &PlanArgs,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let limit = arguments.max.or_else(|| session.env.is_ci().then_some(MAX_IN_CI));
    match limit {
        Some(limit) if planned > limit => {
            let message = format!("{} would be {done}, but at most {limit} are allowed", count(planned, thing));
            Err(CommandError::message(ExitStatus::Conflict, message)
                .hint(format!("nothing was changed; allow it with `--max {planned}`")))
        }
        Some(_) | None => Ok(()),
    }
}

/// The numbers of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlanProgress {
    pub(super) planned: usize,
    pub(super) changed: usize,
    /// Of those that were planned, so many were not changed; or something else is not as it should be.
    pub(super) skipped: usize,
}

/// The exit status of a run that has reported what it did, and the error that ended it.
pub(super) fn finish(
    progress: PlanProgress,
    failure: Option<&CommandError>,
    arguments: &PlanArgs,
    session: &Session<'_>,
) -> ExitStatus {
    if let Some(failure) = failure {
        session.ui.error_after_report(failure);
        let is_interrupt = failure.status == ExitStatus::Interrupted;
        return if progress.changed > 0 && !is_interrupt { ExitStatus::Partial } else { failure.status };
    }
    let is_dry = arguments.confirm.dry_run;
    match () {
        () if is_dry && arguments.confirm.exit_code && progress.planned > 0 => ExitStatus::Pending,
        () if is_dry => ExitStatus::Success,
        () if progress.skipped > 0 => ExitStatus::Partial,
        () => ExitStatus::Success,
    }
}
