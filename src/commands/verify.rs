//! `reproq verify`: compares the installed binary with its receipt and reproq.lock. Writes nothing, so that it can be a
//! container's health check.

use serde::Serialize;
use std::time::Duration;

use crate::cli::VerifyArgs;
use crate::commands::hints;
use crate::commands::request;
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

/// The report of `verify`.
#[derive(Debug, Serialize)]
struct VerifyReport {
    /// Whether there are no differences.
    ok: bool,
    path: String,
    /// The receipt of the installed binary.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    /// The stored attestations, verified again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attestations: Vec<VerifiedAttestation>,
    /// The locked tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<String>,
    /// Whether it was compared with GitHub.
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

pub(super) fn verify(arguments: &VerifyArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let context = request::install_context(session, &environment, Duration::ZERO, &progress);
    let target = request::target(None, None, None, session, &context)?;
    if arguments.online && session.settings.offline.value {
        return Err(CommandError::message(ExitStatus::Usage, "--online needs the network, and --offline forbids it"));
    }
    let request = request::request(request::options(None, target, session)?, session)?;
    let (installed, _) = store::rescan(&request.options.layout).map_err(|error| hints::store(&error))?;
    let receipt = match &installed {
        Installed::Intact { receipt } => Some((**receipt).clone()),
        Installed::Nothing
        | Installed::Changed { .. }
        | Installed::Removed { .. }
        | Installed::Foreign { .. }
        | Installed::NotAFile { .. } => None,
    };
    let published = match &receipt {
        Some(receipt) if arguments.online => Some(published(&request, receipt, &context)?),
        Some(_) | None => None,
    };
    let signatures = match &receipt {
        Some(receipt) => {
            install::reverify(receipt, &request, &context).map_err(|error| hints::explain(error, &request))?
        }
        None => None,
    };
    drop(progress);
    let facts = InstalledFacts {
        installed,
        executable: platform::is_executable(&request.options.layout.binary),
        lockfile: request::lockfile(session)?,
        target,
        require: request.decided.policy.require,
        published,
        signatures,
    };
    let (differences, notes) = integrity::compare(&facts);
    let status =
        differences.iter().map(status_of).max_by_key(|status| severity(*status)).unwrap_or(ExitStatus::Success);
    let report = VerifyReport {
        ok: differences.is_empty(),
        path: request.options.layout.binary.to_string_lossy().into_owned(),
        receipt,
        attestations: match facts.signatures {
            Some(Again::Proven(attestations)) => attestations,
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
    context: &InstallContext<'_>,
) -> Result<integrity::Published, CommandError> {
    install::published(receipt, context).map_err(|error| hints::explain(error, request))
}

fn line(difference: Difference) -> Line {
    let (sentence, exit_code) = (difference.to_string(), status_of(&difference).code());
    let hint = hint(&difference).to_owned();
    Line { difference, sentence, exit_code, hint }
}

/// The exit status of a difference.
const fn status_of(difference: &Difference) -> ExitStatus {
    match difference {
        Difference::NotInstalled | Difference::Removed { .. } => ExitStatus::NotFound,
        Difference::Changed { .. }
        | Difference::Foreign { .. }
        | Difference::OtherBytes { .. }
        | Difference::BelowRequired { .. }
        | Difference::AttestationsMissing { .. }
        | Difference::AttestationsInvalid { .. }
        | Difference::ChangedOnGitHub { .. } => ExitStatus::Unverified,
        Difference::NotAFile { .. } => ExitStatus::Conflict,
        Difference::NotExecutable => ExitStatus::NotPermitted,
        Difference::OtherTarget { .. } | Difference::OtherRelease { .. } | Difference::NotLocked { .. } => {
            ExitStatus::Pending
        }
        Difference::NotQueried { .. } => ExitStatus::Unavailable,
    }
}

/// The difference with the highest severity determines the exit code.
const fn severity(status: ExitStatus) -> u8 {
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
        Difference::Changed { .. } => "find out what changed it; `reproq install` restores the verified binary",
        Difference::Foreign { .. } => {
            "find out where it came from; `reproq install` replaces it with a verified binary"
        }
        Difference::NotAFile { .. } => "move it away, then run `reproq install`",
        Difference::NotExecutable => "run as the user who installed it, or restore its mode with `chmod 755`",
        Difference::OtherTarget { .. } | Difference::OtherRelease { .. } => {
            "`reproq install` installs the locked release"
        }
        Difference::OtherBytes { .. } => {
            "`reproq install` installs the locked bytes; find out why two assets were published under one name"
        }
        Difference::NotLocked { .. } => "add it with `reproq lock`, if the release has one",
        Difference::BelowRequired { required, .. } if required.is_signed() => {
            "verify it with `reproq install`; to remove a signer from reproq.lock, run `reproq lock --accept-signer-change`"
        }
        Difference::BelowRequired { .. } => {
            "install a release with stronger evidence, or lower the requirement with `--require LEVEL`"
        }
        Difference::AttestationsMissing { .. } => "fetch them again with `reproq install --force`",
        Difference::AttestationsInvalid { .. } => {
            "do not run it until you know why; `reproq install --force` reinstalls and verifies it, with a build of reproq that can"
        }
        Difference::ChangedOnGitHub { .. } => "a published asset must never change: ask the maintainers what happened",
        Difference::NotQueried { .. } => "run the same command again; the files on disk were compared anyway",
    }
}

impl Report for VerifyReport {
    const SCHEMA: &'static str = "reproq.verify/2";

    fn human(&self, out: &mut TextReport) {
        if self.ok && out.is_quiet() {
            return;
        }
        match (&self.receipt, self.ok) {
            (Some(receipt), true) => {
                let against = if self.locked.is_some() { "its receipt and reproq.lock" } else { "its receipt" };
                out.strong(&format!("Verified {}: it matches {against}.", receipt.label()));
                let mut pairs = vec![
                    ("path", self.path.clone()),
                    ("sha256", receipt.sha256.to_string()),
                    ("verdict", format!("{}: {}", receipt.verdict, receipt.verdict.meaning())),
                ];
                pairs.extend(signatures::pairs(&self.attestations, &receipt.evidence));
                out.pairs(&pairs);
            }
            (_, _) => {
                out.strong(&format!("{} failed verification.", self.path));
                for line in &self.differences {
                    out.line(&format!("  {}", line.sentence));
                    out.line(&format!("    hint: {}", line.hint));
                }
            }
        }
        for note in &self.notes {
            out.faint(&format!("  note: {note}"));
        }
    }
}
