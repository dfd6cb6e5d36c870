//! `reproq release restore`: restores tags at their old objects from the audit record of a prune.

use serde::Serialize;

use crate::change::Clock;
use crate::cli::RestoreArgs;
use crate::commands::release::begin_audit;
use crate::commands::release::client;
use crate::commands::release::errors;
use crate::commands::release::repository;
use crate::commands::release::repository::RepositoryUse;
use crate::commands::release::runtime;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::platform;
use crate::releases::prune;
use crate::releases::prune::RestorePlan;
use crate::releases::prune::TagEnd;
use crate::releases::prune::TagResult;
use crate::sources::github::Lister;
use crate::ui::Report;
use crate::ui::TextReport;

/// The report of `release restore`.
#[derive(Debug, Serialize)]
struct RestoreReport {
    repository: String,
    dry_run: bool,
    /// Tags that would be restored, in a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    would_restore: Vec<String>,
    tags: Vec<TagResult>,
    /// Releases that cannot be restored.
    lost_releases: Vec<LostRelease>,
    /// The path of the audit record.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<String>,
}

#[derive(Debug, Serialize)]
struct LostRelease {
    tag: String,
    assets: usize,
}

pub(super) fn restore(arguments: &RestoreArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let slug = repository::find(arguments.repository.repo.as_deref(), RepositoryUse::Read, session)?;
    let record = prune::Deleted::read(&session.env.cwd.join(&arguments.from)).map_err(errors::audit)?;
    let runtime = runtime()?;
    let entered = runtime.enter();
    let github = client(&slug, session)?;
    drop(entered);
    let progress = session.ui.progress();
    let lister = Lister::new(&github, &progress);
    let inventory = runtime.block_on(lister.list()).map_err(|error| errors::api(error, &slug))?;
    if !inventory.repository.full_name.is_same(&slug) {
        return Err(errors::renamed(&slug, &inventory.repository.full_name));
    }
    let plan = RestorePlan::compute(&record, &inventory);
    if let Some(other) = plan.repositories.iter().find(|one| one.id != inventory.repository.id) {
        let message = format!("the record is for {} (ID {}), not for {slug}", other.full_name, other.id);
        return Err(CommandError::message(ExitStatus::Conflict, message)
            .hint(format!("use the repository of the record: `--repo {}`", other.full_name)));
    }
    if !plan.create.is_empty()
        && let Some(error) = lister.refused_token()
    {
        return Err(errors::api(error, &slug));
    }
    if let Some(refusal) = plan.refusal(&inventory) {
        return Err(errors::no_plan(refusal, !session.settings.tokens.is_empty()));
    }
    let mut report = RestoreReport {
        repository: slug.to_string(),
        dry_run: arguments.mode.dry_run,
        would_restore: plan.create.iter().map(|tag| tag.name.clone()).collect(),
        tags: plan.settled.clone(),
        lost_releases: plan
            .lost_releases
            .iter()
            .map(|(tag, assets)| LostRelease { tag: tag.clone(), assets: *assets })
            .collect(),
        audit: None,
    };
    if arguments.mode.dry_run || plan.create.is_empty() {
        if !arguments.mode.dry_run {
            report.would_restore.clear();
        }
        session.ui.report(&report)?;
        return Ok(exit_status(&report, arguments));
    }
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    platform::watch_signals();
    let mut audit = begin_audit(arguments.audit.as_ref(), "restore", session)?;
    let path = audit.path().to_owned();
    let clock = Clock::wall(session.now);
    let restored = runtime.block_on(prune::restore(plan, &inventory, &github, &mut audit, &clock, &progress));
    report.would_restore.clear();
    report.tags = restored.tags;
    report.audit = Some(path.to_string_lossy().into_owned());
    session.ui.report(&report)?;
    if let Some(stop) = restored.stop {
        let failure = errors::stopped(&stop, std::time::Duration::ZERO);
        session.ui.error_after_report(&failure);
        return Ok(failure.status);
    }
    Ok(exit_status(&report, arguments))
}

/// The exit status. A dry run returns the status that the run would have, as far as it is known.
fn exit_status(report: &RestoreReport, arguments: &RestoreArgs) -> ExitStatus {
    let tags = report.tags.iter().all(|tag| matches!(tag.end, TagEnd::Restored | TagEnd::AlreadyThere));
    let releases = arguments.tags_only || report.lost_releases.is_empty();
    if tags && releases { ExitStatus::Success } else { ExitStatus::Partial }
}

impl Report for RestoreReport {
    const SCHEMA: &'static str = "reproq.restore/1";

    fn human(&self, out: &mut TextReport) {
        let of = |end: TagEnd| self.tags.iter().filter(|tag| tag.end == end).count();
        if self.dry_run {
            let would = count(self.would_restore.len(), "tag");
            out.strong(&format!("{would} of {} would be restored.", self.repository));
            for name in &self.would_restore {
                out.line(&format!("  {name}"));
            }
        } else {
            let restored = count(of(TagEnd::Restored), "tag");
            out.strong(&format!("{restored} of {} restored.", self.repository));
        }
        if out.is_quiet() {
            return;
        }
        if !self.tags.is_empty() {
            out.blank();
            let mut rows = vec![["TAG", "", "REASON"].map(str::to_owned).to_vec()];
            rows.extend(
                self.tags.iter().map(|tag| {
                    vec![tag.name.clone(), end_word(tag.end).to_owned(), tag.note.clone().unwrap_or_default()]
                }),
            );
            out.table(&rows);
        }
        if !self.lost_releases.is_empty() {
            out.blank();
            let assets = self.lost_releases.iter().map(|lost| lost.assets).sum();
            out.line(&format!(
                "{} cannot be restored: the notes, {} and download counts are lost. Publish them again from the tags.",
                count(self.lost_releases.len(), "release"),
                count(assets, "asset"),
            ));
        }
        if let Some(audit) = &self.audit {
            out.line(&format!("Audit record: {audit}"));
        }
    }
}

const fn end_word(end: TagEnd) -> &'static str {
    match end {
        TagEnd::Restored => "restored",
        TagEnd::AlreadyThere => "already exists",
        TagEnd::Taken => "points elsewhere, unchanged",
        TagEnd::Burned => "cannot be restored",
        TagEnd::Refused => "refused",
    }
}
