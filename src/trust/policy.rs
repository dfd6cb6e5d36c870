//! What was found out about an asset, and how much of it is asked for.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::model::Sha256Digest;

/// How well an installed binary is proven, weakest first. The order is the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing proves it; somebody spelled out that this is fine.
    Unverified,
    /// Built on this machine from a checkout.
    Built,
    /// Equals a checksum file published beside the asset.
    Checksum,
    /// Equals the digest GitHub computed when the asset was uploaded.
    Digest,
    /// Equals what the project's lock names.
    Pinned,
    /// GitHub signed that it is an asset of this tag, in an immutable release.
    Released,
    /// A workflow of the repository signed that it built these bytes.
    Attested,
}

impl Level {
    /// Every level, weakest first.
    pub const ALL: [Self; 7] =
        [Self::Unverified, Self::Built, Self::Checksum, Self::Digest, Self::Pinned, Self::Released, Self::Attested];

    /// Its name, as `--require` takes it.
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

    /// What it means, for people.
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

    /// Whether it takes a signed proof of where the bytes come from, and not just the same bytes stated elsewhere.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Released | Self::Attested)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no level.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a verdict; expected attested, released, pinned, digest, checksum, built and unverified")]
pub struct LevelError(String);

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Self::ALL.into_iter().find(|level| level.name() == text).ok_or_else(|| LevelError(text.to_owned()))
    }
}

/// Where a statement about an asset's bytes comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EvidenceSource {
    /// The project's lock.
    Lock,
    /// The list of digests that a mirror keeps beside its files.
    MirrorIndex,
    /// The list of digests that a bundle carries.
    BundleManifest,
    /// The `digest` of the asset in GitHub's API.
    ApiDigest,
    /// A file of the release that lists the checksums of its assets.
    SumsFile {
        /// The file's name.
        name: String,
    },
    /// A file of the release that holds this asset's checksum alone.
    Sidecar {
        /// The file's name.
        name: String,
    },
    /// A signed statement of a workflow that it built the asset.
    Provenance,
    /// GitHub's signed statement about an immutable release.
    ReleaseAttestation,
}

impl EvidenceSource {
    /// The verdict a statement from here carries.
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

/// What asking a source gave. `Unknown` is never `Absent`: a source that could not be asked proves nothing, and must not
/// be taken for one that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// It states this digest.
    Found {
        /// The digest.
        sha256: Sha256Digest,
    },
    /// It provably states nothing about this asset.
    Absent {
        /// How that is known.
        reason: String,
    },
    /// It could not be asked or understood.
    Unknown {
        /// Why.
        reason: String,
        /// Whether asking again later may help.
        transient: bool,
    },
}

/// One source and what it gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The source.
    pub source: EvidenceSource,
    /// What it gave.
    #[serde(flatten)]
    pub finding: Finding,
    /// Whether bytes may be accepted without this source when it is unknown: the API's digest while the API limits requests and
    /// published checksum files stand in for it, a checksum file in a format that is not read here, and signatures where none is
    /// required.
    #[serde(skip)]
    pub dispensable: bool,
}

impl Evidence {
    /// A source that states a digest.
    pub const fn found(source: EvidenceSource, sha256: Sha256Digest) -> Self {
        Self { source, finding: Finding::Found { sha256 }, dispensable: false }
    }

    /// A source that provably says nothing.
    pub fn absent(source: EvidenceSource, reason: impl Into<String>) -> Self {
        Self { source, finding: Finding::Absent { reason: reason.into() }, dispensable: false }
    }

    /// A source that could not be asked or understood.
    pub fn unknown(source: EvidenceSource, reason: impl Into<String>, transient: bool) -> Self {
        Self { source, finding: Finding::Unknown { reason: reason.into(), transient }, dispensable: false }
    }
}

/// How much proof an installation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustPolicy {
    /// The least verdict that is accepted.
    pub require: Level,
    /// Whether bytes without any evidence are accepted, spelled out by `--allow-unverified`.
    pub allow_unverified: bool,
}
