//! What of the surrounding environment a child process sees: never our tokens, nor what would steer Go elsewhere.

use std::ffi::OsStr;
use std::ffi::OsString;

use crate::model::secret::for_children;

/// The variables a child process would inherit, captured once by the caller.
pub type Environment = [(OsString, OsString)];

/// Inherited variables with which Go would silently build something else, or not at all.
const STEERING: [&str; 13] = [
    "GOFLAGS",
    "GOOS",
    "GOARCH",
    "GOWORK",
    "GO111MODULE",
    "GOROOT",
    "GOTOOLDIR",
    "GOEXPERIMENT",
    "GOAMD64",
    "GOARM64",
    "GOFIPS140",
    "GO_EXTLINK_ENABLED",
    "CGO_ENABLED",
];

/// The value of a variable; empty counts as not set, as it does for `go` and `git`.
pub(super) fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a OsStr> {
    let (_, value) = environment.iter().find(|(known, value)| is_variable(known, name) && !value.is_empty())?;
    Some(value)
}

/// Whether a variable has this name; Windows compares without case.
pub(super) fn is_variable(known: &OsStr, name: &str) -> bool {
    if cfg!(windows) { known.eq_ignore_ascii_case(name) } else { known == name }
}

/// The parent's environment less our tokens and less what would make Go build something else.
pub(super) fn without_steering(parent: &Environment) -> Vec<(OsString, OsString)> {
    let steers = |known: &OsStr| STEERING.iter().any(|name| is_variable(known, name));
    for_children(parent).filter(|(name, _)| !steers(name)).cloned().collect()
}
