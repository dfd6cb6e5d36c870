//! Decides between the lockfile and the flags: which bytes to install, and whether the lockfile changes. Pure.

use std::path::PathBuf;

use thiserror::Error;

use crate::flows::install::BuildMode;
use crate::flows::install::LockfileAction;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::model::RepoSlug;
use crate::model::Tag;
use crate::model::Target;
use crate::model::Tool;
use crate::model::VersionSpec;

/// The input of the decision.
#[derive(Debug, Clone)]
pub struct PinInput {
    /// The project's lockfile, if there is one.
    pub lockfile: Option<Lockfile>,
    /// Its path, whether or not it exists.
    pub path: PathBuf,
    /// Whether the lockfile must be satisfied exactly (`--locked`).
    pub locked: bool,
    /// When to build locally.
    pub build: BuildMode,
    /// The requested release.
    pub spec: Option<VersionSpec>,
    /// The repository.
    pub repository: RepoSlug,
    /// The platform.
    pub target: Target,
    /// Whether the binary is installed outside of the project, whose lockfile is then left unchanged.
    pub elsewhere: bool,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinning {
    /// The exact bytes, if the lockfile pins them.
    pub pin: Option<Pin>,
    /// The release.
    pub spec: Option<VersionSpec>,
    /// What to do with the lockfile.
    pub lock: LockfileAction,
}

/// Why `--locked` cannot be satisfied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unsatisfied {
    /// There is no lockfile.
    #[error("--locked requires a lockfile, but `{path}` does not exist", path = path.display())]
    NoLock {
        /// The expected path.
        path: PathBuf,
    },
    /// It pins another release than requested.
    #[error("reproq.lock pins {locked}, but {wanted} was requested")]
    OtherRelease {
        /// The locked release.
        locked: Tag,
        /// The requested release.
        wanted: String,
    },
    /// It pins another repository.
    #[error("reproq.lock pins a release of {locked}, but one of {wanted} was requested")]
    OtherRepository {
        /// The locked repository.
        locked: RepoSlug,
        /// The requested repository.
        wanted: RepoSlug,
    },
    /// It has no asset for this platform.
    #[error("reproq.lock has no asset of {tag} for {target}, only for: {}", if has.is_empty() { "none" } else { has })]
    NoAsset {
        /// The release.
        tag: Tag,
        /// The platform.
        target: Target,
        /// The platforms it has assets for.
        has: String,
    },
}

impl Unsatisfied {
    pub(super) fn no_asset(lockfile: &Lockfile, target: Target) -> Self {
        let has: Vec<String> = lockfile.assets.iter().map(|asset| asset.target.to_string()).collect();
        Self::NoAsset { tag: lockfile.tag.clone(), target, has: has.join(", ") }
    }
}

/// Decides for several platforms at once (at least one): by the lockfile, if it has an asset for each.
pub fn pinning_of_all(input: &PinInput, targets: &[Target], tool: &Tool) -> Result<Pinning, Unsatisfied> {
    let decisions = targets.iter().map(|target| pinning(PinInput { target: *target, ..input.clone() }, tool));
    let decisions = decisions.collect::<Result<Vec<_>, _>>()?;
    // If the lockfile lacks one of them, the release is queried for all.
    let asked = decisions.iter().find(|decision| decision.pin.is_none());
    Ok(asked.or(decisions.first()).expect("at least one platform is given").clone())
}

/// Decides for one platform.
pub fn pinning(input: PinInput, tool: &Tool) -> Result<Pinning, Unsatisfied> {
    let PinInput { lockfile, path, locked, build, spec, repository, target, elsewhere } = input;
    // A lockfile cannot pin a build.
    if build == BuildMode::Only {
        return Ok(Pinning { pin: None, spec, lock: LockfileAction::Ignore });
    }
    let write = |old: Option<Lockfile>| {
        if elsewhere {
            LockfileAction::Ignore
        } else {
            LockfileAction::Write { path: path.clone(), old: old.map(Box::new) }
        }
    };
    let Some(lockfile) = lockfile else {
        return if locked {
            Err(Unsatisfied::NoLock { path })
        } else {
            Ok(Pinning { pin: None, spec, lock: write(None) })
        };
    };
    let unsatisfied = match satisfied(&lockfile, spec.as_ref(), &repository, target, tool) {
        Ok(pin) => {
            let spec = Some(VersionSpec::Exact(lockfile.tag.clone()));
            let lock = if locked { LockfileAction::Require } else { LockfileAction::Ignore };
            return Ok(Pinning { pin: Some(pin), spec, lock });
        }
        Err(unsatisfied) => unsatisfied,
    };
    if locked {
        return Err(unsatisfied);
    }
    // The platform is missing but the release is right: use the same release, not the newest.
    let spec = match unsatisfied {
        Unsatisfied::NoAsset { tag, .. } => Some(VersionSpec::Exact(tag)),
        Unsatisfied::NoLock { .. } | Unsatisfied::OtherRelease { .. } | Unsatisfied::OtherRepository { .. } => spec,
    };
    Ok(Pinning { pin: None, spec, lock: write(Some(lockfile)) })
}

fn satisfied(
    lockfile: &Lockfile,
    spec: Option<&VersionSpec>,
    repository: &RepoSlug,
    target: Target,
    tool: &Tool,
) -> Result<Pin, Unsatisfied> {
    if !lockfile.repository.is_same(repository) {
        let (locked, wanted) = (lockfile.repository.clone(), repository.clone());
        return Err(Unsatisfied::OtherRepository { locked, wanted });
    }
    let wanted = match spec {
        None => None,
        Some(VersionSpec::Exact(tag)) if *tag == lockfile.tag => None,
        Some(VersionSpec::Exact(tag)) => Some(tag.to_string()),
        Some(VersionSpec::Latest) => Some("the newest release".to_owned()),
    };
    if let Some(wanted) = wanted {
        return Err(Unsatisfied::OtherRelease { locked: lockfile.tag.clone(), wanted });
    }
    lockfile.pin(tool, target).ok_or_else(|| Unsatisfied::no_asset(lockfile, target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockfile::LockedAsset;
    use crate::model::Sha256Digest;
    use crate::trust::Level;

    fn lockfile() -> Lockfile {
        let asset = LockedAsset {
            target: "linux-amd64".parse().expect("a target"),
            name: "reproq-linux-amd64".to_owned(),
            size: Some(1),
            sha256: Sha256Digest::from_bytes([1; 32]),
            evidence: Vec::new(),
            verdict: Level::Digest,
        };
        let tag = "v0.0.144".parse().expect("a tag");
        Lockfile::new("adpena/reproq-worker".parse().expect("a repository"), tag, None, vec![asset])
    }

    fn input() -> PinInput {
        PinInput {
            lockfile: Some(lockfile()),
            path: "reproq.lock".into(),
            locked: false,
            build: BuildMode::Fallback,
            spec: None,
            repository: "Adpena/reproq-worker".parse().expect("a repository"),
            target: "linux-amd64".parse().expect("a target"),
            elsewhere: false,
        }
    }

    fn exact(tag: &str) -> Option<VersionSpec> {
        Some(VersionSpec::Exact(tag.parse().expect("a tag")))
    }

    fn decided(input: PinInput) -> Pinning {
        pinning(input, &Tool::WORKER).expect("decided")
    }

    #[test]
    fn the_lockfile_is_used_and_left_unchanged() {
        for spec in [None, exact("v0.0.144")] {
            let pinning = decided(PinInput { spec, ..input() });
            assert!(pinning.pin.is_some());
            assert_eq!((pinning.spec, pinning.lock), (exact("v0.0.144"), LockfileAction::Ignore));
        }
        assert_eq!(decided(PinInput { locked: true, ..input() }).lock, LockfileAction::Require);
    }

    #[test]
    fn a_flag_overrides_the_lockfile_and_changes_it() {
        let write = LockfileAction::Write { path: "reproq.lock".into(), old: Some(Box::new(lockfile())) };
        let pinning = decided(PinInput { spec: exact("v0.0.145"), ..input() });
        assert_eq!((pinning.pin, pinning.spec, pinning.lock), (None, exact("v0.0.145"), write.clone()));
        let elsewhere = PinInput { spec: exact("v0.0.145"), elsewhere: true, ..input() };
        assert_eq!(decided(elsewhere).lock, LockfileAction::Ignore);
        let other = PinInput { target: "darwin-arm64".parse().expect("a target"), ..input() };
        let pinning = decided(other);
        assert_eq!((pinning.pin, pinning.spec, pinning.lock), (None, exact("v0.0.144"), write));
    }

    #[test]
    fn if_one_platform_is_not_locked_all_are_queried() {
        let [here, other] = ["linux-amd64", "darwin-arm64"].map(|target| target.parse().expect("a target"));
        let all = |input: &PinInput, targets: &[Target]| pinning_of_all(input, targets, &Tool::WORKER);
        assert!(all(&input(), &[here]).expect("decided").pin.is_some());
        let asked = all(&input(), &[here, other]).expect("decided");
        assert_eq!((asked.pin, asked.spec), (None, exact("v0.0.144")));
        let locked = PinInput { locked: true, ..input() };
        assert!(matches!(all(&locked, &[here, other]), Err(Unsatisfied::NoAsset { .. })));
    }

    #[test]
    fn without_a_lockfile_one_is_written() {
        let pinning = decided(PinInput { lockfile: None, ..input() });
        assert_eq!(pinning.lock, LockfileAction::Write { path: "reproq.lock".into(), old: None });
        assert_eq!(decided(PinInput { lockfile: None, elsewhere: true, ..input() }).lock, LockfileAction::Ignore);
        assert_eq!(decided(PinInput { build: BuildMode::Only, ..input() }).lock, LockfileAction::Ignore);
    }

    #[test]
    fn locked_refuses_whatever_the_lockfile_does_not_pin() {
        let refused =
            |input: PinInput| pinning(PinInput { locked: true, ..input }, &Tool::WORKER).expect_err("refused");
        assert!(matches!(refused(PinInput { lockfile: None, ..input() }), Unsatisfied::NoLock { .. }));
        assert!(matches!(refused(PinInput { spec: exact("v1.0.0"), ..input() }), Unsatisfied::OtherRelease { .. }));
        let latest = PinInput { spec: Some(VersionSpec::Latest), ..input() };
        assert!(matches!(refused(latest), Unsatisfied::OtherRelease { .. }));
        let fork = PinInput { repository: "a/fork".parse().expect("a repository"), ..input() };
        assert!(matches!(refused(fork), Unsatisfied::OtherRepository { .. }));
        let other = PinInput { target: "darwin-arm64".parse().expect("a target"), ..input() };
        assert!(matches!(refused(other), Unsatisfied::NoAsset { .. }));
    }
}
