//! The exit status and the hints of errors of release commands.

use std::time::Duration;

use crate::change::AuditError;
use crate::commands::hints;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::io::net::NetError;
use crate::model::RepoSlug;
use crate::releases::prune::GuardRefusal;
use crate::releases::prune::PlanRefusal;
use crate::releases::prune::SaveAssetsError;
use crate::releases::prune::Stop;
use crate::sources::github::ApiError;

const NEEDS: &str =
    "the token needs the permission `contents: write` (in a workflow: `permissions: { contents: write }`)";

/// Converts an error of a GitHub API call.
pub(super) fn api(error: ApiError, repository: &RepoSlug) -> CommandError {
    let hint = match &error {
        ApiError::Net(error) => net_hint(error),
        ApiError::RateLimited { authenticated: true, .. } => "wait until then, or use another token".to_owned(),
        ApiError::RateLimited { authenticated: false, .. } => {
            "set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN".to_owned()
        }
        ApiError::NotFound { .. } => {
            format!("check the name {repository}; if it is private, the token needs access to it")
        }
        ApiError::BadToken { variable } => format!("renew the token in {variable}"),
        ApiError::SingleSignOn { url: Some(url), .. } => format!("authorize the token for the organization at {url}"),
        ApiError::SingleSignOn { url: None, .. } => {
            "authorize the token for the organization in GitHub's settings".to_owned()
        }
        ApiError::Forbidden { needed, variable, .. } => hints::reading(needed.as_deref(), *variable),
        ApiError::Shape { .. } => {
            "run the same command again; if it fails again, check the proxy and GITHUB_API_URL".to_owned()
        }
    };
    CommandError::new(hints::api_status(&error), error).hint(hint)
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
        SaveAssetsError::Api { ref source, .. } => hints::api_status(source),
        SaveAssetsError::Download { ref source, .. } => hints::network_status(source),
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::trust::trusted_roots::FetchError;
    use crate::trust::trusted_roots::RootRepository;
    use crate::trust::trusted_roots::UpdateError;

    fn status(status: u16) -> NetError {
        NetError::Status { url: "https://a.test/x".to_owned(), status, retry_after: None }
    }

    fn text() -> String {
        "a.test".to_owned()
    }

    /// Whichever command meets an error of the network, its exit code is the same.
    #[test]
    fn a_network_error_has_one_exit_code() {
        type Make = fn() -> NetError;
        let table: [(Make, ExitStatus); 21] = [
            (|| NetError::Dns { host: text() }, ExitStatus::Unavailable),
            (|| NetError::Refused { host: text() }, ExitStatus::Unavailable),
            (|| NetError::Timeout { host: text() }, ExitStatus::Unavailable),
            (|| NetError::Lost { host: text(), reason: text() }, ExitStatus::Unavailable),
            (|| NetError::Cut { host: text(), received: 1, expected: 2 }, ExitStatus::Unavailable),
            (|| NetError::Signature { url: text() }, ExitStatus::Unavailable),
            (|| NetError::Tls { host: text(), reason: text() }, ExitStatus::Unavailable),
            (
                || NetError::Proxy {
                    host: text(),
                    proxy: text(),
                    variable: "HTTPS_PROXY",
                    reason: text(),
                    transient: false,
                },
                ExitStatus::Unavailable,
            ),
            (|| status(401), ExitStatus::NotPermitted),
            (|| status(403), ExitStatus::NotPermitted),
            (|| status(404), ExitStatus::NotFound),
            (|| status(410), ExitStatus::NotFound),
            (|| status(429), ExitStatus::Unavailable),
            (|| status(503), ExitStatus::Unavailable),
            (|| NetError::Redirect { url: text(), problem: text() }, ExitStatus::Unavailable),
            (|| NetError::WebPage { url: text() }, ExitStatus::Unavailable),
            (|| NetError::WrongLength { url: text(), announced: 1, expected: 2 }, ExitStatus::Unverified),
            (|| NetError::TooLong { url: text(), limit: 1 }, ExitStatus::Unverified),
            (|| NetError::Variable { variable: "SSL_CERT_FILE", reason: text() }, ExitStatus::Usage),
            (|| NetError::Setup(text()), ExitStatus::Failure),
            (
                || NetError::System { doing: "open a connection", source: io::ErrorKind::PermissionDenied.into() },
                ExitStatus::NotPermitted,
            ),
        ];
        let repository = "acme/tool".parse().expect("a repository");
        let roots = RootRepository::Directory("/copy".into());
        for (make, expected) in table {
            let of_update = UpdateError::Fetch { file: text(), source: FetchError::Net(make().into()) };
            let found = [
                hints::network(&make()),
                api(make().into(), &repository),
                archive(SaveAssetsError::Api { tag: text(), source: make().into() }),
                archive(SaveAssetsError::Download { tag: text(), name: text(), source: make() }),
                hints::update(of_update, &roots),
            ]
            .map(|failure| failure.status);
            assert_eq!(found, [expected; 5], "{}", make());
        }
    }
}
