//! `reproq self version`: which version this is, how it was installed, and whether a newer one exists.
#![expect(
    clippy::disallowed_methods,
    reason = "the files next to this program and the record of the last check are read here"
)]

use std::env;
use std::fs;
use std::path::Path;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::cli::SelfVersionArgs;
use crate::commands::release;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::io::fs::write_file;
use crate::model::RepoSlug;
use crate::model::Tag;
use crate::model::installed_by::InstalledBy;
use crate::ui::Report;
use crate::ui::TextReport;

/// Where this program is published.
const REPOSITORY: &str = "adpena/reproq";

/// A check is not repeated within this time.
const KEPT: TimeDelta = TimeDelta::days(1);

/// The record of the last check is a line.
const LONGEST_RECORD: u64 = 4096;

#[derive(Debug, Serialize)]
struct SelfVersionReport {
    version: &'static str,
    path: Option<String>,
    installed_by: &'static str,
    upgrade: &'static str,
    /// The newest release; `null` where it was not looked for.
    newest: Option<String>,
    is_newest: Option<bool>,
    /// Why it was not looked for.
    not_checked: Option<&'static str>,
}

/// The result of the last check, in the cache directory.
#[derive(Debug, Serialize, Deserialize)]
struct LastCheck {
    checked_at: DateTime<Utc>,
    newest: Tag,
}

/// Reports the version; with `--check`, asks GitHub for the newest one, at most once a day and never in CI.
pub(super) fn version(arguments: &SelfVersionArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let program = env::current_exe().and_then(fs::canonicalize).ok();
    let installed_by =
        program.as_deref().map_or(InstalledBy::Unknown, |path| InstalledBy::of(path, &|mark| mark.exists()));
    let not_checked = match () {
        () if !arguments.check => None,
        () if session.env.is_ci() => Some("versions are not checked in CI"),
        () if session.settings.offline.value => Some("network access is disabled"),
        // The setting names the server of the worker; this command is not published there.
        () if !session.settings.server.is_github_com() => {
            Some("this command is published on github.com, and another server is configured")
        }
        () => None,
    };
    let newest = if arguments.check && not_checked.is_none() { Some(newest(session)?) } else { None };
    let is_newest = newest.as_ref().map(|newest| newest.version().is_none_or(|newest| newest <= own()));
    session.ui.report(&SelfVersionReport {
        version: env!("CARGO_PKG_VERSION"),
        path: program.map(|path| path.to_string_lossy().into_owned()),
        installed_by: installed_by.name(),
        upgrade: installed_by.upgrade(),
        newest: newest.map(|tag| tag.to_string()),
        is_newest,
        not_checked,
    })?;
    Ok(if is_newest == Some(false) { ExitStatus::Pending } else { ExitStatus::Success })
}

fn own() -> semver::Version {
    semver::Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo accepts only such versions")
}

fn newest(session: &Session<'_>) -> Result<Tag, CommandError> {
    let record = session.settings.cache.as_ref().map(|cache| cache.value.join("reproq-version.json"));
    if let Some(last) = record.as_deref().and_then(last_check)
        && session.now.signed_duration_since(last.checked_at).abs() < KEPT
    {
        return Ok(last.newest);
    }
    let repository: RepoSlug = REPOSITORY.parse().expect("the repository is well-formed");
    let newest = release::newest_page(&repository, session)?;
    if let Some(record) = record {
        keep(&record, &LastCheck { checked_at: session.now, newest: newest.clone() });
    }
    Ok(newest)
}

fn last_check(record: &Path) -> Option<LastCheck> {
    serde_json::from_slice(&bounded_read::read(record, LONGEST_RECORD).ok()?).ok()
}

/// That the record cannot be kept costs a request the next time, and nothing else.
fn keep(record: &Path, check: &LastCheck) {
    let directory = record.parent().map(fs::create_dir_all);
    if let (Some(Ok(())), Ok(text)) = (directory, serde_json::to_vec(check)) {
        let _ = write_file(record, &text);
    }
}

impl Report for SelfVersionReport {
    const SCHEMA: &'static str = "reproq.self-version/1";

    fn human(&self, report: &mut TextReport) {
        report.line(&format!("reproq-cli {}", self.version));
        let mut pairs = vec![("installed by", self.installed_by.to_owned())];
        pairs.extend(self.path.iter().map(|path| ("path", path.clone())));
        match (&self.newest, self.is_newest, self.not_checked) {
            (Some(newest), Some(true), _) => pairs.push(("newest", format!("{newest}: this is the newest version"))),
            (Some(newest), _, _) => pairs.push(("newest", format!("{newest}: to upgrade, {}", self.upgrade))),
            (None, _, Some(reason)) => pairs.push(("newest", reason.to_owned())),
            (None, _, None) => pairs.push(("to upgrade", self.upgrade.to_owned())),
        }
        report.pairs(&pairs);
    }
}
