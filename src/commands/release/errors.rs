//! The exit status and the hints of errors of release commands.

use std::time::Duration;

use crate::commands::hints;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::io::net::NetError;
use crate::model::RepoSlug;
use crate::releases::prune::AuditError;
use crate::releases::prune::GuardRefusal;
use crate::releases::prune::PlanRefusal;
use crate::releases::prune::SaveAssetsError;
use crate::releases::prune::Stop;
use crate::sources::github::ApiError;

const NEEDS: &str =
    "the token needs the permission `contents: write` (in a workflow: `permissions: { contents: write }`)";

/// Converts an error of a GitHub API call.
pub(super) fn api(error: ApiError, repository: &RepoSlug) -> CommandError {
    let (status, hint) = match &error {
        ApiError::Net(error) => (net_status(error), Some(net_hint(error))),
        ApiError::RateLimited { authenticated: true, .. } => {
            (ExitStatus::Unavailable, Some("wait until then, or use another token".to_owned()))
        }
        ApiError::RateLimited { authenticated: false, .. } => {
            (ExitStatus::Unavailable, Some("set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN".to_owned()))
        }
        ApiError::NotFound { .. } => (
            ExitStatus::NotFound,
            Some(format!("check the name {repository}; if it is private, the token needs access to it")),
        ),
        ApiError::BadToken { variable } => (ExitStatus::NotPermitted, Some(format!("renew the token in {variable}"))),
        ApiError::SingleSignOn { url, .. } => {
            let hint = match url {
                Some(url) => format!("authorize the token for the organization at {url}"),
                None => "authorize the token for the organization in GitHub's settings".to_owned(),
            };
            (ExitStatus::NotPermitted, Some(hint))
        }
        ApiError::Forbidden { needed, variable, .. } => {
            (ExitStatus::NotPermitted, Some(hints::reading(needed.as_deref(), *variable)))
        }
        ApiError::Shape { .. } => (
            ExitStatus::Unavailable,
            Some("run the same command again; if it fails again, check the proxy and GITHUB_API_URL".to_owned()),
        ),
    };
    let failure = CommandError::new(status, error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Errors of the local configuration are permanent; all others may be transient.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other errors may be transient")]
fn net_hint(error: &NetError) -> String {
    let again = || "run the same command again".to_owned();
    match error {
        NetError::Variable { .. }
        | NetError::Proxy { .. }
        | NetError::Tls { .. }
        | NetError::Setup(_)
        | NetError::System { .. } => hints::network(error).hints.into_iter().next().unwrap_or_else(again),
        _ => again(),
    }
}

fn net_status(error: &NetError) -> ExitStatus {
    match error {
        NetError::Variable { .. } => ExitStatus::Usage,
        NetError::Setup(_) | NetError::System { .. } | NetError::Write(_) => ExitStatus::Failure,
        NetError::Dns { .. }
        | NetError::Refused { .. }
        | NetError::Timeout { .. }
        | NetError::Lost { .. }
        | NetError::Tls { .. }
        | NetError::Proxy { .. }
        | NetError::Status { .. }
        | NetError::Signature { .. }
        | NetError::Redirect { .. }
        | NetError::Cut { .. }
        | NetError::WrongLength { .. }
        | NetError::TooLong { .. }
        | NetError::WebPage { .. }
        | NetError::Encoded { .. }
        | NetError::Other { .. } => ExitStatus::Unavailable,
    }
}

/// The error for a renamed repository.
pub(super) fn renamed(requested: &RepoSlug, found: &RepoSlug) -> CommandError {
    let message = format!("{requested} was renamed to {found}; nothing is changed under the old name");
    CommandError::message(ExitStatus::Conflict, message).hint(format!("use the new name: `--repo {found}`"))
}

/// Converts a refusal to make a plan.
pub(super) fn no_plan(refusal: PlanRefusal, has_token: bool) -> CommandError {
    let (status, hint) = match &refusal {
        PlanRefusal::Incomplete { is_final: true, .. } => {
            (ExitStatus::Conflict, "the listing is incomplete; delete some releases manually and retry".to_owned())
        }
        PlanRefusal::Incomplete { .. } => {
            (ExitStatus::Unavailable, "run the same command again when no release is being published".to_owned())
        }
        PlanRefusal::Archived { .. } => (ExitStatus::NotPermitted, "unarchive the repository first".to_owned()),
        PlanRefusal::NoPush { .. } if !has_token => (
            ExitStatus::NotPermitted,
            "set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN; without a token drafts are invisible".to_owned(),
        ),
        PlanRefusal::NoPush { .. } => (ExitStatus::NotPermitted, NEEDS.to_owned()),
        PlanRefusal::NothingManaged { .. } => {
            (ExitStatus::NotFound, "only tags such as v1.2.3 or 1.2.3 are versions; check `--repo`".to_owned())
        }
    };
    CommandError::new(status, refusal).hint(hint)
}

/// Converts the refusal of a plan that exceeds a safety limit; `command` is the same command with a higher limit.
pub(super) fn guarded(refusal: GuardRefusal, command: &str) -> CommandError {
    let hint = match &refusal {
        GuardRefusal::TooMany { .. } => format!("review the plan with `--dry-run`; to continue: {command}"),
        GuardRefusal::NothingInstallable => "publish a release with assets first, or keep more".to_owned(),
    };
    CommandError::new(ExitStatus::Conflict, refusal).hint(hint)
}

/// Converts an error of the audit record.
pub(super) fn audit(error: AuditError) -> CommandError {
    let status = match error {
        AuditError::File(error) => {
            let hint = "nothing was changed, because the audit record could not be created; choose another file with `--audit FILE`";
            return hints::output(error).hint(hint);
        }
        AuditError::Write { ref source, .. } | AuditError::Read { ref source, .. } => io_advice(source, None).0,
        AuditError::Line { .. } => ExitStatus::Usage,
        AuditError::Unbound { .. } => {
            return CommandError::new(ExitStatus::Conflict, error)
                .hint("use the complete record; the first line of each run identifies the repository");
        }
    };
    let is_write = matches!(error, AuditError::Write { .. });
    let failure = CommandError::new(status, error);
    if is_write {
        failure.hint("every change must be recorded; choose another file with `--audit FILE`")
    } else {
        failure
    }
}

/// Converts an error while saving assets.
pub(super) fn archive(error: SaveAssetsError) -> CommandError {
    const NOTHING: &str = "nothing was deleted, because the assets could not be saved first";
    let status = match error {
        SaveAssetsError::File(error) => return hints::output(error).hint(NOTHING),
        SaveAssetsError::Api { .. } => ExitStatus::Unavailable,
        SaveAssetsError::Download { ref source, .. } => net_status(source),
        SaveAssetsError::Digest { .. } => ExitStatus::Unverified,
        SaveAssetsError::Write { ref source, .. } => io_advice(source, None).0,
        SaveAssetsError::Name { .. } | SaveAssetsError::Tag(_) => ExitStatus::Failure,
    };
    CommandError::new(status, error).hint(NOTHING)
}

/// Converts the reason why a run stopped.
pub(super) fn stopped(stop: &Stop, max_wait: Duration) -> CommandError {
    let (status, hints): (ExitStatus, Vec<String>) = match stop {
        Stop::Limited { .. } | Stop::Reserve { .. } => (
            ExitStatus::Unavailable,
            vec![format!(
                "run the same command again later to continue; to wait longer than {} min, use `--max-wait 1h`",
                max_wait.as_secs() / 60
            )],
        ),
        Stop::Moved { .. } => {
            (ExitStatus::Conflict, vec!["use the repository's new name with `--repo OWNER/NAME`".to_owned()])
        }
        Stop::Forbidden { needed, .. } => (
            ExitStatus::NotPermitted,
            vec![match needed {
                Some(needed) => {
                    format!("give the token `{needed}` (in a workflow: `permissions: {{ contents: write }}`)")
                }
                None => NEEDS.to_owned(),
            }],
        ),
        Stop::Blocked { name, .. } => (
            ExitStatus::NotPermitted,
            vec![
                "allow this token to bypass the rule, or change the rule; then run the same command again".to_owned(),
                format!("only the release entry of {name} was deleted; everything else is unchanged"),
            ],
        ),
        Stop::Hidden { .. } => (ExitStatus::NotPermitted, vec![NEEDS.to_owned()]),
        Stop::Refused { .. } => (ExitStatus::Failure, Vec::new()),
        Stop::Lost { .. } => (ExitStatus::Unavailable, vec!["run the same command again to continue".to_owned()]),
        Stop::World { .. } => {
            (ExitStatus::Conflict, vec!["check the repository, then run the same command again".to_owned()])
        }
        Stop::Record { .. } => (
            ExitStatus::Failure,
            vec!["every change must be recorded; choose another file with `--audit FILE`".to_owned()],
        ),
    };
    let mut failure = CommandError::message(status, stop.to_string());
    failure.hints = hints;
    failure
}
