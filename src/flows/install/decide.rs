//! Decides from the options, the project's lockfile and a bundle: which bytes are pinned, which signer is required, and what
//! happens to the lockfile. Pure.

use std::path::PathBuf;

use thiserror::Error;

use crate::flows::install::BuildMode;
use crate::flows::install::InstallOptions;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::lockfile::Signer;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::model::VersionSpec;
use crate::sources::bundle::Bundle;
use crate::trust::TrustPolicy;

#[cfg(test)]
mod tests;

/// What an installation does with the project's lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LockfileAction {
    /// Use it without changing it, or ignore it.
    Ignore,
    /// Do not change it, and refuse whatever it does not pin exactly (`--locked`).
    Require,
    /// Write it, with all assets of the installed release.
    Write {
        path: PathBuf,
        /// Its current content.
        old: Option<Box<Lockfile>>,
    },
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    /// The exact bytes, if the lockfile pins them; `spec` is then its tag.
    pub pin: Option<Pin>,
    /// The release; if `None`, any installed one is fine, else the newest.
    pub spec: Option<VersionSpec>,
    /// What to do with the lockfile.
    pub lock: LockfileAction,
    /// The digest of the asset the lockfile pins for this platform, whether or not it is installed: a binary from it is never
    /// cleaned up.
    pub keep: Option<Sha256Digest>,
    /// The user's policy, but at least the level recorded in the lockfile.
    pub policy: TrustPolicy,
    pub signer: Option<Signer>,
}

/// What a bundle states about its release.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarriedRelease<'a> {
    /// The bundle's name in messages.
    pub name: &'a str,
    /// Its lockfile, which lists at least the assets in it.
    pub lockfile: &'a Lockfile,
    /// The platforms it has an asset for.
    pub targets: &'a [Target],
}

/// Why `--locked` cannot be satisfied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unsatisfied {
    /// There is no lockfile.
    #[error("--locked requires a lockfile, but `{path}` does not exist", path = path.display())]
    NoLock { path: PathBuf },
    /// It pins another release than requested.
    #[error("reproq.lock pins {locked}, but {wanted} was requested")]
    OtherRelease { locked: Tag, wanted: String },
    /// It pins another repository.
    #[error("reproq.lock pins a release of {locked}, but one of {wanted} was requested")]
    OtherRepository { locked: RepoSlug, wanted: RepoSlug },
    /// It has no asset for this platform.
    #[error("reproq.lock has no asset of {tag} for {target}, only for: {}", if has.is_empty() { "none" } else { has })]
    NoAsset {
        tag: Tag,
        target: Target,
        /// The platforms it has assets for.
        has: String,
    },
}

/// Why the options, the lockfile and the bundle cannot be satisfied together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Disagreement {
    /// The bundle is for another repository than configured.
    #[error("the bundle {bundle} is from {carried}, but the configured repository is {wanted}")]
    Repository {
        /// Its name in messages.
        bundle: String,
        carried: RepoSlug,
        wanted: RepoSlug,
    },
    /// The bundle holds another release than requested.
    #[error("the bundle {bundle} contains {carried}, but {wanted} was requested")]
    Release {
        /// Its name in messages.
        bundle: String,
        carried: Tag,
        wanted: Tag,
    },
    /// The lockfile pins another release than the bundle's.
    #[error("reproq.lock pins {locked}, but the bundle {bundle} contains {carried}")]
    LockedRelease {
        /// Its name in messages.
        bundle: String,
        carried: Tag,
        locked: Tag,
    },
    /// The lockfile pins the same tag of another repository.
    #[error("reproq.lock pins a release of {locked}, but the bundle {bundle} is from {carried}")]
    LockedRepository {
        /// Its name in messages.
        bundle: String,
        carried: RepoSlug,
        locked: RepoSlug,
    },
    /// The lockfile pins other bytes of the same release.
    #[error("reproq.lock pins sha256 {locked} for {name} of {tag}, but the bundle {bundle} contains {carried}")]
    Digest {
        /// Its name in messages.
        bundle: String,
        tag: Tag,
        name: String,
        locked: Sha256Digest,
        carried: Sha256Digest,
    },
    /// `--locked` cannot be satisfied.
    #[error(transparent)]
    Unsatisfied(#[from] Unsatisfied),
}

/// The part of the decision that the signer and the policy follow from.
type Pinned = (Option<Pin>, Option<VersionSpec>, LockfileAction);

/// Decides.
pub(crate) fn decide(
    options: &InstallOptions,
    lockfile: Option<&Lockfile>,
    bundle: Option<CarriedRelease<'_>>,
) -> Result<Decided, Disagreement> {
    let (pin, spec, lock) = match bundle {
        Some(bundle) => with_bundle(options, lockfile, bundle)?,
        None => without_bundle(options, lockfile)?,
    };
    let (pin, lock) = match lockfile.filter(|lockfile| may_change_its_signer(options, lockfile, &lock)) {
        Some(lockfile) if pin.is_some() => (None, write(options, Some(lockfile))),
        Some(_) | None => (pin, lock),
    };
    let keep = lockfile.and_then(|lockfile| lockfile.asset(options.target)).map(|asset| asset.sha256);
    let bytes = pin.as_ref().map(|pin| pin.asset.sha256);
    let (signer, policy) = required(options, lockfile, bundle.map(|bundle| bundle.lockfile), options.target, bytes);
    Ok(Decided { pin, spec, lock, keep, policy, signer })
}

/// Decides for several platforms at once (at least one): by the lockfile, if it has an asset for each.
pub(super) fn decide_for_all(
    options: &InstallOptions,
    lockfile: Option<&Lockfile>,
    targets: &[Target],
) -> Result<Decided, Disagreement> {
    let decisions = targets.iter().map(|target| {
        let options = InstallOptions { target: *target, ..options.clone() };
        decide(&options, lockfile, None)
    });
    let decisions = decisions.collect::<Result<Vec<_>, _>>()?;
    // If the lockfile lacks one of them, the release is queried for all.
    let asked = decisions.iter().find(|decision| decision.pin.is_none());
    Ok(asked.or(decisions.first()).expect("at least one platform is given").clone())
}

/// The signer and the level that the bytes for a platform must have at least: those in the project's lockfile, else those in the
/// bundle's, unless the user requested a build or accepts another signer. `bytes` is the digest of an asset of the locked
/// release, whose recorded level applies as well.
pub(super) fn required(
    options: &InstallOptions,
    own: Option<&Lockfile>,
    carried: Option<&Lockfile>,
    target: Target,
    bytes: Option<Sha256Digest>,
) -> (Option<Signer>, TrustPolicy) {
    let mut signer = None;
    if !options.signers.accept_change && options.build != BuildMode::Only {
        let locked = own.zip(bytes).map(|(lockfile, sha256)| (&options.repository, &lockfile.tag, sha256));
        signer = own.and_then(|lockfile| lockfile.signer_for(target, locked)).or_else(|| {
            let carried = carried?;
            let theirs = carried.asset(target).map(|asset| (&carried.repository, &carried.tag, asset.sha256));
            carried.signer_for(target, theirs)
        });
    }
    let asked = options.trust;
    let least = signer.as_ref().map_or(asked.require, |signer| asked.require.max(signer.verdict));
    (signer, TrustPolicy { require: least, ..asked })
}

/// When the recorded signer may change, the lockfile is rewritten and its pins are resolved again.
fn may_change_its_signer(options: &InstallOptions, lockfile: &Lockfile, lock: &LockfileAction) -> bool {
    options.signers.accept_change
        && lockfile.signer.is_some()
        && !options.locked
        && !options.elsewhere
        && *lock == LockfileAction::Ignore
}

fn without_bundle(options: &InstallOptions, lockfile: Option<&Lockfile>) -> Result<Pinned, Unsatisfied> {
    let spec = options.spec.clone();
    // A lockfile cannot pin a build.
    if options.build == BuildMode::Only {
        return Ok((None, spec, LockfileAction::Ignore));
    }
    let Some(lockfile) = lockfile else { return without_lockfile(options, spec) };
    let unsatisfied = match satisfied(options, lockfile) {
        Ok(pin) => {
            let lock = if options.locked { LockfileAction::Require } else { LockfileAction::Ignore };
            return Ok((Some(pin), Some(VersionSpec::Exact(lockfile.tag.clone())), lock));
        }
        Err(unsatisfied) => unsatisfied,
    };
    if options.locked {
        return Err(unsatisfied);
    }
    // The platform is missing but the release is right: use the same release, not the newest.
    let spec = match unsatisfied {
        Unsatisfied::NoAsset { tag, .. } => Some(VersionSpec::Exact(tag)),
        Unsatisfied::NoLock { .. } | Unsatisfied::OtherRelease { .. } | Unsatisfied::OtherRepository { .. } => spec,
    };
    Ok((None, spec, write(options, Some(lockfile))))
}

/// The lockfile takes precedence over the bundle, unless a tag overrides it; any other disagreement is an error.
fn with_bundle(
    options: &InstallOptions,
    lockfile: Option<&Lockfile>,
    bundle: CarriedRelease<'_>,
) -> Result<Pinned, Disagreement> {
    let name = || bundle.name.to_owned();
    let Lockfile { repository, tag, .. } = bundle.lockfile;
    if !repository.is_same(&options.repository) {
        let (carried, wanted) = (repository.clone(), options.repository.clone());
        return Err(Disagreement::Repository { bundle: name(), carried, wanted });
    }
    if let Some(VersionSpec::Exact(wanted)) = &options.spec
        && wanted != tag
    {
        return Err(Disagreement::Release { bundle: name(), carried: tag.clone(), wanted: wanted.clone() });
    }
    let spec = Some(VersionSpec::Exact(tag.clone()));
    let Some(lockfile) = lockfile else { return Ok(without_lockfile(options, spec)?) };
    if !lockfile.is_of_same_release(bundle.lockfile) {
        let is_moved = options.spec.is_some() && !options.locked;
        return if is_moved {
            Ok((None, spec, write(options, Some(lockfile))))
        } else {
            Err(other_release(lockfile, bundle))
        };
    }
    refuse_other_bytes(lockfile, bundle)?;
    let lock = match (options.locked, lockfile.asset(options.target)) {
        (true, None) => return Err(no_asset(lockfile, options.target).into()),
        (true, Some(_)) => LockfileAction::Require,
        (false, Some(_)) => LockfileAction::Ignore,
        (false, None) => write(options, Some(lockfile)),
    };
    let pin = lockfile.pin(&options.tool, options.target).filter(|_| options.build != BuildMode::Only);
    // An asset the bundle lacks cannot be pinned; whether a build may be used is decided later.
    Ok((pin.filter(|_| bundle.targets.contains(&options.target)), spec, lock))
}

fn without_lockfile(options: &InstallOptions, spec: Option<VersionSpec>) -> Result<Pinned, Unsatisfied> {
    if options.locked {
        return Err(Unsatisfied::NoLock { path: options.lockfile.clone() });
    }
    Ok((None, spec, write(options, None)))
}

/// Writes the lockfile, unless the binary is installed outside of the project, or built.
fn write(options: &InstallOptions, old: Option<&Lockfile>) -> LockfileAction {
    if options.elsewhere || options.build == BuildMode::Only {
        return LockfileAction::Ignore;
    }
    LockfileAction::Write { path: options.lockfile.clone(), old: old.cloned().map(Box::new) }
}

fn satisfied(options: &InstallOptions, lockfile: &Lockfile) -> Result<Pin, Unsatisfied> {
    if !lockfile.repository.is_same(&options.repository) {
        let (locked, wanted) = (lockfile.repository.clone(), options.repository.clone());
        return Err(Unsatisfied::OtherRepository { locked, wanted });
    }
    let wanted = match &options.spec {
        None => None,
        Some(VersionSpec::Exact(tag)) => (*tag != lockfile.tag).then(|| tag.to_string()),
        Some(VersionSpec::Latest) => Some("the newest release".to_owned()),
    };
    if let Some(wanted) = wanted {
        return Err(Unsatisfied::OtherRelease { locked: lockfile.tag.clone(), wanted });
    }
    lockfile.pin(&options.tool, options.target).ok_or_else(|| no_asset(lockfile, options.target))
}

fn no_asset(lockfile: &Lockfile, target: Target) -> Unsatisfied {
    let has: Vec<String> = lockfile.assets.iter().map(|asset| asset.target.to_string()).collect();
    Unsatisfied::NoAsset { tag: lockfile.tag.clone(), target, has: has.join(", ") }
}

fn other_release(lockfile: &Lockfile, bundle: CarriedRelease<'_>) -> Disagreement {
    let (name, carried) = (bundle.name.to_owned(), bundle.lockfile);
    if lockfile.tag == carried.tag {
        let (carried, locked) = (carried.repository.clone(), lockfile.repository.clone());
        return Disagreement::LockedRepository { bundle: name, carried, locked };
    }
    Disagreement::LockedRelease { bundle: name, carried: carried.tag.clone(), locked: lockfile.tag.clone() }
}

/// Compares all platforms, not just this one: a bundle that differs for any of them is not the release that was locked.
fn refuse_other_bytes(lockfile: &Lockfile, bundle: CarriedRelease<'_>) -> Result<(), Disagreement> {
    let differs = bundle.lockfile.assets.iter().find_map(|carried| {
        let locked = lockfile.asset(carried.target).filter(|locked| locked.sha256 != carried.sha256)?;
        Some((carried, locked.sha256))
    });
    let Some((carried, locked)) = differs else { return Ok(()) };
    Err(Disagreement::Digest {
        bundle: bundle.name.to_owned(),
        tag: lockfile.tag.clone(),
        name: carried.name.clone(),
        locked,
        carried: carried.sha256,
    })
}

/// The platforms a bundle has an asset for.
pub(super) fn targets_of(bundle: &Bundle) -> Vec<Target> {
    Target::all().filter(|target| bundle.manifest().asset(*target).is_some()).collect()
}
