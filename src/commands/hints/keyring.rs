//! Trusted roots of the user that cannot be read or changed.

use std::io;

use crate::commands::hints;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::failure::io_again;
use crate::io::net::NetError;
use crate::trust::trusted_roots::FetchError;
use crate::trust::trusted_roots::RootRepository;
use crate::trust::trusted_roots::TrustedRootsError;
use crate::trust::trusted_roots::UpdateError;

/// Turns trusted roots that cannot be used into what the user is told.
pub(in crate::commands) fn trusted_roots(error: TrustedRootsError) -> CommandError {
    if let TrustedRootsError::Io { doing, path, source } = &error {
        return CommandError::io(doing, path, io_again(source));
    }
    if let TrustedRootsError::File(error) = error {
        return hints::output(error);
    }
    let (status, hints) = judge(&error);
    let mut failure = CommandError::new(status, error);
    failure.hints = hints;
    failure
}

/// The class and the ways out.
pub(super) fn judge(error: &TrustedRootsError) -> (ExitStatus, Vec<String>) {
    let refused = |hint: String| (ExitStatus::Unverified, vec![hint]);
    match error {
        TrustedRootsError::NoDirectory => (
            ExitStatus::Usage,
            vec![
                "name a directory in the variable REPROQ_TRUST_DIR, or the roots in each call with `--trusted-root FILE`"
                    .to_owned(),
            ],
        ),
        TrustedRootsError::Io { path, source, .. } => io_advice(source, Some(path)),
        TrustedRootsError::Damaged { path, .. } => refused(format!(
            "remove `{}`, then fetch it again with `reproq trust update`, or accept it again with `reproq trust accept FILE`",
            path.display()
        )),
        TrustedRootsError::File(error) => hints::file(error),
        TrustedRootsError::OfAnother { path, .. } => refused(format!(
            "run as the user whose roots they are; or name a directory of your own in the variable REPROQ_TRUST_DIR, or move `{}` away",
            path.display()
        )),
        TrustedRootsError::Exposed { path } => refused(format!(
            "look at what lies there with `reproq trust show` after `chmod go-w {0}`; remove what you did not accept",
            path.display()
        )),
        TrustedRootsError::NoRoot(_) => refused(
            "get the roots again, for example with `gh attestation trusted-root > roots.jsonl`, or from whoever signs"
                .to_owned(),
        ),
    }
}

/// Turns a root that was not fetched into what the user is told.
pub(in crate::commands) fn update(error: UpdateError, place: &RootRepository) -> CommandError {
    let (status, hints) = match error {
        UpdateError::TrustedRoots(error) => return trusted_roots(error),
        UpdateError::CannotVerify => (ExitStatus::Unverified, vec!["use a build with its default features".to_owned()]),
        UpdateError::Fetch { source: FetchError::Net(ref error), .. } => net(error, place),
        UpdateError::Fetch { source: FetchError::Io { ref source, .. }, .. } => io_failure(source, place),
        UpdateError::Fetch { source: FetchError::Name(_), .. } | UpdateError::Refused { expired: false, .. } => {
            (ExitStatus::Unverified, vec![again(place)])
        }
        UpdateError::Refused { expired: true, .. } => (
            ExitStatus::Unverified,
            vec![
                match place {
                    RootRepository::Web { .. } => {
                        "if this machine's clock is right, the mirror is out of date: ask without `--url`"
                    }
                    RootRepository::Directory(_) => {
                        "if this machine's clock is right, the copy is out of date: make it again"
                    }
                }
                .to_owned(),
            ],
        ),
    };
    let mut failure = CommandError::new(status, error);
    failure.hints = hints;
    failure
}

fn net(error: &NetError, place: &RootRepository) -> (ExitStatus, Vec<String>) {
    if let NetError::Status { status: 401 | 403 | 404 | 410, .. } = error {
        let hint = "check the address: it must be that of the repository itself, and open to everybody";
        return (ExitStatus::Unavailable, vec![hint.to_owned()]);
    }
    if let NetError::TooLong { .. } = error {
        return (ExitStatus::Unverified, vec![again(place)]);
    }
    let (status, mut hints) = super::network::net(error);
    hints.push(
        "without a network: `reproq trust update --save DIR` where there is one, then `--from DIR` here".to_owned(),
    );
    (status, hints)
}

fn io_failure(error: &io::Error, place: &RootRepository) -> (ExitStatus, Vec<String>) {
    if io_advice(error, None).0 == ExitStatus::NotPermitted {
        return (ExitStatus::NotPermitted, vec!["make the copy readable for this user".to_owned()]);
    }
    // What is no file, or longer than any honest one, is no copy.
    (ExitStatus::Unverified, vec![again(place)])
}

fn again(place: &RootRepository) -> String {
    match place {
        RootRepository::Web { .. } => {
            "run the same command again later; if a mirror was named with `--url`, ask without it"
        }
        RootRepository::Directory(_) => "copy the repository again, whole, and ask where the copy comes from",
    }
    .to_owned()
}
