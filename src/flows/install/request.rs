//! What is wanted of an installation.

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

/// When a local build is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildMode {
    /// When the release cannot serve.
    Fallback,
    /// Always.
    Only,
    /// Never.
    Never,
}

/// What an installation does about the project's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockfileAction {
    /// Nothing: it is obeyed, or it is none of this installation's business.
    Ignore,
    /// Nothing, and whatever is not exactly what it names is refused (`--locked`).
    Require,
    /// It is written here, with all of the release that is installed.
    Write {
        /// The file.
        path: PathBuf,
        /// What it says now.
        old: Option<Box<Lockfile>>,
    },
}

/// Which signatures count as proof of where an asset comes from, beside those the lock records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignerPolicy {
    /// The workflow that must have signed; without one any workflow of the repository.
    pub workflow: Option<Workflow>,
    /// Whether the owner's own machines may have run it.
    pub allow_self_hosted: bool,
    /// Whether it may have run for a branch instead of the release's tag.
    pub allow_branch: bool,
    /// Whether another signer than the recorded one is accepted, or none at all.
    pub accept_change: bool,
}

impl SignerPolicy {
    /// A lock that is to record another signer, or none, is written anew: what it pins is looked up once more.
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

/// One installation, as the user wants it.
#[derive(Debug, Clone)]
pub struct InstallRequest {
    /// What is installed.
    pub tool: Tool,
    /// Whose releases.
    pub repository: RepoSlug,
    /// On which GitHub.
    pub server: Server,
    /// Which release; without one, whatever is installed is fine, and else the newest.
    pub spec: Option<VersionSpec>,
    /// What `spec`, `pin`, `keep` and `lock` were decided from.
    pub decided_from: PinInput,
    /// Exactly which bytes, where the project's lock names them; `spec` is then its tag.
    pub pin: Option<Pin>,
    /// The digest of the asset the lock names for this machine, whether or not it is what is installed now: a binary from it
    /// is never swept away.
    pub keep: Option<Sha256Digest>,
    /// The bundle that is installed from, and nothing else.
    pub from: Option<Box<Bundle>>,
    /// What becomes of the project's lock.
    pub lock: LockfileAction,
    /// For which machine.
    pub target: Target,
    /// The machine this runs on, where it is one the worker is released for.
    pub host: Option<Target>,
    /// How much proof the user asks for.
    pub asked: TrustPolicy,
    /// How much proof is asked for: what the user wants, and nothing less than what was signed for when it was locked.
    pub policy: TrustPolicy,
    /// Which signatures count.
    pub signers: SignerPolicy,
    /// Who must have signed, because the lock records it.
    pub signer: Option<Signer>,
    /// When a local build is made.
    pub build: BuildMode,
    /// Whether the network may not be used.
    pub offline: bool,
    /// Whether to install again what is already right.
    pub force: bool,
    /// Where a checkout may lie.
    pub sources: Vec<(SourceOrigin, PathBuf)>,
    /// The file of this command, which is never replaced.
    pub own_executable: Option<PathBuf>,
    /// Where the binary goes.
    pub layout: Layout,
}

impl InstallRequest {
    /// Whether installing this writes the lockfile.
    pub fn locks(&self, resolved: &Resolved) -> bool {
        match &self.lock {
            LockfileAction::Write { old, .. } => {
                resolved.lockfile.is_some() && resolved.lockfile.as_ref() != old.as_deref()
            }
            LockfileAction::Ignore | LockfileAction::Require => false,
        }
    }

    /// The same wish with the project's lock as it is now.
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

    /// The same wish for a machine, with nothing less accepted than is recorded; for `bytes` of the locked release no less than
    /// they had when they were locked.
    pub(super) fn held_to_the_lock(self, target: Target, bytes: Option<Sha256Digest>) -> Self {
        let signer = self.recorded_signer(target, bytes);
        let least = signer.as_ref().map_or(self.asked.require, |signer| self.asked.require.max(signer.verdict));
        let policy = TrustPolicy { require: least, ..self.asked };
        Self { target, signer, policy, ..self }
    }

    /// Whose signature nothing less may replace: what the project's lock says, else what a bundle's lock claims. Whoever wants
    /// a build, or accepts another signer, has said so.
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

    /// Whether another signer than a recorded one is accepted. That it could not be asked is still no answer.
    pub(super) fn changes_the_signer(&self) -> bool {
        let recorded = self.decided_from.lockfile.as_ref().and_then(|lockfile| lockfile.signer.as_ref());
        self.signers.accept_change && recorded.is_some()
    }

    /// Whether the binary is for the machine this runs on, so that it can be tried.
    pub fn runs_here(&self) -> bool {
        self.host == Some(self.target)
    }
}
