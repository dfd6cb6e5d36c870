//! Why a run stops early.

use std::fmt;
use std::time::Duration;

use crate::change::AuditError;
use crate::change::Interruption;
use crate::change::Response;
use crate::sources::github::MutationRefusal;

/// Why a run stopped. Completed deletions are kept, and another run continues from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// GitHub's rate limit lasts longer than the maximum wait.
    Limited {
        /// The requested wait.
        wait: Duration,
    },
    /// Few requests of the hour remain, and other jobs need them.
    Reserve {
        /// How many remain.
        left: u64,
        /// The time until the limit resets.
        wait: Duration,
    },
    /// The repository was renamed or transferred.
    Moved {
        /// The new name, if GitHub reports it.
        to: Option<String>,
    },
    /// The account lacks permission.
    Forbidden {
        /// The unit.
        name: String,
        /// GitHub's message.
        message: String,
        /// The missing permission.
        needed: Option<String>,
    },
    /// A ruleset or an immutable release protects the first unit's tag.
    Blocked {
        /// The unit.
        name: String,
        /// GitHub's message.
        message: String,
    },
    /// GitHub reports `not found` for something that it lists.
    Hidden {
        /// The unit.
        name: String,
    },
    /// GitHub refuses for another reason.
    Refused {
        /// The unit.
        name: String,
        /// GitHub's message.
        message: String,
    },
    /// Requests fail repeatedly without a response.
    Lost {
        /// The last failure.
        reason: String,
    },
    /// The repository can no longer be listed or pruned.
    World {
        /// The reason.
        why: String,
    },
    /// The audit record cannot be written, and nothing is changed without it.
    Record {
        /// The reason.
        why: String,
    },
}

impl From<Interruption> for Stop {
    fn from(interruption: Interruption) -> Self {
        match interruption {
            Interruption::Limited { wait } => Self::Limited { wait },
            Interruption::Reserve { left, wait } => Self::Reserve { left, wait },
            Interruption::Lost { reason } => Self::Lost { reason },
        }
    }
}

impl From<AuditError> for Stop {
    fn from(error: AuditError) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Record { why: format!("{error}{cause}") }
    }
}

/// What a response to a batch of tags means for the batch.
pub(super) fn response_of(outcome: Result<(), MutationRefusal>) -> Response<MutationRefusal> {
    let Err(refusal) = outcome else { return Response::Done };
    match refusal {
        MutationRefusal::Limited { .. } | MutationRefusal::Busy | MutationRefusal::Unknown { .. } => {
            Response::Again(refusal)
        }
        // The REST API reports the missing permission more precisely.
        MutationRefusal::Unsupported | MutationRefusal::Forbidden { .. } => Response::OneByOne(refusal),
        MutationRefusal::Gone
        | MutationRefusal::Rule { .. }
        | MutationRefusal::Immutable { .. }
        | MutationRefusal::Rejected { .. } => Response::OneRefused(refusal),
        MutationRefusal::Moved { .. } => Response::Stop(refusal),
    }
}

/// Why a request is sent again, in messages.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other refusals describe themselves")]
pub(super) fn cause_of(refusal: &MutationRefusal) -> String {
    match refusal {
        MutationRefusal::Unknown { reason } => reason.clone(),
        MutationRefusal::Busy => "another change is in progress".to_owned(),
        other => other.to_string(),
    }
}

impl Stop {
    /// What a refusal means for the entire run.
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

    /// Whether tags whose releases are deleted may still be deleted.
    pub(super) const fn allows_tag_deletion(&self) -> bool {
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
                write!(
                    f,
                    "GitHub returns `not found` for {name} but still lists it; the token may lack permission to delete it"
                )
            }
            Self::Refused { name, message } => write!(f, "{name} could not be deleted: {message}"),
            Self::Lost { reason } => write!(f, "GitHub returned no usable response: {reason}"),
            Self::World { why } => f.write_str(why),
            Self::Record { why } => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_a_batch_has_one_meaning() {
        let message = || "why".to_owned();
        for (refusal, expected) in [
            (MutationRefusal::Limited { wait: Duration::ZERO }, "again"),
            (MutationRefusal::Busy, "again"),
            (MutationRefusal::Unknown { reason: message() }, "again"),
            (MutationRefusal::Unsupported, "one by one"),
            (MutationRefusal::Forbidden { message: message(), needed: None }, "one by one"),
            (MutationRefusal::Gone, "one refused"),
            (MutationRefusal::Rule { message: message() }, "one refused"),
            (MutationRefusal::Immutable { message: message() }, "one refused"),
            (MutationRefusal::Rejected { status: 422, message: message() }, "one refused"),
            (MutationRefusal::Moved { to: None }, "stop"),
        ] {
            let found = match response_of(Err(refusal.clone())) {
                Response::Done => "done",
                Response::Again(_) => "again",
                Response::OneByOne(_) => "one by one",
                Response::OneRefused(_) => "one refused",
                Response::Stop(_) => "stop",
            };
            assert_eq!(found, expected, "{refusal}");
        }
        assert_eq!(response_of(Ok(())), Response::Done);
    }
}
