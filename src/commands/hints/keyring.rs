//! Trusted roots of the user that cannot be read or changed.

use std::io;

use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::keyring::KeyringError;

/// Turns trusted roots that cannot be used into what the user is told.
pub(in crate::commands) fn keyring(error: KeyringError) -> CommandError {
    let refused = |error: KeyringError, hint: String| CommandError::new(ExitStatus::Unverified, error).hint(hint);
    match &error {
        KeyringError::NoFolder => CommandError::new(ExitStatus::Usage, error).hint(
            "name a folder in the variable REPROQ_TRUST_DIR, or the roots in each call with `--trusted-root FILE`",
        ),
        KeyringError::Io { doing, path, source } => {
            CommandError::io(doing, path, io::Error::new(source.kind(), source.to_string()))
        }
        KeyringError::Damaged { path, .. } => {
            let hint = format!(
                "remove `{}`, then fetch it again with `reproq trust update`, or accept it again with `reproq trust accept FILE`",
                path.display()
            );
            refused(error, hint)
        }
        KeyringError::Exposed { path } => {
            let hint = format!(
                "look at what lies there with `reproq trust show` after `chmod go-w {0}`; remove what you did not accept",
                path.display()
            );
            refused(error, hint)
        }
        KeyringError::NoRoot(_) => refused(
            error,
            "get the roots again, for example with `gh attestation trusted-root > roots.jsonl`, or from whoever signs"
                .to_owned(),
        ),
    }
}
