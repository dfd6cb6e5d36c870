//! `reproq trust`: whose keys proofs are verified with, and how old that knowledge is.

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::attestation;
use crate::attestation::Instance;
use crate::attestation::Role;
use crate::attestation::Root;
use crate::attestation::Roots;
use crate::attestation::Source;
use crate::attestation::Window;
use crate::cli::TrustCommand;
use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::session::Session;
use crate::ui::Paper;
use crate::ui::Report;

/// The trusted roots.
#[derive(Debug, Serialize)]
struct TrustReport {
    /// Whether this build can verify attestations at all.
    can_verify: bool,
    roots: Vec<RootLine>,
}

#[derive(Debug, Serialize)]
struct RootLine {
    instance: Instance,
    source: Source,
    sha256: String,
    /// Until when it is known to have every key.
    complete_until: Option<DateTime<Utc>>,
    keys: Vec<Window>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// Runs one of the commands about trusted roots.
pub(super) fn trust(command: &TrustCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        TrustCommand::Show => {
            let line = |root: &Root| RootLine {
                instance: root.instance,
                source: root.source.clone(),
                sha256: root.sha256.to_string(),
                complete_until: root.complete_until(),
                keys: root.windows.clone(),
                warning: root.age_warning(session.now),
            };
            let roots = Roots::embedded().iter().map(line).collect();
            session.ui.report(&TrustReport { can_verify: attestation::is_available(), roots })?;
        }
    }
    Ok(ExitStatus::Success)
}

impl Report for TrustReport {
    const SCHEMA: &'static str = "reproq.trust/1";

    fn human(&self, paper: &mut Paper) {
        if !self.can_verify {
            paper.strong("This build of reproq cannot verify attestations.");
        }
        for (index, root) in self.roots.iter().enumerate() {
            if index > 0 {
                paper.blank();
            }
            root.human(paper);
        }
    }
}

impl RootLine {
    fn human(&self, paper: &mut Paper) {
        paper.strong(&format!("{}: {}", self.instance, used_for(self.instance)));
        let from = match &self.source {
            Source::Embedded { on } => format!("part of this program, as of {on}"),
            Source::File { path } => path.clone(),
        };
        paper.pairs(&[("root", from), ("sha256", self.sha256.clone())]);
        let heading = ["  key", "of", "from", "until"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(heading).chain(self.keys.iter().map(row)).collect();
        paper.table(&rows);
        if let Some(warning) = &self.warning {
            paper.line(&format!("  warning: {warning}"));
        }
    }
}

fn row(window: &Window) -> Vec<String> {
    let role = match window.role {
        Role::CertificateAuthority => "  certificates",
        Role::TimestampAuthority => "  timestamps",
        Role::TransparencyLog => "  log of signatures",
        Role::CertificateLog => "  log of certificates",
    };
    let day = |time: Option<DateTime<Utc>>| time.map_or_else(|| "-".to_owned(), |time| time.date_naive().to_string());
    vec![role.to_owned(), window.name.clone(), day(window.start), day(window.end)]
}

const fn used_for(instance: Instance) -> &'static str {
    match instance {
        Instance::PublicGood => "builds of public repositories",
        Instance::GitHub => "builds of private repositories, and releases",
        Instance::Other => "whatever its owner signs",
    }
}
