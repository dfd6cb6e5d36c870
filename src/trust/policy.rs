//! The evidence about an asset, and how much of it is required.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::model::Sha256Digest;

/// How well an installed binary is verified, weakest first. The contract defines the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not verified, as explicitly allowed.
    Unverified,
    /// Built locally from a checkout.
    Built,
    /// Matches a checksum file published with the asset.
    Checksum,
    /// Matches the digest that GitHub computed at upload.
    Digest,
    /// Matches the project's lockfile.
    Pinned,
    /// GitHub attests that it is an asset of this tag, in an immutable release.
    Released,
    /// A workflow of the repository attests that it built these bytes.
    Attested,
}

impl Level {
    /// Every level, weakest first.
    pub const ALL: [Self; 7] =
        [Self::Unverified, Self::Built, Self::Checksum, Self::Digest, Self::Pinned, Self::Released, Self::Attested];

    /// Its name, the value of `--require`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Built => "built",
            Self::Checksum => "checksum",
            Self::Digest => "digest",
            Self::Pinned => "pinned",
            Self::Released => "released",
            Self::Attested => "attested",
        }
    }

    /// Its meaning, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Unverified => "no checksum or attestation verifies it",
            Self::Built => "built locally from a checkout, not a release",
            Self::Checksum => "equals a checksum published next to it",
            Self::Digest => "equals the digest GitHub computed at upload",
            Self::Pinned => "equals the digest in reproq.lock",
            Self::Released => "signed by GitHub as an asset of this release",
            Self::Attested => "signed by the workflow of the repository that built it",
        }
    }

    /// Whether it is based on an attestation, and not only on a digest published elsewhere.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Released | Self::Attested)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A string that is not a level.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a verdict; expected attested, released, pinned, digest, checksum, built or unverified")]
pub struct LevelError(String);

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Self::ALL.into_iter().find(|level| level.name() == text).ok_or_else(|| LevelError(text.to_owned()))
    }
}

/// The source of a statement about the bytes of an asset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EvidenceSource {
    /// The project's lockfile.
    Lock,
    MirrorIndex,
    BundleManifest,
    /// The asset's `digest` in GitHub's API.
    ApiDigest,
    /// A checksum file of the release.
    SumsFile {
        /// The file's name.
        name: String,
    },
    /// A sidecar with the checksum of this asset.
    Sidecar {
        /// The file's name.
        name: String,
    },
    /// Build provenance by a workflow.
    Provenance,
    /// GitHub's attestation of an immutable release.
    ReleaseAttestation,
}

impl EvidenceSource {
    /// The level of a statement from this source.
    pub const fn level(&self) -> Level {
        match self {
            Self::Provenance => Level::Attested,
            Self::ReleaseAttestation => Level::Released,
            Self::Lock => Level::Pinned,
            Self::ApiDigest => Level::Digest,
            Self::MirrorIndex | Self::BundleManifest | Self::SumsFile { .. } | Self::Sidecar { .. } => Level::Checksum,
        }
    }
}

impl fmt::Display for EvidenceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock => f.write_str("reproq.lock"),
            Self::MirrorIndex => f.write_str("the mirror's index"),
            Self::BundleManifest => f.write_str("the bundle's manifest"),
            Self::ApiDigest => f.write_str("GitHub's asset digest"),
            Self::SumsFile { name } | Self::Sidecar { name } => f.write_str(name),
            Self::Provenance => f.write_str("build provenance"),
            Self::ReleaseAttestation => f.write_str("GitHub's release attestation"),
        }
    }
}

/// The result of querying a source. `Unknown` is never `Absent`: a failed query verifies nothing, and must not
/// be treated like a source without a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// The source has this digest.
    Found { sha256: Sha256Digest },
    /// The source verifiably has no statement about this asset.
    Absent {
        /// How that is known.
        reason: String,
    },
    /// The query failed or the result is invalid.
    Unknown {
        /// Why.
        reason: String,
        /// Whether a later query may succeed.
        transient: bool,
    },
}

/// A source and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub source: EvidenceSource,
    /// The result.
    #[serde(flatten)]
    pub finding: Finding,
    /// Whether bytes may be accepted while this source is unknown: the API's digest while the API is rate limited and
    /// published checksum files replace it, a checksum file in an unsupported format, and attestations if none is
    /// required.
    #[serde(skip)]
    pub dispensable: bool,
}

impl Evidence {
    /// A source with a digest.
    pub const fn found(source: EvidenceSource, sha256: Sha256Digest) -> Self {
        Self { source, finding: Finding::Found { sha256 }, dispensable: false }
    }

    /// A source that verifiably has no statement.
    pub fn absent(source: EvidenceSource, reason: impl Into<String>) -> Self {
        Self { source, finding: Finding::Absent { reason: reason.into() }, dispensable: false }
    }

    /// A source whose query failed or whose result is invalid.
    pub fn unknown(source: EvidenceSource, reason: impl Into<String>, transient: bool) -> Self {
        Self { source, finding: Finding::Unknown { reason: reason.into(), transient }, dispensable: false }
    }
}

/// The requirements of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrustPolicy {
    /// The minimum level.
    pub require: Level,
    /// Whether bytes without any evidence are accepted, as with `--allow-unverified`.
    pub allow_unverified: bool,
}
