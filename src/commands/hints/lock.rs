//! Errors of reproq.lock: unreadable, unsatisfied, or different from the release.

use crate::commands::hints::of_a_file;
use crate::config::Server;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_again;
use crate::flows::install::Drift;
use crate::flows::install::Unsatisfied;
use crate::lockfile::LockfileError;
use crate::lockfile::TextError;

pub(super) fn drift(drift: &Drift) -> (ExitStatus, Vec<String>) {
    match drift {
        Drift::Changed { tag, .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed; a published asset must never change: ask the maintainers what happened"
                    .to_owned(),
                format!("if the change is intended, remove reproq.lock and run `reproq lock --tag {tag}`"),
                "the locked bytes may still be in another user's cache, a mirror (`--mirror`) or a bundle (`--from`)"
                    .to_owned(),
            ],
        ),
        Drift::InMirror { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed; reproq.lock takes precedence".to_owned(),
                "a release never changes: check where reproq.lock and the mirror come from".to_owned(),
                "to fall back to GitHub, use `--mirror SOURCE --mirror github`".to_owned(),
            ],
        ),
        Drift::NoRelease { server, .. } if !server.is_github_com() => {
            (ExitStatus::NotFound, [vec![other_server(server)], unpublished()].concat())
        }
        Drift::AssetGone { .. } | Drift::NoRelease { .. } => (ExitStatus::NotFound, unpublished()),
    }
}

/// The hints for locked bytes that are no longer published.
fn unpublished() -> Vec<String> {
    vec![
        "only the newest releases are kept; the locked bytes may still be in another user's cache, a mirror (`reproq install --mirror SOURCE`) or a bundle (`reproq install --from BUNDLE`)".to_owned(),
        "lock the latest release instead: `reproq upgrade`".to_owned(),
        "or build the locked version from a checkout: `reproq install --build --source DIR`".to_owned(),
    ]
}

/// A hint that another server may have the release.
pub(super) fn other_server(server: &Server) -> String {
    let from = &server.web_url.from;
    format!("if the worker is on another server, configure that one; this one was selected by {from}")
}

/// Converts an error of the lockfile.
pub(in crate::commands) fn lockfile(error: LockfileError) -> CommandError {
    if let LockfileError::Read { path, source } = &error {
        let hints = of_a_file(path, source).1;
        return CommandError { hints, ..CommandError::io("read", path, io_again(source)) };
    }
    let (status, hints) = unreadable(&error);
    let mut failure = CommandError::new(status, error);
    failure.hints = hints;
    failure
}

pub(super) fn unreadable(error: &LockfileError) -> (ExitStatus, Vec<String>) {
    let hint = match error {
        LockfileError::Read { path, source } => return of_a_file(path, source),
        LockfileError::Text { reason: TextError::Conflict { .. }, .. } => {
            "resolve the conflict (`git checkout --theirs reproq.lock`), then run `reproq lock`"
        }
        LockfileError::Text { reason: TextError::Newer { .. }, .. } => {
            "it was written by a newer version of reproq; upgrade reproq"
        }
        LockfileError::Text { .. } => {
            "restore it from version control, or remove it and recreate it with `reproq lock --tag TAG`"
        }
    };
    (ExitStatus::Usage, vec![hint.to_owned()])
}

pub(super) fn unsatisfied_hint(error: &Unsatisfied) -> String {
    match error {
        Unsatisfied::NoLock { .. } => "create it with `reproq lock`, and commit it".to_owned(),
        Unsatisfied::OtherRelease { .. } => {
            "remove `--tag` to install the locked release, or remove `--locked` to update reproq.lock".to_owned()
        }
        Unsatisfied::OtherRepository { .. } => {
            "run `reproq doctor` to see where the repository is set, or remove `--locked` to update reproq.lock"
                .to_owned()
        }
        Unsatisfied::NoAsset { tag, .. } => {
            format!("if release {tag} now has an asset for it, add it with `reproq lock`")
        }
    }
}
