//! How a plan and what came of it read: for people, for programs, and as the summary of a job.

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

/// Rows of the summary beyond these are only counted.
const MOST_ROWS: usize = 200;

/// The report of `release prune`.
#[derive(Debug, Serialize)]
pub(super) struct PruneReport {
    /// How it ended, as the exit code says it.
    status: ExitStatus,
    /// Whether it was only to be shown.
    dry_run: bool,
    /// Why it would be refused, were it to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_be_refused: Option<String>,
    /// What was decided.
    plan: PlanReport,
    /// The names that go now; fewer than the plan's where a plan file says so.
    delete: Vec<String>,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) work: Option<WorkDone>,
}

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct WorkDone {
    deleted_count: usize,
    bytes_freed: u64,
    units: Vec<UnitResult>,
    /// What ended it before its end.
    stopped_by: Option<String>,
    /// What the last listing says.
    proof: Option<FinalListing>,
    /// The record.
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
            proof: applied.proof,
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

    /// The exit code, and the sentence for it. What stopped the work comes first, then what GitHub forbids, then what
    /// somebody else changed, then what is not proven.
    pub(super) fn judge(&mut self, max_wait: Duration) -> (ExitStatus, Option<CommandError>) {
        let failure = self.work.as_ref().and_then(|work| judge(work, max_wait));
        self.status = failure.as_ref().map_or(ExitStatus::Success, |failure| failure.status);
        (self.status, failure)
    }

    /// The outputs of a step.
    pub(super) fn outputs(&self) -> Vec<(&'static str, String)> {
        let kept: Vec<&str> = self.plan.keep.iter().map(|row| row.name.as_str()).collect();
        let deleted = self.work.as_ref().map(|work| work.all(UnitEnd::Deleted)).unwrap_or_default();
        let deleted: Vec<&str> = deleted.into_iter().map(|unit| unit.name.as_str()).collect();
        let list = |names: &[&str]| serde_json::to_string(names).expect("names are texts");
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
        let mut rows = vec![["Version", "Published", "Assets", "Size", "Fate", "Why"].map(str::to_owned).to_vec()];
        rows.extend(self.rows().into_iter().take(MOST_ROWS).map(|(fate, row, why)| {
            vec![row.name.clone(), date(row), row.assets.to_string(), size(row.bytes), fate, why]
        }));
        text.push_str(&markdown::table(&rows));
        let all = self.plan.delete.len() + self.plan.keep.len();
        if all > MOST_ROWS {
            let _ = writeln!(text, "\nand {} more", all - MOST_ROWS);
        }
        let others = self.plan.unmanaged.len() + self.plan.drafts.len();
        let _ =
            writeln!(text, "\n{others} unmanaged tags and drafts were left alone. Plan `{}`.", self.plan.plan_digest);
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
        let stay = match self.plan.keep.len() {
            1 => "1 stays".to_owned(),
            number => format!("{number} stay"),
        };
        match &self.work {
            Some(work) => {
                let deleted = count(work.deleted_count, "version");
                format!("{deleted} of {repository} deleted, {} freed; {stay}.", size(work.bytes_freed))
            }
            None if self.delete.is_empty() => format!("Nothing to delete in {repository}; {stay}."),
            None => {
                let verb = if self.dry_run { "would be deleted" } else { "go" };
                let planned = count(self.delete.len(), "version");
                format!("{planned} of {repository} {verb}, {}; {stay}.", size(self.planned_bytes()))
            }
        }
    }

    fn planned_bytes(&self) -> u64 {
        let goes = |row: &&PlanRow| self.delete.contains(&row.name);
        self.plan.delete.iter().filter(goes).fold(0, |sum, row| sum.saturating_add(row.bytes))
    }

    /// Every managed unit with its fate and the reason, newest first.
    fn rows(&self) -> Vec<(String, &PlanRow, String)> {
        let end = |row: &PlanRow| {
            let unit = self.work.as_ref().and_then(|work| work.units.iter().find(|unit| unit.name == row.name));
            match unit {
                Some(unit) => (end_word(unit.end), unit.note.clone().unwrap_or_else(|| row.reason.clone())),
                None if self.delete.contains(&row.name) => ("delete", row.reason.clone()),
                None => ("later", "not part of the plan that is carried out".to_owned()),
            }
        };
        let keep = self.plan.keep.iter().map(|row| ("keep".to_owned(), row, row.reason.clone()));
        let gone = self.plan.delete.iter().rev().map(|row| {
            let (word, why) = end(row);
            (word.to_owned(), row, why)
        });
        keep.chain(gone).collect()
    }
}

const fn end_word(end: UnitEnd) -> &'static str {
    match end {
        UnitEnd::Deleted => "deleted",
        UnitEnd::AlreadyGone => "was gone",
        UnitEnd::Changed => "changed",
        UnitEnd::Blocked => "blocked",
        UnitEnd::Half => "half done",
        UnitEnd::Hidden => "refused",
        UnitEnd::Left => "left",
    }
}

fn judge(work: &WorkDone, max_wait: Duration) -> Option<CommandError> {
    if let Some(stop) = &work.stop {
        return Some(errors::stopped(stop, max_wait));
    }
    let note = |unit: &UnitResult| format!("{}: {}", unit.name, unit.note.as_deref().unwrap_or("no reason given"));
    let (blocked, hidden) = (work.all(UnitEnd::Blocked), work.all(UnitEnd::Hidden));
    if !(blocked.is_empty() && hidden.is_empty()) {
        let units: Vec<String> = blocked.into_iter().chain(hidden).map(note).collect();
        let message = format!("GitHub does not let {} go", count(units.len(), "version"));
        let hint = "let this token bypass the rule, or change the rule; then run the same command again";
        return Some(CommandError::message(ExitStatus::NotPermitted, message).details(units).hint(hint));
    }
    let Some(proof) = &work.proof else {
        let message = "everything was done, but GitHub gave no list to prove it";
        return Some(
            CommandError::message(ExitStatus::Unavailable, message).hint("see for yourself: `reproq release list`"),
        );
    };
    let changed = work.all(UnitEnd::Changed);
    if !changed.is_empty() || !proof.losses.is_empty() {
        let lines = changed.into_iter().map(note).chain(proof.losses.iter().cloned());
        let message = "the repository changed while the work was done";
        return Some(
            CommandError::message(ExitStatus::Conflict, message)
                .details(lines)
                .hint("look with `reproq release list`, then run the same command again"),
        );
    }
    if !proof.still_listed.is_empty() {
        let message = format!("GitHub deleted and still lists {}", proof.still_listed.join(", "));
        return Some(
            CommandError::message(ExitStatus::Partial, message).hint("run the same command again in a minute"),
        );
    }
    let rest: Vec<&UnitResult> =
        work.units.iter().filter(|unit| matches!(unit.end, UnitEnd::Half | UnitEnd::Left)).collect();
    (!rest.is_empty()).then(|| {
        let message = format!("{} are not done", count(rest.len(), "version"));
        CommandError::message(ExitStatus::Partial, message).hint("run the same command again; it goes on from here")
    })
}

fn date(row: &PlanRow) -> String {
    row.dated.map_or_else(|| "-".to_owned(), |date| date.format("%Y-%m-%d").to_string())
}

impl Report for PruneReport {
    const SCHEMA: &'static str = "reproq.prune/1";

    fn human(&self, paper: &mut TextReport) {
        if paper.is_quiet() {
            for name in &self.delete {
                paper.line(name);
            }
            return;
        }
        paper.strong(&self.headline());
        paper.blank();
        let mut rows = vec![["", "TAG", "PUBLISHED", "ASSETS", "SIZE", "WHY"].map(str::to_owned).to_vec()];
        rows.extend(self.rows().into_iter().map(|(fate, row, why)| {
            vec![fate, row.name.clone(), date(row), row.assets.to_string(), size(row.bytes), why]
        }));
        paper.table(&rows);
        for (title, part) in
            [("Not versions, never touched", &self.plan.unmanaged), ("Drafts, never touched", &self.plan.drafts)]
        {
            if !part.is_empty() {
                let names: Vec<String> = part.iter().take(10).map(|row| row.name.clone()).collect();
                let more = part.len().saturating_sub(names.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                paper.faint(&format!("{title}: {}{more}", names.join(", ")));
            }
        }
        if let Some(why) = &self.would_be_refused {
            paper.line(&format!("Would be refused: {why}."));
        }
        if let Some(work) = &self.work {
            self.end(work, paper);
        }
    }
}

impl PruneReport {
    fn end(&self, work: &WorkDone, paper: &mut TextReport) {
        paper.blank();
        if !work.saved.is_empty() {
            paper.line(&format!("Saved first: {}", count(work.saved.len(), "asset")));
        }
        match &work.proof {
            Some(proof) if proof.still_listed.is_empty() && proof.losses.is_empty() => {
                paper.line(&format!(
                    "Proven by a new listing: {} there, all that was to stay is as it was.",
                    count(proof.remaining, "version")
                ));
                if proof.latest_changed.is_some() {
                    paper.line("GitHub's latest release is another one than before.");
                }
            }
            Some(_) => paper.line("The new listing differs from what it should be."),
            None => paper.line("No new listing came to prove it."),
        }
        paper.line(&format!("Record: {}", work.audit));
        paper.faint("Bring the tags back with `reproq release restore --from RECORD`.");
    }
}
