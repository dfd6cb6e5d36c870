//! `reproq which`: the resolution order of the worker binary, and why each candidate won or lost.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::cli::WhichArgs;
use crate::commands::request;
use crate::commands::session::Session;
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
use crate::worker::which::DjangoAnswer;
use crate::worker::which::DjangoQuestion;
use crate::worker::which::Fault;
use crate::worker::which::Resolution;
use crate::worker::which::SurveyInput;
use crate::worker::which::Verdict;

/// Whether Django is asked, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) enum AskDjango {
    /// It is asked.
    Within(Duration),
    /// It is not.
    No,
}

/// How often is looked again while binaries take each other's place, each of which takes a download.
const LOOKS: usize = 10;

/// What the receipts of the project say of the bytes that will run. A receipt is about bytes with its digest and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum OnReceipt {
    /// A receipt is about them.
    Known {
        /// What people call it: a tag, or a version that was built here.
        label: String,
        /// Their digest.
        sha256: Sha256Digest,
        /// How well they are verified.
        verdict: Level,
    },
    /// They are in the installed worker's place, and are not what was installed there.
    Changed {
        /// What was installed.
        label: String,
        /// The digest of that.
        expected: Sha256Digest,
        /// Their digest.
        found: Sha256Digest,
    },
    /// They are in the installed worker's place, and no receipt is about them.
    Foreign {
        /// Their digest.
        found: Sha256Digest,
    },
}

/// The report of `which`.
#[derive(Debug, Serialize)]
struct WhichReport {
    /// The winner's path, if it can run.
    path: Option<String>,
    /// What the receipts say of the winner's bytes; nothing where they are not what is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    installed: Option<OnReceipt>,
    #[serde(flatten)]
    resolution: Resolution,
    #[serde(skip)]
    all: bool,
}

/// Answers.
pub(super) fn which(arguments: &WhichArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let ask = if arguments.no_django {
        AskDjango::No
    } else {
        AskDjango::Within(arguments.django_timeout.max(Duration::from_secs(1)))
    };
    let target = request::host_target(session)
        .map_err(|error| CommandError::new(ExitStatus::NotFound, error).hint("no worker runs on this machine"))?;
    let layout = Layout::in_project(&session.project.root, &Tool::WORKER, target);
    let django = ask_django(session, target, ask);
    let (resolution, installed) = of_one_moment(&layout, || {
        let resolution = survey(session, target, django.clone());
        let installed = resolution.runnable().and_then(|path| on_receipt(path, &layout));
        (resolution, installed)
    });
    let faulty = resolution.winner().is_some_and(|winner| winner.fault.is_some());
    for warning in resolution.warnings.iter().filter(|_| !faulty) {
        session.ui.warn(&warning.message);
        session.ui.hint(&warning.hint);
    }
    let path = resolution.runnable().map(|path| path.to_string_lossy().into_owned());
    if path.is_none() {
        return Err(nothing_runs(&resolution, session));
    }
    if let Some(OnReceipt::Changed { .. } | OnReceipt::Foreign { .. }) = &installed {
        session.ui.warn("the worker that will run is not what was installed");
        session.ui.hint("run `reproq install` to put the installed one back; `reproq verify` says what differs");
    }
    let report = WhichReport { path, installed, resolution, all: arguments.all };
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

/// Looks until no installation has put another binary in place meanwhile, so that all of the answer is about one of them.
fn of_one_moment<Seen>(layout: &Layout, look: impl Fn() -> Seen) -> Seen {
    for _ in 0..LOOKS {
        let before = store::glance(layout);
        let seen = look();
        if before == store::glance(layout) {
            return seen;
        }
    }
    look()
}

/// Looks at every candidate and decides.
pub(super) fn resolve(session: &Session<'_>, target: Target, ask: AskDjango) -> Resolution {
    survey(session, target, ask_django(session, target, ask))
}

fn ask_django(session: &Session<'_>, target: Target, ask: AskDjango) -> DjangoAnswer {
    match ask {
        AskDjango::Within(limit) => {
            session.ui.debug("asking Django for settings.REPROQ_WORKER_BIN");
            let root = session.project.root.as_path();
            which::ask(&DjangoQuestion { target, root, environment: &environment(session), limit })
        }
        AskDjango::No => DjangoAnswer::Skipped { reason: "Django was not asked".to_owned() },
    }
}

fn survey(session: &Session<'_>, target: Target, django: DjangoAnswer) -> Resolution {
    let around = SurveyInput {
        target,
        root: session.project.root.as_path(),
        cwd: &session.env.cwd,
        environment: &environment(session),
        own: session.env.own_executable.as_deref(),
    };
    which::decide(&which::survey(&around, django, &identify))
}

fn environment(session: &Session<'_>) -> Vec<(OsString, OsString)> {
    session.env.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What an executable is, read from its bytes.
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

/// What the receipts say of the file at this path, which another place than the project's may name.
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
    // A copy of what is installed is as good; of another size it is none, and need not be read.
    let Installed::Intact { receipt } = installed else { return None };
    let is_copy = bounded_read::open_regular(path).is_ok_and(|(_, metadata)| metadata.len() == receipt.size)
        && hash_file(path).is_ok_and(|sha256| sha256 == receipt.sha256);
    is_copy.then(|| known(&receipt))
}

fn nothing_runs(resolution: &Resolution, session: &Session<'_>) -> CommandError {
    if let Some((winner, fault)) = resolution.winner().and_then(|winner| Some((winner, winner.fault.as_ref()?))) {
        let path = winner.path.as_deref().map(|path| format!(" `{}`", path.display())).unwrap_or_default();
        let fault = fault_in_words(fault);
        let message =
            format!("{} names{path}, which {fault}; the Django side does not look any further", winner.source);
        let failure = CommandError::message(ExitStatus::NotFound, message);
        return resolution.warnings.iter().fold(failure, |failure, warning| failure.hint(&warning.hint));
    }
    let looked: Vec<String> = resolution
        .candidates
        .iter()
        .map(|candidate| format!("{}: {}", candidate.source, verdict_in_words(candidate)))
        .collect();
    CommandError::message(ExitStatus::NotFound, "no worker was found")
        .details(looked)
        .hint(format!("run `reproq install` in {}", session.project.root.display()))
}

impl Report for WhichReport {
    const SCHEMA: &'static str = "reproq.which/1";

    fn human(&self, paper: &mut TextReport) {
        let Some(path) = &self.path else { return };
        if paper.is_quiet() {
            return paper.line(path);
        }
        paper.strong(path);
        match &self.installed {
            Some(OnReceipt::Known { label, sha256, verdict }) => {
                paper.faint(&format!("  {label}, verified as `{verdict}`, sha256 {sha256}"));
            }
            Some(OnReceipt::Changed { label, expected, found }) => {
                paper.line(&format!(
                    "  changed since {label} was installed: sha256 {found}, its receipt says {expected}"
                ));
            }
            Some(OnReceipt::Foreign { found }) => {
                paper.line(&format!("  not installed by this program: no receipt is about sha256 {found}"));
            }
            None => {}
        }
        paper.blank();
        for (index, candidate) in self.resolution.candidates.iter().enumerate() {
            let unremarkable = matches!(candidate.verdict, Verdict::NotSet) && candidate.notes.is_empty();
            if unremarkable && !self.all {
                continue;
            }
            paper.line(&format!("{}. {}: {}", index + 1, candidate.source, verdict_in_words(candidate)));
            if let Some(path) = &candidate.path {
                paper.line(&format!("     {}", path.display()));
            }
            for note in identity_note(candidate).iter().chain(&candidate.notes) {
                paper.faint(&format!("     {note}"));
            }
        }
    }
}

fn identity_note(candidate: &Candidate) -> Option<String> {
    match candidate.identity.as_ref()? {
        CandidateIdentity::Worker { version: Some(version) } => Some(format!("the worker, version {version}")),
        CandidateIdentity::Worker { version: None } => Some("the worker, by its Go build information".to_owned()),
        CandidateIdentity::NotWorker { .. } => None,
        CandidateIdentity::Unknown { reason } => Some(format!("not known to be the worker: {reason}")),
    }
}

fn verdict_in_words(candidate: &Candidate) -> String {
    match &candidate.verdict {
        Verdict::Winner => "this one runs".to_owned(),
        Verdict::Shadowed { by } => format!("passed over, number {} comes first", by + 1),
        Verdict::NotSet => "not set".to_owned(),
        Verdict::Missing => "nothing is there".to_owned(),
        Verdict::NotAFile => "passed over, it is no file".to_owned(),
        Verdict::NotExecutable => "passed over, it may not be executed".to_owned(),
        Verdict::Ourselves { .. } => "passed over, it is this command".to_owned(),
        Verdict::NotTheWorker { reason } => format!("passed over, it is not the worker: {reason}"),
        Verdict::Skipped { reason } => format!("skipped: {reason}"),
        Verdict::Unusable { reason } => format!("not known: {reason}"),
    }
}

pub(super) fn fault_in_words(fault: &Fault) -> String {
    match fault {
        Fault::Missing => "is not there".to_owned(),
        Fault::NotAFile => "is no file".to_owned(),
        Fault::NotExecutable => "may not be executed".to_owned(),
        Fault::Ourselves { .. } => "is this very command and not the worker".to_owned(),
        Fault::WrongType { found } => format!("is a Python `{found}` and not a path"),
    }
}
