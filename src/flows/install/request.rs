//! What the user requested, and what was decided from it.

use std::path::PathBuf;

use crate::config::Server;
use crate::flows::install::Decided;
use crate::flows::install::Disagreement;
use crate::flows::install::LockfileAction;
use crate::flows::install::Resolved;
use crate::flows::install::decide;
use crate::flows::install::decide::CarriedRelease;
use crate::flows::install::decide::decide_for_all;
use crate::flows::install::decide::required;
use crate::flows::install::decide::targets_of;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
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
pub(crate) enum BuildMode {
    /// If the release cannot be used.
    Fallback,
    /// Always.
    Only,
    /// Never.
    Never,
}

/// Which signers are accepted, in addition to the one in the lockfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SignerPolicy {
    /// The required workflow; `None` for any workflow of the repository.
    pub workflow: Option<Workflow>,
    /// Whether self-hosted runners are accepted.
    pub allow_self_hosted: bool,
    /// Whether a run for a branch, instead of the release's tag, is accepted.
    pub allow_branch: bool,
    /// Whether a signer other than the locked one is accepted, or none.
    pub accept_change: bool,
}

/// The command line and the settings, as values.
#[derive(Debug, Clone)]
pub(crate) struct InstallOptions {
    pub tool: Tool,
    pub repository: RepoSlug,
    /// The GitHub server.
    pub server: Server,
    pub spec: Option<VersionSpec>,
    pub target: Target,
    /// The current platform, if the worker is released for it.
    pub host: Option<Target>,
    /// The bundle to install from, exclusively.
    pub from: Option<Box<Bundle>>,
    /// The path of the project's lockfile, whether or not it exists.
    pub lockfile: PathBuf,
    /// Whether the lockfile must be satisfied exactly (`--locked`).
    pub locked: bool,
    /// Whether the binary is installed outside of the project, whose lockfile is then left unchanged.
    pub elsewhere: bool,
    pub trust: TrustPolicy,
    /// Which signers are accepted.
    pub signers: SignerPolicy,
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

/// One installation: the options, the project's lockfile, and the decision that follows from both.
#[derive(Debug, Clone)]
pub(crate) struct InstallRequest {
    pub options: InstallOptions,
    /// The project's lockfile, if there is one.
    pub lockfile: Option<Lockfile>,
    pub decided: Decided,
}

impl InstallRequest {
    /// Decides what to do with this lockfile.
    pub(crate) fn new(options: InstallOptions, lockfile: Option<Lockfile>) -> Result<Self, Disagreement> {
        let targets = options.from.as_deref().map(targets_of).unwrap_or_default();
        let carried =
            |bundle| CarriedRelease { name: Bundle::name(bundle), lockfile: bundle.lockfile(), targets: &targets };
        let bundle = options.from.as_deref().map(carried);
        let decided = decide(&options, lockfile.as_ref(), bundle)?;
        Ok(Self { options, lockfile, decided })
    }

    /// The same for several platforms (at least one), with the lockfile if it has an asset for each of them.
    pub(crate) fn for_all(
        options: InstallOptions,
        lockfile: Option<Lockfile>,
        targets: &[Target],
    ) -> Result<(Self, Option<Lockfile>), Disagreement> {
        let mut decided = decide_for_all(&options, lockfile.as_ref(), targets)?;
        // Each platform has its own pin.
        let pin = decided.pin.take();
        Ok((Self { options, lockfile, decided }, pin.map(|pin| pin.lockfile)))
    }

    /// The same request for a platform, at no lower level than recorded. `bytes` is the digest of an asset of the locked release.
    pub(super) fn for_target(&self, target: Target, bytes: Option<Sha256Digest>) -> Self {
        let Self { options, lockfile, decided } = self.clone();
        let carried = options.from.as_ref().map(|bundle| bundle.lockfile());
        let (signer, policy) = required(&options, lockfile.as_ref(), carried, target, bytes);
        let decided = Decided { signer, policy, ..decided };
        Self { options: InstallOptions { target, ..options }, lockfile, decided }
    }

    /// The same request for these bytes.
    pub(super) fn for_pin(&self, pin: Pin) -> Self {
        let mut request = self.for_target(pin.asset.target, Some(pin.asset.sha256));
        request.decided.pin = Some(pin);
        request
    }

    /// The release to request if none is installed.
    pub(super) fn requested_spec(&self) -> VersionSpec {
        self.decided.spec.clone().unwrap_or(VersionSpec::Latest)
    }

    /// The lockfile that the new one must agree with, if one is written.
    pub(super) fn previous_lockfile(&self) -> Option<&Lockfile> {
        match &self.decided.lock {
            LockfileAction::Write { old, .. } => old.as_deref(),
            LockfileAction::Ignore | LockfileAction::Require => None,
        }
    }

    /// Whether this installation writes the lockfile.
    pub(crate) fn locks(&self, resolved: &Resolved) -> bool {
        let is_written = matches!(self.decided.lock, LockfileAction::Write { .. });
        is_written && resolved.lockfile.is_some() && resolved.lockfile.as_ref() != self.previous_lockfile()
    }

    /// Whether a signer other than the recorded one is accepted. A failed query is still an error.
    pub(super) fn changes_the_signer(&self) -> bool {
        let recorded = self.lockfile.as_ref().and_then(|lockfile| lockfile.signer.as_ref());
        self.options.signers.accept_change && recorded.is_some()
    }

    /// Whether the binary is for the current platform, so that it can be started.
    pub(crate) fn runs_here(&self) -> bool {
        self.options.host == Some(self.options.target)
    }
}
