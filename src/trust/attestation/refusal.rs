//! Why something was not proven: which part did not hold, or what was expected and what was found.

use std::fmt;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;
use thiserror::Error;

use crate::model::Sha256Digest;

use super::roots::Instance;
use super::roots::RootError;

/// Why nothing was proven. There is no way to read this as success.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotProven {
    /// This build has no cryptography for it.
    #[error("this build of reproq cannot verify attestations")]
    CannotVerify,
    /// There was no bundle at all.
    #[error("there is no attestation to verify")]
    NoBundle,
    /// A trusted root cannot be used, so that nothing can be proven with it.
    #[error("a trusted root cannot be used")]
    Root(#[from] RootError),
    /// Every bundle was refused.
    #[error("{}", refused(.0))]
    Refused(Vec<AttestationRefusal>),
}

fn refused(refusals: &[AttestationRefusal]) -> String {
    match refusals {
        [only] => only.reason.to_string(),
        several => format!("none of the {} attestations could be verified", several.len()),
    }
}

/// One bundle that does not prove what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttestationRefusal {
    /// Which one, counted from 1 in the order they were given.
    pub bundle: usize,
    /// Why.
    #[serde(flatten)]
    pub reason: AttestationRefusalReason,
}

/// Why one bundle does not prove what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum AttestationRefusalReason {
    /// It cannot be read, or not in one way only.
    #[error("the attestation is malformed: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// It is well-formed and of a kind that is not known here.
    #[error("this version of reproq does not support the attestation: {detail}")]
    Unsupported {
        /// What is not known.
        detail: String,
    },
    /// A part of its cryptography does not hold.
    #[error("{} ({detail})", part.sentence())]
    Broken {
        /// Which part.
        part: CryptoPart,
        /// What the verification said.
        detail: String,
        /// Whose rules it was verified by.
        instance: Instance,
    },
    /// No key of the trusted roots made it.
    #[error("{}", unknown(*.issued_at, *.complete_until, .detail))]
    UnknownKey {
        /// When it says its certificate was issued.
        issued_at: DateTime<Utc>,
        /// The last moment at which the trusted root is known to have had every key.
        complete_until: Option<DateTime<Utc>>,
        /// What the verification said.
        detail: String,
    },
    /// It is genuine, and about other bytes.
    #[error("the attestation is genuine, but for other bytes: expected sha256 {expected}, found {}", names(.found))]
    OtherBytes {
        /// The digest that was asked about.
        expected: Sha256Digest,
        /// The digests it is about, a few of them, where it lists any.
        found: Vec<Sha256Digest>,
    },
    /// It was made later than this machine says it is.
    #[error("the attestation claims to be signed at {signed_at}, but this machine's clock reads {now}")]
    Clock {
        /// When it was signed.
        signed_at: DateTime<Utc>,
        /// What time it is here.
        now: DateTime<Utc>,
    },
    /// It is genuine, about these bytes, and not what was expected.
    #[error("the attestation is genuine, but does not match: {}", mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unfit {
        /// Every difference.
        mismatches: Vec<Mismatch>,
    },
}

impl AttestationRefusalReason {
    /// Whether newer trusted roots might know the key.
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

/// Forged and too new look alike; only the time it names tells whether the roots could be too old for it.
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
    /// The record in the public log.
    Log,
    /// The evidence of when it was signed.
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

/// One difference between what was expected and what is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What was compared.
    pub field: Field,
    /// What was expected.
    pub expected: String,
    /// What it says; none when it says nothing about it.
    pub found: Option<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found =
            self.found.as_deref().map_or_else(|| "nothing is stated".to_owned(), |found| format!("found {found}"));
        write!(f, "{}: expected {}, {found}", self.field, self.expected)
    }
}

/// What a policy compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The kind of proof.
    Kind,
    /// The repository that was built or released.
    Repository,
    /// Its number at GitHub.
    RepositoryId,
    /// The number of its owner.
    OwnerId,
    /// The workflow that signed.
    Workflow,
    /// Who vouched for the signer.
    Issuer,
    /// The signer's name in the certificate.
    Identity,
    /// The branch or tag the workflow ran for.
    Ref,
    /// The tag of the release.
    Tag,
    /// The commit.
    Commit,
    /// Whose machine ran it.
    Runner,
    /// The name of the file.
    Asset,
    /// Whose trusted root it was verified with.
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
