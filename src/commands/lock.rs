//! `reproq lock`: pins one release for every platform.

use serde::Serialize;
use std::time::Duration;

use crate::cli::LockArgs;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::LockfileAction;
use crate::io::fs::sweep_beside;
use crate::lockfile;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Signer;
use crate::model::VersionSpec;
use crate::model::text::size;
use crate::trust::Level;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::store;
use crate::worker::store::Installed;
use crate::worker::store::WrittenLock;

/// What happened to reproq.lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Unchanged,
    Created,
    Updated,
}

#[derive(Debug, Serialize)]
struct LockReport {
    change: Change,
    /// False with `--check`, or if nothing changed.
    written: bool,
    path: String,
    repository: String,
    tag: String,
    /// The attested signer, if there is one.
    signer: Option<SignerLine>,
    assets: Vec<AssetLine>,
    /// The differences from the previous lockfile.
    changes: Vec<String>,
}

/// The signer as recorded in reproq.lock.
#[derive(Debug, Serialize)]
struct SignerLine {
    /// For the text report.
    #[serde(skip)]
    name: String,
    verdict: Level,
    workflow: Option<String>,
    issuer: Option<String>,
    repository_id: Option<u64>,
    owner_id: Option<u64>,
}

impl From<Signer> for SignerLine {
    fn from(signer: Signer) -> Self {
        let name = signer.to_string();
        let Signer { verdict, workflow, issuer, repository_id, owner_id } = signer;
        Self { name, verdict, workflow: workflow.map(|workflow| workflow.to_string()), issuer, repository_id, owner_id }
    }
}

/// A locked asset.
#[derive(Debug, Serialize)]
pub(super) struct AssetLine {
    pub(super) target: String,
    pub(super) name: String,
    pub(super) size: Option<u64>,
    pub(super) sha256: String,
    pub(super) evidence: Vec<String>,
    pub(super) verdict: Level,
}

impl From<LockedAsset> for AssetLine {
    fn from(asset: LockedAsset) -> Self {
        let LockedAsset { target, name, size, sha256, evidence, verdict } = asset;
        Self { target: target.to_string(), name, size, sha256: sha256.to_string(), evidence, verdict }
    }
}

pub(super) fn lock(arguments: &LockArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let context = request::install_context(session, &environment, Duration::ZERO, &progress);
    let old = request::lockfile(session)?;
    // A lockfile covers every platform, even if the worker is not released for this one.
    let mut options = request::options(None, request::any_target(session), session)?;
    options.signers.accept_change = arguments.signer.accept_signer_change;
    let mut request = request::request(options, session)?;
    let wanted = request::tag_spec(arguments.tag.as_deref())?;
    let same_repository = old.as_ref().filter(|old| old.repository.is_same(&request.options.repository));
    request.decided.spec = wanted
        .or_else(|| same_repository.map(|old| VersionSpec::Exact(old.tag.clone())))
        .or_else(|| installed_tag(&request));
    let path = lockfile::path_in(&session.project.root);
    request.decided.lock = LockfileAction::Write { path: path.clone(), old: old.clone().map(Box::new) };
    let new = install::lock_release(&request, &context).map_err(|error| hints::explain(error, &request))?;
    drop(progress);
    if new.assets.is_empty() {
        let message = format!("no asset of {} {} can be locked", new.repository, new.tag);
        return Err(CommandError::message(ExitStatus::Unverified, message).hint(
            "the release has no asset with a published digest for any platform; ask the maintainers to publish one",
        ));
    }
    let text = lockfile::render(&new);
    let change = match &old {
        None => Change::Created,
        Some(old) if lockfile::render(old) == text => Change::Unchanged,
        Some(_) => Change::Updated,
    };
    let written = change != Change::Unchanged && !arguments.check;
    if !arguments.check {
        sweep_beside(&path);
    }
    if written {
        WrittenLock { path: path.clone(), text }.write().map_err(|error| hints::store(&error))?;
    }
    let changes = old.as_ref().map(|old| lockfile::changes(old, &new)).unwrap_or_default();
    session.ui.report(&report(change, written, &path.to_string_lossy(), new, changes))?;
    let pending = arguments.check && change != Change::Unchanged;
    Ok(if pending { ExitStatus::Pending } else { ExitStatus::Success })
}

fn installed_tag(request: &install::InstallRequest) -> Option<VersionSpec> {
    match store::scan(&request.options.layout) {
        Ok((Installed::Intact { receipt }, _)) => receipt.tag().cloned().map(VersionSpec::Exact),
        Ok(_) | Err(_) => None,
    }
}

fn report(change: Change, written: bool, path: &str, lockfile: Lockfile, changes: Vec<String>) -> LockReport {
    LockReport {
        change,
        written,
        path: path.to_owned(),
        repository: lockfile.repository.to_string(),
        tag: lockfile.tag.to_string(),
        signer: lockfile.signer.map(SignerLine::from),
        assets: lockfile.assets.into_iter().map(AssetLine::from).collect(),
        changes,
    }
}

impl Report for LockReport {
    const SCHEMA: &'static str = "reproq.lock/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return;
        }
        let Self { repository, tag, path, .. } = self;
        match (self.change, self.written) {
            (Change::Unchanged, _) => {
                return out.line(&format!("{path} already locks {tag} of {repository} for every available platform."));
            }
            (Change::Created | Change::Updated, true) => out.strong(&format!("Locked {tag} of {repository}.")),
            (Change::Created | Change::Updated, false) => {
                out.strong(&format!("{path} would change to {tag} of {repository}."));
            }
        }
        for change in &self.changes {
            out.line(&format!("  {change}"));
        }
        let cells = |asset: &AssetLine| {
            let bytes = asset.size.map_or_else(|| "unknown size".to_owned(), size);
            let digest = format!("sha256 {}", asset.sha256.get(..12).unwrap_or_default());
            vec![asset.target.clone(), asset.name.clone(), bytes, digest, asset.evidence.join(", ")]
        };
        out.details(&self.assets.iter().map(cells).collect::<Vec<_>>());
        match &self.signer {
            Some(signer) => out.line(&format!("Attested by {}; installs now require this signer.", signer.name)),
            None => out.faint("No attestation was found."),
        }
        if self.written {
            out.line(&format!("Commit {path} so that every installation uses exactly these bytes."));
        }
    }
}
