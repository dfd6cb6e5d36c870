//! The request for an installation.

use std::path::PathBuf;

use crate::config::Server;
use crate::flows::install::Disagreement;
use crate::flows::install::PinInput;
use crate::flows::install::Pinning;
use crate::flows::install::Resolved;
use crate::flows::install::bundle_pinning::carried;
use crate::flows::install::pinning;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::lockfile::Signer;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Target;
use crate::model::Tool;
use crate::model::VersionSpec;
use crate::sources::bundle::Bundle;
use crate::trust::TrustPolicy;
use crate::trust::attestation::Workflow;
use crate::worker::local_build::SourceOrigin;
use crate::worker::store::Layout;

/// When to build locally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildMode {
    /// If the release cannot be used.
    Fallback,
    /// Always.
    Only,
    /// Never.
    Never,
}

/// What an installation does with the project's lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockfileAction {
    /// Use it without changing it, or ignore it.
    Ignore,
    /// Do not change it, and refuse whatever it does not pin exactly (`--locked`).
    Require,
    /// Write it, with all assets of the installed release.
    Write {
        /// The file.
        path: PathBuf,
        /// Its current content.
        old: Option<Box<Lockfile>>,
    },
}

/// Which signers are accepted, in addition to the one in the lockfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignerPolicy {
    /// The required workflow; `None` for any workflow of the repository.
    pub workflow: Option<Workflow>,
    /// Whether self-hosted runners are accepted.
    pub allow_self_hosted: bool,
    /// Whether a run for a branch, instead of the release's tag, is accepted.
    pub allow_branch: bool,
    /// Whether a signer other than the locked one is accepted, or none.
    pub accept_change: bool,
}

impl SignerPolicy {
    /// When the recorded signer may change, the lockfile is rewritten and its pins are resolved again.
    fn released_from(&self, pinning: Pinning, input: &PinInput) -> Pinning {
        let old = input.lockfile.as_ref().filter(|lockfile| lockfile.signer.is_some());
        let Some(old) = old.filter(|_| self.accept_change && !input.locked && pinning.lock == LockfileAction::Ignore)
        else {
            return pinning;
        };
        if pinning.pin.is_none() || input.elsewhere {
            return pinning;
        }
        let lock = LockfileAction::Write { path: input.path.clone(), old: Some(Box::new(old.clone())) };
        Pinning { pin: None, lock, ..pinning }
    }
}

/// One installation, as requested.
#[derive(Debug, Clone)]
pub struct InstallRequest {
    /// The tool.
    pub tool: Tool,
    /// The repository.
    pub repository: RepoSlug,
    /// The GitHub server.
    pub server: Server,
    /// The requested release; if `None`, any installed one is fine, else the newest.
    pub spec: Option<VersionSpec>,
    /// The input that `spec`, `pin`, `keep` and `lock` were decided from.
    pub decided_from: PinInput,
    /// The exact bytes, if the project's lockfile pins them; `spec` is then its tag.
    pub pin: Option<Pin>,
    /// The digest of the asset the lockfile pins for this platform, whether or not it is installed: a binary from it is never
    /// cleaned up.
    pub keep: Option<Sha256Digest>,
    /// The bundle to install from, exclusively.
    pub from: Option<Box<Bundle>>,
    /// What to do with the project's lockfile.
    pub lock: LockfileAction,
    /// The platform.
    pub target: Target,
    /// The current platform, if the worker is released for it.
    pub host: Option<Target>,
    /// The verification policy of the user.
    pub asked: TrustPolicy,
    /// The effective policy: the user's, but at least the level recorded in the lockfile.
    pub policy: TrustPolicy,
    /// Which signers are accepted.
    pub signers: SignerPolicy,
    /// The required signer, from the lockfile.
    pub signer: Option<Signer>,
    /// When to build locally.
    pub build: BuildMode,
    /// Whether network access is disabled.
    pub offline: bool,
    /// Whether to reinstall even if up to date.
    pub force: bool,
    /// Possible locations of a checkout.
    pub sources: Vec<(SourceOrigin, PathBuf)>,
    /// The path of this command, which is never replaced.
    pub own_executable: Option<PathBuf>,
    /// Where to install the binary.
    pub layout: Layout,
}

impl InstallRequest {
    /// The release to request if none is installed or locked.
    pub(super) fn requested_spec(&self) -> VersionSpec {
        self.spec.clone().unwrap_or(VersionSpec::Latest)
    }

    /// Whether this installation writes the lockfile.
    pub fn locks(&self, resolved: &Resolved) -> bool {
        match &self.lock {
            LockfileAction::Write { old, .. } => {
                resolved.lockfile.is_some() && resolved.lockfile.as_ref() != old.as_deref()
            }
            LockfileAction::Ignore | LockfileAction::Require => false,
        }
    }

    /// The same request with the current lockfile of the project.
    pub fn with_lock(self, lockfile: Option<Lockfile>) -> Result<Self, Disagreement> {
        let decided_from = PinInput { lockfile, ..self.decided_from };
        let pinning = match &self.from {
            Some(bundle) => carried(decided_from.clone(), bundle, &self.tool)?,
            None => pinning(decided_from.clone(), &self.tool)?,
        };
        let Pinning { pin, spec, lock } = self.signers.released_from(pinning, &decided_from);
        let keep = decided_from.lockfile.as_ref().and_then(|lockfile| lockfile.asset(self.target));
        let keep = keep.map(|asset| asset.sha256);
        let target = self.target;
        let bytes = pin.as_ref().map(|pin| pin.asset.sha256);
        Ok(Self { decided_from, spec, pin, keep, lock, ..self }.held_to_the_lock(target, bytes))
    }

    /// The same request for a platform, at no lower level than recorded. `bytes` is the digest of an asset of the locked release,
    /// whose recorded level applies as well.
    pub(super) fn held_to_the_lock(self, target: Target, bytes: Option<Sha256Digest>) -> Self {
        let signer = self.recorded_signer(target, bytes);
        let least = signer.as_ref().map_or(self.asked.require, |signer| self.asked.require.max(signer.verdict));
        let policy = TrustPolicy { require: least, ..self.asked };
        Self { target, signer, policy, ..self }
    }

    /// The signer that must not be weakened: the one in the project's lockfile, else the one in the bundle's. `None` if the user
    /// requested a build or accepts another signer.
    fn recorded_signer(&self, target: Target, bytes: Option<Sha256Digest>) -> Option<Signer> {
        if self.signers.accept_change || self.build == BuildMode::Only {
            return None;
        }
        let own = self.decided_from.lockfile.as_ref();
        let tag = own.map(|lockfile| lockfile.tag.clone());
        let locked = tag.as_ref().zip(bytes).map(|(tag, sha256)| (&self.repository, tag, sha256));
        if let Some(signer) = own.and_then(|lockfile| lockfile.signer_for(target, locked)) {
            return Some(signer);
        }
        let carried = self.from.as_ref().map(|bundle| bundle.lockfile())?;
        let theirs = carried.asset(target).map(|asset| (&carried.repository, &carried.tag, asset.sha256));
        carried.signer_for(target, theirs)
    }

    /// Whether a signer other than the recorded one is accepted. A failed query is still an error.
    pub(super) fn changes_the_signer(&self) -> bool {
        let recorded = self.decided_from.lockfile.as_ref().and_then(|lockfile| lockfile.signer.as_ref());
        self.signers.accept_change && recorded.is_some()
    }

    /// Whether the binary is for the current platform, so that it can be started.
    pub fn runs_here(&self) -> bool {
        self.host == Some(self.target)
    }
}
