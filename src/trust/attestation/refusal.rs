//! Why verification failed: the invalid part, or what was expected and what was found.

use std::fmt;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;
use thiserror::Error;

use crate::model::Sha256Digest;

use super::roots::Instance;
use super::roots::RootError;

/// Why nothing was verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotProven {
    /// This build has no cryptography.
    #[error("this build of reproq cannot verify attestations")]
    CannotVerify,
    /// There was no bundle.
    #[error("there is no attestation to verify")]
    NoBundle,
    /// A trusted root is unusable, so nothing can be verified with it.
    #[error("a trusted root cannot be used")]
    Root(#[from] RootError),
    /// Every bundle was rejected.
    #[error("{}", refused(.0))]
    Refused(Vec<AttestationRefusal>),
}

fn refused(refusals: &[AttestationRefusal]) -> String {
    match refusals {
        [only] => only.reason.to_string(),
        several => format!("none of the {} attestations could be verified", several.len()),
    }
}

/// A rejected bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttestationRefusal {
    /// Its number, from 1 in input order.
    pub bundle: usize,
    /// Why.
    #[serde(flatten)]
    pub reason: AttestationRefusalReason,
}

/// Why a bundle was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum AttestationRefusalReason {
    /// It cannot be parsed, or not unambiguously.
    #[error("the attestation is malformed: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// It is well-formed, but of an unsupported kind.
    #[error("this version of reproq does not support the attestation: {detail}")]
    Unsupported {
        /// What is not supported.
        detail: String,
    },
    /// A part of the cryptography is invalid.
    #[error("{} ({detail})", part.sentence())]
    Broken {
        part: CryptoPart,
        /// The message of the verification.
        detail: String,
        /// The instance whose rules were applied.
        instance: Instance,
    },
    /// It was not made with a key of the trusted roots.
    #[error("{}", unknown(*.issued_at, *.complete_until, .detail))]
    UnknownKey {
        /// The claimed issue time of its certificate.
        issued_at: DateTime<Utc>,
        /// The last time at which the trusted root is known to be complete.
        complete_until: Option<DateTime<Utc>>,
        /// The message of the verification.
        detail: String,
    },
    /// It is valid, but for other bytes.
    #[error("the attestation is genuine, but for other bytes: expected sha256 {expected}, found {}", names(.found))]
    OtherBytes {
        expected: Sha256Digest,
        /// The digests in the statement, a few of them, if it has any.
        found: Vec<Sha256Digest>,
    },
    /// It is from the future, according to this machine's clock.
    #[error("the attestation claims to be signed at {signed_at}, but this machine's clock reads {now}")]
    Clock {
        /// The claimed signing time.
        signed_at: DateTime<Utc>,
        /// The current time.
        now: DateTime<Utc>,
    },
    /// It is valid and for these bytes, but does not match the policy.
    #[error("the attestation is genuine, but does not match: {}", mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unfit {
        /// All differences.
        mismatches: Vec<Mismatch>,
    },
}

impl AttestationRefusalReason {
    /// Whether newer trusted roots might have the key.
    pub fn may_be_too_new(&self) -> bool {
        match self {
            Self::UnknownKey { issued_at, complete_until, .. } => {
                complete_until.is_some_and(|until| *issued_at >= until)
            }
            Self::Malformed { .. }
            | Self::Unsupported { .. }
            | Self::Broken { .. }
            | Self::OtherBytes { .. }
            | Self::Clock { .. }
            | Self::Unfit { .. } => false,
        }
    }
}

/// A forged attestation and one that is too new look the same; only its claimed time shows whether the roots may be too
/// old.
fn unknown(issued_at: DateTime<Utc>, complete_until: Option<DateTime<Utc>>, detail: &str) -> String {
    match complete_until.filter(|until| issued_at >= *until) {
        Some(until) => format!(
            "no key of the trusted roots matches the attestation. It claims to be from {}, and the roots have the keys until {}: \
             they may be too old for it, or it is forged ({detail})",
            issued_at.date_naive(),
            until.date_naive()
        ),
        None => format!(
            "no key of the trusted roots matches the attestation, although they have the keys of that date ({}): it is forged, or \
             from a service that is not trusted here ({detail})",
            issued_at.date_naive()
        ),
    }
}

fn names(found: &[Sha256Digest]) -> String {
    match found {
        [] => "no sha256".to_owned(),
        found => found.iter().map(Sha256Digest::short).collect::<Vec<_>>().join(", "),
    }
}

/// A part of the cryptography.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CryptoPart {
    /// The signature over the statement or the bytes.
    Signature,
    /// The certificate: its chain, its validity, its record in the certificate log.
    Certificate,
    /// The entry in the transparency log.
    Log,
    /// The evidence of the signing time.
    Timestamp,
}

impl CryptoPart {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Signature => "the attestation's signature is invalid: it was altered, or signed with another key",
            Self::Certificate => "the attestation's certificate is not valid for this signature",
            Self::Log => "the attestation's record in the public log is missing or does not match",
            Self::Timestamp => "the attestation has no valid evidence of when it was signed",
        }
    }
}

/// A difference between the policy and the attestation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// The compared field.
    pub field: Field,
    /// The expected value.
    pub expected: String,
    /// The value found; `None` if the attestation has none.
    pub found: Option<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.as_deref().map_or_else(|| "found nothing".to_owned(), |found| format!("found {found}"));
        write!(f, "{}: expected {}, {found}", self.field, self.expected)
    }
}

/// A field that a policy compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The kind of attestation.
    Kind,
    /// The repository of the build or release.
    Repository,
    /// GitHub's ID of the repository.
    RepositoryId,
    /// GitHub's ID of its owner.
    OwnerId,
    /// The workflow that signed.
    Workflow,
    Issuer,
    /// The identity in the certificate.
    Identity,
    /// The ref that was built.
    Ref,
    /// The tag of the release.
    Tag,
    Commit,
    /// The runner environment.
    Runner,
    /// The file name.
    Asset,
    /// The instance whose trusted root was used.
    Instance,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "kind",
            Self::Repository => "repository",
            Self::RepositoryId => "repository ID",
            Self::OwnerId => "owner ID",
            Self::Workflow => "workflow",
            Self::Issuer => "issuer",
            Self::Identity => "signer",
            Self::Ref => "branch or tag",
            Self::Tag => "tag",
            Self::Commit => "commit",
            Self::Runner => "runner",
            Self::Asset => "file name",
            Self::Instance => "trusted root",
        })
    }
}
