//! Compares what is wanted with what is there. Pure.

use std::fmt;

use crate::flows::install::BuildMode;
use crate::flows::install::InstallRequest;
use crate::flows::install::LockfileAction;
use crate::flows::install::signer::signer_of;
use crate::io::fs::FileKind;
use crate::lockfile::Pin;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::trust::Level;
use crate::worker::store::Installed;
use crate::worker::store::NotAFile;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;

/// How what is there stands to what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallStatus {
    /// Exactly what is wanted is installed.
    UpToDate(Box<Receipt>),
    /// Exactly what is wanted is installed, if the newest release is still this tag.
    UpToDateIfNewest(Box<Receipt>, Tag),
    /// There is work, for this reason.
    Work(InstallReason),
}

/// Why there is work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallReason {
    /// Nothing is installed yet.
    Fresh,
    /// What was installed is no longer what it was; the same release is installed again.
    Changed {
        /// The receipt of what was installed.
        receipt: Box<Receipt>,
        /// The digest of what is there now.
        found: Sha256Digest,
    },
    /// What was installed is gone; the same release is installed again.
    Removed {
        /// The receipt of what was installed.
        receipt: Box<Receipt>,
    },
    /// A file is there that this program did not install.
    Foreign {
        /// Its digest.
        found: Sha256Digest,
    },
    /// A link is there, which is replaced; what it leads to is left alone.
    Link,
    /// Another release, target, repository or kind is installed, or it is proven less well than is asked for.
    Differs {
        /// The receipt of what is installed.
        receipt: Box<Receipt>,
        /// What differs.
        how: String,
    },
    /// It is what is wanted, and the project's lock names another release, which changes with it.
    Unlocked {
        /// The receipt of what is installed.
        receipt: Box<Receipt>,
        /// What the lock names.
        locked: Tag,
    },
    /// It is installed again because the user says so.
    Forced {
        /// The receipt of what is installed.
        receipt: Box<Receipt>,
    },
}

impl InstallReason {
    /// The digest of the file that is in place now, where there is one to keep.
    pub fn found(&self) -> Option<Sha256Digest> {
        match self {
            Self::Changed { found, .. } | Self::Foreign { found } => Some(*found),
            Self::Differs { receipt, .. } | Self::Unlocked { receipt, .. } | Self::Forced { receipt } => {
                Some(receipt.sha256)
            }
            Self::Fresh | Self::Removed { .. } | Self::Link => None,
        }
    }

    /// Whether it repairs what was there, as opposed to bringing something new.
    pub const fn is_repair(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Removed { .. })
    }

    /// The release to install when the user named none: the one that was there.
    pub fn repaired_spec(&self) -> Option<VersionSpec> {
        match self {
            Self::Changed { receipt, .. }
            | Self::Removed { receipt }
            | Self::Unlocked { receipt, .. }
            | Self::Forced { receipt } => receipt.tag().cloned().map(VersionSpec::Exact),
            Self::Fresh | Self::Foreign { .. } | Self::Link | Self::Differs { .. } => None,
        }
    }

    /// Whether what is to be repaired was a local build, which is then made again.
    pub fn repairs_a_build(&self) -> bool {
        match self {
            Self::Changed { receipt, .. } | Self::Removed { receipt } => is_build(receipt),
            Self::Fresh
            | Self::Foreign { .. }
            | Self::Link
            | Self::Differs { .. }
            | Self::Unlocked { .. }
            | Self::Forced { .. } => false,
        }
    }
}

impl fmt::Display for InstallReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("nothing is installed yet"),
            Self::Changed { .. } => f.write_str("it had changed since it was installed"),
            Self::Removed { .. } => f.write_str("it had been removed since it was installed"),
            Self::Foreign { .. } => f.write_str("the binary in place was not installed by this program"),
            Self::Link => f.write_str("a link is in place of the binary"),
            Self::Differs { how, .. } => f.write_str(how),
            Self::Unlocked { locked, .. } => write!(f, "reproq.lock named {locked}"),
            Self::Forced { receipt } => write!(f, "{} is installed again", receipt.label()),
        }
    }
}

/// Compares. `Err` names what is in the way.
pub fn standing(request: &InstallRequest, installed: Installed) -> Result<InstallStatus, &'static str> {
    let receipt = match installed {
        Installed::Nothing => return Ok(InstallStatus::Work(InstallReason::Fresh)),
        Installed::Removed { receipt } => return Ok(InstallStatus::Work(InstallReason::Removed { receipt })),
        Installed::Changed { receipt, found } => {
            return Ok(InstallStatus::Work(InstallReason::Changed { receipt, found }));
        }
        Installed::Foreign { found } => return Ok(InstallStatus::Work(InstallReason::Foreign { found })),
        Installed::NotAFile { what: NotAFile::Kind(FileKind::Link) } => {
            return Ok(InstallStatus::Work(InstallReason::Link));
        }
        Installed::NotAFile { what } => return Err(what.as_str()),
        Installed::Intact { receipt } => receipt,
    };
    if request.force {
        return Ok(InstallStatus::Work(InstallReason::Forced { receipt }));
    }
    if let Some(how) = difference(request, &receipt) {
        return Ok(InstallStatus::Work(InstallReason::Differs { receipt, how }));
    }
    if let (LockfileAction::Write { old: Some(old), .. }, Some(tag)) = (&request.lock, receipt.tag())
        && old.tag != *tag
        && request.spec.is_some()
    {
        return Ok(InstallStatus::Work(InstallReason::Unlocked { locked: old.tag.clone(), receipt }));
    }
    Ok(match (&request.spec, receipt.tag()) {
        (Some(VersionSpec::Latest), Some(tag)) => {
            let tag = tag.clone();
            InstallStatus::UpToDateIfNewest(receipt, tag)
        }
        (Some(VersionSpec::Latest | VersionSpec::Exact(_)) | None, _) => InstallStatus::UpToDate(receipt),
    })
}

/// What about an intact binary is not as it is wanted.
fn difference(request: &InstallRequest, receipt: &Receipt) -> Option<String> {
    let label = receipt.label();
    if receipt.tool != request.tool.name {
        return Some(format!("{} is installed, {} is wanted", receipt.tool, request.tool.name));
    }
    if receipt.target != request.target {
        return Some(format!("{label} is installed for {}, {} is wanted", receipt.target, request.target));
    }
    let is_locked = request.pin.as_ref().map(|pin| holds(pin, receipt));
    if is_locked == Some(false) {
        let tag = &request.pin.as_ref().expect("it was looked at just now").lockfile.tag;
        let other = if receipt.tag() == Some(tag) { "other bytes of it" } else { tag.as_str() };
        return Some(format!("{label} is installed, reproq.lock names {other}"));
    }
    let verdict = if is_locked == Some(true) { receipt.verdict.max(Level::Pinned) } else { receipt.verdict };
    if let Some(signer) = &request.signer
        && signer_of(&receipt.proofs).is_none_or(|installed| !signer.is_satisfied_by(&installed))
    {
        return Some(format!("{label} is installed, and not as signed by {signer}, whom reproq.lock records"));
    }
    if verdict < request.policy.require && !(receipt.verdict == Level::Unverified && request.policy.allow_unverified) {
        let required = request.policy.require;
        return Some(format!("{label} is installed as `{}`, `{required}` is required", receipt.verdict));
    }
    match (&receipt.origin, request.build, &request.spec) {
        (ReceiptOrigin::Release { .. }, BuildMode::Only, _) => {
            Some(format!("{label} is installed from a release, a local build is wanted"))
        }
        // The source may have changed since; Go's own cache makes an unneeded build quick.
        (ReceiptOrigin::Build(_), BuildMode::Only, _) => Some(format!("{label} is built again")),
        (ReceiptOrigin::Build(_), BuildMode::Never, _) => Some(format!("{label} is installed, a release is wanted")),
        (ReceiptOrigin::Build(_), BuildMode::Fallback, Some(VersionSpec::Latest)) => {
            Some(format!("{label} is installed, the newest release is wanted"))
        }
        // Whoever names a release, by its tag or in a bundle, does not mean a build of the same version.
        (ReceiptOrigin::Build(_), BuildMode::Fallback, Some(VersionSpec::Exact(tag))) if names_a_release(request) => {
            Some(format!("{label} is installed, the release {tag} is wanted"))
        }
        (ReceiptOrigin::Build(build), BuildMode::Fallback, Some(VersionSpec::Exact(tag))) => {
            let built = build.source_version.as_deref();
            let wanted = tag.version().map(|version| version.to_string());
            (built != wanted.as_deref()).then(|| format!("{label} is installed, {tag} is wanted"))
        }
        (ReceiptOrigin::Build(_), BuildMode::Fallback, None) => None,
        (ReceiptOrigin::Release { repository, tag, .. }, BuildMode::Fallback | BuildMode::Never, spec) => {
            if !repository.is_same(&request.repository) {
                return Some(format!("{label} of {repository} is installed, {} is wanted", request.repository));
            }
            match spec {
                Some(VersionSpec::Exact(wanted)) if wanted != tag => {
                    Some(format!("{label} is installed, {wanted} is wanted"))
                }
                Some(VersionSpec::Exact(_) | VersionSpec::Latest) | None => None,
            }
        }
    }
}

fn names_a_release(request: &InstallRequest) -> bool {
    let carried = request.from.as_ref().and_then(|bundle| bundle.manifest().asset(request.target));
    request.decided_from.spec.is_some() || carried.is_some()
}

/// Whether what is installed is what the lock names. A build is, where it has the very bytes of the locked asset.
fn holds(pin: &Pin, receipt: &Receipt) -> bool {
    match &receipt.origin {
        ReceiptOrigin::Release { repository, tag, asset } => {
            repository.is_same(&pin.lockfile.repository) && *tag == pin.lockfile.tag && asset.sha256 == pin.asset.sha256
        }
        ReceiptOrigin::Build(_) => receipt.sha256 == pin.asset.sha256,
    }
}

fn is_build(receipt: &Receipt) -> bool {
    matches!(receipt.origin, ReceiptOrigin::Build(_))
}
