//! `reproq release list`: lists every release and tag, versions first.

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::cli::ReleaseListArgs;
use crate::commands::release::client;
use crate::commands::release::errors;
use crate::commands::release::repository;
use crate::commands::release::repository::RepositoryUse;
use crate::commands::release::runtime;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::model::text::size;
use crate::releases::prune::Completeness;
use crate::releases::prune::Inventory;
use crate::releases::prune::Unit;
use crate::releases::prune::units;
use crate::sources::github::Lister;
use crate::ui::Report;
use crate::ui::TextReport;

/// The report of `release list`.
#[derive(Debug, Serialize)]
struct ListReport {
    repository: String,
    /// Whether the listing is complete.
    complete: bool,
    /// Why it is incomplete.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    /// Whether drafts could be seen.
    drafts_visible: bool,
    /// The versions, newest first.
    versions: Vec<Row>,
    /// Tags and releases that are not versions.
    unmanaged: Vec<Row>,
    drafts: Vec<Row>,
    #[serde(skip)]
    now: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
struct Row {
    tag: String,
    version: Option<String>,
    release_ids: Vec<u64>,
    /// The object of the tag; `None` if only a release has this name.
    object_id: Option<String>,
    published_at: Option<DateTime<Utc>>,
    /// The tag's date, if there is no release.
    tagged_at: Option<DateTime<Utc>>,
    assets: usize,
    size: u64,
    downloads: u64,
    latest: bool,
    prerelease: bool,
    draft: bool,
    immutable: bool,
}

pub(super) fn list(arguments: &ReleaseListArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let now = match &arguments.as_of {
        None => session.now,
        Some(text) => DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| {
            let message = format!("--as-of must be a time such as 2026-01-31T12:00:00Z, found `{text}`");
            CommandError::message(ExitStatus::Usage, message)
        })?,
    };
    let slug = repository::find(arguments.repository.repo.as_deref(), RepositoryUse::Read, session)?;
    let runtime = runtime()?;
    let entered = runtime.enter();
    let github = client(&slug, session)?;
    drop(entered);
    let progress = session.ui.progress();
    let lister = Lister::new(&github, &progress);
    let inventory = runtime.block_on(lister.list()).map_err(|error| errors::api(error, &slug))?;
    let found = &inventory.repository.full_name;
    if !found.is_same(&slug) {
        session.ui.warn(&format!("{slug} was renamed to {found}"));
    }
    let report = ListReport::new(&inventory, now);
    if let Some(missing) = &report.missing {
        session.ui.warn(&format!("the listing is incomplete: {missing}"));
    }
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

impl ListReport {
    fn new(inventory: &Inventory, now: DateTime<Utc>) -> Self {
        let all = units(inventory);
        let (mut versions, others): (Vec<&Unit>, Vec<&Unit>) = all.iter().partition(|unit| unit.version().is_some());
        versions.sort_by(|one, other| {
            let order = other.version().zip(one.version()).map(|(other, one)| other.cmp_precedence(one));
            order.unwrap_or(std::cmp::Ordering::Equal).then_with(|| one.name.cmp(&other.name))
        });
        let rows = |units: Vec<&Unit>| units.into_iter().map(|unit| Row::new(unit, inventory.latest)).collect();
        let (drafts, unmanaged): (Vec<&Unit>, Vec<&Unit>) = others.into_iter().partition(|unit| unit.draft);
        let missing = match &inventory.complete {
            Completeness::Complete => None,
            Completeness::Incomplete { why, .. } => Some(why.clone()),
        };
        Self {
            repository: inventory.repository.full_name.to_string(),
            complete: missing.is_none(),
            missing,
            drafts_visible: inventory.repository.may_push == Some(true),
            versions: rows(versions),
            unmanaged: rows(unmanaged),
            drafts: rows(drafts),
            now,
        }
    }
}

impl Row {
    fn new(unit: &Unit, latest: Option<u64>) -> Self {
        let assets = || unit.releases.iter().flat_map(|release| &release.assets);
        Self {
            tag: unit.name.clone(),
            version: unit.version().map(ToString::to_string),
            release_ids: unit.releases.iter().map(|release| release.id).collect(),
            object_id: unit.tag.as_ref().map(|tag| tag.object_id.clone()),
            published_at: unit.releases.iter().filter_map(|release| release.published_at).max(),
            tagged_at: unit.tag.as_ref().filter(|_| unit.releases.is_empty()).and_then(|tag| tag.dated),
            assets: assets().count(),
            size: assets().fold(0, |sum, asset| sum.saturating_add(asset.size)),
            downloads: assets().fold(0, |sum, asset| sum.saturating_add(asset.downloads)),
            latest: unit.releases.iter().any(|release| latest == Some(release.id)),
            prerelease: unit.releases.iter().any(|release| release.prerelease),
            draft: unit.draft,
            immutable: unit.is_immutable(),
        }
    }

    fn marks(&self) -> String {
        let bare = self.release_ids.is_empty();
        let marks = [
            (self.latest, "latest"),
            (self.prerelease, "prerelease"),
            (self.immutable, "immutable"),
            (self.draft, "draft"),
            (bare, "no release"),
            (!bare && !self.draft && self.object_id.is_none(), "no tag"),
            (self.release_ids.len() > 1, "several releases"),
        ];
        let marks: Vec<&str> = marks.into_iter().filter(|(holds, _)| *holds).map(|(_, mark)| mark).collect();
        marks.join(", ")
    }

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        let when = self.published_at.or(self.tagged_at);
        vec![
            self.tag.clone(),
            when.map_or_else(|| "-".to_owned(), |when| when.format("%Y-%m-%d").to_string()),
            when.map_or_else(|| "-".to_owned(), |when| age(now, when)),
            self.assets.to_string(),
            size(self.size),
            self.downloads.to_string(),
            self.marks(),
        ]
    }
}

/// The age in the largest unit that fits.
fn age(now: DateTime<Utc>, when: DateTime<Utc>) -> String {
    let minutes = (now - when).num_minutes();
    match minutes {
        ..1 => "now".to_owned(),
        1..60 => count_of(minutes, "minute"),
        60..1440 => count_of(minutes / 60, "hour"),
        1440..86_400 => count_of(minutes / 1440, "day"),
        86_400..1_051_200 => count_of(minutes / 43_200, "month"),
        _ => count_of(minutes / 525_600, "year"),
    }
}

fn count_of(number: i64, singular: &str) -> String {
    count(usize::try_from(number).unwrap_or(0), singular)
}

impl Report for ListReport {
    const SCHEMA: &'static str = "reproq.release-list/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            for row in &self.versions {
                out.line(&row.tag);
            }
            return;
        }
        out.strong(&format!("{}: {}", self.repository, count(self.versions.len(), "version")));
        if !self.versions.is_empty() {
            out.blank();
            out.table(&rows(&self.versions, self.now));
        }
        for (title, part) in [("Not versions, never deleted", &self.unmanaged), ("Drafts, never deleted", &self.drafts)]
        {
            if !part.is_empty() {
                out.blank();
                out.strong(&format!("{title}:"));
                out.table(&rows(part, self.now));
            }
        }
        if !self.drafts_visible {
            out.blank();
            out.faint("Drafts are visible only with push permission.");
        }
    }
}

fn rows(part: &[Row], now: DateTime<Utc>) -> Vec<Vec<String>> {
    let heading = ["TAG", "PUBLISHED", "AGE", "ASSETS", "SIZE", "DOWNLOADS", ""].map(str::to_owned).to_vec();
    [heading].into_iter().chain(part.iter().map(|row| row.cells(now))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let ago = |minutes: i64| age(now, now - chrono::Duration::minutes(minutes));
        let shown = [-5, 0, 1, 59, 60, 1500, 4320, 100_000, 1_100_000].map(ago);
        assert_eq!(shown, ["now", "now", "1 minute", "59 minutes", "1 hour", "1 day", "3 days", "2 months", "2 years"]);
    }
}
