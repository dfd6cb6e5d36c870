//! Asks the user to confirm a change, or takes the confirmation of the command line.

use crate::change::Audience;
use crate::change::Consent;
use crate::change::NoConsent;
use crate::change::Proposal;
use crate::change::confirms;
use crate::change::consent;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// Gets consent; `show` shows the plan before the question. Returns whether the user was asked: that
/// takes time, so the plan is then computed again.
pub(super) fn confirm(
    proposal: &Proposal<'_>,
    question: impl FnOnce(usize) -> String,
    show: impl FnOnce(),
    yes: bool,
    session: &Session<'_>,
) -> Result<bool, CommandError> {
    let env = &session.env;
    let audience = Audience::of(env.is_ci(), env.stdin_is_terminal && env.stderr_is_terminal);
    let refused = |error: NoConsent| {
        CommandError::new(ExitStatus::Conflict, error)
            .hint("review the plan with `--dry-run`, then confirm with `--yes` or, in a workflow, with CI=true")
    };
    let wanted = match consent(proposal, yes, audience).map_err(refused)? {
        Consent::Given => return Ok(false),
        Consent::AskFor(wanted) => wanted,
    };
    show();
    let answer = session.ui.ask(&question(wanted)).map_err(|error| CommandError::new(ExitStatus::Failure, error))?;
    if confirms(&answer, wanted) {
        return Ok(true);
    }
    Err(CommandError::new(ExitStatus::Conflict, NoConsent::Declined { done: proposal.done.to_owned() }))
}
