//! `reproq rollback`: the binary before this one, offline, and the lock with it.

use serde::Serialize;

use crate::cli::RollbackArgs;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::request::InstallOptions;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::LockChange;
use crate::lockfile;
use crate::platform;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::store::Receipt;

/// What a rollback did.
#[derive(Debug, Serialize)]
struct RollbackReport {
    /// What was in place before; nothing where no receipt says.
    from: Option<String>,
    to: String,
    path: String,
    /// What became of the lock, as a sentence; nothing where the project has none.
    lock: Option<&'static str>,
    receipt: Receipt,
}

/// Rolls back.
pub(super) fn rollback(arguments: &RollbackArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let door = request::door(session, &environment, arguments.lock_timeout, &progress);
    let target = request::target(None, None, None, session, &door)?;
    let wish =
        InstallOptions { accept_signer_change: arguments.accept_signer_change, ..InstallOptions::plain(None, target) };
    let request = request::request(wish, session)?;
    let old = request::lockfile(session)?.map(|lockfile| (lockfile::path_in(&session.project.root), lockfile));
    platform::watch_signals();
    let done = install::rollback(&request, old, &door).map_err(|error| hints::explain(error, &request))?;
    drop(progress);
    let lock = match done.lock {
        LockChange::None => None,
        LockChange::Same => Some("reproq.lock names it already"),
        LockChange::Restored => Some("reproq.lock is as it was when it was installed; commit it"),
        LockChange::ThisMachineOnly => {
            session.ui.warn(
                "reproq.lock now names this machine's asset alone; `reproq lock` adds the others, with a network",
            );
            Some("reproq.lock names it for this machine alone")
        }
        LockChange::CannotNameABuild => {
            session.ui.warn("what is back is a local build, which no lock can name; `reproq install` brings the locked release again");
            Some("reproq.lock still names a release")
        }
    };
    session.ui.report(&RollbackReport {
        from: done.from.as_ref().map(Receipt::label),
        to: done.to.label(),
        path: request.layout.binary.to_string_lossy().into_owned(),
        lock,
        receipt: done.to,
    })?;
    Ok(ExitStatus::Success)
}

impl Report for RollbackReport {
    const SCHEMA: &'static str = "reproq.rollback/1";

    fn human(&self, paper: &mut TextReport) {
        if paper.is_quiet() {
            return;
        }
        let from = self.from.as_deref().unwrap_or("an unknown binary");
        paper.strong(&format!("Rolled back from {from} to {}.", self.to));
        let verdict = format!("{}: {}", self.receipt.verdict, self.receipt.verdict.meaning());
        let sha256 = self.receipt.sha256.to_string();
        let mut pairs = vec![("path", self.path.clone()), ("sha256", sha256), ("verdict", verdict)];
        pairs.extend(self.lock.map(|lock| ("lock", lock.to_owned())));
        paper.pairs(&pairs);
        paper.line("A running worker keeps its old file until it is restarted.");
    }
}
