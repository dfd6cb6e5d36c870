//! The locked release of a repository, with its asset for each platform. Pure.

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

/// An asset, as it was when it was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedAsset {
    /// Its platform.
    pub target: Target,
    /// Its exact name; one of those computed for the target.
    pub name: String,
    /// Its size in bytes, if known.
    pub size: Option<u64>,
    pub sha256: Sha256Digest,
    /// The sources of the digest when it was locked, for people.
    pub evidence: Vec<String>,
    /// The level of verification when it was locked.
    pub verdict: Level,
}

/// The signer of the release when it was locked. Once recorded, a weaker signer is never accepted silently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signer {
    /// The level of the attestation: [`Level::Attested`] or [`Level::Released`].
    pub verdict: Level,
    /// The workflow that signed, `OWNER/NAME/.github/workflows/FILE`; `None` if GitHub attested the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Workflow>,
    /// The issuer of the workflow's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// GitHub's ID of the repository, which a repository of the same name does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<u64>,
    /// GitHub's ID of its owner.
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
    /// The requirement for an asset whose release was attested only by GitHub.
    fn of_the_release(&self) -> Self {
        Self { verdict: Level::Released, workflow: None, issuer: None, ..self.clone() }
    }

    /// Whether another signer is at least as good: of the same or a higher level, and the same identity.
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

/// The worker that a project runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockfile {
    pub repository: RepoSlug,
    /// The release.
    pub tag: Tag,
    /// When it was published, if known.
    pub published: Option<DateTime<Utc>>,
    /// The signer of its assets; `None` if no attestation was found.
    pub signer: Option<Signer>,
    /// Its assets, at most one per platform, in the order of the platforms.
    pub assets: Vec<LockedAsset>,
}

impl Lockfile {
    /// A lockfile with these assets, sorted, without a signer.
    pub fn new(repository: RepoSlug, tag: Tag, published: Option<DateTime<Utc>>, mut assets: Vec<LockedAsset>) -> Self {
        assets.sort_by_key(|asset| asset.target.to_string());
        Self { repository, tag, published, signer: None, assets }
    }

    /// The same lockfile with this signer.
    #[must_use]
    pub fn signed_by(self, signer: Option<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// Adds what another lockfile of the same release has for platforms that this one lacks, or knows with a higher
    /// level. The signer is kept, unless the other's is stronger.
    #[must_use]
    pub fn completed_by(&self, other: &Self) -> Self {
        let better = |mine: &LockedAsset| {
            let theirs = other.asset(mine.target).filter(|theirs| theirs.sha256 == mine.sha256);
            // For the same bytes with the same verdict the entry is unchanged: additional sources of the digest do not
            // matter.
            theirs.filter(|theirs| theirs.verdict >= mine.verdict && theirs.name == mine.name).unwrap_or(mine).clone()
        };
        let missing = other.assets.iter().filter(|asset| self.asset(asset.target).is_none()).cloned();
        let assets = self.assets.iter().map(better).chain(missing).collect();
        let strength = |signer: &Option<Signer>| signer.as_ref().map(|signer| signer.verdict);
        let signer = if strength(&other.signer) > strength(&self.signer) { &other.signer } else { &self.signer };
        Self::new(self.repository.clone(), self.tag.clone(), self.published, assets).signed_by(signer.clone())
    }

    /// Whether both are for the same release.
    pub fn is_of_same_release(&self, other: &Self) -> bool {
        self.tag == other.tag && self.repository.is_same(&other.repository)
    }

    /// The locked asset for a platform.
    pub fn asset(&self, target: Target) -> Option<&LockedAsset> {
        self.assets.iter().find(|asset| asset.target == target)
    }

    /// The signer that an asset for a platform must have: the recorded one, so that nothing weaker is accepted than was
    /// locked. For exactly the locked bytes it is the level they had when they were locked; other bytes have no
    /// exception.
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

    /// The pin for an installation on a platform.
    pub fn pin(&self, tool: &Tool, target: Target) -> Option<Pin> {
        let asset = self.asset(target)?;
        let form = tool.asset_names(target).into_iter().find(|(name, _)| *name == asset.name)?.1;
        Some(Pin { lockfile: self.clone(), asset: asset.clone(), form })
    }
}

/// The exact bytes to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The lockfile that contains the pin.
    pub lockfile: Lockfile,
    pub asset: LockedAsset,
    /// How the asset holds the executable.
    pub form: AssetForm,
}

/// The differences between two lockfiles, as sentences; empty if they are equal.
pub(crate) fn changes(old: &Lockfile, new: &Lockfile) -> Vec<String> {
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
            // A different release has different digests; they are not listed.
            Some(before) if before.sha256 != asset.sha256 && old.tag == new.tag => sentences.push(format!(
                "{} changes from sha256 {} to {}",
                asset.name,
                before.sha256.short(),
                asset.sha256.short()
            )),
            Some(before) if before.verdict > asset.verdict && (old.tag == new.tag || before.verdict.is_signed()) => {
                sentences.push(format!(
                    "the verdict of {} changes from `{}` to `{}`",
                    asset.name, before.verdict, asset.verdict
                ));
            }
            Some(_) => {}
        }
    }
    for asset in old.assets.iter().filter(|asset| new.asset(asset.target).is_none()) {
        sentences.push(format!("{} is removed", asset.target));
    }
    sentences
}
