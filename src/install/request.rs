//! What is wanted of an installation.

use std::path::PathBuf;

use crate::build::SourceOrigin;
use crate::bundle::Bundle;
use crate::install::Disagreement;
use crate::install::PinInput;
use crate::install::Pinning;
use crate::install::carried;
use crate::install::pinning;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::release::RepoSlug;
use crate::release::Sha256Digest;
use crate::release::Target;
use crate::release::Tool;
use crate::release::VersionSpec;
use crate::store::Layout;
use crate::trust::TrustPolicy;

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
pub enum LockOrder {
    /// Nothing: it is obeyed, or it is none of this installation's business.
    Leave,
    /// Nothing, and whatever is not exactly what it names is refused (`--locked`).
    Obey,
    /// It is written here, with all of the release that is installed.
    Write {
        /// The file.
        path: PathBuf,
        /// What it says now.
        old: Option<Box<Lockfile>>,
    },
}

/// One installation, as the user wants it.
#[derive(Debug, Clone)]
pub struct InstallRequest {
    /// What is installed.
    pub tool: Tool,
    /// Whose releases.
    pub repository: RepoSlug,
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
    pub lock: LockOrder,
    /// For which machine.
    pub target: Target,
    /// The machine this runs on, where it is one the worker is released for.
    pub host: Option<Target>,
    /// How much proof is asked for.
    pub policy: TrustPolicy,
    /// When a local build is made.
    pub build: BuildMode,
    /// Whether the network may not be used.
    pub offline: bool,
    /// Whether to install again what is already right.
    pub force: bool,
    /// Where a checkout may lie.
    pub sources: Vec<(SourceOrigin, PathBuf)>,
    /// Where the binary goes.
    pub layout: Layout,
}

impl InstallRequest {
    /// The same wish with the project's lock as it is now.
    pub fn with_lock(self, lockfile: Option<Lockfile>) -> Result<Self, Disagreement> {
        let decided_from = PinInput { lockfile, ..self.decided_from };
        let Pinning { pin, spec, lock } = match &self.from {
            Some(bundle) => carried(decided_from.clone(), bundle, &self.tool)?,
            None => pinning(decided_from.clone(), &self.tool)?,
        };
        let keep = decided_from.lockfile.as_ref().and_then(|lockfile| lockfile.asset(self.target));
        let keep = keep.map(|asset| asset.sha256);
        Ok(Self { decided_from, spec, pin, keep, lock, ..self })
    }

    /// Whether the binary is for the machine this runs on, so that it can be tried.
    pub fn runs_here(&self) -> bool {
        self.host == Some(self.target)
    }
}
