//! `reproq mirror sync`: the releases GitHub has, in a directory that any web server can serve.

use serde::Serialize;

use crate::cli::MirrorCommand;
use crate::cli::MirrorSyncArgs;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::request::InstallOptions;
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

/// What became of the mirror, or would.
#[derive(Debug, Serialize)]
struct SyncReport {
    path: String,
    repository: String,
    /// Whether it was only looked at.
    dry_run: bool,
    /// How many releases it has.
    count: usize,
    /// How many bytes the index names.
    size: u64,
    releases: Vec<Line>,
    /// What was asked for and does not exist.
    absent: Vec<String>,
    /// Files that no index named, and that are gone.
    swept: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    tag: String,
    outcome: &'static str,
    /// What was brought in, or would be.
    files: Vec<String>,
    /// What was damaged or missing.
    damaged: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Runs a command about mirrors.
pub(super) fn run(command: &MirrorCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        MirrorCommand::Sync(arguments) => sync(arguments, session),
    }
}

fn sync(arguments: &MirrorSyncArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    if session.settings.offline.value {
        let message = "a mirror is brought up to date from GitHub, and --offline forbids the network";
        return Err(CommandError::message(ExitStatus::Usage, message)
            .hint("run it where there is a network, and carry the directory over as it is"));
    }
    let wanted = SyncRequest { tags: tags(&arguments.tag)?, keep: keep(arguments.keep.as_deref())? };
    let targets = targets(&arguments.target)?;
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let door = request::door(session, &environment, arguments.lock_timeout, &progress);
    // What a mirror has comes from GitHub and from no other mirror.
    let door = InstallContext { mirrors: &[], ..door };
    let root = session.env.cwd.join(&arguments.mirror);
    let request = request::base_request(InstallOptions::plain(None, targets[0]), session)?;
    platform::watch_signals();
    let sync = Synchronization { request: &request, root: &root, targets, wanted, preview: arguments.dry_run };
    let synced = install::synchronize(&sync, &door);
    platform::exit_if_signaled(false);
    let Synced { releases, absent, count, size, swept } = synced.map_err(|error| hints::explain(error, &request))?;
    drop(progress);
    let is_meant = |tag: &Tag| sync.wanted.tags.is_empty() || sync.wanted.tags.contains(tag);
    let right = releases.iter().filter(|release| release.problem.is_none() && is_meant(&release.tag)).count();
    let (lines, failures): (Vec<Line>, Vec<Option<CommandError>>) =
        releases.into_iter().map(|release| line(release, &request)).unzip();
    let report = SyncReport {
        path: platform::real_path(&root).to_string_lossy().into_owned(),
        repository: request.repository.to_string(),
        dry_run: arguments.dry_run,
        count,
        size,
        releases: lines,
        absent: absent.iter().map(ToString::to_string).collect(),
        swept: swept.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
    };
    session.ui.report(&report)?;
    let failures = failures.into_iter().flatten().chain(absent.iter().map(|tag| nowhere(tag, &request)));
    let failure = verdict(&failures.collect::<Vec<_>>(), right);
    if let Some(failure) = &failure {
        session.ui.error_after_report(failure);
    }
    Ok(failure.map_or(ExitStatus::Success, |failure| failure.status))
}

/// What is not as it should be; classed by the first of it where nothing that is meant is right.
fn verdict(failures: &[CommandError], right: usize) -> Option<CommandError> {
    let first = failures.first()?;
    let status = if right == 0 { first.status } else { ExitStatus::Partial };
    let message = format!("{} could not be mirrored as wanted", count(failures.len(), "release"));
    let mut failure = CommandError::message(status, message);
    failure.hints.clone_from(&first.hints);
    Some(failure.details(failures.iter().map(|failure| failure.lines().join(": "))))
}

fn nowhere(tag: &Tag, request: &InstallRequest) -> CommandError {
    let message = format!("{tag} is neither on GitHub nor in the mirror");
    let hint = format!("see what there is with `reproq release list --repo {}`", request.repository);
    CommandError::message(ExitStatus::NotFound, message).hint(hint)
}

fn line(release: SyncedRelease, request: &InstallRequest) -> (Line, Option<CommandError>) {
    let SyncedRelease { tag, done, files, damaged, problem } = release;
    let failure = problem.map(|problem| {
        let names_it = problem.to_string().contains(tag.as_str());
        let failure = hints::explain(problem, request);
        if names_it { failure } else { failure.context(format!("{tag} is not mirrored")) }
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
        Ok(_) | Err(_) => Err(usage(format!("--keep must be a number of versions, 1 or more, found `{text}`"))),
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
            Err(usage(format!("`{tag}` names no version, and only versions are mirrored")))
        }
        Some(VersionSpec::Latest) | None => {
            Err(usage("--tag names releases one by one; without it every release comes".to_owned()))
        }
    };
    texts.iter().map(tag).collect()
}

impl Report for SyncReport {
    const SCHEMA: &'static str = "reproq.mirror-sync/1";

    fn human(&self, paper: &mut TextReport) {
        if paper.is_quiet() {
            return;
        }
        let Self { path, repository, .. } = self;
        let there = count(self.count, "release");
        if self.dry_run {
            paper.strong(&format!("{path} would have {there} of {repository}."));
        } else {
            paper.strong(&format!("{path} has {there} of {repository}, {}.", size(self.size)));
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
            paper.line(&format!("  {line}"));
            if !damaged.is_empty() {
                let repaired = if *outcome == "updated" && !self.dry_run { "damaged before" } else { "damaged" };
                paper.line(&format!("    {repaired}: {}", damaged.join(", ")));
            }
        }
        for path in &self.swept {
            paper.faint(&format!("  removed {path}, which the index did not name"));
        }
        if !self.dry_run {
            paper.line(&format!("To install from it: reproq install --mirror {path}"));
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
