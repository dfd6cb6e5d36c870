//! What is remembered of an accepted binary: where it came from, what proved it, who installed it.

use serde::Deserialize;
use serde::Serialize;

use crate::release::RepoSlug;
use crate::release::Sha256Digest;
use crate::release::Tag;
use crate::release::Target;
use crate::trust::Evidence;
use crate::trust::Level;

/// The format this program writes. Readers accept every `reproq.receipt/1`; fields may be added, not changed.
pub const SCHEMA: &str = "reproq.receipt/1";

/// The record of one binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`SCHEMA`].
    pub schema: String,
    /// The tool's name.
    pub tool: String,
    /// The machine it is for.
    pub target: Target,
    /// The digest of the binary as installed.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The version it said of itself when it was run, where it could be run.
    pub version: Option<String>,
    /// How well it is proven.
    pub verdict: Level,
    /// What every source stated.
    pub evidence: Vec<Evidence>,
    /// Where it came from.
    pub origin: ReceiptOrigin,
    /// What the preflight found worth noting.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The program that installed it, with its version.
    pub installer: String,
    /// When, in RFC 3339.
    pub installed_at: String,
}

/// Where a binary came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReceiptOrigin {
    /// An asset of a release.
    Release {
        /// The repository.
        repository: RepoSlug,
        /// The release's tag.
        tag: Tag,
        /// The asset.
        asset: ReceiptAsset,
    },
    /// A build on this machine.
    Build(BuildRecord),
}

/// The asset a binary was taken from. For an archive its digest is not the binary's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptAsset {
    /// Its name.
    pub name: String,
    /// Its address, without any signature.
    pub url: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// The member of the archive that is the binary, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

/// What a local build was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// The checkout.
    pub source: String,
    /// Its commit, where it is a git repository.
    pub commit: Option<String>,
    /// Whether it had changes that were not committed, where that is known.
    pub dirty: Option<bool>,
    /// The version its source says.
    pub source_version: Option<String>,
    /// The Go version that built it.
    pub go_version: String,
    /// Why it was built and not downloaded.
    pub reason: String,
}

impl Receipt {
    /// The release's tag, where it came from one.
    pub const fn tag(&self) -> Option<&Tag> {
        match &self.origin {
            ReceiptOrigin::Release { tag, .. } => Some(tag),
            ReceiptOrigin::Build(_) => None,
        }
    }

    /// What people call it: the tag, or the version that was built.
    pub fn label(&self) -> String {
        match &self.origin {
            ReceiptOrigin::Release { tag, .. } => tag.to_string(),
            ReceiptOrigin::Build(build) => {
                let version = self.version.as_ref().or(build.source_version.as_ref());
                version.map_or_else(|| "a local build".to_owned(), |version| format!("{version} (built here)"))
            }
        }
    }
}
