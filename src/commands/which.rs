//! `reproq which`: shows the resolution order of the worker binary, and why each candidate was selected or not.

use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::WhichArgs;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::request;
use crate::commands::session::Session;
use crate::django::DjangoAnswer;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::io::fs::hashing_writer::hash_file;
use crate::model::Sha256Digest;
use crate::model::Target;
use crate::model::Tool;
use crate::platform;
use crate::trust::Level;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::executable;
use crate::worker::store;
use crate::worker::store::Installed;
use crate::worker::store::Layout;
use crate::worker::store::Receipt;
use crate::worker::which;
use crate::worker::which::Candidate;
use crate::worker::which::CandidateIdentity;
use crate::worker::which::Fault;
use crate::worker::which::Resolution;
use crate::worker::which::SurveyInput;
use crate::worker::which::Verdict;

/// The order in which Django looks for the worker.
pub(super) const ORDER: &str = "settings.REPROQ_WORKER_BIN, the variable REPROQ_WORKER_BIN, ./.reproq/bin/reproq, the package \
                                reproq_django, PATH";

/// The maximum number of attempts while other processes keep installing binaries, each of which takes a download.
const MAX_ATTEMPTS: usize = 10;

/// What the receipts of the project say about the binary that will run. A receipt applies only to bytes with its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum OnReceipt {
    /// The binary has a receipt.
    Known {
        /// A tag, or the version of a local build.
        label: String,
        sha256: Sha256Digest,
        verdict: Level,
    },
    /// The installed worker has been modified.
    Changed {
        /// The installed version.
        label: String,
        expected: Sha256Digest,
        found: Sha256Digest,
    },
    /// The file at the path of the installed worker has no receipt.
    Foreign { found: Sha256Digest },
}

/// The report of `which`.
#[derive(Debug, Serialize)]
struct WhichReport {
    /// The path of the selected binary, if it can run.
    path: Option<String>,
    /// What the receipts say about the selected binary; `None` if it is not the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    installed: Option<OnReceipt>,
    #[serde(flatten)]
    resolution: Resolution,
    #[serde(skip)]
    all: bool,
}

/// The binary that runs, and what the receipts say about it.
pub(super) struct SelectedWorker {
    pub(super) path: PathBuf,
    pub(super) installed: Option<OnReceipt>,
    resolution: Resolution,
}

/// Selects the binary. Warnings are printed.
pub(super) fn select(session: &Session<'_>, ask: AskDjango) -> Result<SelectedWorker, CommandError> {
    let target = request::host_target(session)
        .map_err(|error| CommandError::new(ExitStatus::NotFound, error).hint("there is no worker for this platform"))?;
    let layout = Layout::in_project(&session.project.root, &Tool::WORKER, target);
    let django = django::answer(session, ask);
    let (resolution, installed) = consistent_snapshot(&layout, || {
        let resolution = survey(session, target, django.clone());
        let installed = resolution.runnable().and_then(|path| on_receipt(path, &layout));
        (resolution, installed)
    });
    let faulty = resolution.winner().is_some_and(|winner| winner.fault.is_some());
    for warning in resolution.warnings.iter().filter(|_| !faulty) {
        session.ui.warn(&warning.message);
        session.ui.hint(&warning.hint);
    }
    let Some(path) = resolution.runnable().map(Path::to_owned) else {
        return Err(nothing_runs(&resolution, session));
    };
    Ok(SelectedWorker { path, installed, resolution })
}

pub(super) fn which(arguments: &WhichArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let ask = if arguments.django.no_django { AskDjango::No } else { AskDjango::Settings(arguments.django_timeout) };
    let SelectedWorker { path, installed, resolution } = select(session, ask)?;
    match &installed {
        Some(OnReceipt::Changed { .. }) => {
            session.ui.warn("the worker that will run differs from the one that was installed");
            session.ui.hint("run `reproq install` to restore it, or `reproq verify` to see the differences");
        }
        Some(OnReceipt::Foreign { .. }) => {
            session.ui.warn("the worker that will run was not installed by reproq, so it is not verified");
            session.ui.hint("run `reproq install` to replace it with a verified worker");
        }
        Some(OnReceipt::Known { .. }) | None => {}
    }
    let path = Some(path.to_string_lossy().into_owned());
    let report = WhichReport { path, installed, resolution, all: arguments.all };
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

/// Repeats the read until no other process replaced the binary during it, so that the result is about one binary.
fn consistent_snapshot<T>(layout: &Layout, read: impl Fn() -> T) -> T {
    for _ in 0..MAX_ATTEMPTS {
        let before = store::glance(layout);
        let result = read();
        if before == store::glance(layout) {
            return result;
        }
    }
    read()
}

/// Examines every candidate and selects one.
pub(super) fn resolve(session: &Session<'_>, target: Target, ask: AskDjango) -> Resolution {
    survey(session, target, django::answer(session, ask))
}

fn survey(session: &Session<'_>, target: Target, django: DjangoAnswer) -> Resolution {
    let around = SurveyInput {
        target,
        root: session.project.root.as_path(),
        cwd: &session.env.cwd,
        environment: &request::environment(session),
        own: session.env.own_executable.as_deref(),
    };
    which::decide(&which::survey(&around, django, &identify))
}

/// Identifies an executable by its bytes.
fn identify(path: &Path) -> CandidateIdentity {
    let inspection = match executable::inspect(path) {
        Ok(inspection) => inspection,
        Err(error) => return CandidateIdentity::Unknown { reason: error.to_string() },
    };
    match executable::is_worker(&inspection, &Tool::WORKER) {
        executable::ExecutableIdentity::Worker { version } => {
            CandidateIdentity::Worker { version: version.map(|version| version.to_string()) }
        }
        executable::ExecutableIdentity::NotWorker { reason } => CandidateIdentity::NotWorker { reason },
        executable::ExecutableIdentity::Unknown { reason } => CandidateIdentity::Unknown { reason },
    }
}

/// What the receipts say about the file at this path, which may be outside of the project.
fn on_receipt(path: &Path, layout: &Layout) -> Option<OnReceipt> {
    let (installed, _) = store::scan(layout).ok()?;
    let known = |receipt: &Receipt| OnReceipt::Known {
        label: receipt.label(),
        sha256: receipt.sha256,
        verdict: receipt.verdict,
    };
    if platform::real_path(path) == platform::real_path(&layout.binary) {
        return match installed {
            Installed::Intact { receipt } => Some(known(&receipt)),
            Installed::Changed { receipt, found } => {
                Some(OnReceipt::Changed { label: receipt.label(), expected: receipt.sha256, found })
            }
            Installed::Foreign { found } => Some(OnReceipt::Foreign { found }),
            Installed::Nothing | Installed::Removed { .. } | Installed::NotAFile { .. } => None,
        };
    }
    // A copy of the installed binary counts too. A file of a different size is not read.
    let Installed::Intact { receipt } = installed else { return None };
    let is_copy = bounded_read::open_regular(path).is_ok_and(|(_, metadata)| metadata.len() == receipt.size)
        && hash_file(path).is_ok_and(|sha256| sha256 == receipt.sha256);
    is_copy.then(|| known(&receipt))
}

fn nothing_runs(resolution: &Resolution, session: &Session<'_>) -> CommandError {
    if let Some((winner, fault)) = resolution.winner().and_then(|winner| Some((winner, winner.fault.as_ref()?))) {
        let path = winner.path.as_deref().map(|path| format!(" `{}`", path.display())).unwrap_or_default();
        let fault = fault_in_words(fault);
        let message = format!("{} selects{path}, which {fault}; Django stops at this candidate", winner.source);
        let failure = CommandError::message(ExitStatus::NotFound, message);
        return resolution.warnings.iter().fold(failure, |failure, warning| failure.hint(&warning.hint));
    }
    let candidates: Vec<String> = resolution
        .candidates
        .iter()
        .map(|candidate| format!("{}: {}", candidate.source, verdict_in_words(candidate)))
        .collect();
    CommandError::message(ExitStatus::NotFound, "no worker was found")
        .details(candidates)
        .hint(format!("run `reproq install` in {}", session.project.root.display()))
}

impl Report for WhichReport {
    const SCHEMA: &'static str = "reproq.which/2";

    fn human(&self, out: &mut TextReport) {
        let Some(path) = &self.path else { return };
        if out.is_quiet() {
            return out.line(path);
        }
        out.strong(path);
        match &self.installed {
            Some(OnReceipt::Known { label, sha256, verdict }) => {
                out.faint(&format!("  {label}, verified as `{verdict}`, sha256 {sha256}"));
            }
            Some(OnReceipt::Changed { label, expected, found }) => {
                out.line(&format!("  changed since {label} was installed: sha256 {found}, the receipt has {expected}"));
            }
            Some(OnReceipt::Foreign { found }) => {
                out.line(&format!("  not installed by this program: no receipt for sha256 {found}"));
            }
            None => {}
        }
        out.blank();
        for (index, candidate) in self.resolution.candidates.iter().enumerate() {
            let unremarkable = matches!(candidate.verdict, Verdict::NotSet) && candidate.notes.is_empty();
            if unremarkable && !self.all {
                continue;
            }
            out.line(&format!("{}. {}: {}", index + 1, candidate.source, verdict_in_words(candidate)));
            if let Some(path) = &candidate.path {
                out.line(&format!("     {}", path.display()));
            }
            for note in identity_note(candidate).iter().chain(&candidate.notes) {
                out.faint(&format!("     {note}"));
            }
        }
    }
}

fn identity_note(candidate: &Candidate) -> Option<String> {
    match candidate.identity.as_ref()? {
        CandidateIdentity::Worker { version: Some(version) } => Some(format!("the worker, version {version}")),
        CandidateIdentity::Worker { version: None } => {
            Some("the worker, according to its Go build information".to_owned())
        }
        CandidateIdentity::NotWorker { .. } => None,
        CandidateIdentity::Unknown { reason } => Some(format!("could not be identified as the worker: {reason}")),
    }
}

fn verdict_in_words(candidate: &Candidate) -> String {
    match &candidate.verdict {
        Verdict::Winner => "selected".to_owned(),
        Verdict::Shadowed { by } => format!("skipped: number {} takes precedence", by + 1),
        Verdict::NotSet => "not set".to_owned(),
        Verdict::Missing => "not found".to_owned(),
        Verdict::NotAFile => "skipped: it is not a file".to_owned(),
        Verdict::NotExecutable => "skipped: it is not executable".to_owned(),
        Verdict::Ourselves { .. } => "skipped: it is this command".to_owned(),
        Verdict::NotTheWorker { reason } => format!("skipped: it is not the worker: {reason}"),
        Verdict::Skipped { reason } => format!("skipped: {reason}"),
        Verdict::Unusable { reason } => format!("unknown: {reason}"),
    }
}

pub(super) fn fault_in_words(fault: &Fault) -> String {
    match fault {
        Fault::Missing => "does not exist".to_owned(),
        Fault::NotAFile => "is not a file".to_owned(),
        Fault::NotExecutable => "is not executable".to_owned(),
        Fault::Ourselves { .. } => "is this command, not the worker".to_owned(),
        Fault::WrongType { found } => format!("is a Python `{found}`, not a path"),
    }
}
