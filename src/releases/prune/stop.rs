//! What ends the work before its end.

use std::fmt;
use std::time::Duration;

use crate::sources::github::MutationRefusal;

/// Why the work stopped. What was done stays done, and another run goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// GitHub limits requests for longer than may be waited.
    Limited {
        /// How long it wants.
        wait: Duration,
    },
    /// Few requests of the hour's are left, and others need them.
    Reserve {
        /// How many.
        left: u64,
        /// How long until they are whole again.
        wait: Duration,
    },
    /// The repository has another name or owner now.
    Moved {
        /// Where to, where GitHub says so.
        to: Option<String>,
    },
    /// The account may not do it.
    Forbidden {
        /// The unit.
        name: String,
        /// GitHub's words.
        message: String,
        /// The permission that is missing.
        needed: Option<String>,
    },
    /// A rule or an immutable release holds the first unit's tag.
    Blocked {
        /// The unit.
        name: String,
        /// GitHub's words.
        message: String,
    },
    /// GitHub says that something does not exist and lists it.
    Hidden {
        /// The unit.
        name: String,
    },
    /// GitHub refuses for a reason nobody foresaw.
    Refused {
        /// The unit.
        name: String,
        /// GitHub's words.
        message: String,
    },
    /// No answers come, again and again.
    Lost {
        /// What went wrong.
        reason: String,
    },
    /// The repository cannot be listed any more, or is not what may be pruned.
    World {
        /// Why.
        why: String,
    },
    /// The record cannot be written, and nothing is done without it.
    Record {
        /// Why.
        why: String,
    },
}

impl Stop {
    /// What a refusal means for the work as a whole.
    pub(super) fn of(name: &str, refusal: MutationRefusal) -> Self {
        let name = name.to_owned();
        match refusal {
            MutationRefusal::Moved { to } => Self::Moved { to },
            MutationRefusal::Forbidden { message, needed } => Self::Forbidden { name, message, needed },
            MutationRefusal::Rule { .. } | MutationRefusal::Immutable { .. } => {
                Self::Blocked { name, message: refusal.to_string() }
            }
            MutationRefusal::Limited { wait } => Self::Limited { wait },
            MutationRefusal::Unknown { reason } => Self::Lost { reason },
            MutationRefusal::Gone
            | MutationRefusal::Busy
            | MutationRefusal::Unsupported
            | MutationRefusal::Rejected { .. } => Self::Refused { name, message: refusal.to_string() },
        }
    }

    /// Whether another listing makes sense.
    pub(super) const fn can_relist(&self) -> bool {
        match self {
            Self::Reserve { .. }
            | Self::Forbidden { .. }
            | Self::Blocked { .. }
            | Self::Hidden { .. }
            | Self::Refused { .. }
            | Self::Record { .. } => true,
            Self::Limited { .. } | Self::Moved { .. } | Self::Lost { .. } | Self::World { .. } => false,
        }
    }

    /// Whether tags whose releases are gone may still go.
    pub(super) const fn leaves_tags_free(&self) -> bool {
        matches!(self, Self::Reserve { .. })
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = |wait: &Duration| wait.as_secs().div_ceil(60);
        match self {
            Self::Limited { wait } => {
                write!(f, "GitHub limits requests for another {} min, longer than --max-wait allows", minutes(wait))
            }
            Self::Reserve { left, wait } => {
                write!(f, "only {left} requests remain this hour, which ends in {} min", minutes(wait))
            }
            Self::Moved { to: Some(to) } => write!(f, "the repository has moved to {to}"),
            Self::Moved { to: None } => f.write_str("the repository has moved"),
            Self::Forbidden { name, message, needed: Some(needed) } => {
                write!(f, "GitHub does not permit deleting {name}: {message}; the token lacks `{needed}`")
            }
            Self::Forbidden { name, message, needed: None } => {
                write!(f, "GitHub does not permit deleting {name}: {message}")
            }
            Self::Blocked { name, message } => write!(f, "the tag {name} cannot be deleted: {message}"),
            Self::Hidden { name } => {
                write!(f, "GitHub returns `not found` for {name} but still lists it; the token may lack permission to delete it")
            }
            Self::Refused { name, message } => write!(f, "{name} could not be deleted: {message}"),
            Self::Lost { reason } => write!(f, "GitHub returned no usable response: {reason}"),
            Self::World { why } => f.write_str(why),
            Self::Record { why } => f.write_str(why),
        }
    }
}
