//! Carries out an installation: everything up to the steps of the commit happens in a staging directory that is removed
//! however it ends.

use std::path::Path;
use std::path::PathBuf;

use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallReason;
use crate::flows::install::InstallRequest;
use crate::flows::install::InstallStatus;
use crate::flows::install::LockfileAction;
use crate::flows::install::acquire::AcquireOutcome;
use crate::flows::install::acquire::Acquired;
use crate::flows::install::acquire::Acquisition;
use crate::flows::install::acquire::build_at_once;
use crate::flows::install::check_executable::prove;
use crate::flows::install::evidence;
use crate::flows::install::local;
use crate::flows::install::lockfile_of_release;
use crate::flows::install::protect::protect;
use crate::flows::install::resolved::Lookup;
use crate::flows::install::resolved::ReleaseQuery;
use crate::flows::install::resolved::Resolved;
use crate::flows::install::resolved::first_served;
use crate::flows::install::standing;
use crate::flows::install::store_guard;
use crate::flows::install::store_guard::StoreGuard;
use crate::lockfile;
use crate::lockfile::Lockfile;
use crate::model::RepoSlug;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::platform;
use crate::sources::source::Source;
use crate::worker::store;
use crate::worker::store::Commit;
use crate::worker::store::Receipt;
use crate::worker::store::Staged;
use crate::worker::store::State;
use crate::worker::store::WrittenLock;

/// What an installation did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The receipt of what is installed now.
    pub receipt: Receipt,
    /// Why there was work; nothing where there was none.
    pub work: Option<InstallReason>,
    /// The lock that was written, where one was.
    pub locked: Option<Lockfile>,
}

/// What an installation would do.
#[derive(Debug, Clone)]
pub enum Preview {
    /// Nothing.
    UpToDate(Box<Receipt>),
    /// Install this asset of a release.
    Install {
        /// Why there is work.
        work: InstallReason,
        /// Which asset, from where, and what is known about it.
        resolved: Box<Resolved>,
    },
    /// Build from this checkout.
    Build {
        /// Why there is work.
        work: InstallReason,
        /// Why it would be built.
        because: Fallback,
        /// The checkout, or the source that a bundle carries.
        source: String,
    },
}

/// Installs. Takes the lock only when there is work.
pub fn run(request: &InstallRequest, door: &InstallContext<'_>) -> Result<Outcome, InstallError> {
    let layout = &request.layout;
    let (standing, state) = stand(request)?;
    if let InstallStatus::UpToDate(receipt) = standing {
        store_guard::finish(request, &receipt, &state);
        return Ok(Outcome { receipt: *receipt, work: None, locked: None });
    }
    let hold = StoreGuard::take(request, door)?;
    // Another installation may have come between, and changed the project's lock too.
    let request = &lock_as_it_is(request)?;
    let (standing, state) = stand(request)?;
    let (work, newest) = match work(standing) {
        Ok(work) => work,
        Err(receipt) => {
            hold.complete(&receipt, &state);
            return Ok(Outcome { receipt: *receipt, work: None, locked: None });
        }
    };
    let staging = hold.staging()?;
    let acquired = match acquire(request, door, &work, newest.as_ref().map(|(_, tag)| tag), staging.path()) {
        Ok(acquired) => acquired,
        Err(error) => return Err(hold.store_removed(&staging).unwrap_or(error)),
    };
    let Some((acquired, receipt)) = acquired else {
        let (receipt, _) = newest.expect("only what is installed can be the newest already");
        hold.complete(&receipt, &state);
        return Ok(Outcome { receipt: *receipt, work: None, locked: None });
    };
    if let Some(error) = hold.store_removed(&staging) {
        return Err(error);
    }
    let written = lock_to_write(request, &acquired);
    let commit = Commit {
        staged: Staged { path: acquired.path.clone(), id: acquired.id },
        receipt: receipt.clone(),
        found: work.found(),
        state: &state,
        // A lock that moves names the new binary; the one it named before is nothing special any more.
        keep: &if written.is_some() { Vec::new() } else { hold.kept() },
        named_by: acquired.lockfile.as_ref().map(lockfile::render),
        lock: written.clone().map(|(path, lockfile)| WrittenLock { path, text: lockfile::render(lockfile) }),
        proofs: acquired.signed.text(),
    };
    store_guard::tell(store::carry_out(layout, &store::steps(commit))?, door);
    Ok(Outcome { receipt, work: Some(work), locked: written.map(|(_, lockfile)| lockfile.clone()) })
}

/// Makes an executable that is proven and on the disk, with its receipt. None where the newest release turns out to be
/// this tag, which is installed.
fn acquire(
    request: &InstallRequest,
    door: &InstallContext<'_>,
    work: &InstallReason,
    installed: Option<&Tag>,
    staging: &Path,
) -> Result<Option<(Acquired, Receipt)>, InstallError> {
    let order = Acquisition { request, door, staging };
    let acquired = match runtime()?.block_on(order.acquire(&ReleaseQuery::new(request, work, installed)))? {
        AcquireOutcome::Staged(acquired) => *acquired,
        AcquireOutcome::Build(because) => local::build(request, door, &because, staging)?,
        AcquireOutcome::Current => return Ok(None),
    };
    let receipt = prove_and_sync(request, door, &acquired)?;
    Ok(Some((acquired, receipt)))
}

/// Finds out what an installation would do. Writes nothing and takes no lock.
pub fn preview(request: &InstallRequest, door: &InstallContext<'_>) -> Result<Preview, InstallError> {
    let (standing, _) = stand(request)?;
    let (work, newest) = match work(standing) {
        Ok(work) => work,
        Err(receipt) => return Ok(Preview::UpToDate(receipt)),
    };
    let query = ReleaseQuery::new(request, &work, newest.as_ref().map(|(_, tag)| tag));
    let because = match build_at_once(request, &work) {
        Some(because) => because,
        None => match runtime()?.block_on(resolve_first(request, door, &query))? {
            Ok(Some(resolved)) => return Ok(Preview::Install { work, resolved: Box::new(resolved) }),
            Ok(None) => {
                let (receipt, _) = newest.expect("only what is installed can be the newest already");
                return Ok(Preview::UpToDate(receipt));
            }
            Err(because) => because,
        },
    };
    let source = local::source(request, &because)?.to_string();
    Ok(Preview::Build { work, because, source })
}

/// What an installation would use; `None` where the newest release is the one that is installed.
async fn resolve_first(
    request: &InstallRequest,
    door: &InstallContext<'_>,
    query: &ReleaseQuery<'_>,
) -> Result<Result<Option<Resolved>, Fallback>, InstallError> {
    // Nothing is staged.
    let order = Acquisition { request, door, staging: Path::new("") };
    if let Some(resolved) = order.resolve_in_cache() {
        return Ok(Ok(Some(resolved)));
    }
    let sources = door.sources(request)?;
    first_served(&sources, request, door, async |source: &Source| {
        if let Some(pin) = &request.pin {
            let resolved = order.resolve_pinned(source).await?;
            // An installation finds out by fetching it.
            source.check_local(&pin.lockfile.tag, &pin.asset.name).map_err(|error| InstallError::at(source, error))?;
            return Ok(Some(resolved));
        }
        match order.find(source, query).await? {
            Lookup::Current => Ok(None),
            Lookup::Release(found) => order.resolve(source, &found).await.map(Some),
        }
    })
    .await
}

/// The lock of the release that is meant, for every machine it has an asset for. Downloads nothing.
pub fn lock_release(request: &InstallRequest, door: &InstallContext<'_>) -> Result<Lockfile, InstallError> {
    let spec = request.spec.clone().unwrap_or(VersionSpec::Latest);
    runtime()?.block_on(async {
        // Nothing is staged.
        let order = Acquisition { request, door, staging: Path::new("") };
        let sources = door.sources(request)?;
        let locked = first_served(&sources, request, door, async |source: &Source| {
            let listing = source.release(&spec, door.progress).await.map_err(InstallError::from)?;
            let sums = evidence::sums(source, &listing).await;
            let new = lockfile_of_release::lockfile(&order, source, &listing, &sums, &[]).await?;
            if let LockfileAction::Write { old: Some(old), .. } = &request.lock {
                lockfile_of_release::refuse_drift(old, &new, source)?;
            }
            Ok(new)
        });
        locked.await?.map_err(InstallError::without_a_release)
    })
}

/// The tag and the assets of the release that is meant, for those whose machine no asset is named after.
pub fn released_assets(
    repository: &RepoSlug,
    spec: &VersionSpec,
    door: &InstallContext<'_>,
) -> Result<(Tag, Vec<String>), InstallError> {
    let listing = async {
        let mut outcome = Err(InstallError::Offline);
        for source in door.places(repository, false)? {
            outcome = source.release(spec, door.progress).await.map_err(InstallError::from);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    };
    let listing = runtime()?.block_on(listing)?;
    let assets = listing.release().map(|release| release.assets.iter().map(|asset| asset.name.clone()).collect());
    Ok((listing.tag().clone(), assets.unwrap_or_default()))
}

fn stand(request: &InstallRequest) -> Result<(InstallStatus, State), InstallError> {
    let (installed, state) = store::scan(&request.layout)?;
    protect(request, &installed)?;
    let in_the_way = |what| InstallError::InTheWay { path: request.layout.binary.clone(), what, place: "the binary" };
    Ok((standing(request, installed).map_err(in_the_way)?, state))
}

/// What is installed and its tag, where it only has to be the newest.
type Newest = Option<(Box<Receipt>, Tag)>;

/// What there is to do, and what is installed where it only has to be the newest; or the receipt of what is right already.
fn work(standing: InstallStatus) -> Result<(InstallReason, Newest), Box<Receipt>> {
    match standing {
        InstallStatus::UpToDate(receipt) => Err(receipt),
        InstallStatus::UpToDateIfNewest(receipt, tag) => {
            let how = format!("{tag} is installed, a newer release is there");
            Ok((InstallReason::Differs { receipt: receipt.clone(), how }, Some((receipt, tag))))
        }
        InstallStatus::Work(work) => Ok((work, None)),
    }
}

/// Tries the binary while the disk works and the cache takes its copy.
fn prove_and_sync(
    request: &InstallRequest,
    door: &InstallContext<'_>,
    acquired: &Acquired,
) -> Result<Receipt, InstallError> {
    // Who watches is not for other threads.
    let cache = door.cache.as_ref();
    let proofs = acquired.signed.text();
    let (receipt, synced) = std::thread::scope(|scope| {
        let to_disk = || {
            let synced = platform::sync_file(&acquired.path);
            let kept = cache.zip(acquired.for_cache.as_ref());
            (synced, kept.map(|(cache, (file, provenance))| cache.keep(file, provenance, proofs.as_deref())))
        };
        match std::thread::Builder::new().name("disk".to_owned()).spawn_scoped(scope, to_disk) {
            Ok(disk) => (prove(request, door, acquired), disk.join()),
            // One after the other, then.
            Err(_) => (prove(request, door, acquired), Ok(to_disk())),
        }
    });
    if let (Err(_), Some((file, _)), Some(cache)) = (&receipt, &acquired.for_cache, cache) {
        // What is not fit to be installed is not worth keeping either.
        let _ = cache.remove(&file.sha256);
    }
    let receipt = receipt?;
    let stopped = || std::io::Error::other("the thread that waits for the disk has stopped");
    let (synced, kept) = synced.unwrap_or_else(|_| (Err(stopped()), None));
    synced.map_err(|source| InstallError::Staging { doing: "write the binary to disk", source })?;
    if let Some(Err(error)) = kept {
        door.leave_out_cache(&error);
    }
    Ok(receipt)
}

fn lock_as_it_is(request: &InstallRequest) -> Result<InstallRequest, InstallError> {
    let lockfile = lockfile::read_file(&request.decided_from.path, &request.tool)?;
    if lockfile == request.decided_from.lockfile {
        return Ok(request.clone());
    }
    Ok(request.clone().with_lock(lockfile)?)
}

fn lock_to_write<'a>(request: &InstallRequest, acquired: &'a Acquired) -> Option<(PathBuf, &'a Lockfile)> {
    match (&request.lock, &acquired.lockfile) {
        (LockfileAction::Write { path, .. }, Some(lockfile)) => Some((path.clone(), lockfile)),
        (LockfileAction::Write { .. } | LockfileAction::Ignore | LockfileAction::Require, _) => None,
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, InstallError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|source| InstallError::Staging { doing: "start the network", source })
}
