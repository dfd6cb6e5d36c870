//! Compares the request with the installation. Pure.

use std::fmt;

use crate::flows::install::BuildMode;
use crate::flows::install::InstallRequest;
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

/// The installation compared with the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InstallStatus {
    /// Up to date.
    UpToDate(Box<Receipt>),
    /// Up to date, unless there is a newer release than this tag.
    UpToDateIfNewest(Box<Receipt>, Tag),
    /// There is work to do, for this reason.
    Work(InstallReason),
}

/// Why there is work to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InstallReason {
    /// Nothing is installed yet.
    Fresh,
    /// The binary was modified; the same release is installed again.
    Changed {
        /// The receipt of the installed binary.
        receipt: Box<Receipt>,
        /// The current digest of the file.
        found: Sha256Digest,
    },
    /// The binary was deleted; the same release is installed again.
    Removed {
        /// The receipt of the installed binary.
        receipt: Box<Receipt>,
    },
    /// The file was not installed by this program.
    Foreign { found: Sha256Digest },
    /// A symbolic link, which is replaced; its target is left unchanged.
    Link,
    /// Another release, target, repository or kind is installed, or the verification level is too low.
    Differs {
        /// The receipt of the installed binary.
        receipt: Box<Receipt>,
        /// What differs.
        how: String,
    },
    /// The binary matches, but the project's lockfile pins another release and has to be updated.
    Unlocked {
        /// The receipt of the installed binary.
        receipt: Box<Receipt>,
        locked: Tag,
    },
    /// A reinstallation was requested.
    Forced {
        /// The receipt of the installed binary.
        receipt: Box<Receipt>,
    },
}

impl InstallReason {
    /// The digest of the current file, if it should be kept for a rollback.
    pub(crate) fn found(&self) -> Option<Sha256Digest> {
        match self {
            Self::Changed { found, .. } | Self::Foreign { found } => Some(*found),
            Self::Differs { receipt, .. } | Self::Unlocked { receipt, .. } | Self::Forced { receipt } => {
                Some(receipt.sha256)
            }
            Self::Fresh | Self::Removed { .. } | Self::Link => None,
        }
    }

    /// Whether it repairs the installation, as opposed to changing it.
    pub(crate) const fn is_repair(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Removed { .. })
    }

    /// The release to reinstall if the user requested none.
    pub(crate) fn repaired_spec(&self) -> Option<VersionSpec> {
        match self {
            Self::Changed { receipt, .. }
            | Self::Removed { receipt }
            | Self::Unlocked { receipt, .. }
            | Self::Forced { receipt } => receipt.tag().cloned().map(VersionSpec::Exact),
            Self::Fresh | Self::Foreign { .. } | Self::Link | Self::Differs { .. } => None,
        }
    }

    /// Whether a local build is repaired, which is then built again.
    pub(crate) fn repairs_a_build(&self) -> bool {
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
            Self::Changed { .. } => f.write_str("it was modified after it was installed"),
            Self::Removed { .. } => f.write_str("it was removed after it was installed"),
            Self::Foreign { .. } => f.write_str("the binary in place was not installed by this program"),
            Self::Link => f.write_str("a link is in place of the binary"),
            Self::Differs { how, .. } => f.write_str(how),
            Self::Unlocked { locked, .. } => write!(f, "reproq.lock pinned {locked}"),
            Self::Forced { receipt } => write!(f, "{} is installed again", receipt.label()),
        }
    }
}

/// Compares. `Err` describes what occupies the binary's path.
pub(crate) fn install_status(request: &InstallRequest, installed: Installed) -> Result<InstallStatus, &'static str> {
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
    if request.options.force {
        return Ok(InstallStatus::Work(InstallReason::Forced { receipt }));
    }
    if let Some(how) = difference(request, &receipt) {
        return Ok(InstallStatus::Work(InstallReason::Differs { receipt, how }));
    }
    if let (Some(old), Some(tag)) = (request.previous_lockfile(), receipt.tag())
        && old.tag != *tag
        && request.decided.spec.is_some()
    {
        return Ok(InstallStatus::Work(InstallReason::Unlocked { locked: old.tag.clone(), receipt }));
    }
    Ok(match (&request.decided.spec, receipt.tag()) {
        (Some(VersionSpec::Latest), Some(tag)) => {
            let tag = tag.clone();
            InstallStatus::UpToDateIfNewest(receipt, tag)
        }
        (Some(VersionSpec::Latest | VersionSpec::Exact(_)) | None, _) => InstallStatus::UpToDate(receipt),
    })
}

/// How an intact binary differs from the request.
fn difference(request: &InstallRequest, receipt: &Receipt) -> Option<String> {
    let label = receipt.label();
    if receipt.tool != request.options.tool.name {
        return Some(format!("{} is installed, but {} is requested", receipt.tool, request.options.tool.name));
    }
    if receipt.target != request.options.target {
        return Some(format!(
            "{label} is installed for {}, but {} is requested",
            receipt.target, request.options.target
        ));
    }
    let is_locked = request.decided.pin.as_ref().map(|pin| holds(pin, receipt));
    if is_locked == Some(false) {
        let tag = &request.decided.pin.as_ref().expect("it was just found").lockfile.tag;
        let other = if receipt.tag() == Some(tag) { "other bytes of it" } else { tag.as_str() };
        return Some(format!("{label} is installed, but reproq.lock pins {other}"));
    }
    let verdict = if is_locked == Some(true) { receipt.verdict.max(Level::Pinned) } else { receipt.verdict };
    if let Some(signer) = &request.decided.signer
        && signer_of(&receipt.attestations).is_none_or(|installed| !signer.is_satisfied_by(&installed))
    {
        return Some(format!(
            "{label} is installed, but is not attested by {signer}, the signer recorded in reproq.lock"
        ));
    }
    if verdict < request.decided.policy.require
        && !(receipt.verdict == Level::Unverified && request.decided.policy.allow_unverified)
    {
        let required = request.decided.policy.require;
        return Some(format!("{label} is installed as `{}`, but `{required}` is required", receipt.verdict));
    }
    match (&receipt.origin, request.options.build, &request.decided.spec) {
        (ReceiptOrigin::Release { .. }, BuildMode::Only, _) => {
            Some(format!("{label} is installed from a release, but a local build is requested"))
        }
        // The source may have changed; Go's own cache makes an unnecessary build fast.
        (ReceiptOrigin::Build(_), BuildMode::Only, _) => Some(format!("{label} is built again")),
        (ReceiptOrigin::Build(_), BuildMode::Never, _) => {
            Some(format!("{label} is installed, but a release is requested"))
        }
        (ReceiptOrigin::Build(_), BuildMode::Fallback, Some(VersionSpec::Latest)) => {
            Some(format!("{label} is installed, but the newest release is requested"))
        }
        // A release requested by tag or bundle is not satisfied by a build of the same version.
        (ReceiptOrigin::Build(_), BuildMode::Fallback, Some(VersionSpec::Exact(tag))) if names_a_release(request) => {
            Some(format!("{label} is installed, but the release {tag} is requested"))
        }
        (ReceiptOrigin::Build(build), BuildMode::Fallback, Some(VersionSpec::Exact(tag))) => {
            let built = build.source_version.as_deref();
            let wanted = tag.version().map(|version| version.to_string());
            (built != wanted.as_deref()).then(|| format!("{label} is installed, but {tag} is requested"))
        }
        (ReceiptOrigin::Build(_), BuildMode::Fallback, None) => None,
        (ReceiptOrigin::Release { repository, tag, .. }, BuildMode::Fallback | BuildMode::Never, spec) => {
            if !repository.is_same(&request.options.repository) {
                return Some(format!(
                    "{label} of {repository} is installed, but {} is requested",
                    request.options.repository
                ));
            }
            match spec {
                Some(VersionSpec::Exact(wanted)) if wanted != tag => {
                    Some(format!("{label} is installed, but {wanted} is requested"))
                }
                Some(VersionSpec::Exact(_) | VersionSpec::Latest) | None => None,
            }
        }
    }
}

fn names_a_release(request: &InstallRequest) -> bool {
    let carried = request.options.from.as_ref().and_then(|bundle| bundle.manifest().asset(request.options.target));
    request.options.spec.is_some() || carried.is_some()
}

/// Whether the installed binary is what the lockfile pins. A build is, if it has exactly the bytes of the locked asset.
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
