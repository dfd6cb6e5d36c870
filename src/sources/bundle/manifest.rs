//! What a bundle says of itself: its release, and every member with its size and digest. Pure.

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

/// The format this program writes. Readers accept it and refuse a higher number; fields may be added, not changed.
pub const SCHEMA: &str = "reproq.bundle/1";

/// What every version of the format begins with.
const SCHEMA_FAMILY: &str = "reproq.bundle/";

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// The tool's name.
    pub tool: String,
    /// Whose release.
    pub repository: RepoSlug,
    /// The release.
    pub tag: Tag,
    /// The version its tag names, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was published, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<DateTime<Utc>>,
    /// The lock of the release.
    pub lock: Measure,
    /// Its assets, at most one for each machine, in the order of the machines.
    pub assets: Vec<BundledAsset>,
    /// Other files of the release: checksums and signatures, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<BundledFile>,
    /// The source, where it is carried along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<BundledSource>,
}

/// How much, and exactly which bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// In bytes.
    pub size: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
}

/// One asset, with what was known of it when the bundle was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledAsset {
    /// The machine it is for.
    pub target: Target,
    /// Its exact name; one of those computed for the target.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// How well the digest was proven then. What it is worth on another machine is decided there.
    pub verdict: Level,
    /// Who stated it then, for people.
    pub evidence: Vec<String>,
}

/// One other file of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// The source of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledSource {
    /// The version it declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its commit, where git could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether it differed from the commit, where git could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// Whether it carries the modules it requires.
    pub vendored: bool,
    /// The digest of the whole tree: of a line `SHA256  MODE PATH` for each file, in order.
    pub tree: Sha256Digest,
    /// Its files, by path.
    pub files: Vec<SourceFile>,
}

/// One file of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its path below the source, with slashes.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Whether it may be run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub executable: bool,
}

/// One file of the archive, as the manifest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name in the archive.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Whether it may be run.
    pub executable: bool,
}

/// Why a text is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// It is of something else.
    #[error("it is no manifest of a bundle")]
    NotOurs,
    /// It was written by a later version of this program.
    #[error("its format is `{found}`, and this program reads `{SCHEMA}`")]
    Newer {
        /// Its format.
        found: String,
    },
    /// It says something that cannot be.
    #[error("{0}")]
    Content(String),
}

impl Manifest {
    /// The manifest's member.
    pub const NAME: &'static str = "bundle.json";
    /// The lock's member.
    pub const LOCK: &'static str = "reproq.lock";
    /// The member that lists all digests.
    pub const SUMS: &'static str = "SHA256SUMS";

    /// Its text. The same manifest always gives the same text.
    pub fn render(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest is a map with text keys");
        text.push(b'\n');
        text
    }

    /// Reads a manifest. What it names must be in the only order there is, so that one bundle has one manifest.
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
            serde_json::from_slice(text).map_err(|error| ManifestError::Content(format!("it is damaged: {error}")))?;
        manifest.check(tool).map_err(ManifestError::Content)?;
        Ok(manifest)
    }

    /// The asset for a machine.
    pub fn asset(&self, target: Target) -> Option<&BundledAsset> {
        self.assets.iter().find(|asset| asset.target == target)
    }

    /// Every member behind [`Self::SUMS`], in the order of the archive.
    pub fn members(&self) -> Vec<Member> {
        let assets = self.assets.iter().map(|asset| (asset_path(&asset.name), asset.size, asset.sha256, false));
        let files = self.files.iter().map(|file| (file_path(&file.name), file.size, file.sha256, false));
        let source = self.source.iter().flat_map(|source| &source.files);
        let source = source.map(|file| (format!("source/{}", file.path), file.size, file.sha256, file.executable));
        let all = assets.chain(files).chain(source);
        all.map(|(path, size, sha256, executable)| Member { path, size, sha256, executable }).collect()
    }

    /// The text of [`Self::SUMS`]. `manifest` is the digest of the manifest's own text.
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
            return Err(format!("it is a bundle of `{}`, not of {}", self.tool, tool.name));
        }
        let mut targets = BTreeSet::new();
        for asset in &self.assets {
            let BundledAsset { target, name, .. } = asset;
            if !targets.insert(*target) {
                return Err(format!("it names two assets for {target}"));
            }
            if !tool.asset_names(*target).iter().any(|(known, _)| known == name) {
                return Err(format!("`{name}` is not a name of {}'s asset for {target}", tool.name));
            }
        }
        let in_order = self.assets.is_sorted_by_key(|asset| asset.target.to_string())
            && self.files.is_sorted_by(|a, b| a.name < b.name);
        if !in_order {
            return Err("what it names is not in order".to_owned());
        }
        if let Some(file) = self.files.iter().find(|file| file.name.contains(['/', '\\'])) {
            return Err(format!("`{}` is not a name of a release's file", file.name));
        }
        match &self.source {
            Some(source) if !source.files.is_sorted_by(|a, b| a.path < b.path) => {
                Err("the files of its source are not in order".to_owned())
            }
            Some(source) if source.tree != tree_digest(&source.files) => {
                Err("the digest of its source is not that of the files it names".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Measure {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { size: bytes.len() as u64, sha256: Sha256Digest::from_bytes(Sha256::digest(bytes).into()) }
    }
}

/// The member that is an asset.
pub(super) fn asset_path(name: &str) -> String {
    format!("assets/{name}")
}

/// The member that is another file of the release.
pub(super) fn file_path(name: &str) -> String {
    format!("release/{name}")
}

/// The digest of a whole tree.
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
