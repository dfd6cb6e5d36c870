//! What would be started, for `--dry-run`. Of the environment only names are shown.

use serde::Serialize;

use crate::model::Sha256Digest;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::launch::LaunchPlan;
use crate::worker::launch::RemovedVariable;
use crate::worker::launch::SetVariable;

/// The report of `worker --dry-run` and its siblings.
#[derive(Debug, Serialize)]
pub(super) struct LaunchReport {
    binary: String,
    sha256: Option<Sha256Digest>,
    /// The release or build, if the binary has a receipt.
    installed: Option<String>,
    /// The program's name first.
    argv: Vec<String>,
    directory: String,
    environment: LaunchVariables,
    /// With `--prefork`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fork_server: Option<ForkServerReport>,
}

/// What a fork server imports.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ForkServerReport {
    pub python: String,
    pub settings: String,
    pub executor: String,
    /// The allow-list, whose modules are imported.
    pub imports: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LaunchVariables {
    /// Every variable of the worker.
    names: Vec<String>,
    set: Vec<SetVariable>,
    removed: Vec<RemovedVariable>,
}

impl LaunchReport {
    pub(super) fn new(plan: &LaunchPlan, fork_server: Option<ForkServerReport>) -> Self {
        let binary = plan.binary.path.display().to_string();
        Self {
            sha256: plan.binary.sha256,
            installed: plan.binary.label.clone(),
            argv: std::iter::once(&binary).chain(&plan.arguments).cloned().collect(),
            binary,
            directory: plan.directory.display().to_string(),
            environment: LaunchVariables {
                names: plan.environment.names(),
                set: plan.environment.set.clone(),
                removed: plan.environment.removed.clone(),
            },
            fork_server,
        }
    }
}

impl Report for LaunchReport {
    const SCHEMA: &'static str = "reproq.launch/1";

    fn human(&self, out: &mut TextReport) {
        out.strong(&self.argv.join(" "));
        let mut pairs = vec![("directory", self.directory.clone())];
        pairs.extend(self.installed.clone().map(|installed| ("installed", installed)));
        pairs.extend(self.sha256.map(|sha256| ("sha256", sha256.to_string())));
        out.pairs(&pairs);
        if let Some(server) = &self.fork_server {
            out.line(&format!("  imports Django once, with {} and the settings {}", server.python, server.settings));
            out.line(&format!("  imports the modules of {}", server.imports.join(", ")));
        }
        for set in &self.environment.set {
            out.line(&format!("  sets {}, from {}", set.name, set.from));
        }
        for removed in &self.environment.removed {
            out.line(&format!("  does not pass on {}, which {}", removed.name, removed.reason));
        }
    }
}
