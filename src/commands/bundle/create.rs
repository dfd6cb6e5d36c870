//! `reproq bundle create`: writes a release to one file.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::cli::BundleCreateArgs;
use crate::commands::hints;
use crate::commands::lock::AssetLine;
use crate::commands::request;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::Collection;
use crate::flows::install::InstallContext;
use crate::flows::install::Machines;
use crate::flows::install::Selection;
use crate::flows::install::Staging;
use crate::io::fs::OutputFile;
use crate::io::fs::check_output;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::model::Tag;
use crate::model::Tool;
use crate::model::VersionSpec;
use crate::model::text::size;
use crate::platform;
use crate::sources::bundle;
use crate::sources::bundle::BundlePlan;
use crate::sources::bundle::Parts;
use crate::sources::bundle::SourceParts;
use crate::sources::bundle::WrittenBundle;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::local_build;
use crate::worker::local_build::SourceTree;
use crate::worker::local_build::TreeRequest;

/// The report of `bundle create`.
#[derive(Debug, Serialize)]
struct CreateReport {
    path: String,
    /// False with `--dry-run`.
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    repository: String,
    tag: String,
    assets: Vec<BundledLine>,
    /// Checksum files and attestations of the release.
    files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceLine>,
}

#[derive(Debug, Serialize)]
struct BundledLine {
    #[serde(flatten)]
    asset: AssetLine,
    /// Whether it was in the cache.
    cached: bool,
}

#[derive(Debug, Serialize)]
struct SourceLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dirty: Option<bool>,
    vendored: bool,
    files: usize,
}

pub(super) fn create(arguments: &BundleCreateArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let context = request::install_context(session, &environment, Duration::ZERO, &progress);
    let spec = request::tag_spec(arguments.tag.as_deref())?;
    let machines = machines(&arguments.target, spec.as_ref(), session, &context)?;
    let output = output(&arguments.output, session)?;
    let (request, locked) = request::for_machines(spec, arguments.locked, &machines, session)?;
    platform::watch_signals();
    let explained = |error| hints::explain(error, &request).context("failed to create the bundle");
    let selection = install::select(&request, locked.as_ref(), &machines, &context).map_err(explained)?;
    let mut report = report(&output, &selection);
    let staging = Staging::beside(&output).map_err(|error| hints::store(&error))?;
    let file = OutputFile::create(&output).map_err(hints::output)?;
    let _cleanup = platform::on_interrupt_remove(&file.unfinished());
    // Before any download, because a wrong directory is a likely mistake.
    let (unfinished, held) = (file.unfinished(), staging.held());
    let leave_out: Vec<&Path> =
        [output.as_path(), &unfinished, staging.path()].into_iter().chain(held.as_deref()).collect();
    let source = source_tree(arguments, &leave_out, &staging, &selection.lockfile.tag, session, &context)?;
    report.source = source.as_ref().map(source_line);
    if arguments.mode.dry_run {
        drop(progress);
        session.ui.report(&report)?;
        return Ok(ExitStatus::Success);
    }
    let Collection { lockfile, assets, files } =
        install::collect(&request, selection, &context, staging.path()).map_err(explained)?;
    let source = source.map(source_parts).transpose()?;
    let plan = BundlePlan::compute(Parts { tool: request.options.tool, lockfile, assets, files, source }).map_err(
        |error| CommandError::new(ExitStatus::Usage, error).context("failed to add the source to the bundle"),
    )?;
    let written = bundle::write(&plan, file, &progress).map_err(hints::writing)?;
    drop(progress);
    let WrittenBundle { size, sha256 } = written;
    (report.written, report.size, report.sha256) = (true, Some(size), Some(sha256.to_string()));
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

/// The value of `--target`: `all`, a list of targets, or this platform by default.
fn machines(
    texts: &[String],
    spec: Option<&VersionSpec>,
    session: &Session<'_>,
    context: &InstallContext<'_>,
) -> Result<Machines, CommandError> {
    match texts {
        [] => Ok(Machines::These(vec![request::target(None, spec, None, session, context)?])),
        [all] if all == "all" => Ok(Machines::All),
        _ => {
            let targets = texts.iter().map(|text| request::target(Some(text), spec, None, session, context));
            let mut targets = targets.collect::<Result<Vec<_>, _>>()?;
            targets.sort();
            targets.dedup();
            Ok(Machines::These(targets))
        }
    }
}

fn output(path: &Path, session: &Session<'_>) -> Result<PathBuf, CommandError> {
    let path = session.env.cwd.join(path);
    let usage = |message: String| CommandError::message(ExitStatus::Usage, message);
    match path.parent() {
        Some(directory) if !directory.is_dir() => {
            Err(usage(format!("the output directory `{}` does not exist", directory.display())))
        }
        Some(_) | None => check_output(&path).map(|()| path).map_err(hints::output),
    }
}

fn source_tree(
    arguments: &BundleCreateArgs,
    leave_out: &[&Path],
    staging: &Staging,
    tag: &Tag,
    session: &Session<'_>,
    context: &InstallContext<'_>,
) -> Result<Option<SourceTree>, CommandError> {
    let Some(directory) = &arguments.with_source else { return Ok(None) };
    let request = TreeRequest {
        source: &platform::real_path(&session.env.cwd.join(directory)),
        tool: Tool::WORKER,
        wanted_tag: Some(tag),
        offline: session.settings.offline.value,
        staging: staging.path(),
        leave_out,
        preview: arguments.mode.dry_run,
    };
    let tree = local_build::source_tree(&request, context.environment, context.progress, &platform::is_interrupted);
    tree.map(Some).map_err(hints::source)
}

fn source_parts(tree: SourceTree) -> Result<SourceParts, CommandError> {
    let SourceTree { version, commit, dirty, vendored, files } = tree;
    let files = files.into_iter().map(|file| (file.path, file.file, file.executable));
    Ok(SourceParts { version, commit, dirty, vendored, files: bundle::measured(files).map_err(hints::writing)? })
}

fn report(output: &Path, selection: &Selection) -> CreateReport {
    let Lockfile { repository, tag, .. } = &selection.lockfile;
    let line = |(pin, cached): &(Pin, bool)| BundledLine { asset: pin.asset.clone().into(), cached: *cached };
    CreateReport {
        path: output.to_string_lossy().into_owned(),
        written: false,
        size: None,
        sha256: None,
        repository: repository.to_string(),
        tag: tag.to_string(),
        assets: selection.assets.iter().map(line).collect(),
        files: selection.files.iter().map(|(name, _)| name.clone()).collect(),
        source: None,
    }
}

fn source_line(tree: &SourceTree) -> SourceLine {
    SourceLine {
        version: tree.version.clone(),
        commit: tree.commit.clone(),
        dirty: tree.dirty,
        vendored: tree.vendored,
        files: tree.files.len(),
    }
}

impl Report for CreateReport {
    const SCHEMA: &'static str = "reproq.bundle-create/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return;
        }
        let Self { repository, tag, path, .. } = self;
        if self.written {
            out.strong(&format!("Bundled {tag} of {repository}."));
        } else {
            out.strong(&format!("Would bundle {tag} of {repository}."));
        }
        let mut pairs = vec![("path", path.clone())];
        pairs.extend(self.size.map(|bytes| ("size", size(bytes))));
        pairs.extend(self.sha256.clone().map(|sha256| ("sha256", sha256)));
        out.pairs(&pairs);
        let cells = |BundledLine { asset, cached }: &BundledLine| {
            let bytes = asset.size.map_or_else(|| "unknown size".to_owned(), size);
            let from = if *cached { ", from the cache" } else { "" };
            vec![asset.name.clone(), bytes, format!("`{}` ({}){from}", asset.verdict, asset.evidence.join(", "))]
        };
        out.details(&self.assets.iter().map(cells).collect::<Vec<_>>());
        for file in &self.files {
            out.faint(&format!("  release/{file}"));
        }
        if let Some(source) = &self.source {
            out.faint(&format!("  source: {}", source.sentence()));
        }
        if self.written {
            out.line(&format!("To install from it: reproq install --from {path}"));
        }
    }
}

impl SourceLine {
    fn sentence(&self) -> String {
        let version = self.version.as_deref().unwrap_or("unknown version");
        let commit = self.commit.as_deref().map_or("", |commit| &commit[..commit.len().min(12)]);
        let commit = if commit.is_empty() { String::new() } else { format!(" at {commit}") };
        let dirty = if self.dirty == Some(true) { ", with uncommitted changes" } else { "" };
        let modules = if self.vendored { ", with vendored modules" } else { "" };
        format!("{version}{commit}{dirty}, {} files{modules}", self.files)
    }
}
