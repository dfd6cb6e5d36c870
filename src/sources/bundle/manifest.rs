//! The manifest of a bundle: its release, and each member with size and digest. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;
use thiserror::Error;

use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::model::Tool;
use crate::trust::Level;

/// The format this program writes. Readers refuse a higher number; fields may be added but not changed.
pub(crate) const SCHEMA: &str = "reproq.bundle/1";

/// The prefix of every version of the format.
const SCHEMA_FAMILY: &str = "reproq.bundle/";

/// The contents of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `SCHEMA`.
    pub schema: String,
    /// The tool's name.
    pub tool: String,
    /// The repository of the release.
    pub repository: RepoSlug,
    /// The tag of the release.
    pub tag: Tag,
    /// The version named by the tag, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was published, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<DateTime<Utc>>,
    /// The lockfile of the release.
    pub lock: Measure,
    /// Its assets, at most one per target, in target order.
    pub assets: Vec<BundledAsset>,
    /// Other files of the release (checksums, signatures), by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<BundledFile>,
    /// The source, if included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<BundledSource>,
}

/// Size and digest of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
}

/// An asset, with what was known about it when the bundle was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledAsset {
    /// The platform it is for.
    pub target: Target,
    /// Its exact name; one of those derived from the target.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
    /// The verification level at that time. The installing machine decides for itself what it accepts.
    pub verdict: Level,
    /// What stated the digest at that time; informational.
    pub evidence: Vec<String>,
}

/// Another file of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledFile {
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
}

/// The source of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledSource {
    /// The version it declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its commit, if known to git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether it differed from the commit, if known to git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// Whether it vendors the modules it requires.
    pub vendored: bool,
    /// The digest of the tree: of one line `SHA256  MODE PATH` per file, in order.
    pub tree: Sha256Digest,
    /// Its files, by path.
    pub files: Vec<SourceFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its path in the source, with slashes.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
    /// Whether it is executable.
    #[serde(default, skip_serializing_if = "is_false")]
    pub executable: bool,
}

/// One file of the archive, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name in the archive.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
    /// Whether it is executable.
    pub executable: bool,
}

/// Why a manifest is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Not a bundle manifest.
    #[error("not a bundle manifest")]
    NotOurs,
    /// Written by a later version of this program.
    #[error("unsupported format `{found}` (this program reads `{SCHEMA}`)")]
    Newer {
        /// Its format.
        found: String,
    },
    /// A value is invalid.
    #[error("{0}")]
    Content(String),
}

impl Manifest {
    /// The name of the manifest's member.
    pub const NAME: &'static str = "bundle.json";
    /// The name of the lockfile's member.
    pub const LOCK: &'static str = "reproq.lock";
    /// The name of the member that lists all digests.
    pub const SUMS: &'static str = "SHA256SUMS";

    /// The canonical JSON: equal manifests render to the same bytes.
    pub fn render(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest is a map with text keys");
        text.push(b'\n');
        text
    }

    /// Parses a manifest. Lists must be in canonical order, so that each bundle has exactly one manifest.
    pub fn parse(text: &[u8], tool: &Tool) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct SchemaAlone {
            schema: String,
        }
        let alone: SchemaAlone = serde_json::from_slice(text).map_err(|_| ManifestError::NotOurs)?;
        if alone.schema != SCHEMA {
            let is_later = alone.schema.starts_with(SCHEMA_FAMILY);
            return Err(if is_later { ManifestError::Newer { found: alone.schema } } else { ManifestError::NotOurs });
        }
        let manifest: Self =
            serde_json::from_slice(text).map_err(|error| ManifestError::Content(format!("invalid JSON: {error}")))?;
        manifest.check(tool).map_err(ManifestError::Content)?;
        Ok(manifest)
    }

    /// The asset for a target.
    pub fn asset(&self, target: Target) -> Option<&BundledAsset> {
        self.assets.iter().find(|asset| asset.target == target)
    }

    /// Every member after [`Self::SUMS`], in archive order.
    pub fn members(&self) -> Vec<Member> {
        let assets = self.assets.iter().map(|asset| (asset_path(&asset.name), asset.size, asset.sha256, false));
        let files = self.files.iter().map(|file| (file_path(&file.name), file.size, file.sha256, false));
        let source = self.source.iter().flat_map(|source| &source.files);
        let source = source.map(|file| (format!("source/{}", file.path), file.size, file.sha256, file.executable));
        let all = assets.chain(files).chain(source);
        all.map(|(path, size, sha256, executable)| Member { path, size, sha256, executable }).collect()
    }

    /// The contents of [`Self::SUMS`]. `manifest` is the digest of the rendered manifest.
    pub fn sums(&self, manifest: Sha256Digest) -> String {
        let mut text = String::new();
        let mut line = |sha256: Sha256Digest, path: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{sha256}  {path}");
        };
        line(manifest, Self::NAME);
        line(self.lock.sha256, Self::LOCK);
        for member in self.members() {
            line(member.sha256, &member.path);
        }
        text
    }

    fn check(&self, tool: &Tool) -> Result<(), String> {
        if self.tool != tool.name {
            return Err(format!("it is a bundle of `{}`, not {}", self.tool, tool.name));
        }
        let mut targets = BTreeSet::new();
        for asset in &self.assets {
            let BundledAsset { target, name, .. } = asset;
            if !targets.insert(*target) {
                return Err(format!("it lists two assets for {target}"));
            }
            if !tool.asset_names(*target).iter().any(|(known, _)| known == name) {
                return Err(format!("`{name}` is not a valid asset name of {} for {target}", tool.name));
            }
        }
        let in_order = self.assets.is_sorted_by_key(|asset| asset.target.to_string())
            && self.files.is_sorted_by(|a, b| a.name < b.name);
        if !in_order {
            return Err("its entries are not in canonical order".to_owned());
        }
        if let Some(file) = self.files.iter().find(|file| file.name.contains(['/', '\\'])) {
            return Err(format!("`{}` is not a valid name for a release file", file.name));
        }
        match &self.source {
            Some(source) if !source.files.is_sorted_by(|a, b| a.path < b.path) => {
                Err("its source files are not in canonical order".to_owned())
            }
            Some(source) if source.tree != tree_digest(&source.files) => {
                Err("the source digest does not match the listed files".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Measure {
    /// Measures these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { size: bytes.len() as u64, sha256: Sha256Digest::from_bytes(Sha256::digest(bytes).into()) }
    }
}

/// The archive path of an asset.
pub(super) fn asset_path(name: &str) -> String {
    format!("assets/{name}")
}

/// The archive path of another release file.
pub(super) fn file_path(name: &str) -> String {
    format!("release/{name}")
}

/// The digest of a source tree.
pub(super) fn tree_digest(files: &[SourceFile]) -> Sha256Digest {
    let mut hasher = Sha256::new();
    for file in files {
        let mode = if file.executable { "0755" } else { "0644" };
        hasher.update(format!("{}  {mode} {}\n", file.sha256, file.path));
    }
    Sha256Digest::from_bytes(hasher.finalize().into())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}
