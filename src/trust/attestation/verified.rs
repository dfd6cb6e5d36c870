//! What was proven, as a value that can be shown, stored and compared.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::model::Sha256Digest;

use super::refusal::AttestationRefusal;
use super::roots::Instance;

/// What a proof says about the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationKind {
    /// Build provenance: a workflow built them.
    Build,
    /// GitHub's statement about an immutable release: they are an asset of a tag. It does not say how they were made.
    Release,
    /// A signature over the bytes alone.
    Signature,
    /// A statement of another kind about them, for example a list of what is inside.
    Statement,
}

impl AttestationKind {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "build provenance",
            Self::Release => "a release attestation",
            Self::Signature => "a signature without a statement",
            Self::Statement => "a statement of another kind",
        }
    }

    /// What it means, as the end of a sentence about a file.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Build => "was built by this workflow",
            Self::Release => "is the asset GitHub published in this release",
            Self::Signature => "was signed by this workflow",
            Self::Statement => "is what this workflow made a statement about",
        }
    }
}

/// What vouches for the time of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigningTime {
    /// The public log that recorded it.
    Log,
    /// A timestamp authority (RFC 3161).
    TimestampAuthority,
    /// Both.
    LogAndTimestampAuthority,
}

/// One bundle, proven and fitting. Everything in it was signed; nothing is taken from the bundle's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedAttestation {
    /// What it says about the bytes.
    pub kind: AttestationKind,
    /// The digest it is about.
    pub sha256: Sha256Digest,
    /// The name it gives the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// The repository that was built, or whose release it is, `OWNER/NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// GitHub's number of that repository, which outlives a rename and is never given to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<u64>,
    /// GitHub's number of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<u64>,
    /// The workflow that signed, `OWNER/NAME/.github/workflows/FILE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The branch or tag it ran for, in full.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// The commit that was built, or that the release's tag points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tag of the release, in a release attestation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whose machine ran the workflow: `github-hosted` or `self-hosted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// The address of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The certificate's name for the signer; none when a key was named instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Who vouched for the signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The type of the statement; none for a signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// When it was signed; none only with a key, which needs no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<DateTime<Utc>>,
    /// What vouches for that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<SigningTime>,
    /// Whether it is recorded in a public log.
    pub logged: bool,
    /// Whose trusted root it was verified with.
    pub instance: Instance,
}

/// What a set of bundles proved: at least one of them fits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct VerifiedAttestations {
    /// The proofs that fit, in the order of the bundles.
    pub proofs: Vec<VerifiedAttestation>,
    /// The bundles that do not fit, each with its reason. They take nothing from the others: a project may sign one file
    /// in several ways, and a foreign bundle beside a proof makes the proof no weaker.
    pub refused: Vec<AttestationRefusal>,
}
