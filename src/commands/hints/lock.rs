//! The lock: unreadable, unsatisfied, or no longer what its release has.

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
                "nothing was installed; a published asset should never change: ask the maintainers what happened".to_owned(),
                format!("if the change is meant, remove reproq.lock and run `reproq lock --tag {tag}`"),
                "the locked bytes may still be in another machine's cache, in a mirror (`--mirror`) or in a bundle (`--from`)".to_owned(),
            ],
        ),
        Drift::InMirror { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed; the lock has the last word".to_owned(),
                "one release has one set of bytes: ask where the lock and the mirror come from".to_owned(),
                "to try GitHub behind the mirror, name it too: `--mirror PLACE --mirror github`".to_owned(),
            ],
        ),
        Drift::NoRelease { server, .. } if !server.is_github_com() => (
            ExitStatus::NotFound,
            [vec![other_server(server)], gone()].concat(),
        ),
        Drift::AssetGone { .. } | Drift::NoRelease { .. } => (ExitStatus::NotFound, gone()),
    }
}

/// What to do when the locked bytes are no longer where they were.
fn gone() -> Vec<String> {
    vec![
        "only the newest releases are kept; the locked bytes may still be in another machine's cache, in a mirror (`reproq install --mirror PLACE`) or in a bundle (`reproq install --from BUNDLE`)".to_owned(),
        "move the lock to a release that is there: `reproq upgrade`".to_owned(),
        "or build the locked version from a checkout: `reproq install --build --source DIR`".to_owned(),
    ]
}

/// Another server than the one that was asked may have it.
pub(super) fn other_server(server: &Server) -> String {
    let from = &server.web_url.from;
    format!("if another server has the worker, name that one; this one was selected by {from}")
}

/// Turns a lock that cannot be used into what the user is told.
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
            "choose a side (`git checkout --theirs reproq.lock`), then run `reproq lock`"
        }
        LockfileError::Text { reason: TextError::Newer { .. }, .. } => {
            "it was written by a later version of this program; install that version"
        }
        LockfileError::Text { .. } => {
            "bring it back from version control, or remove it and run `reproq lock --tag TAG` to write it anew"
        }
    };
    (ExitStatus::Usage, vec![hint.to_owned()])
}

/// Turns a `--locked` that cannot be obeyed into what the user is told.
pub(in crate::commands) fn unsatisfied(error: Unsatisfied) -> CommandError {
    let hint = unsatisfied_hint(&error);
    CommandError::new(ExitStatus::Usage, error).hint(hint)
}

pub(super) fn unsatisfied_hint(error: &Unsatisfied) -> String {
    match error {
        Unsatisfied::NoLock { .. } => "write it with `reproq lock`, and commit it".to_owned(),
        Unsatisfied::OtherRelease { .. } => {
            "leave out `--tag` to install what is locked, or leave out `--locked` to move the lock".to_owned()
        }
        Unsatisfied::OtherRepository { .. } => {
            "see `reproq doctor` for where the repository comes from, or leave out `--locked` to lock anew".to_owned()
        }
        Unsatisfied::NoAsset { tag, .. } => {
            format!("if release {tag} has an asset for it by now, `reproq lock` adds it")
        }
    }
}
