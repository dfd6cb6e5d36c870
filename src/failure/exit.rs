//! The exit codes: few, documented and stable, so that scripts can tell what to do next.

use std::process::ExitCode;

use serde::Serialize;

/// How a command ended. The README's table is generated from [`ExitStatus::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// It did what was asked, or there was nothing to do.
    Success,
    /// It failed for a reason none of the others names.
    Failure,
    /// The command line or the settings are wrong; nothing was begun.
    Usage,
    /// Changes are pending, for those who asked only to be told.
    Pending,
    /// What was named does not exist.
    NotFound,
    /// The bytes could not be proven, or were proven wrong; nothing was installed.
    Unverified,
    /// A service was out of reach or limits requests; retrying may help.
    Unavailable,
    /// Part of the work is done; running the command again continues it.
    Partial,
    /// Somebody holds the lock, the world changed meanwhile, or a guard refused.
    Conflict,
    /// The account, the file system or a rule does not permit it.
    NotPermitted,
    /// A signal stopped it.
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

    /// What it means, as the README says it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "success, or nothing to do",
            Self::Failure => "failure",
            Self::Usage => "wrong usage or settings",
            Self::Pending => "changes pending (`--exit-code`)",
            Self::NotFound => "not found",
            Self::Unverified => "unverified; nothing was installed",
            Self::Unavailable => "unavailable or limited; retrying may help",
            Self::Partial => "partly done; run again to continue",
            Self::Conflict => "conflict: lock held, world moved, or a guard refused",
            Self::NotPermitted => "not permitted",
            Self::Interrupted => "interrupted by a signal",
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
