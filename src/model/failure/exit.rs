//! The exit codes: few, documented and stable, so that scripts can rely on them.

use serde::Serialize;

/// How a command ended. The README's table is generated from [`ExitStatus::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// The command succeeded, or there was nothing to do.
    Success,
    /// Any failure without a code of its own.
    Failure,
    /// The command line or the settings are invalid; nothing was started.
    Usage,
    /// Changes are pending (`--check`, `--dry-run --exit-code`).
    Pending,
    /// A requested release, file or command does not exist.
    NotFound,
    /// The bytes could not be verified, or failed verification; nothing was installed.
    Unverified,
    /// A service is unreachable or limits requests; retrying may help.
    Unavailable,
    /// Part of the work is done; running the command again continues.
    Partial,
    /// Another process holds the lock, the state changed in the meantime, or a safety limit refused the change.
    Conflict,
    /// The account, the file system or a repository rule does not permit it.
    NotPermitted,
    /// Stopped by a signal.
    Interrupted,
}

impl ExitStatus {
    /// Every status, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Pending,
        Self::NotFound,
        Self::Unverified,
        Self::Unavailable,
        Self::Partial,
        Self::Conflict,
        Self::NotPermitted,
        Self::Interrupted,
    ];

    /// The number the process exits with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Pending => 3,
            Self::NotFound => 4,
            Self::Unverified => 5,
            Self::Unavailable => 6,
            Self::Partial => 7,
            Self::Conflict => 8,
            Self::NotPermitted => 9,
            Self::Interrupted => 130,
        }
    }

    /// The meaning, as in the README.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "success, or nothing to do",
            Self::Failure => "failure",
            Self::Usage => "invalid usage or settings",
            Self::Pending => "changes pending (`--check`, `--exit-code`)",
            Self::NotFound => "not found",
            Self::Unverified => "unverified; nothing was installed",
            Self::Unavailable => "unavailable or limited; retrying may help",
            Self::Partial => "partly done; run again to continue",
            Self::Conflict => "conflict: lock held, state changed, or a safety limit refused the change",
            Self::NotPermitted => "not permitted",
            Self::Interrupted => "interrupted by a signal",
        }
    }
}
