//! The environment of child processes: without our tokens and without variables that would change what Go builds.

use std::ffi::OsStr;
use std::ffi::OsString;

use crate::model::secret::for_children;

/// The inherited variables, captured once by the caller.
pub(crate) type Environment = [(OsString, OsString)];

/// Inherited variables that would make Go build something else, or fail.
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

/// The value of a variable; an empty one counts as unset, as for `go` and `git`.
pub(super) fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a OsStr> {
    let (_, value) = environment.iter().find(|(known, value)| is_variable(known, name) && !value.is_empty())?;
    Some(value)
}

/// Whether a variable has this name; ignores case on Windows.
pub(super) fn is_variable(known: &OsStr, name: &str) -> bool {
    if cfg!(windows) { known.eq_ignore_ascii_case(name) } else { known == name }
}

/// The inherited environment without our tokens and without variables that change what Go builds.
pub(super) fn without_steering(parent: &Environment) -> Vec<(OsString, OsString)> {
    let steers = |known: &OsStr| STEERING.iter().any(|name| is_variable(known, name));
    for_children(parent).filter(|(name, _)| !steers(name)).cloned().collect()
}
