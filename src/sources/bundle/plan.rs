//! Decides the members of a bundle and their order. Pure.

use std::path::PathBuf;

use crate::io::fs::hashing_writer::Written;
use crate::lockfile;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::model::Tool;
use crate::sources::bundle::BundledAsset;
use crate::sources::bundle::BundledFile;
use crate::sources::bundle::BundledSource;
use crate::sources::bundle::Manifest;
use crate::sources::bundle::Member;
use crate::sources::bundle::SCHEMA;
use crate::sources::bundle::SourceFile;
use crate::sources::bundle::limits;
use crate::sources::bundle::manifest::Measure;
use crate::sources::bundle::manifest::tree_digest;
use crate::worker::archive::ArchiveError;
use crate::worker::archive::judge_names;

/// The parts collected for a bundle.
#[derive(Debug)]
pub struct Parts {
    pub tool: Tool,
    /// The lockfile of the release; lists at least the assets.
    pub lockfile: Lockfile,
    /// The assets: the lockfile's entry and the file on disk.
    pub assets: Vec<(LockedAsset, Written)>,
    /// Other files of the release, by name.
    pub files: Vec<(String, Vec<u8>)>,
    /// The source, if included.
    pub source: Option<SourceParts>,
}

/// The source of the tool.
#[derive(Debug)]
pub struct SourceParts {
    /// The version it declares.
    pub version: Option<String>,
    /// Its commit, if known to git.
    pub commit: Option<String>,
    /// Whether it differs from the commit, if known to git.
    pub dirty: Option<bool>,
    /// Whether it vendors the modules it requires.
    pub vendored: bool,
    /// Its files, each with its path on disk.
    pub files: Vec<(SourceFile, PathBuf)>,
}

/// The bytes of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberContent {
    /// In memory.
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// One member of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMember {
    /// Its metadata.
    pub member: Member,
    /// Its bytes.
    pub content: MemberContent,
}

/// The members of a bundle, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct BundlePlan {
    pub manifest: Manifest,
    /// Every member, the manifest first.
    pub members: Vec<PlannedMember>,
}

impl BundlePlan {
    /// Puts the parts in canonical order; the order of the input does not matter.
    ///
    /// # Errors
    ///
    /// A file name that the reader would refuse.
    pub fn compute(parts: Parts) -> Result<Self, ArchiveError> {
        let Parts { tool, lockfile, mut assets, mut files, source } = parts;
        assets.sort_by_key(|(asset, _)| asset.target.to_string());
        files.sort();
        let lock = lockfile::render(&lockfile).into_bytes();
        let mut contents: Vec<MemberContent> =
            assets.iter().map(|(_, file)| MemberContent::File(file.path.clone())).collect();
        let bundled_files = files.iter().map(|(name, bytes)| {
            let Measure { size, sha256 } = Measure::of(bytes);
            BundledFile { name: name.clone(), size, sha256 }
        });
        let bundled_files = bundled_files.collect();
        contents.extend(files.into_iter().map(|(_, bytes)| MemberContent::Bytes(bytes)));
        let source = source.map(|source| bundled_source(source, &mut contents));
        let manifest = Manifest {
            schema: SCHEMA.to_owned(),
            tool: tool.name.to_owned(),
            repository: lockfile.repository.clone(),
            tag: lockfile.tag.clone(),
            version: lockfile.tag.version().map(|version| version.to_string()),
            published: lockfile.published,
            lock: Measure::of(&lock),
            assets: assets.into_iter().map(|(locked, file)| bundled_asset(locked, &file)).collect(),
            files: bundled_files,
            source,
        };
        let members = members(&manifest, lock, contents);
        judge_names(members.iter().map(|planned| planned.member.path.as_str()), &limits())?;
        Ok(Self { manifest, members })
    }

    /// The total size of the members in bytes.
    pub fn size(&self) -> u64 {
        self.members.iter().map(|planned| planned.member.size).sum()
    }
}

fn bundled_asset(locked: LockedAsset, file: &Written) -> BundledAsset {
    let LockedAsset { target, name, evidence, verdict, .. } = locked;
    BundledAsset { target, name, size: file.size, sha256: file.sha256, verdict, evidence }
}

fn bundled_source(source: SourceParts, contents: &mut Vec<MemberContent>) -> BundledSource {
    let SourceParts { version, commit, dirty, vendored, mut files } = source;
    files.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let (files, places): (Vec<SourceFile>, Vec<PathBuf>) = files.into_iter().unzip();
    contents.extend(places.into_iter().map(MemberContent::File));
    BundledSource { version, commit, dirty, vendored, tree: tree_digest(&files), files }
}

fn members(manifest: &Manifest, lock: Vec<u8>, contents: Vec<MemberContent>) -> Vec<PlannedMember> {
    let text = |name: &str, bytes: Vec<u8>| {
        let Measure { size, sha256 } = Measure::of(&bytes);
        let member = Member { path: name.to_owned(), size, sha256, executable: false };
        PlannedMember { member, content: MemberContent::Bytes(bytes) }
    };
    let rendered = text(Manifest::NAME, manifest.render());
    let sums = manifest.sums(rendered.member.sha256).into_bytes();
    let head = [rendered, text(Manifest::LOCK, lock), text(Manifest::SUMS, sums)];
    let rest = manifest.members().into_iter().zip(contents);
    head.into_iter().chain(rest.map(|(member, content)| PlannedMember { member, content })).collect()
}
