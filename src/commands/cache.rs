//! `reproq cache`: shows and prunes the cache.

use serde::Serialize;

use crate::cli::CacheCommand;
use crate::commands::request;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_again;
use crate::model::text::size;
use crate::sources::cache::Cache;
use crate::sources::cache::CacheError;
use crate::sources::cache::Entry;
use crate::ui::Report;
use crate::ui::TextReport;

/// The report of `cache dir`.
#[derive(Debug, Serialize)]
struct DirectoryReport {
    path: String,
}

/// The report of `cache list`.
#[derive(Debug, Serialize)]
struct ListReport {
    path: String,
    /// In bytes.
    size: u64,
    /// In bytes.
    limit: u64,
    entries: Vec<Line>,
}

/// The report of `cache prune` and `cache clean`.
#[derive(Debug, Serialize)]
struct RemovedReport {
    path: String,
    /// In bytes.
    freed: u64,
    removed: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    sha256: String,
    size: u64,
    /// The time of last use, in RFC 3339.
    used: String,
    /// `OWNER/NAME`, if known.
    repository: Option<String>,
    tag: Option<String>,
    name: Option<String>,
}

pub(super) fn cache(command: &CacheCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let Some(cache) = request::cache(session) else {
        let message = "there is no cache: REPROQ_CACHE_SIZE is 0, or no cache directory could be determined";
        return Err(CommandError::message(ExitStatus::NotFound, message).hint("set a directory with REPROQ_CACHE_DIR"));
    };
    let path = cache.directory().to_string_lossy().into_owned();
    match command {
        CacheCommand::Dir => session.ui.report(&DirectoryReport { path })?,
        CacheCommand::List => {
            let entries = cache.list().map_err(failed)?;
            let total = entries.iter().map(|entry| entry.size).sum();
            let entries = entries.into_iter().map(Line::from).collect();
            session.ui.report(&ListReport { path, size: total, limit: cache.limit(), entries })?;
        }
        CacheCommand::Prune(arguments) => {
            let limit = arguments.max_size.unwrap_or(cache.limit());
            removed(&cache, path, limit, session)?;
        }
        CacheCommand::Clean => removed(&cache, path, 0, session)?,
    }
    Ok(ExitStatus::Success)
}

fn removed(cache: &Cache, path: String, limit: u64, session: &Session<'_>) -> Result<(), CommandError> {
    let gone = cache.prune(limit).map_err(failed)?;
    let freed = gone.iter().map(|entry| entry.size).sum();
    session.ui.report(&RemovedReport { path, freed, removed: gone.into_iter().map(Line::from).collect() })
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that `map_err` needs")]
fn failed(error: CacheError) -> CommandError {
    CommandError::io(error.doing, &error.path, io_again(&error.source))
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        let known = entry.provenance;
        Self {
            sha256: entry.sha256.to_string(),
            size: entry.size,
            used: entry.used.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            repository: known.as_ref().map(|known| known.repository.to_string()),
            tag: known.as_ref().map(|known| known.tag.to_string()),
            name: known.map(|known| known.name),
        }
    }
}

impl Line {
    fn cells(&self) -> Vec<String> {
        let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
        let digest = self.sha256.get(..12).unwrap_or_default().to_owned();
        vec![known(&self.repository), known(&self.tag), known(&self.name), size(self.size), digest, self.used.clone()]
    }
}

/// Prints the entries as a table; prints nothing if there are none.
fn show(entries: &[Line], out: &mut TextReport) {
    let heading = ["REPOSITORY", "VERSION", "ASSET", "SIZE", "SHA256", "LAST USED"].map(str::to_owned).to_vec();
    if !entries.is_empty() {
        out.table(&[vec![heading], entries.iter().map(Line::cells).collect()].concat());
    }
}

impl Report for DirectoryReport {
    const SCHEMA: &'static str = "reproq.cache-dir/1";

    fn human(&self, out: &mut TextReport) {
        out.line(&self.path);
    }
}

impl Report for ListReport {
    const SCHEMA: &'static str = "reproq.cache/1";

    fn human(&self, out: &mut TextReport) {
        show(&self.entries, out);
        out.faint(&format!("{} of {} used in {}", size(self.size), size(self.limit), self.path));
    }
}

impl Report for RemovedReport {
    const SCHEMA: &'static str = "reproq.cache-removed/1";

    fn human(&self, out: &mut TextReport) {
        show(&self.removed, out);
        if !out.is_quiet() {
            out.line(&format!("{} freed in {}", size(self.freed), self.path));
        }
    }
}
