//! The reports of an installation: what was done, what would be done, and which binary will run.

use serde::Serialize;

use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::session::Session;
use crate::commands::signatures;
use crate::commands::which;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install::InstallPlan;
use crate::flows::install::InstallReason;
use crate::flows::install::InstallRequest;
use crate::flows::install::Outcome;
use crate::lockfile;
use crate::model::text::size;
use crate::platform;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Finding;
use crate::trust::Level;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::store::Layout;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;
use crate::worker::which::Candidate;
use crate::worker::which::Resolution;

/// What an installation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// Nothing; the binary was up to date.
    Unchanged,
    /// Installed a binary.
    Installed,
    /// Restored a changed or missing binary.
    Repaired,
}

/// The report of `install`.
#[derive(Debug, Serialize)]
struct InstallReport {
    change: Change,
    /// Why it was necessary.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    /// The path of the binary.
    path: String,
    receipt: Receipt,
    /// How the locked bytes were verified when they were locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_as: Option<LockedAs>,
    /// The lockfile that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<Locked>,
    /// Which binary will run.
    #[serde(skip_serializing_if = "Option::is_none")]
    which: Option<WillRun>,
}

/// The verdict at the time of locking. The lockfile by itself only pins the bytes.
#[derive(Debug, Serialize)]
struct LockedAs {
    verdict: Level,
    evidence: Vec<String>,
}

/// The lockfile that was written.
#[derive(Debug, Serialize)]
struct Locked {
    path: String,
    tag: String,
    /// The platforms with a locked asset.
    targets: Vec<String>,
}

/// Which binary will run after the installation.
#[derive(Debug, Serialize)]
struct WillRun {
    path: Option<String>,
    /// What selects it, if it is not the binary just installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    named_by: Option<String>,
    /// Why it cannot run.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// Why the Django settings were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    django_not_queried: Option<String>,
    /// The path of this command, which Django starts from `PATH` in a directory without the installed worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    command_on_path: Option<String>,
}

/// The report of `install --dry-run`.
#[derive(Debug, Serialize)]
#[serde(tag = "would", rename_all = "snake_case")]
enum PreviewReport {
    Nothing {
        path: String,
        receipt: Box<Receipt>,
    },
    Download {
        because: String,
        tag: String,
        asset: String,
        url: String,
        size: Option<u64>,
        verdict: Level,
        /// The workflow that its attestation names.
        signer: Option<String>,
        cached: bool,
        /// Whether it would write reproq.lock.
        locks: bool,
        path: String,
    },
    Build {
        because: String,
        instead_of_a_release: String,
        source: String,
        path: String,
    },
}

pub(super) fn show_plan(
    plan: InstallPlan,
    request: &InstallRequest,
    exit_code: bool,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let path = request.options.layout.binary.to_string_lossy().into_owned();
    let report = match plan {
        InstallPlan::UpToDate(receipt) => PreviewReport::Nothing { path, receipt },
        InstallPlan::Install { work, resolved } => PreviewReport::Download {
            because: work.to_string(),
            tag: resolved.tag.to_string(),
            asset: resolved.asset.name.clone(),
            url: resolved.url.clone(),
            size: resolved.asset.size,
            verdict: resolved.verdict,
            signer: resolved.signer(),
            cached: resolved.is_cached,
            locks: request.locks(&resolved),
            path,
        },
        InstallPlan::Build { work, because, source } => {
            PreviewReport::Build { because: work.to_string(), instead_of_a_release: because.to_string(), source, path }
        }
    };
    session.ui.report(&report)?;
    let pending = !matches!(report, PreviewReport::Nothing { .. });
    Ok(if pending && exit_code { ExitStatus::Pending } else { ExitStatus::Success })
}

pub(in crate::commands) fn show_outcome(
    outcome: Outcome,
    request: &InstallRequest,
    no_django: bool,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let change = match &outcome.work {
        None => Change::Unchanged,
        Some(work) if work.is_repair() => Change::Repaired,
        Some(_) => Change::Installed,
    };
    // `which` covers only the project's binary for this platform.
    let in_project = is_in_project(request, session) && request.runs_here();
    // If there is nothing to do, starting Django would take longer than everything else.
    let ask = if no_django || change == Change::Unchanged { AskDjango::No } else { AskDjango::Settings(django::LIMIT) };
    let resolution = in_project.then(|| which::resolve(session, request.options.target, ask));
    let path = request.options.layout.binary.to_string_lossy().into_owned();
    let overruled = resolution.as_ref().and_then(|resolution| overruled(resolution, request));
    let report = InstallReport {
        change,
        because: outcome.work.as_ref().filter(|work| !matches!(work, InstallReason::Fresh)).map(ToString::to_string),
        path,
        receipt: outcome.receipt,
        locked_as: request
            .decided
            .pin
            .as_ref()
            .filter(|_| outcome.work.is_some())
            .map(|pin| LockedAs { verdict: pin.asset.verdict, evidence: pin.asset.evidence.clone() }),
        locked: outcome.locked.as_ref().map(|lockfile| Locked {
            path: lockfile::path_in(&session.project.root).to_string_lossy().into_owned(),
            tag: lockfile.tag.to_string(),
            targets: lockfile.assets.iter().map(|asset| asset.target.to_string()).collect(),
        }),
        which: resolution.as_ref().map(|resolution| WillRun {
            path: resolution.winner().and_then(shown_path),
            named_by: overruled.map(|winner| winner.source.to_string()),
            fault: resolution.winner().and_then(|winner| winner.fault.as_ref()).map(which::fault_in_words),
            django_not_queried: resolution.django_not_queried().map(str::to_owned),
            command_on_path: resolution.command_behind_worker().map(|path| path.to_string_lossy().into_owned()),
        }),
    };
    if report.receipt.verdict == Level::Unverified && change != Change::Unchanged {
        session.ui.warn(
            "this binary is not verified by any published evidence; it was accepted because of --allow-unverified",
        );
    }
    for (source, reason) in report.unread() {
        session.ui.warn(&format!("{source} could not be read and was ignored: {reason}"));
    }
    if let Some(winner) = overruled {
        let path = shown_path(winner).unwrap_or_else(|| "no usable binary".to_owned());
        session
            .ui
            .warn(&format!("{} selects {path}, which takes precedence over the binary just installed", winner.source));
        session.ui.hint(&format!("remove {}, or install to that path with `--to`", winner.source));
    }
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

fn is_in_project(request: &InstallRequest, session: &Session<'_>) -> bool {
    request.options.layout == Layout::in_project(&session.project.root, &request.options.tool, request.options.target)
}

/// The candidate that takes precedence over the binary just installed, if there is one.
fn overruled<'a>(resolution: &'a Resolution, request: &InstallRequest) -> Option<&'a Candidate> {
    let placed = platform::real_path(&request.options.layout.binary);
    resolution.wins_over(&placed)
}

fn shown_path(candidate: &Candidate) -> Option<String> {
    candidate.path.as_ref().map(|path| path.to_string_lossy().into_owned())
}

impl Report for InstallReport {
    const SCHEMA: &'static str = "reproq.install/2";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return;
        }
        let receipt = &self.receipt;
        let label = receipt.label();
        match (self.change, &self.because) {
            (Change::Unchanged, _) => {
                return out.line(&format!("{label} is already installed at {} (`{}`).", self.path, receipt.verdict));
            }
            (Change::Installed, None) => out.strong(&format!("Installed {label}.")),
            (Change::Installed, Some(because)) => out.strong(&format!("Installed {label}: {because}.")),
            (Change::Repaired, because) => {
                let because = because.as_deref().unwrap_or_default();
                out.strong(&format!("Repaired {label}: {because}."));
            }
        }
        let mut pairs = vec![("path", self.path.clone()), ("target", receipt.target.to_string())];
        pairs.push(("size", size(receipt.size)));
        pairs.push(("sha256", receipt.sha256.to_string()));
        pairs.push(("verdict", format!("{}: {}", receipt.verdict, receipt.verdict.meaning())));
        if let Some(LockedAs { verdict, evidence }) = &self.locked_as {
            pairs.push(("locked as", format!("{verdict}, by {}", evidence.join(" and "))));
        }
        pairs.extend(origin_pairs(&receipt.origin));
        pairs.extend(signatures::pairs(&receipt.attestations, &receipt.evidence));
        out.pairs(&pairs);
        for statement in
            receipt.evidence.iter().filter(|statement| !signatures::is_shown_as_attestation(&statement.source))
        {
            let source = &statement.source;
            let stated = match &statement.finding {
                Finding::Found { sha256 } => format!("{source} agrees ({})", sha256.short()),
                Finding::Absent { reason } => format!("none from {source}: {reason}"),
                Finding::Unknown { reason, .. } => format!("{source} could not be read: {reason}"),
            };
            out.faint(&format!("  evidence: {stated}"));
        }
        for note in &receipt.notes {
            out.faint(&format!("  note: {note}"));
        }
        if let Some(locked) = &self.locked {
            let targets = locked.targets.join(", ");
            out.line(&format!("Locked {} for {targets} in reproq.lock; commit it.", locked.tag));
        }
        if let Some(which) = &self.which {
            out.line(&format!("What will run: {}", which.in_words()));
            if let Some(command) = &which.command_on_path {
                out.line(&format!("Django looks for it in this order: {}.", which::ORDER));
                out.line(&format!(
                    "On PATH, `reproq` is this command ({command}): start Django in this directory, or set REPROQ_WORKER_BIN."
                ));
            }
        }
    }
}

impl InstallReport {
    /// The checksum files that could not be read.
    fn unread(&self) -> Vec<(String, String)> {
        let is_new = self.change != Change::Unchanged;
        let of_file = |statement: &&Evidence| {
            is_new && matches!(statement.source, EvidenceSource::SumsFile { .. } | EvidenceSource::Sidecar { .. })
        };
        let unread = self.receipt.evidence.iter().filter(of_file).filter_map(|statement| match &statement.finding {
            Finding::Unknown { reason, .. } => Some((statement.source.to_string(), reason.clone())),
            Finding::Found { .. } | Finding::Absent { .. } => None,
        });
        unread.collect()
    }
}

impl WillRun {
    fn in_words(&self) -> String {
        let path = self.path.as_deref().unwrap_or("its value");
        let found = match &self.fault {
            Some(fault) => format!("nothing, because {path} {fault}"),
            None => path.to_owned(),
        };
        match &self.django_not_queried {
            Some(reason) => format!("{found}, unless settings.REPROQ_WORKER_BIN selects another binary: {reason}"),
            None => found,
        }
    }
}

fn origin_pairs(origin: &ReceiptOrigin) -> Vec<(&'static str, String)> {
    match origin {
        ReceiptOrigin::Release { repository, tag, asset } => {
            let member = asset.member.as_ref().map(|member| format!(", member {member}")).unwrap_or_default();
            vec![("from", format!("{} of {repository} {tag}{member}", asset.name))]
        }
        ReceiptOrigin::Build(build) => {
            let commit = build.commit.as_deref().map_or("unknown commit", |commit| &commit[..commit.len().min(12)]);
            let dirty = if build.dirty == Some(true) { ", with uncommitted changes" } else { "" };
            vec![
                ("from", format!("{} at {commit}{dirty}", build.source)),
                ("built by", build.go_version.clone()),
                ("because", build.reason.clone()),
            ]
        }
    }
}

impl Report for PreviewReport {
    const SCHEMA: &'static str = "reproq.install-plan/2";

    fn human(&self, out: &mut TextReport) {
        match self {
            Self::Nothing { path, receipt } => {
                out.line(&format!(
                    "Nothing to do: {} is installed at {path} (`{}`).",
                    receipt.label(),
                    receipt.verdict
                ));
            }
            Self::Download { because, tag, asset, url, size: bytes, verdict, signer, cached, locks, path } => {
                out.strong(&format!("Would install {tag}: {because}."));
                let bytes = bytes.map_or_else(|| "unknown".to_owned(), size);
                let from = if *cached { format!("the cache, published at {url}") } else { url.clone() };
                let mut pairs = vec![
                    ("download", asset.clone()),
                    ("from", from),
                    ("size", bytes),
                    ("verdict", format!("{verdict}: {}", verdict.meaning())),
                ];
                pairs.extend(signer.iter().map(|workflow| ("attested by", workflow.clone())));
                pairs.push(("install to", path.clone()));
                if *locks {
                    pairs.push(("write", "reproq.lock".to_owned()));
                }
                out.pairs(&pairs);
            }
            Self::Build { because, instead_of_a_release, source, path } => {
                out.strong(&format!("Would build the worker: {because}."));
                out.pairs(&[
                    ("from", source.clone()),
                    ("because", instead_of_a_release.clone()),
                    ("install to", path.clone()),
                ]);
            }
        }
    }
}
