//! What is locked: one release of one repository, and for each machine its asset. Pure.

use std::fmt;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::model::AssetForm;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::model::Tool;
use crate::trust::Level;
use crate::trust::attestation::Workflow;

/// One asset, as it was when it was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedAsset {
    /// The machine it is for.
    pub target: Target,
    /// Its exact name; one of those computed for the target.
    pub name: String,
    /// Its size in bytes, where it was known.
    pub size: Option<u64>,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Who stated the digest when it was locked, for people.
    pub evidence: Vec<String>,
    /// How well the digest was proven when it was locked.
    pub verdict: Level,
}

/// Who signed for the release when it was locked. Once it is recorded, nothing less is accepted in silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signer {
    /// What the signature says: [`Level::Attested`] or [`Level::Released`].
    pub verdict: Level,
    /// The workflow that signed, `OWNER/NAME/.github/workflows/FILE`; none where GitHub signed the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Workflow>,
    /// Who vouched for the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// GitHub's number of the repository, which a namesake does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<u64>,
    /// GitHub's number of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<u64>,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.workflow {
            Some(workflow) => workflow.fmt(f),
            None => f.write_str("GitHub's release service"),
        }
    }
}

impl Signer {
    /// What is asked of an asset of which GitHub alone vouched for the release.
    fn of_the_release(&self) -> Self {
        Self { verdict: Level::Released, workflow: None, issuer: None, ..self.clone() }
    }

    /// Whether another signature is at least as good: as strong, and by nobody else.
    pub fn is_satisfied_by(&self, other: &Self) -> bool {
        let is_same = |mine: &Option<u64>, other: &Option<u64>| mine.is_none() || mine == other;
        let same_workflow = match (&self.workflow, &other.workflow) {
            (Some(mine), Some(other)) => mine.is_same(other),
            (Some(_), None) => false,
            (None, _) => true,
        };
        other.verdict >= self.verdict
            && same_workflow
            && (self.issuer.is_none() || self.issuer == other.issuer)
            && is_same(&self.repository_id, &other.repository_id)
            && is_same(&self.owner_id, &other.owner_id)
    }
}

/// What a project runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockfile {
    /// Whose releases.
    pub repository: RepoSlug,
    /// The release.
    pub tag: Tag,
    /// When it was published, where that was known.
    pub published: Option<DateTime<Utc>>,
    /// Who signed for its assets; none where nobody's signature was found.
    pub signer: Option<Signer>,
    /// Its assets, at most one for each machine, in the order of the machines.
    pub assets: Vec<LockedAsset>,
}

impl Lockfile {
    /// A lock of these assets, in order, for which nobody signed.
    pub fn new(repository: RepoSlug, tag: Tag, published: Option<DateTime<Utc>>, mut assets: Vec<LockedAsset>) -> Self {
        assets.sort_by_key(|asset| asset.target.to_string());
        Self { repository, tag, published, signer: None, assets }
    }

    /// The same, with who signed for it.
    #[must_use]
    pub fn signed_by(self, signer: Option<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// This lock, with what another one of the same release names for machines this one lacks, or knows better. Its signer
    /// stays, unless the other's is stronger.
    #[must_use]
    pub fn completed_by(&self, other: &Self) -> Self {
        let better = |mine: &LockedAsset| {
            let theirs = other.asset(mine.target).filter(|theirs| theirs.sha256 == mine.sha256);
            // Of the same bytes with the same verdict the record stays as it is: who else stated their digest changes nothing.
            theirs.filter(|theirs| theirs.verdict >= mine.verdict && theirs.name == mine.name).unwrap_or(mine).clone()
        };
        let missing = other.assets.iter().filter(|asset| self.asset(asset.target).is_none()).cloned();
        let assets = self.assets.iter().map(better).chain(missing).collect();
        let strength = |signer: &Option<Signer>| signer.as_ref().map(|signer| signer.verdict);
        let signer = if strength(&other.signer) > strength(&self.signer) { &other.signer } else { &self.signer };
        Self::new(self.repository.clone(), self.tag.clone(), self.published, assets).signed_by(signer.clone())
    }

    /// Whether both are of one release.
    pub fn is_of_same_release(&self, other: &Self) -> bool {
        self.tag == other.tag && self.repository.is_same(&other.repository)
    }

    /// What is locked for a machine.
    pub fn asset(&self, target: Target) -> Option<&LockedAsset> {
        self.assets.iter().find(|asset| asset.target == target)
    }

    /// Whose signature an asset for a machine must have, so that nothing less is accepted than was locked: the recorded
    /// signer's. For exactly the bytes that are locked it is what they had when they were; no other bytes are excused.
    pub fn signer_for(&self, target: Target, bytes: Option<(&RepoSlug, &Tag, Sha256Digest)>) -> Option<Signer> {
        let signer = self.signer.as_ref()?;
        let are_locked = |asset: &&LockedAsset| {
            bytes.is_some_and(|(repository, tag, sha256)| {
                self.repository.is_same(repository) && self.tag == *tag && asset.sha256 == sha256
            })
        };
        match self.asset(target).filter(are_locked).map(|asset| asset.verdict) {
            None | Some(Level::Attested) => Some(signer.clone()),
            Some(Level::Released) => Some(signer.of_the_release()),
            Some(Level::Unverified | Level::Built | Level::Checksum | Level::Digest | Level::Pinned) => None,
        }
    }

    /// What an installation for a machine must get.
    pub fn pin(&self, tool: &Tool, target: Target) -> Option<Pin> {
        let asset = self.asset(target)?;
        let form = tool.asset_names(target).into_iter().find(|(name, _)| *name == asset.name)?.1;
        Some(Pin { lockfile: self.clone(), asset: asset.clone(), form })
    }
}

/// Exactly the bytes an installation must get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The lock that names them.
    pub lockfile: Lockfile,
    /// The asset.
    pub asset: LockedAsset,
    /// How the asset holds the executable.
    pub form: AssetForm,
}

/// What differs between two locks, as sentences; nothing where they say the same.
pub fn changes(old: &Lockfile, new: &Lockfile) -> Vec<String> {
    let mut sentences = Vec::new();
    if !old.repository.is_same(&new.repository) {
        sentences.push(format!("the repository changes from {} to {}", old.repository, new.repository));
    }
    if old.tag != new.tag {
        sentences.push(format!("the release changes from {} to {}", old.tag, new.tag));
    }
    match (&old.signer, &new.signer) {
        (Some(before), Some(now)) if before.to_string() != now.to_string() => {
            sentences.push(format!("the signer changes from {before} to {now}"));
        }
        (Some(before), Some(now)) if before != now => {
            sentences.push(format!("{now} is a different signer with the same name: its GitHub IDs differ"));
        }
        (None, Some(now)) => sentences.push(format!("the release is now attested by {now}")),
        (Some(before), None) => sentences.push(format!("the release was attested by {before} and is not attested now")),
        (Some(_), Some(_)) | (None, None) => {}
    }
    for asset in &new.assets {
        match old.asset(asset.target) {
            None => sentences.push(format!("{} is added", asset.target)),
            // Another release has other bytes; that is no news.
            Some(before) if before.sha256 != asset.sha256 && old.tag == new.tag => sentences.push(format!(
                "{} changes from sha256 {} to {}",
                asset.name,
                before.sha256.short(),
                asset.sha256.short()
            )),
            Some(before) if before.verdict > asset.verdict && (old.tag == new.tag || before.verdict.is_signed()) => {
                sentences.push(format!("the verdict of {} changes from `{}` to `{}`", asset.name, before.verdict, asset.verdict));
            }
            Some(_) => {}
        }
    }
    for asset in old.assets.iter().filter(|asset| new.asset(asset.target).is_none()) {
        sentences.push(format!("{} is removed", asset.target));
    }
    sentences
}
