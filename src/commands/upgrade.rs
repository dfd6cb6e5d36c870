//! `reproq upgrade`: installs the latest release and updates reproq.lock.

use serde::Serialize;

use crate::cli::UpgradeArgs;
use crate::commands::hints;
use crate::commands::install::show_outcome;
use crate::commands::request;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::Newest;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::model::upgrade;
use crate::model::upgrade::Move;
use crate::platform;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::store;
use crate::worker::store::Installed;

/// The report of `upgrade --check` and `upgrade --dry-run`.
#[derive(Debug, Serialize)]
struct UpgradeReport {
    /// Whether there is a newer release.
    pending: bool,
    /// The locked release, else the installed one.
    from: Option<String>,
    to: String,
    /// The time of publication, in RFC 3339.
    published: Option<String>,
    notes: Option<String>,
}

pub(super) fn upgrade(arguments: &UpgradeArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let context = request::install_context(session, &environment, arguments.wait.lock_timeout, &progress);
    let target = request::target(None, None, None, session, &context)?;
    let current = current(&request::request(request::options(None, target, session)?, session)?, session)?;
    let named = match request::tag_spec(arguments.tag.as_deref())? {
        Some(VersionSpec::Exact(tag)) => Some(tag),
        Some(VersionSpec::Latest) | None => None,
    };
    let spec = named.clone().map(VersionSpec::Exact);
    let request = request::request(request::options(spec, target, session)?, session)?;
    let newest = install::newest(&request, named.as_ref(), arguments.pre, &context)
        .map_err(|error| hints::explain(error, &request))?;
    let step = upgrade::decide(current.as_ref(), &newest.tag);
    if step == Move::Back && named.is_some() && !arguments.allow_downgrade {
        let current = current.expect("a downgrade has a current version");
        let message = format!("{} is older than the current version {current}", newest.tag);
        return Err(CommandError::message(ExitStatus::Conflict, message)
            .hint("to downgrade, add `--allow-downgrade`; to restore the previous version, run `reproq rollback`"));
    }
    // Without `--tag`, an older latest release is not a downgrade target: the current version may be a prerelease.
    let wanted = match (step, &named, &current) {
        (Move::Back, None, Some(current)) => current.clone(),
        (Move::First | Move::Stay | Move::Forward | Move::Back, _, _) => newest.tag.clone(),
    };
    let pending = current.as_ref() != Some(&wanted);
    if arguments.check || arguments.mode.dry_run {
        drop(progress);
        session.ui.report(&report(pending, current.as_ref(), &wanted, &newest))?;
        return Ok(if pending && arguments.check { ExitStatus::Pending } else { ExitStatus::Success });
    }
    if pending {
        session.ui.status(&sentence(current.as_ref(), &newest));
    }
    platform::watch_signals();
    let mut options = request::options(Some(VersionSpec::Exact(wanted)), target, session)?;
    options.signers.accept_change = arguments.signer.accept_signer_change;
    let request = request::request(options, session)?;
    let outcome = install::run(&request, &context);
    platform::exit_if_signaled(outcome.as_ref().is_err_and(InstallError::is_of_a_child));
    let outcome = outcome.map_err(|error| hints::explain(error, &request))?;
    drop(progress);
    show_outcome(outcome, &request, arguments.django.no_django, session)
}

/// The locked release, else the installed one.
fn current(request: &InstallRequest, session: &Session<'_>) -> Result<Option<Tag>, CommandError> {
    if let Some(lockfile) = request::lockfile(session)? {
        return Ok(Some(lockfile.tag));
    }
    let (installed, _) = store::scan(&request.options.layout).map_err(|error| hints::store(&error))?;
    Ok(match installed {
        Installed::Intact { receipt } | Installed::Changed { receipt, .. } | Installed::Removed { receipt } => {
            receipt.tag().cloned()
        }
        Installed::Nothing | Installed::Foreign { .. } | Installed::NotAFile { .. } => None,
    })
}

fn report(pending: bool, from: Option<&Tag>, to: &Tag, newest: &Newest) -> UpgradeReport {
    let about = Some(newest).filter(|newest| newest.tag == *to);
    UpgradeReport {
        pending,
        from: from.map(ToString::to_string),
        to: to.to_string(),
        published: about
            .and_then(|newest| newest.published)
            .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        notes: about.and_then(|newest| newest.notes.clone()),
    }
}

/// For example `v0.0.144 → v0.0.145, published 2026-01-31, notes https://…`.
fn sentence(from: Option<&Tag>, newest: &Newest) -> String {
    let from = from.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let published = newest.published.map(|time| format!(", published {}", time.format("%Y-%m-%d"))).unwrap_or_default();
    let notes = newest.notes.as_ref().map(|notes| format!(", notes {notes}")).unwrap_or_default();
    format!("{from} → {}{published}{notes}", newest.tag)
}

impl Report for UpgradeReport {
    const SCHEMA: &'static str = "reproq.upgrade/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return;
        }
        if !self.pending {
            return out.line(&format!("{} is the latest release.", self.to));
        }
        let from = self.from.as_deref().unwrap_or("nothing");
        out.strong(&format!("{from} → {}", self.to));
        let mut pairs = Vec::new();
        pairs.extend(self.published.clone().map(|published| ("published", published)));
        pairs.extend(self.notes.clone().map(|notes| ("notes", notes)));
        out.pairs(&pairs);
        out.line("Run `reproq upgrade` to install it.");
    }
}
