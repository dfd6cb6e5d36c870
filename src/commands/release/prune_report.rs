//! The report of a plan and its result: as text, as JSON, and as a job summary.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::commands::release::errors;
use crate::commands::release::markdown;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::model::text::size;
use crate::releases::prune::Applied;
use crate::releases::prune::Delete;
use crate::releases::prune::FinalListing;
use crate::releases::prune::PlanReport;
use crate::releases::prune::PlanRow;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::Saved;
use crate::releases::prune::Stop;
use crate::releases::prune::UnitEnd;
use crate::releases::prune::UnitResult;
use crate::ui::Report;
use crate::ui::TextReport;

/// More rows than this are only counted in the job summary.
const MAX_ROWS: usize = 200;

/// The report of `release prune`.
#[derive(Debug, Serialize)]
pub(super) struct PruneReport {
    /// The status behind the exit code.
    status: ExitStatus,
    dry_run: bool,
    /// Why the plan would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_be_refused: Option<String>,
    plan: PlanReport,
    /// The versions to delete now; a plan file may select fewer than the plan.
    delete: Vec<String>,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) work: Option<WorkDone>,
}

/// The result of a prune.
#[derive(Debug, Serialize)]
pub(super) struct WorkDone {
    deleted_count: usize,
    bytes_freed: u64,
    units: Vec<UnitResult>,
    /// Why it stopped early.
    stopped_by: Option<String>,
    /// The result of the final listing.
    final_listing: Option<FinalListing>,
    /// The path of the audit record.
    audit: String,
    /// The assets that were saved first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    saved: Vec<Saved>,
    #[serde(skip)]
    stop: Option<Stop>,
}

impl WorkDone {
    pub(super) fn new(applied: Applied, audit: &Path, saved: Vec<Saved>) -> Self {
        let deleted = applied.units.iter().filter(|unit| unit.end == UnitEnd::Deleted).count();
        Self {
            deleted_count: deleted,
            bytes_freed: applied.units.iter().fold(0, |sum, unit| sum.saturating_add(unit.bytes_freed)),
            units: applied.units,
            stopped_by: applied.stop.as_ref().map(ToString::to_string),
            final_listing: applied.proof,
            audit: audit.to_string_lossy().into_owned(),
            saved,
            stop: applied.stop,
        }
    }

    fn all(&self, end: UnitEnd) -> Vec<&UnitResult> {
        self.units.iter().filter(|unit| unit.end == end).collect()
    }
}

impl PruneReport {
    pub(super) fn new(plan: &PrunePlan, deletes: &[Delete], dry_run: bool, would_be_refused: Option<String>) -> Self {
        Self {
            status: ExitStatus::Success,
            dry_run,
            would_be_refused,
            plan: PlanReport::new(plan),
            delete: deletes.iter().map(|unit| unit.name.clone()).collect(),
            work: None,
        }
    }

    /// The exit status and the error. By priority: why the run stopped, what GitHub forbids, concurrent changes, and what
    /// could not be verified.
    pub(super) fn conclude(&mut self, max_wait: Duration) -> (ExitStatus, Option<CommandError>) {
        let failure = self.work.as_ref().and_then(|work| error_of(work, max_wait));
        self.status = failure.as_ref().map_or(ExitStatus::Success, |failure| failure.status);
        (self.status, failure)
    }

    /// The outputs of a step.
    pub(super) fn outputs(&self) -> Vec<(&'static str, String)> {
        let kept: Vec<&str> = self.plan.keep.iter().map(|row| row.name.as_str()).collect();
        let deleted = self.work.as_ref().map(|work| work.all(UnitEnd::Deleted)).unwrap_or_default();
        let deleted: Vec<&str> = deleted.into_iter().map(|unit| unit.name.as_str()).collect();
        let list = |names: &[&str]| serde_json::to_string(names).expect("names are strings");
        vec![
            ("deleted_count", deleted.len().to_string()),
            ("deleted", list(&deleted)),
            ("planned_count", self.delete.len().to_string()),
            ("kept_count", kept.len().to_string()),
            ("kept", list(&kept)),
            ("plan_digest", self.plan.plan_digest.to_string()),
            ("bytes_freed", self.work.as_ref().map_or(0, |work| work.bytes_freed).to_string()),
        ]
    }

    /// The summary of a job.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!(
            "### Releases of {}\n\n{}\n\n",
            markdown::cell(&self.plan.repository.full_name.to_string()),
            markdown::cell(&self.headline())
        );
        let mut rows = vec![["Version", "Published", "Assets", "Size", "Action", "Reason"].map(str::to_owned).to_vec()];
        rows.extend(self.rows().into_iter().take(MAX_ROWS).map(|(action, row, reason)| {
            vec![row.name.clone(), date(row), row.assets.to_string(), size(row.bytes), action, reason]
        }));
        text.push_str(&markdown::table(&rows));
        let all = self.plan.delete.len() + self.plan.keep.len();
        if all > MAX_ROWS {
            let _ = writeln!(text, "\nand {} more", all - MAX_ROWS);
        }
        let others = self.plan.unmanaged.len() + self.plan.drafts.len();
        let _ = writeln!(text, "\n{others} unmanaged tags and drafts are unchanged. Plan `{}`.", self.plan.plan_digest);
        if let Some(why) = &self.would_be_refused {
            let _ = writeln!(text, "\n**Refused:** {}", markdown::cell(why));
        }
        if let Some(stopped) = self.work.as_ref().and_then(|work| work.stopped_by.as_ref()) {
            let _ = writeln!(text, "\n**Stopped:** {}", markdown::cell(stopped));
        }
        text
    }

    fn headline(&self) -> String {
        let repository = &self.plan.repository.full_name;
        let kept = format!("{} kept", self.plan.keep.len());
        match &self.work {
            Some(work) => {
                let deleted = count(work.deleted_count, "version");
                format!("{deleted} of {repository} deleted, {} freed; {kept}.", size(work.bytes_freed))
            }
            None if self.delete.is_empty() => format!("Nothing to delete in {repository}; {kept}."),
            None => {
                let verb = if self.dry_run { "would be deleted" } else { "will be deleted" };
                let planned = count(self.delete.len(), "version");
                format!("{planned} of {repository} {verb}, {}; {kept}.", size(self.planned_bytes()))
            }
        }
    }

    fn planned_bytes(&self) -> u64 {
        let is_deleted = |row: &&PlanRow| self.delete.contains(&row.name);
        self.plan.delete.iter().filter(is_deleted).fold(0, |sum, row| sum.saturating_add(row.bytes))
    }

    /// Every managed unit with its action and the reason, newest first.
    fn rows(&self) -> Vec<(String, &PlanRow, String)> {
        let end = |row: &PlanRow| {
            let unit = self.work.as_ref().and_then(|work| work.units.iter().find(|unit| unit.name == row.name));
            match unit {
                Some(unit) => (end_word(unit.end), unit.note.clone().unwrap_or_else(|| row.reason.clone())),
                None if self.delete.contains(&row.name) => ("delete", row.reason.clone()),
                None => ("later", "not in the applied plan".to_owned()),
            }
        };
        let keep = self.plan.keep.iter().map(|row| ("keep".to_owned(), row, row.reason.clone()));
        let gone = self.plan.delete.iter().rev().map(|row| {
            let (action, reason) = end(row);
            (action.to_owned(), row, reason)
        });
        keep.chain(gone).collect()
    }
}

const fn end_word(end: UnitEnd) -> &'static str {
    match end {
        UnitEnd::Deleted => "deleted",
        UnitEnd::AlreadyGone => "already gone",
        UnitEnd::Changed => "changed",
        UnitEnd::Blocked => "blocked",
        UnitEnd::Half => "incomplete",
        UnitEnd::Hidden => "refused",
        UnitEnd::Left => "not started",
    }
}

fn error_of(work: &WorkDone, max_wait: Duration) -> Option<CommandError> {
    if let Some(stop) = &work.stop {
        return Some(errors::stopped(stop, max_wait));
    }
    let note = |unit: &UnitResult| format!("{}: {}", unit.name, unit.note.as_deref().unwrap_or("no reason given"));
    let (blocked, hidden) = (work.all(UnitEnd::Blocked), work.all(UnitEnd::Hidden));
    if !(blocked.is_empty() && hidden.is_empty()) {
        let units: Vec<String> = blocked.into_iter().chain(hidden).map(note).collect();
        let message = format!("GitHub refused to delete {}", count(units.len(), "version"));
        let hint = "allow this token to bypass the rule, or change the rule; then run the same command again";
        return Some(CommandError::message(ExitStatus::NotPermitted, message).details(units).hint(hint));
    }
    let Some(listing) = &work.final_listing else {
        let message = "all deletions were sent, but the final listing failed, so they are not verified";
        return Some(
            CommandError::message(ExitStatus::Unavailable, message).hint("check the result with `reproq release list`"),
        );
    };
    let changed = work.all(UnitEnd::Changed);
    if !changed.is_empty() || !listing.losses.is_empty() {
        let lines = changed.into_iter().map(note).chain(listing.losses.iter().cloned());
        let message = "the repository changed during the run";
        return Some(
            CommandError::message(ExitStatus::Conflict, message)
                .details(lines)
                .hint("check the repository with `reproq release list`, then run the same command again"),
        );
    }
    if !listing.still_listed.is_empty() {
        let message = format!("GitHub still lists deleted versions: {}", listing.still_listed.join(", "));
        return Some(
            CommandError::message(ExitStatus::Partial, message).hint("run the same command again in a minute"),
        );
    }
    let rest: Vec<&UnitResult> =
        work.units.iter().filter(|unit| matches!(unit.end, UnitEnd::Half | UnitEnd::Left)).collect();
    (!rest.is_empty()).then(|| {
        let message = format!("{} not completely deleted", count(rest.len(), "version"));
        CommandError::message(ExitStatus::Partial, message).hint("run the same command again to continue")
    })
}

fn date(row: &PlanRow) -> String {
    row.dated.map_or_else(|| "-".to_owned(), |date| date.format("%Y-%m-%d").to_string())
}

impl Report for PruneReport {
    const SCHEMA: &'static str = "reproq.prune/2";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            for name in &self.delete {
                out.line(name);
            }
            return;
        }
        out.strong(&self.headline());
        out.blank();
        let mut rows = vec![["", "TAG", "PUBLISHED", "ASSETS", "SIZE", "REASON"].map(str::to_owned).to_vec()];
        rows.extend(self.rows().into_iter().map(|(action, row, reason)| {
            vec![action, row.name.clone(), date(row), row.assets.to_string(), size(row.bytes), reason]
        }));
        out.table(&rows);
        for (title, part) in
            [("Not versions, never deleted", &self.plan.unmanaged), ("Drafts, never deleted", &self.plan.drafts)]
        {
            if !part.is_empty() {
                let names: Vec<String> = part.iter().take(10).map(|row| row.name.clone()).collect();
                let more = part.len().saturating_sub(names.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                out.faint(&format!("{title}: {}{more}", names.join(", ")));
            }
        }
        if let Some(why) = &self.would_be_refused {
            out.line(&format!("Would be refused: {why}."));
        }
        if let Some(work) = &self.work {
            self.end(work, out);
        }
    }
}

impl PruneReport {
    fn end(&self, work: &WorkDone, out: &mut TextReport) {
        out.blank();
        if !work.saved.is_empty() {
            out.line(&format!("Saved first: {}", count(work.saved.len(), "asset")));
        }
        match &work.final_listing {
            Some(listing) if listing.still_listed.is_empty() && listing.losses.is_empty() => {
                out.line(&format!(
                    "Verified: {} remaining; all kept versions are unchanged.",
                    count(listing.remaining, "version")
                ));
                if listing.latest_changed.is_some() {
                    out.line("GitHub's latest release has changed.");
                }
            }
            Some(_) => out.line("The final listing differs from the expected result."),
            None => out.line("The result could not be verified, because the final listing failed."),
        }
        out.line(&format!("Audit record: {}", work.audit));
        out.faint("To restore the tags: `reproq release restore --from RECORD`");
    }
}
