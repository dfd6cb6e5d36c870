//! `reproq rollback`: restores the previous binary offline, and reproq.lock with it.

use serde::Serialize;

use crate::cli::RollbackArgs;
use crate::commands::hints;
use crate::commands::request;
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

/// The report of `rollback`.
#[derive(Debug, Serialize)]
struct RollbackReport {
    /// The binary before the rollback, if it has a receipt.
    from: Option<String>,
    to: String,
    path: String,
    /// What happened to reproq.lock; `None` if the project has none.
    lock: Option<&'static str>,
    receipt: Receipt,
}

pub(super) fn rollback(arguments: &RollbackArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let context = request::install_context(session, &environment, arguments.wait.lock_timeout, &progress);
    let target = request::target(None, None, None, session, &context)?;
    let mut options = request::options(None, target, session)?;
    options.signers.accept_change = arguments.accept_signer_change;
    let request = request::request(options, session)?;
    let old = request::lockfile(session)?.map(|lockfile| (lockfile::path_in(&session.project.root), lockfile));
    platform::watch_signals();
    let done = install::rollback(&request, old, &context).map_err(|error| hints::explain(error, &request))?;
    drop(progress);
    let lock = match done.lock {
        LockChange::None => None,
        LockChange::Same => Some("reproq.lock already pins it"),
        LockChange::Restored => Some("reproq.lock was restored too; commit it"),
        LockChange::ThisMachineOnly => {
            session.ui.warn(
                "reproq.lock now has only the asset for this platform; run `reproq lock` with network access to add the others",
            );
            Some("reproq.lock pins it for this platform only")
        }
        LockChange::CannotNameABuild => {
            session.ui.warn("the restored binary is a local build, which cannot be locked; `reproq install` installs the locked release again");
            Some("reproq.lock still pins a release")
        }
    };
    session.ui.report(&RollbackReport {
        from: done.from.as_ref().map(Receipt::label),
        to: done.to.label(),
        path: request.options.layout.binary.to_string_lossy().into_owned(),
        lock,
        receipt: done.to,
    })?;
    Ok(ExitStatus::Success)
}

impl Report for RollbackReport {
    const SCHEMA: &'static str = "reproq.rollback/2";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return;
        }
        let from = self.from.as_deref().unwrap_or("an unknown binary");
        out.strong(&format!("Rolled back from {from} to {}.", self.to));
        let verdict = format!("{}: {}", self.receipt.verdict, self.receipt.verdict.meaning());
        let sha256 = self.receipt.sha256.to_string();
        let mut pairs = vec![("path", self.path.clone()), ("sha256", sha256), ("verdict", verdict)];
        pairs.extend(self.lock.map(|lock| ("lock", lock.to_owned())));
        out.pairs(&pairs);
        out.line("Running workers keep using the previous binary until they are restarted.");
    }
}
