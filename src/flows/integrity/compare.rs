//! Names every difference between the binary on disk, its receipt, the lock, and what GitHub states today.

use serde::Serialize;
use thiserror::Error;

use crate::lockfile::Lockfile;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::trust::Level;
use crate::trust::attestation::VerifiedAttestation;
use crate::worker::store::Installed;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;

/// Everything that was read.
#[derive(Debug, Clone)]
pub struct InstalledFacts {
    /// What is on disk, hashed just now.
    pub installed: Installed,
    /// Whether this user may execute it.
    pub executable: bool,
    /// The project's lock, where it has one.
    pub lockfile: Option<Lockfile>,
    /// The machine the binary is to be for.
    pub target: Target,
    /// The least verdict the settings accept.
    pub require: Level,
    /// What GitHub states today, where it was asked.
    pub published: Option<Published>,
    /// What the kept proofs still prove, where there are to be any.
    pub signatures: Option<Again>,
}

/// What the proofs kept beside a receipt still prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// What the receipt says, by these.
    Proven(Vec<VerifiedAttestation>),
    /// Nothing: they are gone.
    Gone,
    /// Not what the receipt says.
    Failed(String),
}

/// What GitHub states today about the asset a binary came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The release has it, with this digest.
    Digest(Sha256Digest),
    /// The release has it, and states no digest.
    NoDigest,
    /// The release is there, and the asset is not.
    NoAsset,
    /// The release is not there.
    NoRelease {
        /// Who was asked, and what selected it.
        server: String,
    },
    /// It could not be asked.
    Unknown(String),
}

/// One thing that is not as it should be. Each is a sentence that can stand alone.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// Nothing is installed.
    #[error("nothing is installed")]
    NotInstalled,
    /// The binary was removed.
    #[error("{label} was installed, and its file is gone")]
    Removed {
        /// What was installed.
        label: String,
    },
    /// Something else than a file is in its place.
    #[error("{what} is in the binary's place")]
    NotAFile {
        /// What.
        what: &'static str,
    },
    /// The bytes are not those of the receipt.
    #[error("the binary changed since {label} was installed: its sha256 is {found}, the receipt says {expected}")]
    Changed {
        /// What was installed.
        label: String,
        /// What the receipt says.
        expected: Sha256Digest,
        /// What is there.
        found: Sha256Digest,
    },
    /// No receipt is about it.
    #[error("the binary was not installed by this program: no receipt is about sha256 {found}")]
    Foreign {
        /// What is there.
        found: Sha256Digest,
    },
    /// This user may not execute it.
    #[error("the binary may not be executed by this user")]
    NotExecutable,
    /// It is for another machine.
    #[error("the binary is for {found}, and this machine is {expected}")]
    OtherTarget {
        /// This machine.
        expected: Target,
        /// What the receipt says.
        found: Target,
    },
    /// The lock names another release.
    #[error("{installed} is installed, and reproq.lock names {locked}")]
    OtherRelease {
        /// What is installed.
        installed: String,
        /// What is locked.
        locked: Tag,
    },
    /// The lock names the same release with other bytes.
    #[error("the asset of {tag} that is installed has sha256 {installed}, and reproq.lock names {locked}")]
    OtherBytes {
        /// The release.
        tag: Tag,
        /// What is installed.
        installed: Sha256Digest,
        /// What is locked.
        locked: Sha256Digest,
    },
    /// The lock names nothing for this machine.
    #[error("reproq.lock names no asset for {target}")]
    NotLocked {
        /// This machine.
        target: Target,
    },
    /// It is proven less well than the settings ask for.
    #[error("it is proven as `{found}`, and `{required}` is required")]
    BelowRequired {
        /// What it is proven as.
        found: Level,
        /// What is asked for.
        required: Level,
    },
    /// The proofs of where it comes from are gone.
    #[error("it was installed as `{verdict}`, and the proofs that were kept of that are gone")]
    ProofsGone {
        /// What the receipt says.
        verdict: Level,
    },
    /// The proofs of where it comes from do not hold.
    #[error("it was installed as `{verdict}`, and the proofs that were kept of that do not hold: {reason}")]
    NotProven {
        /// What the receipt says.
        verdict: Level,
        /// Why.
        reason: String,
    },
    /// GitHub states another digest today.
    #[error("GitHub states sha256 {now} for the asset today, and {installed} is installed")]
    ChangedOnGitHub {
        /// What is installed.
        installed: Sha256Digest,
        /// What GitHub states.
        now: Sha256Digest,
    },
    /// GitHub was to be asked, and could not be.
    #[error("GitHub could not be asked: {reason}")]
    NotAsked {
        /// Why.
        reason: String,
    },
}

/// Every difference, the gravest first; and notes about what is no difference and worth knowing.
pub fn compare(facts: &InstalledFacts) -> (Vec<Difference>, Vec<String>) {
    let receipt = match on_disk(&facts.installed) {
        Ok(receipt) => receipt,
        Err(difference) => return (vec![difference], Vec::new()),
    };
    let mut differences = Vec::new();
    let mut notes = Vec::new();
    if !facts.executable {
        differences.push(Difference::NotExecutable);
    }
    if receipt.target != facts.target {
        differences.push(Difference::OtherTarget { expected: facts.target, found: receipt.target });
    }
    let pinned = match against_lock(facts, receipt) {
        Ok(pinned) => pinned,
        Err(difference) => {
            differences.push(difference);
            false
        }
    };
    if facts.lockfile.is_none() {
        notes.push("the project has no reproq.lock; `reproq lock` writes one".to_owned());
    }
    let level = if pinned { receipt.verdict.max(Level::Pinned) } else { receipt.verdict };
    if level < facts.require {
        differences.push(Difference::BelowRequired { found: level, required: facts.require });
    }
    let verdict = receipt.verdict;
    match &facts.signatures {
        Some(Again::Proven(_)) => {
            notes.push(match archive_of(receipt) {
                None => "the kept proofs of where it comes from hold, proven again just now".to_owned(),
                Some(archive) => format!(
                    "the kept proofs of {archive} hold, proven again just now; that the binary came out of it is the receipt's word"
                ),
            });
        }
        Some(Again::Gone) => differences.push(Difference::ProofsGone { verdict }),
        Some(Again::Failed(reason)) => differences.push(Difference::NotProven { verdict, reason: reason.clone() }),
        None => {}
    }
    if let Some(published) = &facts.published {
        against_github(receipt, published, &mut differences, &mut notes);
    }
    (differences, notes)
}

/// The archive a binary was taken from.
fn archive_of(receipt: &Receipt) -> Option<&str> {
    match &receipt.origin {
        ReceiptOrigin::Release { asset, .. } => asset.member.as_ref().map(|_| asset.name.as_str()),
        ReceiptOrigin::Build(_) => None,
    }
}

fn on_disk(installed: &Installed) -> Result<&Receipt, Difference> {
    match installed {
        Installed::Intact { receipt } => Ok(receipt),
        Installed::Nothing => Err(Difference::NotInstalled),
        Installed::Removed { receipt } => Err(Difference::Removed { label: receipt.label() }),
        Installed::Changed { receipt, found } => {
            Err(Difference::Changed { label: receipt.label(), expected: receipt.sha256, found: *found })
        }
        Installed::Foreign { found } => Err(Difference::Foreign { found: *found }),
        Installed::NotAFile { what } => Err(Difference::NotAFile { what: what.as_str() }),
    }
}

/// Whether the lock names exactly what is installed; without a lock it names nothing.
fn against_lock(facts: &InstalledFacts, receipt: &Receipt) -> Result<bool, Difference> {
    let Some(lockfile) = &facts.lockfile else { return Ok(false) };
    let other = || Difference::OtherRelease { installed: receipt.label(), locked: lockfile.tag.clone() };
    let ReceiptOrigin::Release { repository, tag, asset } = &receipt.origin else { return Err(other()) };
    if *tag != lockfile.tag || !repository.is_same(&lockfile.repository) {
        return Err(other());
    }
    let locked = lockfile.asset(receipt.target).ok_or(Difference::NotLocked { target: receipt.target })?;
    if locked.sha256 == asset.sha256 {
        return Ok(true);
    }
    Err(Difference::OtherBytes { tag: tag.clone(), installed: asset.sha256, locked: locked.sha256 })
}

fn against_github(
    receipt: &Receipt,
    published: &Published,
    differences: &mut Vec<Difference>,
    notes: &mut Vec<String>,
) {
    let ReceiptOrigin::Release { tag, asset, .. } = &receipt.origin else {
        notes.push("it is a local build, which GitHub says nothing about".to_owned());
        return;
    };
    match published {
        Published::Digest(now) if *now == asset.sha256 => notes.push("GitHub states the same digest today".to_owned()),
        Published::Digest(now) => differences.push(Difference::ChangedOnGitHub { installed: asset.sha256, now: *now }),
        Published::NoDigest => notes.push("GitHub states no digest for the asset".to_owned()),
        Published::NoAsset => notes.push(format!("the asset was removed from {tag} on GitHub since")),
        Published::NoRelease { server } => {
            notes.push(format!("{tag} was not found on {server}; it may have been pruned"));
        }
        Published::Unknown(reason) => differences.push(Difference::NotAsked { reason: reason.clone() }),
    }
}
