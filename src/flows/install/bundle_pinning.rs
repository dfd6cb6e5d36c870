//! Decides between a bundle, the project's lockfile and the flags. The lockfile takes precedence; any disagreement is an error. Pure.

use thiserror::Error;

use crate::flows::install::BuildMode;
use crate::flows::install::LockfileAction;
use crate::flows::install::PinInput;
use crate::flows::install::Pinning;
use crate::flows::install::Unsatisfied;
use crate::lockfile::Lockfile;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Tool;
use crate::model::VersionSpec;
use crate::sources::bundle::Bundle;

/// Why a valid bundle is not installed from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Disagreement {
    /// It is for another repository than configured.
    #[error("the bundle {bundle} is from {carried}, but the configured repository is {wanted}")]
    Repository {
        /// What people call it.
        bundle: String,
        /// Its repository.
        carried: RepoSlug,
        /// The configured repository.
        wanted: RepoSlug,
    },
    /// It holds another release than requested.
    #[error("the bundle {bundle} contains {carried}, but {wanted} was requested")]
    Release {
        /// Its name in messages.
        bundle: String,
        /// Its release.
        carried: Tag,
        /// The requested release.
        wanted: Tag,
    },
    /// The lockfile pins another release.
    #[error("reproq.lock pins {locked}, but the bundle {bundle} contains {carried}")]
    LockedRelease {
        /// Its name in messages.
        bundle: String,
        /// Its release.
        carried: Tag,
        /// The locked release.
        locked: Tag,
    },
    /// The lockfile pins the same tag of another repository.
    #[error("reproq.lock pins a release of {locked}, but the bundle {bundle} is from {carried}")]
    LockedRepository {
        /// Its name in messages.
        bundle: String,
        /// Its repository.
        carried: RepoSlug,
        /// The locked repository.
        locked: RepoSlug,
    },
    /// The lockfile pins other bytes of the same release.
    #[error("reproq.lock pins sha256 {locked} for {name} of {tag}, but the bundle {bundle} contains {carried}")]
    Digest {
        /// Its name in messages.
        bundle: String,
        /// The release.
        tag: Tag,
        /// The asset.
        name: String,
        /// The locked digest.
        locked: Sha256Digest,
        /// The digest in the bundle.
        carried: Sha256Digest,
    },
    /// `--locked` cannot be satisfied.
    #[error(transparent)]
    Unsatisfied(#[from] Unsatisfied),
}

/// Decides. A requested tag overrides a lockfile of another release; otherwise the lockfile takes precedence.
pub fn carried(input: PinInput, bundle: &Bundle, tool: &Tool) -> Result<Pinning, Disagreement> {
    let PinInput { lockfile, path, locked, build, spec, repository, target, elsewhere } = input;
    let manifest = bundle.manifest();
    let name = || bundle.name().to_owned();
    if !manifest.repository.is_same(&repository) {
        let carried = manifest.repository.clone();
        return Err(Disagreement::Repository { bundle: name(), carried, wanted: repository });
    }
    if let Some(VersionSpec::Exact(wanted)) = &spec
        && *wanted != manifest.tag
    {
        let (carried, wanted) = (manifest.tag.clone(), wanted.clone());
        return Err(Disagreement::Release { bundle: name(), carried, wanted });
    }
    let moves = spec.is_some() && !locked;
    let spec = Some(VersionSpec::Exact(manifest.tag.clone()));
    let write = |old: Option<Lockfile>| {
        let is_left = elsewhere || build == BuildMode::Only;
        if is_left {
            LockfileAction::Ignore
        } else {
            LockfileAction::Write { path: path.clone(), old: old.map(Box::new) }
        }
    };
    let Some(lockfile) = lockfile else {
        return if locked {
            Err(Unsatisfied::NoLock { path }.into())
        } else {
            Ok(Pinning { pin: None, spec, lock: write(None) })
        };
    };
    if !lockfile.is_of_same_release(bundle.lockfile()) {
        return if moves {
            Ok(Pinning { pin: None, spec, lock: write(Some(lockfile)) })
        } else {
            Err(other_release(&lockfile, bundle))
        };
    }
    refuse_other_bytes(&lockfile, bundle)?;
    let pin = lockfile.pin(tool, target).filter(|_| build != BuildMode::Only);
    let lock = match (locked, lockfile.asset(target)) {
        (true, None) => return Err(Unsatisfied::no_asset(&lockfile, target).into()),
        (true, Some(_)) => LockfileAction::Require,
        (false, Some(_)) => LockfileAction::Ignore,
        (false, None) => write(Some(lockfile)),
    };
    // An asset the bundle lacks cannot be pinned; whether a build may be used is decided later.
    let pin = pin.filter(|_| manifest.asset(target).is_some());
    Ok(Pinning { pin, spec, lock })
}

fn other_release(lockfile: &Lockfile, bundle: &Bundle) -> Disagreement {
    let (name, manifest) = (bundle.name().to_owned(), bundle.manifest());
    if lockfile.tag == manifest.tag {
        let (carried, locked) = (manifest.repository.clone(), lockfile.repository.clone());
        return Disagreement::LockedRepository { bundle: name, carried, locked };
    }
    Disagreement::LockedRelease { bundle: name, carried: manifest.tag.clone(), locked: lockfile.tag.clone() }
}

/// Compares all platforms, not just this one: a bundle that differs for any of them is not the release that was locked.
fn refuse_other_bytes(lockfile: &Lockfile, bundle: &Bundle) -> Result<(), Disagreement> {
    for asset in &bundle.lockfile().assets {
        let Some(locked) = lockfile.asset(asset.target).filter(|locked| locked.sha256 != asset.sha256) else {
            continue;
        };
        return Err(Disagreement::Digest {
            bundle: bundle.name().to_owned(),
            tag: lockfile.tag.clone(),
            name: asset.name.clone(),
            locked: locked.sha256,
            carried: asset.sha256,
        });
    }
    Ok(())
}
