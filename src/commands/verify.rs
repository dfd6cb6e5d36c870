//! `reproq verify`: whether what is installed is still what was accepted. Writes nothing, so that a container can ask it
//! again and again.

use serde::Serialize;
use std::time::Duration;

use crate::cli::VerifyArgs;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::request::InstallOptions;
use crate::commands::session::Session;
use crate::commands::signatures;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::integrity;
use crate::flows::integrity::Again;
use crate::flows::integrity::Difference;
use crate::flows::integrity::InstalledFacts;
use crate::platform;
use crate::trust::attestation::VerifiedAttestation;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::store;
use crate::worker::store::Installed;
use crate::worker::store::Receipt;

/// What was found.
#[derive(Debug, Serialize)]
struct VerifyReport {
    /// Whether nothing differs.
    ok: bool,
    path: String,
    /// What is installed, by its receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    /// What its kept proofs prove, verified just now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    proofs: Vec<VerifiedAttestation>,
    /// What the lock names.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<String>,
    /// Whether GitHub was asked.
    online: bool,
    differences: Vec<Line>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    difference: Difference,
    sentence: String,
    exit_code: u8,
    hint: String,
}

/// Verifies.
pub(super) fn verify(arguments: &VerifyArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let door = request::door(session, &environment, Duration::ZERO, &progress);
    let target = request::target(None, None, None, session, &door)?;
    if arguments.online && session.settings.offline.value {
        return Err(CommandError::message(ExitStatus::Usage, "--online needs the network, and --offline forbids it"));
    }
    let request = request::request(InstallOptions::plain(None, target), session)?;
    let (installed, _) = store::rescan(&request.layout).map_err(|error| hints::store(&error))?;
    let receipt = match &installed {
        Installed::Intact { receipt } => Some((**receipt).clone()),
        Installed::Nothing
        | Installed::Changed { .. }
        | Installed::Removed { .. }
        | Installed::Foreign { .. }
        | Installed::NotAFile { .. } => None,
    };
    let published = match &receipt {
        Some(receipt) if arguments.online => Some(published(&request, receipt, &door)?),
        Some(_) | None => None,
    };
    let signatures = match &receipt {
        Some(receipt) => {
            install::prove_again(receipt, &request, &door).map_err(|error| hints::explain(error, &request))?
        }
        None => None,
    };
    drop(progress);
    let facts = InstalledFacts {
        installed,
        executable: platform::is_executable(&request.layout.binary),
        lockfile: request::lockfile(session)?,
        target,
        require: request.policy.require,
        published,
        signatures,
    };
    let (differences, notes) = integrity::compare(&facts);
    let status = differences.iter().map(status_of).max_by_key(|status| gravity(*status)).unwrap_or(ExitStatus::Success);
    let report = VerifyReport {
        ok: differences.is_empty(),
        path: request.layout.binary.to_string_lossy().into_owned(),
        receipt,
        proofs: match facts.signatures {
            Some(Again::Proven(proofs)) => proofs,
            Some(Again::Gone | Again::Failed(_)) | None => Vec::new(),
        },
        locked: facts.lockfile.as_ref().map(|lockfile| lockfile.tag.to_string()),
        online: arguments.online,
        differences: differences.into_iter().map(line).collect(),
        notes,
    };
    session.ui.report(&report)?;
    Ok(status)
}

fn published(
    request: &InstallRequest,
    receipt: &Receipt,
    door: &InstallContext<'_>,
) -> Result<integrity::Published, CommandError> {
    install::published(receipt, door).map_err(|error| hints::explain(error, request))
}

fn line(difference: Difference) -> Line {
    let (sentence, exit_code) = (difference.to_string(), status_of(&difference).code());
    let hint = hint(&difference).to_owned();
    Line { difference, sentence, exit_code, hint }
}

/// Each kind has its own exit code, so that a script can tell what to do.
const fn status_of(difference: &Difference) -> ExitStatus {
    match difference {
        Difference::NotInstalled | Difference::Removed { .. } => ExitStatus::NotFound,
        Difference::Changed { .. }
        | Difference::Foreign { .. }
        | Difference::OtherBytes { .. }
        | Difference::BelowRequired { .. }
        | Difference::ProofsGone { .. }
        | Difference::NotProven { .. }
        | Difference::ChangedOnGitHub { .. } => ExitStatus::Unverified,
        Difference::NotAFile { .. } => ExitStatus::Conflict,
        Difference::NotExecutable => ExitStatus::NotPermitted,
        Difference::OtherTarget { .. } | Difference::OtherRelease { .. } | Difference::NotLocked { .. } => {
            ExitStatus::Pending
        }
        Difference::NotAsked { .. } => ExitStatus::Unavailable,
    }
}

/// Which of several decides the exit code.
const fn gravity(status: ExitStatus) -> u8 {
    match status {
        ExitStatus::Unverified => 6,
        ExitStatus::NotFound => 5,
        ExitStatus::Conflict => 4,
        ExitStatus::NotPermitted => 3,
        ExitStatus::Pending => 2,
        ExitStatus::Unavailable => 1,
        ExitStatus::Success
        | ExitStatus::Failure
        | ExitStatus::Usage
        | ExitStatus::Partial
        | ExitStatus::Interrupted => 0,
    }
}

pub(super) const fn hint(difference: &Difference) -> &'static str {
    match difference {
        Difference::NotInstalled | Difference::Removed { .. } => "install it with `reproq install`",
        Difference::Changed { .. } => "find out who changed it; `reproq install` puts the accepted bytes back",
        Difference::Foreign { .. } => "find out who placed it; `reproq install` replaces it with a proven one",
        Difference::NotAFile { .. } => "move it away, then run `reproq install`",
        Difference::NotExecutable => {
            "run as the user it was installed for, or give it back its mode: `chmod 755` on its path"
        }
        Difference::OtherTarget { .. } | Difference::OtherRelease { .. } => "`reproq install` installs what is locked",
        Difference::OtherBytes { .. } => {
            "`reproq install` installs the locked bytes; ask who published two assets under one name"
        }
        Difference::NotLocked { .. } => "`reproq lock` adds it, if the release has one",
        Difference::BelowRequired { required, .. } if required.is_signed() => {
            "`reproq install` proves it; where reproq.lock records a signer, `reproq lock --accept-signer-change` records none"
        }
        Difference::BelowRequired { .. } => {
            "install from a release that proves more, or accept less with `--require LEVEL`"
        }
        Difference::ProofsGone { .. } => "`reproq install --force` asks for them again",
        Difference::NotProven { .. } => {
            "do not run it before you know why; `reproq install --force` installs and proves it anew, with a build of reproq that can"
        }
        Difference::ChangedOnGitHub { .. } => {
            "a published asset should never change: ask the maintainers what happened"
        }
        Difference::NotAsked { .. } => "run the same command again; what is on disk was compared all the same",
    }
}

impl Report for VerifyReport {
    const SCHEMA: &'static str = "reproq.verify/1";

    fn human(&self, paper: &mut TextReport) {
        if self.ok && paper.is_quiet() {
            return;
        }
        match (&self.receipt, self.ok) {
            (Some(receipt), true) => {
                let against = if self.locked.is_some() { "its receipt and reproq.lock" } else { "its receipt" };
                paper.strong(&format!("{} is what was installed: {against} agree.", receipt.label()));
                let mut pairs = vec![
                    ("path", self.path.clone()),
                    ("sha256", receipt.sha256.to_string()),
                    ("verdict", format!("{}: {}", receipt.verdict, receipt.verdict.meaning())),
                ];
                pairs.extend(signatures::pairs(&self.proofs, &receipt.evidence));
                paper.pairs(&pairs);
            }
            (_, _) => {
                paper.strong(&format!("{} is not as it should be.", self.path));
                for line in &self.differences {
                    paper.line(&format!("  {}", line.sentence));
                    paper.line(&format!("    hint: {}", line.hint));
                }
            }
        }
        for note in &self.notes {
            paper.faint(&format!("  note: {note}"));
        }
    }
}
