//! `reproq bundle inspect`: shows the manifest of a bundle and verifies its files.

use serde::Serialize;

use crate::cli::BundleInspectArgs;
use crate::commands::from;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::size;
use crate::sources::bundle::Manifest;
use crate::ui::Report;
use crate::ui::TextReport;

/// The report of `bundle inspect`.
#[derive(Debug, Serialize)]
struct InspectReport {
    path: String,
    /// Whether every member matches the manifest.
    ok: bool,
    problems: Vec<String>,
    /// The number of members.
    members: usize,
    manifest: Manifest,
}

pub(super) fn inspect(arguments: &BundleInspectArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let name = arguments.file.to_string_lossy().into_owned();
    let bundle = from::open(&session.env.cwd.join(&arguments.file), &name)?;
    let progress = session.ui.progress();
    let problems = bundle.check(&progress).map_err(|error| hints::bundle(error, &name))?;
    drop(progress);
    let manifest = bundle.manifest().clone();
    let report = InspectReport {
        path: name,
        ok: problems.is_empty(),
        problems: problems.iter().map(ToString::to_string).collect(),
        members: manifest.members().len() + 3,
        manifest,
    };
    session.ui.report(&report)?;
    Ok(if report.ok { ExitStatus::Success } else { ExitStatus::Unverified })
}

impl Report for InspectReport {
    const SCHEMA: &'static str = "reproq.bundle-inspect/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return;
        }
        let manifest = &self.manifest;
        out.strong(&format!("{}: {} of {}", self.path, manifest.tag, manifest.repository));
        let assets = manifest.assets.iter().map(|asset| {
            let verdict = format!("was `{}` ({})", asset.verdict, asset.evidence.join(", "));
            vec![asset.name.clone(), size(asset.size), format!("sha256 {}", asset.sha256.short()), verdict]
        });
        let files = manifest
            .files
            .iter()
            .map(|file| vec![file.name.clone(), size(file.size), format!("sha256 {}", file.sha256.short())]);
        out.details(&assets.chain(files).collect::<Vec<_>>());
        if let Some(source) = &manifest.source {
            let version = source.version.as_deref().unwrap_or("unknown version");
            let modules = if source.vendored { ", with vendored modules" } else { "" };
            out.line(&format!("  source {version}, {} files{modules}", source.files.len()));
        }
        for problem in &self.problems {
            out.strong(&format!("  problem: {problem}"));
        }
        out.line(&match self.problems.len() {
            0 => format!("All {} members match the manifest.", self.members),
            1 => format!("1 of {} members does not match the manifest.", self.members),
            count => format!("{count} of {} members do not match the manifest.", self.members),
        });
    }
}
