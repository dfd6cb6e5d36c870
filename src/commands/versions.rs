//! `reproq versions`: lists installed and cached versions.

use serde::Serialize;

use crate::commands::hints;
use crate::commands::request;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::size;
use crate::trust::Level;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::store;
use crate::worker::store::ReceiptOrigin;

/// The report of `versions`.
#[derive(Debug, Serialize)]
struct VersionsReport {
    /// Versions in the project, newest first.
    kept: Vec<Kept>,
    /// Versions of this repository in the user's cache.
    cached: Vec<Cached>,
}

#[derive(Debug, Serialize)]
struct Kept {
    version: String,
    target: String,
    sha256: String,
    size: u64,
    verdict: Level,
    installed_at: String,
    /// Whether it is the installed version.
    current: bool,
    /// Whether `rollback` restores it.
    previous: bool,
    /// Whether reproq.lock pins it.
    locked: bool,
    /// Whether its file exists.
    present: bool,
}

#[derive(Debug, Serialize)]
struct Cached {
    tag: String,
    name: String,
    sha256: String,
    size: u64,
}

pub(super) fn versions(session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let request = request::request(request::options(None, request::any_target(session), session)?, session)?;
    let layout = &request.options.layout;
    let (_, state) = store::scan(layout).map_err(|error| hints::store(&error))?;
    let kept = store::receipts(layout).into_iter().map(|receipt| {
        let locked = match &receipt.origin {
            ReceiptOrigin::Release { asset, .. } => request.decided.keep == Some(asset.sha256),
            ReceiptOrigin::Build(_) => false,
        };
        let current = state.current == Some(receipt.sha256);
        let present = if current { store::glance(layout).is_some() } else { store::is_kept(layout, &receipt.sha256) };
        Kept {
            version: receipt.label(),
            target: receipt.target.to_string(),
            sha256: receipt.sha256.to_string(),
            size: receipt.size,
            verdict: receipt.verdict,
            installed_at: receipt.installed_at,
            current,
            previous: state.previous == Some(receipt.sha256),
            locked,
            present,
        }
    });
    let entries = request::cache(session).map_or_else(Vec::new, |cache| cache.list().unwrap_or_default());
    let cached = entries.into_iter().filter_map(|entry| {
        let provenance = entry.provenance.filter(|known| known.repository.is_same(&request.options.repository))?;
        let (tag, sha256) = (provenance.tag.to_string(), entry.sha256.to_string());
        Some(Cached { tag, name: provenance.name, sha256, size: entry.size })
    });
    session.ui.report(&VersionsReport { kept: kept.collect(), cached: cached.collect() })?;
    Ok(ExitStatus::Success)
}

impl Report for VersionsReport {
    const SCHEMA: &'static str = "reproq.versions/1";

    fn human(&self, out: &mut TextReport) {
        if self.kept.is_empty() && self.cached.is_empty() {
            return out.line("No versions are installed in this project or cached.");
        }
        if !self.kept.is_empty() {
            let heading = ["VERSION", "TARGET", "VERDICT", "SIZE", "INSTALLED", ""].map(str::to_owned).to_vec();
            out.table(&[vec![heading], self.kept.iter().map(Kept::cells).collect()].concat());
        }
        if !self.cached.is_empty() {
            if !self.kept.is_empty() && !out.is_quiet() {
                out.blank();
            }
            let heading = ["CACHED", "ASSET", "SIZE"].map(str::to_owned).to_vec();
            out.table(&[vec![heading], self.cached.iter().map(Cached::cells).collect()].concat());
        }
    }
}

impl Kept {
    fn cells(&self) -> Vec<String> {
        let marks = [
            (self.current, "current"),
            (self.previous, "previous"),
            (self.locked, "locked"),
            (!self.present, "missing"),
        ];
        let marks: Vec<&str> = marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark).collect();
        let Self { version, target, verdict, installed_at, .. } = self;
        let verdict = verdict.to_string();
        vec![version.clone(), target.clone(), verdict, size(self.size), installed_at.clone(), marks.join(", ")]
    }
}

impl Cached {
    fn cells(&self) -> Vec<String> {
        vec![self.tag.clone(), self.name.clone(), size(self.size)]
    }
}
