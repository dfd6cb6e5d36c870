//! `reproq mirror sync`: downloads releases from GitHub to a directory that any web server can serve.

use serde::Serialize;

use crate::cli::MirrorCommand;
use crate::cli::MirrorSyncArgs;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::Done;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::install::Synced;
use crate::flows::install::SyncedRelease;
use crate::flows::install::Synchronization;
use crate::model::Tag;
use crate::model::Target;
use crate::model::VersionSpec;
use crate::model::text::count;
use crate::model::text::size;
use crate::platform;
use crate::sources::mirror::SyncRequest;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::ui::aligned;

/// The report of `mirror sync`.
#[derive(Debug, Serialize)]
struct SyncReport {
    path: String,
    repository: String,
    dry_run: bool,
    /// The number of releases in the mirror.
    count: usize,
    /// The total size of the files in the index, in bytes.
    size: u64,
    releases: Vec<Line>,
    /// Requested tags that do not exist.
    absent: Vec<String>,
    /// Removed files that were not in the index.
    swept: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    tag: String,
    outcome: &'static str,
    /// The files that were added, or would be.
    files: Vec<String>,
    /// Damaged or missing files.
    damaged: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(super) fn run(command: &MirrorCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        MirrorCommand::Sync(arguments) => sync(arguments, session),
    }
}

fn sync(arguments: &MirrorSyncArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    if session.settings.offline.value {
        let message = "syncing a mirror needs network access, and --offline forbids it";
        return Err(CommandError::message(ExitStatus::Usage, message)
            .hint("run the command with network access, and copy the directory unchanged"));
    }
    let wanted = SyncRequest { tags: tags(&arguments.tag)?, keep: keep(arguments.keep.as_deref())? };
    let targets = targets(&arguments.target)?;
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let context = request::install_context(session, &environment, arguments.lock_timeout, &progress);
    // A mirror is synced from GitHub only, never from another mirror.
    let context = InstallContext { mirrors: &[], ..context };
    let root = session.env.cwd.join(&arguments.mirror);
    let options = request::options(None, targets[0], session)?;
    // A mirror is not tied to a project.
    let request = InstallRequest::new(options, None).map_err(hints::disagreement)?;
    platform::watch_signals();
    let sync = Synchronization { request: &request, root: &root, targets, wanted, dry_run: arguments.mode.dry_run };
    let synced = install::synchronize(&sync, &context);
    platform::exit_if_signaled(false);
    let Synced { releases, absent, count, size, swept } = synced.map_err(|error| hints::explain(error, &request))?;
    drop(progress);
    let is_requested = |tag: &Tag| sync.wanted.tags.is_empty() || sync.wanted.tags.contains(tag);
    let succeeded = releases.iter().filter(|release| release.problem.is_none() && is_requested(&release.tag)).count();
    let (lines, failures): (Vec<Line>, Vec<Option<CommandError>>) =
        releases.into_iter().map(|release| line(release, &request)).unzip();
    let report = SyncReport {
        path: platform::real_path(&root).to_string_lossy().into_owned(),
        repository: request.options.repository.to_string(),
        dry_run: arguments.mode.dry_run,
        count,
        size,
        releases: lines,
        absent: absent.iter().map(ToString::to_string).collect(),
        swept: swept.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
    };
    session.ui.report(&report)?;
    let failures = failures.into_iter().flatten().chain(absent.iter().map(|tag| not_found(tag, &request)));
    let failure = combined_failure(&failures.collect::<Vec<_>>(), succeeded);
    if let Some(failure) = &failure {
        session.ui.error_after_report(failure);
    }
    Ok(failure.map_or(ExitStatus::Success, |failure| failure.status))
}

/// One error for all failed releases: partial if any requested release succeeded, else with the status of the first.
fn combined_failure(failures: &[CommandError], succeeded: usize) -> Option<CommandError> {
    let first = failures.first()?;
    let status = if succeeded == 0 { first.status } else { ExitStatus::Partial };
    let message = format!("failed to mirror {}", count(failures.len(), "release"));
    let mut failure = CommandError::message(status, message);
    failure.hints.clone_from(&first.hints);
    Some(failure.details(failures.iter().map(|failure| failure.lines().join(": "))))
}

fn not_found(tag: &Tag, request: &InstallRequest) -> CommandError {
    let message = format!("{tag} is neither on GitHub nor in the mirror");
    let hint = format!("list the releases with `reproq release list --repo {}`", request.options.repository);
    CommandError::message(ExitStatus::NotFound, message).hint(hint)
}

fn line(release: SyncedRelease, request: &InstallRequest) -> (Line, Option<CommandError>) {
    let SyncedRelease { tag, done, files, damaged, problem } = release;
    let failure = problem.map(|problem| {
        let names_tag = problem.to_string().contains(tag.as_str());
        let failure = hints::explain(problem, request);
        if names_tag { failure } else { failure.context(format!("failed to mirror {tag}")) }
    });
    let problem = failure.as_ref().map(|failure| failure.lines().join(": "));
    let outcome = match done {
        Done::Complete => "complete",
        Done::Empty => "empty",
        Done::Added => "added",
        Done::Updated => "updated",
        Done::Removed => "removed",
        Done::Failed => "failed",
    };
    (Line { tag: tag.to_string(), outcome, files, damaged, problem }, failure)
}

fn usage(message: String) -> CommandError {
    CommandError::message(ExitStatus::Usage, message)
}

fn keep(text: Option<&str>) -> Result<Option<usize>, CommandError> {
    let Some(text) = text else { return Ok(None) };
    match text.trim().parse() {
        Ok(keep @ 1..) => Ok(Some(keep)),
        Ok(_) | Err(_) => Err(usage(format!("--keep must be a number of at least 1, found `{text}`"))),
    }
}

fn targets(texts: &[String]) -> Result<Vec<Target>, CommandError> {
    if texts.is_empty() || texts == ["all"] {
        return Ok(Target::all().collect());
    }
    let parsed = texts.iter().map(|text| text.parse()).collect::<Result<Vec<Target>, _>>();
    let mut targets = parsed.map_err(|error| usage(format!("--target is invalid: {error}")))?;
    targets.sort();
    targets.dedup();
    Ok(targets)
}

fn tags(texts: &[String]) -> Result<Vec<Tag>, CommandError> {
    let tag = |text: &String| match request::tag_spec(Some(text))? {
        Some(VersionSpec::Exact(tag)) if tag.version().is_some() => Ok(tag),
        Some(VersionSpec::Exact(tag)) => {
            Err(usage(format!("`{tag}` is not a version, and only versions are mirrored")))
        }
        Some(VersionSpec::Latest) | None => {
            Err(usage("--tag needs a specific release; omit it to mirror every release".to_owned()))
        }
    };
    texts.iter().map(tag).collect()
}

impl Report for SyncReport {
    const SCHEMA: &'static str = "reproq.mirror-sync/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return;
        }
        let Self { path, repository, .. } = self;
        let there = count(self.count, "release");
        if self.dry_run {
            out.strong(&format!("{path} would have {there} of {repository}."));
        } else {
            out.strong(&format!("{path} has {there} of {repository}, {}.", size(self.size)));
        }
        let cells = |Line { tag, outcome, files, problem, .. }: &Line| {
            let word = if self.dry_run { would(outcome) } else { outcome };
            let what = match problem {
                Some(problem) => format!(": {problem}"),
                None if files.is_empty() => String::new(),
                None => format!(": {}", files.join(", ")),
            };
            vec![tag.clone(), format!("{word}{what}")]
        };
        let lines = aligned(&self.releases.iter().map(cells).collect::<Vec<_>>());
        for (line, Line { outcome, damaged, .. }) in lines.iter().zip(&self.releases) {
            out.line(&format!("  {line}"));
            if !damaged.is_empty() {
                let label = if *outcome == "updated" && !self.dry_run { "repaired" } else { "damaged" };
                out.line(&format!("    {label}: {}", damaged.join(", ")));
            }
        }
        for path in &self.swept {
            out.faint(&format!("  removed {path}, which was not in the index"));
        }
        if !self.dry_run {
            out.line(&format!("To install from it: reproq install --mirror {path}"));
        }
    }
}

fn would(outcome: &str) -> &str {
    match outcome {
        "added" => "would be added",
        "updated" => "would be updated",
        "removed" => "would be removed",
        other => other,
    }
}
