//! `reproq install`: the proven worker at `./.reproq/bin/reproq`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::build::SourceOrigin;
use crate::build::candidate_sources;
use crate::cli::InstallArgs;
use crate::commands::hints;
use crate::commands::which;
use crate::commands::which::AskDjango;
use crate::config::Provenance;
use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::install;
use crate::install::BuildMode;
use crate::install::Door;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::Outcome;
use crate::install::Preview;
use crate::install::Work;
use crate::locate::Candidate;
use crate::locate::Resolution;
use crate::platform;
use crate::platform::HostFacts;
use crate::platform::host_target as target_of;
use crate::release::TagError;
use crate::release::Target;
use crate::release::TargetError;
use crate::release::Tool;
use crate::release::VersionSpec;
use crate::session::Session;
use crate::store::Layout;
use crate::store::Receipt;
use crate::store::ReceiptOrigin;
use crate::text::size;
use crate::trust::Finding;
use crate::trust::Level;
use crate::trust::TrustPolicy;
use crate::ui::Paper;
use crate::ui::Report;

/// How long Django may take to say which binary it would run.
const DJANGO_LIMIT: Duration = Duration::from_secs(5);

/// What an installation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// Everything was as it should be.
    Unchanged,
    /// A binary was placed.
    Installed,
    /// What had changed or gone was put back.
    Repaired,
}

/// What `install` did.
#[derive(Debug, Serialize)]
struct InstallReport {
    change: Change,
    /// Why there was work.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    /// Where the binary is.
    path: String,
    receipt: Receipt,
    /// Which binary will run.
    #[serde(skip_serializing_if = "Option::is_none")]
    which: Option<WillRun>,
}

/// Which binary will run after the installation.
#[derive(Debug, Serialize)]
struct WillRun {
    path: Option<String>,
    /// Who names it, where it is not the one just placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    named_by: Option<String>,
}

/// What `install --dry-run` would do.
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
        path: String,
    },
    Build {
        because: String,
        instead_of_a_release: String,
        source: String,
        path: String,
    },
}

/// Installs.
pub(super) fn install(arguments: &InstallArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment: Vec<(OsString, OsString)> =
        session.env.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let progress = session.ui.progress();
    let door = Door {
        api_url: &session.settings.api_url.value,
        server_url: &session.settings.server_url.value,
        token: session.settings.token.as_ref(),
        http: session.http.clone(),
        environment: &environment,
        lock_timeout: Duration::from_secs(arguments.lock_timeout),
        now: session.now,
        progress: &progress,
    };
    let spec = spec(arguments)?;
    let host = host_target(session);
    let target = match &arguments.target {
        Some(text) => text.parse(),
        None => host.clone(),
    };
    let target = target.map_err(|error| unknown_target(error, spec.as_ref(), session, &door))?;
    let request = request(arguments, session, host.ok(), target, spec);
    if arguments.dry_run {
        let preview = install::preview(&request, &door).map_err(|error| hints::explain(error, &request))?;
        return show_preview(preview, &request, arguments, session);
    }
    platform::watch_signals();
    let outcome = install::run(&request, &door);
    platform::yield_to_signal(outcome.as_ref().is_err_and(InstallError::is_of_a_child));
    let outcome = outcome.map_err(|error| hints::explain(error, &request))?;
    drop(progress);
    show_outcome(outcome, &request, arguments, session)
}

/// The machine this runs on, where it is one the worker is released for.
pub(super) fn host_target(session: &Session<'_>) -> Result<Target, TargetError> {
    target_of(&HostFacts::read(&|name| session.env.var(name)))
}

/// A machine without a name lists what the release has, where the release can be asked.
fn unknown_target(
    error: TargetError,
    spec: Option<&VersionSpec>,
    session: &Session<'_>,
    door: &Door<'_>,
) -> CommandError {
    if let TargetError::Shape(_) = error {
        return CommandError::message(ExitStatus::Usage, format!("--target is not usable: {error}"));
    }
    let mut failure = CommandError::new(ExitStatus::NotFound, error);
    let repository = &session.settings.repository.value;
    if !session.settings.offline.value
        && let Ok((tag, assets)) = install::released_assets(repository, spec.unwrap_or(&VersionSpec::Latest), door)
    {
        failure = failure.hint(format!("release {tag} of {repository} has {}", hints::listed(&assets)));
    }
    failure.hint("name a target the release has with `--target OS-ARCH`, or build the worker by hand with Go")
}

fn spec(arguments: &InstallArgs) -> Result<Option<VersionSpec>, CommandError> {
    let parsed = arguments.tag.as_ref().map(|text| text.parse()).transpose();
    parsed.map_err(|error: TagError| CommandError::message(ExitStatus::Usage, format!("--tag is not usable: {error}")))
}

fn request(
    arguments: &InstallArgs,
    session: &Session<'_>,
    host: Option<Target>,
    target: Target,
    spec: Option<VersionSpec>,
) -> InstallRequest {
    let tool = Tool::WORKER;
    let root = &session.project.root;
    let layout = match &arguments.to {
        Some(path) => Layout::elsewhere(elsewhere(path, session, &tool, target)),
        None => Layout::in_project(root, &tool, target),
    };
    let build = match (arguments.build, arguments.no_build) {
        (true, _) => BuildMode::Only,
        (false, true) => BuildMode::Never,
        (false, false) => BuildMode::Fallback,
    };
    InstallRequest {
        tool,
        repository: session.settings.repository.value.clone(),
        spec,
        target,
        host,
        policy: TrustPolicy { require: session.settings.require.value, allow_unverified: arguments.allow_unverified },
        build,
        offline: session.settings.offline.value,
        force: arguments.force,
        sources: sources(session),
        layout,
    }
}

/// `--to` names a file, or a folder the binary goes into.
fn elsewhere(path: &std::path::Path, session: &Session<'_>, tool: &Tool, target: Target) -> PathBuf {
    let path = session.env.cwd.join(path);
    let names_a_folder = path.is_dir() || path.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR);
    if names_a_folder { path.join(tool.installed_name(target)) } else { path }
}

/// Where a checkout may lie. A flag or variable is relative to the current folder, a setting to the project.
fn sources(session: &Session<'_>) -> Vec<(SourceOrigin, PathBuf)> {
    let named = session.settings.source.as_ref();
    let (flag, variable, setting) = match named.map(|named| (&named.from, named.value.as_path())) {
        Some((Provenance::Flag(_), path)) => (Some(path), None, None),
        Some((Provenance::Variable(_), path)) => (None, Some(path.as_os_str()), None),
        Some((Provenance::File(_) | Provenance::Default, path)) => (None, None, Some(path)),
        None => (None, None, None),
    };
    let home = session.env.home();
    let candidates = candidate_sources(flag, variable, setting, &session.project.root, home.as_deref());
    candidates.into_iter().map(|(origin, path)| (origin, session.env.cwd.join(path))).collect()
}

fn show_preview(
    preview: Preview,
    request: &InstallRequest,
    arguments: &InstallArgs,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let path = request.layout.binary.to_string_lossy().into_owned();
    let report = match preview {
        Preview::UpToDate(receipt) => PreviewReport::Nothing { path, receipt },
        Preview::Download { work, tag, asset, url, size, verdict } => {
            PreviewReport::Download { because: work.to_string(), tag: tag.to_string(), asset, url, size, verdict, path }
        }
        Preview::Build { work, because, source } => PreviewReport::Build {
            because: work.to_string(),
            instead_of_a_release: because.to_string(),
            source: source.to_string_lossy().into_owned(),
            path,
        },
    };
    session.ui.report(&report)?;
    let pending = !matches!(report, PreviewReport::Nothing { .. });
    Ok(if pending && arguments.exit_code { ExitStatus::Pending } else { ExitStatus::Success })
}

fn show_outcome(
    outcome: Outcome,
    request: &InstallRequest,
    arguments: &InstallArgs,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let change = match &outcome.work {
        None => Change::Unchanged,
        Some(work) if work.is_repair() => Change::Repaired,
        Some(_) => Change::Installed,
    };
    // What is not for this machine or not in the project is not what `which` speaks of.
    let in_project = arguments.to.is_none() && request.runs_here();
    // Asking Django takes longer than everything else when there is nothing to do.
    let ask = if arguments.no_django || change == Change::Unchanged {
        AskDjango::No
    } else {
        AskDjango::Within(DJANGO_LIMIT)
    };
    let resolution = in_project.then(|| which::resolve(session, request.target, ask));
    let path = request.layout.binary.to_string_lossy().into_owned();
    let overruled = resolution.as_ref().and_then(|resolution| overruled(resolution, request));
    let report = InstallReport {
        change,
        because: outcome.work.as_ref().filter(|work| !matches!(work, Work::Fresh)).map(ToString::to_string),
        path,
        receipt: outcome.receipt,
        which: resolution.as_ref().map(|resolution| WillRun {
            path: resolution.winner().and_then(shown_path),
            named_by: overruled.map(|winner| winner.source.to_string()),
        }),
    };
    if report.receipt.verdict == Level::Unverified && change != Change::Unchanged {
        session.ui.warn("nothing published proves this binary; it was accepted because of --allow-unverified");
    }
    if let Some(winner) = overruled {
        let path = shown_path(winner).unwrap_or_else(|| "nothing that runs".to_owned());
        session.ui.warn(&format!("{} names {path}, which wins over the binary just placed", winner.source));
        session.ui.hint(&format!("remove {}, or install there with `--to`", winner.source));
    }
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

/// The candidate that wins over the binary just placed, if one does.
fn overruled<'a>(resolution: &'a Resolution, request: &InstallRequest) -> Option<&'a Candidate> {
    let placed = platform::real_path(&request.layout.binary);
    resolution.wins_over(&placed)
}

fn shown_path(candidate: &Candidate) -> Option<String> {
    candidate.path.as_ref().map(|path| path.to_string_lossy().into_owned())
}

impl Report for InstallReport {
    const SCHEMA: &'static str = "reproq.install/1";

    fn human(&self, paper: &mut Paper) {
        if paper.is_quiet() {
            return;
        }
        let receipt = &self.receipt;
        let label = receipt.label();
        match (self.change, &self.because) {
            (Change::Unchanged, _) => {
                return paper.line(&format!("{label} is already installed at {} (`{}`).", self.path, receipt.verdict));
            }
            (Change::Installed, None) => paper.strong(&format!("Installed {label}.")),
            (Change::Installed, Some(because)) => paper.strong(&format!("Installed {label}: {because}.")),
            (Change::Repaired, because) => {
                let because = because.as_deref().unwrap_or_default();
                paper.strong(&format!("Repaired {label}: {because}."));
            }
        }
        let mut pairs = vec![("path", self.path.clone()), ("target", receipt.target.to_string())];
        pairs.push(("size", size(receipt.size)));
        pairs.push(("sha256", receipt.sha256.to_string()));
        pairs.push(("verdict", format!("{}: {}", receipt.verdict, receipt.verdict.meaning())));
        pairs.extend(origin_pairs(&receipt.origin));
        paper.pairs(&pairs);
        for statement in &receipt.evidence {
            let found = match &statement.finding {
                Finding::Found { sha256 } => format!("agrees ({})", sha256.short()),
                Finding::Absent { reason } => format!("absent: {reason}"),
                Finding::Unknown { reason, .. } => format!("not asked: {reason}"),
            };
            paper.faint(&format!("  evidence: {} {found}", statement.source));
        }
        for note in &receipt.notes {
            paper.faint(&format!("  note: {note}"));
        }
        if let Some(path) = self.which.as_ref().and_then(|which| which.path.as_ref()) {
            paper.line(&format!("What will run: {path}"));
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
    const SCHEMA: &'static str = "reproq.install-plan/1";

    fn human(&self, paper: &mut Paper) {
        match self {
            Self::Nothing { path, receipt } => {
                paper.line(&format!(
                    "Nothing to do: {} is installed at {path} (`{}`).",
                    receipt.label(),
                    receipt.verdict
                ));
            }
            Self::Download { because, tag, asset, url, size: bytes, verdict, path } => {
                paper.strong(&format!("Would install {tag}: {because}."));
                let bytes = bytes.map_or_else(|| "not known".to_owned(), size);
                paper.pairs(&[
                    ("download", asset.clone()),
                    ("from", url.clone()),
                    ("size", bytes),
                    ("verdict", format!("{verdict}: {}", verdict.meaning())),
                    ("place at", path.clone()),
                ]);
            }
            Self::Build { because, instead_of_a_release, source, path } => {
                paper.strong(&format!("Would build the worker: {because}."));
                paper.pairs(&[
                    ("from", source.clone()),
                    ("because", instead_of_a_release.clone()),
                    ("place at", path.clone()),
                ]);
            }
        }
    }
}
