//! Carries out an installation. Everything before the commit happens in a staging directory that is always removed.

use std::path::Path;
use std::path::PathBuf;

use crate::flows::install::AccessError;
use crate::flows::install::AcquireError;
use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallReason;
use crate::flows::install::InstallRequest;
use crate::flows::install::InstallStatus;
use crate::flows::install::LockfileAction;
use crate::flows::install::acquire;
use crate::flows::install::acquire::AcquireOutcome;
use crate::flows::install::acquire::Acquired;
use crate::flows::install::acquire::build_at_once;
use crate::flows::install::check_executable::check_executable;
use crate::flows::install::evidence;
use crate::flows::install::install_status;
use crate::flows::install::local;
use crate::flows::install::lockfile_of_release;
use crate::flows::install::protect::protect;
use crate::flows::install::resolved::Acquisition;
use crate::flows::install::resolved::Lookup;
use crate::flows::install::resolved::ReleaseQuery;
use crate::flows::install::resolved::Resolved;
use crate::flows::install::resolved::first_served;
use crate::flows::install::store_guard;
use crate::flows::install::store_guard::StoreGuard;
use crate::io::net;
use crate::lockfile;
use crate::lockfile::Lockfile;
use crate::model::Tag;
use crate::platform;
use crate::sources::source::Source;
use crate::worker::store;
use crate::worker::store::Commit;
use crate::worker::store::Receipt;
use crate::worker::store::Staged;
use crate::worker::store::State;
use crate::worker::store::WrittenLock;

/// The result of an installation.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The receipt of the installed binary.
    pub receipt: Receipt,
    /// Why there was work to do; `None` if there was none.
    pub work: Option<InstallReason>,
    /// The lockfile that was written, if any.
    pub locked: Option<Lockfile>,
}

/// What an installation would do.
#[derive(Debug, Clone)]
pub(crate) enum InstallPlan {
    /// Nothing.
    UpToDate(Box<Receipt>),
    /// Install this asset of a release.
    Install {
        /// Why there is work to do.
        work: InstallReason,
        /// The resolved asset, its source and evidence.
        resolved: Box<Resolved>,
    },
    /// Build from this checkout.
    Build {
        /// Why there is work to do.
        work: InstallReason,
        /// Why a local build is used.
        because: Fallback,
        /// The checkout, or the source in a bundle.
        source: String,
    },
}

/// Installs. Takes the lock only if there is work to do.
pub(crate) fn run(request: &InstallRequest, context: &InstallContext<'_>) -> Result<Outcome, InstallError> {
    let layout = &request.options.layout;
    let (status, state) = current_status(request)?;
    if let InstallStatus::UpToDate(receipt) = status {
        store_guard::finish(request, &receipt, &state);
        return Ok(Outcome { receipt: *receipt, work: None, locked: None });
    }
    let hold = StoreGuard::take(request, context)?;
    // Another installation may have finished meanwhile, and changed the project's lockfile as well.
    let request = &lock_as_it_is(request)?;
    let (status, state) = current_status(request)?;
    let (work, newest) = match work(status) {
        Ok(work) => work,
        Err(receipt) => {
            hold.complete(&receipt, &state);
            return Ok(Outcome { receipt: *receipt, work: None, locked: None });
        }
    };
    let staging = hold.staging()?;
    let acquired = match acquire(request, context, &work, newest.as_ref().map(|(_, tag)| tag), staging.path()) {
        Ok(acquired) => acquired,
        Err(error) => return Err(hold.store_removed(&staging).map_or(error, InstallError::from)),
    };
    let Some((acquired, receipt)) = acquired else {
        let (receipt, _) = newest.expect("only an installed release can already be the newest");
        hold.complete(&receipt, &state);
        return Ok(Outcome { receipt: *receipt, work: None, locked: None });
    };
    if let Some(error) = hold.store_removed(&staging) {
        return Err(error.into());
    }
    let written = lock_to_write(request, &acquired);
    let commit = Commit {
        staged: Staged { path: acquired.path.clone(), id: acquired.id },
        receipt: receipt.clone(),
        found: work.found(),
        state: &state,
        // A rewritten lockfile pins the new binary, so the one pinned before needs no protection.
        keep: &if written.is_some() { Vec::new() } else { hold.kept() },
        named_by: acquired.lockfile.as_ref().map(lockfile::render),
        lock: written.clone().map(|(path, lockfile)| WrittenLock { path, text: lockfile::render(lockfile) }),
        proofs: acquired.signed.text(),
    };
    store_guard::report_unfinished(store::carry_out(layout, &store::steps(commit))?, context);
    Ok(Outcome { receipt, work: Some(work), locked: written.map(|(_, lockfile)| lockfile.clone()) })
}

/// Stages a verified executable with its receipt. `None` if the newest release turns out to be the installed one.
fn acquire(
    request: &InstallRequest,
    context: &InstallContext<'_>,
    work: &InstallReason,
    installed: Option<&Tag>,
    staging: &Path,
) -> Result<Option<(Acquired, Receipt)>, InstallError> {
    let query = ReleaseQuery::new(request, work, installed);
    let acquired = match runtime()?.block_on(acquire::acquire(request, context, &query, staging))? {
        AcquireOutcome::Staged(acquired) => *acquired,
        AcquireOutcome::Build(because) => local::build(request, context, &because, staging)?,
        AcquireOutcome::Current => return Ok(None),
    };
    let receipt = check_and_sync(request, context, &acquired)?;
    Ok(Some((acquired, receipt)))
}

/// Determines what an installation would do. Writes nothing and takes no lock.
pub(crate) fn plan(request: &InstallRequest, context: &InstallContext<'_>) -> Result<InstallPlan, InstallError> {
    let (status, _) = current_status(request)?;
    let (work, newest) = match work(status) {
        Ok(work) => work,
        Err(receipt) => return Ok(InstallPlan::UpToDate(receipt)),
    };
    let query = ReleaseQuery::new(request, &work, newest.as_ref().map(|(_, tag)| tag));
    let because = match build_at_once(request, &work) {
        Some(because) => because,
        None => match runtime()?.block_on(resolve_first(request, context, &query))? {
            Ok(Some(resolved)) => return Ok(InstallPlan::Install { work, resolved: Box::new(resolved) }),
            Ok(None) => {
                let (receipt, _) = newest.expect("only an installed release can already be the newest");
                return Ok(InstallPlan::UpToDate(receipt));
            }
            Err(because) => because,
        },
    };
    let source = local::source(request, &because)?.to_string();
    Ok(InstallPlan::Build { work, because, source })
}

/// What an installation would use; `None` if the newest release is already installed.
async fn resolve_first(
    request: &InstallRequest,
    context: &InstallContext<'_>,
    query: &ReleaseQuery<'_>,
) -> Result<Result<Option<Resolved>, Fallback>, AcquireError> {
    let acquisition = Acquisition { request, context };
    if let Some(resolved) = acquisition.resolve_in_cache() {
        return Ok(Ok(Some(resolved)));
    }
    let sources = context.sources(request)?;
    first_served(&sources, acquisition, async |source: &Source| {
        if let Some(pin) = &request.decided.pin {
            let resolved = acquisition.resolve_pinned(source).await?;
            // An installation finds this out when it fetches the file.
            source.check_local(&pin.lockfile.tag, &pin.asset.name).map_err(|error| AcquireError::at(source, error))?;
            return Ok(Some(resolved));
        }
        match acquisition.find(source, query).await? {
            Lookup::Current => Ok(None),
            Lookup::Release(found) => acquisition.resolve(source, &found).await.map(Some),
        }
    })
    .await
}

/// The lockfile of the requested release, with every platform it has an asset for. Downloads no assets.
pub(crate) fn lock_release(request: &InstallRequest, context: &InstallContext<'_>) -> Result<Lockfile, AcquireError> {
    let spec = request.requested_spec();
    runtime()?.block_on(async {
        let acquisition = Acquisition { request, context };
        let sources = context.sources(request)?;
        let locked = first_served(&sources, acquisition, async |source: &Source| {
            let listing = source.release(&spec, context.progress).await?;
            let sums = evidence::sums(source, &listing).await;
            let new = lockfile_of_release::lockfile(acquisition, source, &listing, &sums, &[]).await?;
            lockfile_of_release::refuse_drift(request.previous_lockfile(), &new, source)?;
            Ok(new)
        });
        locked.await?.map_err(AcquireError::without_a_release)
    })
}

/// The tag and assets of the requested release, for a platform without a known asset name.
pub(crate) fn released_assets(
    request: &InstallRequest,
    context: &InstallContext<'_>,
) -> Result<(Tag, Vec<String>), AcquireError> {
    let spec = request.requested_spec();
    let listing = runtime()?.block_on(async {
        let sources = context.sources(request)?;
        let listed = first_served(&sources, Acquisition { request, context }, async |source: &Source| {
            source.release(&spec, context.progress).await.map_err(|error| AcquireError::at(source, error))
        });
        listed.await?.map_err(AcquireError::without_a_release)
    })?;
    let assets = listing.release().map(|release| release.assets.iter().map(|asset| asset.name.clone()).collect());
    Ok((listing.tag().clone(), assets.unwrap_or_default()))
}

fn current_status(request: &InstallRequest) -> Result<(InstallStatus, State), InstallError> {
    let (installed, state) = store::scan(&request.options.layout)?;
    protect(request, &installed)?;
    let in_the_way =
        |what| AccessError::InTheWay { path: request.options.layout.binary.clone(), what, place: "the binary" };
    Ok((install_status(request, installed).map_err(in_the_way)?, state))
}

/// The receipt of the installation and its tag, if only a newer release would be installed.
type Newest = Option<(Box<Receipt>, Tag)>;

/// Why there is work to do, with the installed release if only a newer one would be installed; or the receipt of an
/// installation that is up to date.
fn work(status: InstallStatus) -> Result<(InstallReason, Newest), Box<Receipt>> {
    match status {
        InstallStatus::UpToDate(receipt) => Err(receipt),
        InstallStatus::UpToDateIfNewest(receipt, tag) => {
            let how = format!("{tag} is installed, but a newer release is available");
            Ok((InstallReason::Differs { receipt: receipt.clone(), how }, Some((receipt, tag))))
        }
        InstallStatus::Work(work) => Ok((work, None)),
    }
}

/// Checks the executable while it is synced to disk and copied to the cache.
fn check_and_sync(
    request: &InstallRequest,
    context: &InstallContext<'_>,
    acquired: &Acquired,
) -> Result<Receipt, InstallError> {
    // The progress reporter is not shared between threads.
    let cache = context.cache.as_ref();
    let proofs = acquired.signed.text();
    let (receipt, synced) = std::thread::scope(|scope| {
        let to_disk = || {
            let synced = platform::sync_file(&acquired.path);
            let kept = cache.zip(acquired.for_cache.as_ref());
            (synced, kept.map(|(cache, (file, provenance))| cache.keep(file, provenance, proofs.as_deref())))
        };
        match std::thread::Builder::new().name("disk".to_owned()).spawn_scoped(scope, to_disk) {
            Ok(disk) => (check_executable(request, context, acquired), disk.join()),
            // Without a thread, do it first.
            Err(_) => (check_executable(request, context, acquired), Ok(to_disk())),
        }
    });
    if let (Err(_), Some((file, _)), Some(cache)) = (&receipt, &acquired.for_cache, cache) {
        // A binary that cannot be installed is not cached either.
        let _ = cache.remove(&file.sha256);
    }
    let receipt = receipt?;
    let stopped = || std::io::Error::other("the thread that syncs to disk panicked");
    let (synced, kept) = synced.unwrap_or_else(|_| (Err(stopped()), None));
    synced.map_err(|source| AcquireError::Staging { doing: "write the binary to disk", source })?;
    if let Some(Err(error)) = kept {
        context.continue_without_cache(&error);
    }
    Ok(receipt)
}

fn lock_as_it_is(request: &InstallRequest) -> Result<InstallRequest, InstallError> {
    let lockfile = lockfile::read_file(&request.options.lockfile, &request.options.tool)?;
    if lockfile == request.lockfile {
        return Ok(request.clone());
    }
    Ok(InstallRequest::new(request.options.clone(), lockfile)?)
}

fn lock_to_write<'a>(request: &InstallRequest, acquired: &'a Acquired) -> Option<(PathBuf, &'a Lockfile)> {
    match (&request.decided.lock, &acquired.lockfile) {
        (LockfileAction::Write { path, .. }, Some(lockfile)) => Some((path.clone(), lockfile)),
        (LockfileAction::Write { .. } | LockfileAction::Ignore | LockfileAction::Require, _) => None,
    }
}

pub(super) fn runtime() -> Result<&'static tokio::runtime::Runtime, AcquireError> {
    net::runtime().map_err(|source| AcquireError::Staging { doing: "start the network", source })
}
