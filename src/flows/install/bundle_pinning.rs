//! Decides between a bundle, the project's lock and the flags: the lock wins, and what the bundle has otherwise is named. Pure.

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

/// Why a bundle is not installed from, although nothing is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Disagreement {
    /// It is of another repository than the worker comes from here.
    #[error("the bundle {bundle} is of {carried}, and the worker comes from {wanted} here")]
    Repository {
        /// What people call it.
        bundle: String,
        /// What it is of.
        carried: RepoSlug,
        /// What is wanted.
        wanted: RepoSlug,
    },
    /// It is of another release than was asked for.
    #[error("the bundle {bundle} is of {carried}, and {wanted} was asked for")]
    Release {
        /// What people call it.
        bundle: String,
        /// What it is of.
        carried: Tag,
        /// What is wanted.
        wanted: Tag,
    },
    /// The lock names another release.
    #[error("reproq.lock names {locked}, and the bundle {bundle} is of {carried}")]
    LockedRelease {
        /// What people call it.
        bundle: String,
        /// What it is of.
        carried: Tag,
        /// What is locked.
        locked: Tag,
    },
    /// The lock names the same release of another repository.
    #[error("reproq.lock names a release of {locked}, and the bundle {bundle} is of {carried}")]
    LockedRepository {
        /// What people call it.
        bundle: String,
        /// What it is of.
        carried: RepoSlug,
        /// What is locked.
        locked: RepoSlug,
    },
    /// The lock names other bytes of the same release.
    #[error("reproq.lock names sha256 {locked} for {name} of {tag}, and the bundle {bundle} has {carried}")]
    Digest {
        /// What people call it.
        bundle: String,
        /// The release.
        tag: Tag,
        /// The asset.
        name: String,
        /// What is locked.
        locked: Sha256Digest,
        /// What the bundle has.
        carried: Sha256Digest,
    },
    /// `--locked` wants more than the lock says.
    #[error(transparent)]
    Unsatisfied(#[from] Unsatisfied),
}

/// Decides. A tag that is asked for moves a lock of another release; without one the lock has the last word.
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
    // What the bundle does not have it cannot be asked for; whether a build may serve is decided later.
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

/// Every machine counts, not this one alone: a bundle that is wrong for one is not the release that was locked.
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
