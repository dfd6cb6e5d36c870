//! Errors of the user's trusted roots.

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

/// Converts an error of the trusted roots.
pub(in crate::commands) fn trusted_roots(error: TrustedRootsError) -> CommandError {
    if let TrustedRootsError::Io { doing, path, source } = &error {
        return CommandError::io(doing, path, io_again(source));
    }
    if let TrustedRootsError::File(error) = error {
        return hints::output(error);
    }
    let (status, hints) = advice(&error);
    let mut failure = CommandError::new(status, error);
    failure.hints = hints;
    failure
}

/// The exit status and the hints.
pub(super) fn advice(error: &TrustedRootsError) -> (ExitStatus, Vec<String>) {
    let refused = |hint: String| (ExitStatus::Unverified, vec![hint]);
    match error {
        TrustedRootsError::NoDirectory => (
            ExitStatus::Usage,
            vec!["set REPROQ_TRUST_DIR to a directory, or pass the roots with `--trusted-root FILE`".to_owned()],
        ),
        TrustedRootsError::Io { path, source, .. } => io_advice(source, Some(path)),
        TrustedRootsError::Damaged { path, .. } => refused(format!(
            "remove `{}`, then fetch it again with `reproq trust update`, or accept it again with `reproq trust accept FILE`",
            path.display()
        )),
        TrustedRootsError::File(error) => hints::file(error),
        TrustedRootsError::OfAnother { path, .. } => refused(format!(
            "run as the owner of the roots, set REPROQ_TRUST_DIR to a directory of your own, or move `{}` away",
            path.display()
        )),
        TrustedRootsError::Exposed { path } => refused(format!(
            "run `chmod go-w {0}`, then review the roots with `reproq trust show` and remove those that you did not accept",
            path.display()
        )),
        TrustedRootsError::NoRoot(_) => refused(
            "get the roots again, for example with `gh attestation trusted-root > roots.jsonl`, or from the signer"
                .to_owned(),
        ),
    }
}

/// Converts an error while fetching a root.
pub(in crate::commands) fn update(error: UpdateError, place: &RootRepository) -> CommandError {
    let (status, hints) = match error {
        UpdateError::TrustedRoots(error) => return trusted_roots(error),
        UpdateError::CannotVerify => {
            (ExitStatus::Unverified, vec!["use a build of reproq with its default features".to_owned()])
        }
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
                        "if the system clock is correct, the mirror is out of date: retry without `--url`"
                    }
                    RootRepository::Directory(_) => {
                        "if the system clock is correct, the copy is out of date: recreate it"
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
        let hint = "check the URL: it must be that of the repository itself, and publicly readable";
        return (super::network_status(error), vec![hint.to_owned()]);
    }
    if let NetError::TooLong { .. } = error {
        return (super::network_status(error), vec![again(place)]);
    }
    let (status, mut hints) = super::network::net(error);
    hints.push(
        "without network access: run `reproq trust update --save DIR` elsewhere, then `--from DIR` here".to_owned(),
    );
    (status, hints)
}

fn io_failure(error: &io::Error, place: &RootRepository) -> (ExitStatus, Vec<String>) {
    if io_advice(error, None).0 == ExitStatus::NotPermitted {
        return (ExitStatus::NotPermitted, vec!["make the copy readable for this user".to_owned()]);
    }
    // A path that is not a file, or too large a file, is not a valid copy.
    (ExitStatus::Unverified, vec![again(place)])
}

fn again(place: &RootRepository) -> String {
    match place {
        RootRepository::Web { .. } => "run the same command again later, or without `--url` if it was used",
        RootRepository::Directory(_) => "copy the whole repository again, and check where the copy comes from",
    }
    .to_owned()
}
