//! Every difference between the binary on disk, its receipt, the lockfile, and what GitHub currently states.

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

/// The input.
#[derive(Debug, Clone)]
pub(crate) struct InstalledFacts {
    /// The installed file, just hashed.
    pub installed: Installed,
    /// Whether this user may execute it.
    pub executable: bool,
    /// The project's lockfile, if there is one.
    pub lockfile: Option<Lockfile>,
    /// The platform the binary should be for.
    pub target: Target,
    /// The required verification level.
    pub require: Level,
    /// What GitHub currently states, if queried.
    pub published: Option<Published>,
    /// What the kept attestations verify, if the receipt lists any.
    pub signatures: Option<Again>,
}

/// The result of verifying the attestations kept with a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Again {
    /// As stated by the receipt, with these attestations.
    Proven(Vec<VerifiedAttestation>),
    /// They are missing.
    Gone,
    /// They do not support what the receipt states.
    Failed(String),
}

/// What GitHub currently states about an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Published {
    /// The release has it, with this digest.
    Digest(Sha256Digest),
    /// The release has it, without a digest.
    NoDigest,
    /// The release exists, but the asset does not.
    NoAsset,
    /// The release does not exist.
    NoRelease {
        /// The server, and what selected it.
        server: String,
    },
    /// The query failed.
    Unknown(String),
}

/// A difference, as a complete sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Difference {
    /// Nothing is installed.
    #[error("nothing is installed")]
    NotInstalled,
    /// The binary was removed.
    #[error("{label} was installed, but its file is missing")]
    Removed {
        /// What was installed.
        label: String,
    },
    /// Not a regular file.
    #[error("{what} is in place of the binary")]
    NotAFile {
        /// What it is.
        what: &'static str,
    },
    /// The bytes do not match the receipt.
    #[error(
        "the binary was modified after {label} was installed: its sha256 is {found}, but its receipt states {expected}"
    )]
    Changed {
        /// What was installed.
        label: String,
        /// The digest in the receipt.
        expected: Sha256Digest,
        /// The current digest.
        found: Sha256Digest,
    },
    /// There is no receipt for it.
    #[error("the binary was not installed by this program: there is no receipt for sha256 {found}")]
    Foreign {
        /// The current digest.
        found: Sha256Digest,
    },
    /// This user may not execute it.
    #[error("the binary is not executable by this user")]
    NotExecutable,
    /// It is for another platform.
    #[error("the binary is for {found}, but this platform is {expected}")]
    OtherTarget {
        /// The expected platform.
        expected: Target,
        /// The platform in the receipt.
        found: Target,
    },
    /// The lockfile pins another release.
    #[error("{installed} is installed, but reproq.lock pins {locked}")]
    OtherRelease {
        /// What is installed.
        installed: String,
        /// What is locked.
        locked: Tag,
    },
    /// The lockfile pins the same release with other bytes.
    #[error("the installed asset of {tag} has sha256 {installed}, but reproq.lock pins {locked}")]
    OtherBytes { tag: Tag, installed: Sha256Digest, locked: Sha256Digest },
    /// The lockfile has no asset for this platform.
    #[error("reproq.lock has no asset for {target}")]
    NotLocked { target: Target },
    /// The verification level is lower than required.
    #[error("its verification level is `{found}`, but `{required}` is required")]
    BelowRequired {
        /// The level in the receipt.
        found: Level,
        required: Level,
    },
    /// The attestations are missing.
    #[error("it was installed as `{verdict}`, but its stored attestations are missing")]
    AttestationsMissing {
        /// The level in the receipt.
        verdict: Level,
    },
    /// The attestations are not valid.
    #[error("it was installed as `{verdict}`, but its stored attestations are not valid: {reason}")]
    AttestationsInvalid {
        /// The level in the receipt.
        verdict: Level,
        reason: String,
    },
    /// GitHub now states another digest.
    #[error("GitHub now states sha256 {now} for the asset, but {installed} is installed")]
    ChangedOnGitHub {
        /// What is installed.
        installed: Sha256Digest,
        /// The digest GitHub states.
        now: Sha256Digest,
    },
    /// GitHub could not be queried.
    #[error("GitHub could not be queried: {reason}")]
    NotQueried { reason: String },
}

/// All differences, the most serious first; and informational notes.
pub(crate) fn compare(facts: &InstalledFacts) -> (Vec<Difference>, Vec<String>) {
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
                None => "its stored attestations were verified again".to_owned(),
                Some(archive) => format!(
                    "the stored attestations of {archive} were verified again; that the binary was unpacked from it is stated by the receipt only"
                ),
            });
        }
        Some(Again::Gone) => differences.push(Difference::AttestationsMissing { verdict }),
        Some(Again::Failed(reason)) => {
            differences.push(Difference::AttestationsInvalid { verdict, reason: reason.clone() });
        }
        None => {}
    }
    if let Some(published) = &facts.published {
        against_github(receipt, published, &mut differences, &mut notes);
    }
    (differences, notes)
}

/// The archive a binary was unpacked from.
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

/// Whether the lockfile pins exactly what is installed; `false` without a lockfile.
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
        notes.push("it is a local build, so there is no digest on GitHub to compare".to_owned());
        return;
    };
    match published {
        Published::Digest(now) if *now == asset.sha256 => notes.push("GitHub states the same digest".to_owned()),
        Published::Digest(now) => differences.push(Difference::ChangedOnGitHub { installed: asset.sha256, now: *now }),
        Published::NoDigest => notes.push("GitHub states no digest for the asset".to_owned()),
        Published::NoAsset => notes.push(format!("the asset was later removed from {tag} on GitHub")),
        Published::NoRelease { server } => {
            notes.push(format!("{tag} was not found on {server}; it may have been deleted"));
        }
        Published::Unknown(reason) => differences.push(Difference::NotQueried { reason: reason.clone() }),
    }
}
