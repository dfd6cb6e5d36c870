//! The verified facts of an attestation, as a value that can be shown, stored and compared.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::model::Sha256Digest;

use super::refusal::AttestationRefusal;
use super::roots::Instance;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationKind {
    /// Build provenance: a workflow built the bytes.
    Build,
    /// GitHub's release attestation: the bytes are an asset of a tag of an immutable release. It does not say how they
    /// were built.
    Release,
    /// A signature over the bytes without a statement.
    Signature,
    /// Another statement about the bytes, such as an SBOM.
    Statement,
}

impl AttestationKind {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "build provenance",
            Self::Release => "a release attestation",
            Self::Signature => "a signature without a statement",
            Self::Statement => "a statement of another kind",
        }
    }

    /// Its meaning, as the end of a sentence about a file.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Build => "was built by this workflow",
            Self::Release => "is the asset GitHub published in this release",
            Self::Signature => "was signed by this workflow",
            Self::Statement => "is what this workflow made a statement about",
        }
    }
}

/// The evidence of the signing time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigningTime {
    /// An entry in the transparency log.
    Log,
    /// A timestamp authority (RFC 3161).
    TimestampAuthority,
    /// Both.
    LogAndTimestampAuthority,
}

/// A verified bundle that matches the policy. All fields were signed; nothing unsigned is taken from the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedAttestation {
    pub kind: AttestationKind,
    /// The digest of the bytes.
    pub sha256: Sha256Digest,
    /// The file names in the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// The repository of the build or release, `OWNER/NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// GitHub's ID of that repository, which does not change with a rename and is never reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<u64>,
    /// GitHub's ID of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<u64>,
    /// The workflow that signed, `OWNER/NAME/.github/workflows/FILE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The full ref it ran for, a branch or a tag.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// The commit that was built, or that the release's tag points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tag of the release, in a release attestation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The runner environment: `github-hosted` or `self-hosted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// The URL of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The identity in the certificate; `None` if a key was given instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The predicate type of the statement; `None` for a signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// The signing time; `None` only for a key, which needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<DateTime<Utc>>,
    /// The evidence of that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<SigningTime>,
    /// Whether it is in a public log.
    pub logged: bool,
    /// The instance whose trusted root was used.
    pub instance: Instance,
}

/// The result for a set of bundles: at least one of them matches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct VerifiedAttestations {
    /// The matching attestations, in the order of the bundles.
    pub proofs: Vec<VerifiedAttestation>,
    /// The rejected bundles with their reasons. They do not affect the others: a project may sign one file
    /// in several ways, and an unrelated bundle does not weaken a matching one.
    pub refused: Vec<AttestationRefusal>,
}
