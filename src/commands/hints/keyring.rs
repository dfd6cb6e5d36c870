//! Trusted roots of the user that cannot be read or changed.

use std::io;

use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::keyring::KeyringError;

/// Turns trusted roots that cannot be used into what the user is told.
pub(in crate::commands) fn keyring(error: KeyringError) -> CommandError {
    if let KeyringError::Io { doing, path, source } = &error {
        return CommandError::io(doing, path, io::Error::new(source.kind(), source.to_string()));
    }
    let (status, hints) = judge(&error);
    let mut failure = CommandError::new(status, error);
    failure.hints = hints;
    failure
}

/// The class and the ways out.
pub(super) fn judge(error: &KeyringError) -> (ExitStatus, Vec<String>) {
    let refused = |hint: String| (ExitStatus::Unverified, vec![hint]);
    match error {
        KeyringError::NoFolder => (
            ExitStatus::Usage,
            vec![
                "name a folder in the variable REPROQ_TRUST_DIR, or the roots in each call with `--trusted-root FILE`"
                    .to_owned(),
            ],
        ),
        KeyringError::Io { doing, path, source } => {
            let failure = CommandError::io(doing, path, io::Error::from(source.kind()));
            (failure.status, failure.hints)
        }
        KeyringError::Damaged { path, .. } => refused(format!(
            "remove `{}`, then fetch it again with `reproq trust update`, or accept it again with `reproq trust accept FILE`",
            path.display()
        )),
        KeyringError::Exposed { path } => refused(format!(
            "look at what lies there with `reproq trust show` after `chmod go-w {0}`; remove what you did not accept",
            path.display()
        )),
        KeyringError::NoRoot(_) => refused(
            "get the roots again, for example with `gh attestation trusted-root > roots.jsonl`, or from whoever signs"
                .to_owned(),
        ),
    }
}
