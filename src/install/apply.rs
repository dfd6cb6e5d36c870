//! Carries out an installation: everything up to the steps of the commit happens in a staging folder that is removed
//! however it ends.

use std::path::Path;
use std::path::PathBuf;

use crate::install::Door;
use crate::install::Fallback;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::LockOrder;
use crate::install::ResolveError;
use crate::install::Standing;
use crate::install::Work;
use crate::install::acquire::Acquired;
use crate::install::acquire::Order;
use crate::install::acquire::Way;
use crate::install::acquire::build_at_once;
use crate::install::acquire::not_carried;
use crate::install::choose;
use crate::install::evidence;
use crate::install::hold;
use crate::install::hold::Hold;
use crate::install::local;
use crate::install::locking;
use crate::install::looked::looked;
use crate::install::looked::or_offline;
use crate::install::protect::protect;
use crate::install::prove::prove;
use crate::install::resolve::give_up;
use crate::install::standing;
use crate::lockfile;
use crate::lockfile::Lockfile;
use crate::origin::Origin;
use crate::platform;
use crate::release::RepoSlug;
use crate::release::Tag;
use crate::release::VersionSpec;
use crate::store;
use crate::store::Commit;
use crate::store::Receipt;
use crate::store::Staged;
use crate::store::State;
use crate::store::WrittenLock;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Level;
use crate::trust::judge;

/// What an installation did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The receipt of what is installed now.
    pub receipt: Receipt,
    /// Why there was work; nothing where there was none.
    pub work: Option<Work>,
    /// The lock that was written, where one was.
    pub locked: Option<Lockfile>,
}

/// What an installation would do.
#[derive(Debug, Clone)]
pub enum Preview {
    /// Nothing.
    UpToDate(Box<Receipt>),
    /// Download this asset.
    Download {
        /// Why there is work.
        work: Work,
        /// The release.
        tag: Tag,
        /// The asset's name.
        asset: String,
        /// Its address.
        url: String,
        /// Its size in bytes, where it is known.
        size: Option<u64>,
        /// How well it would be proven.
        verdict: Level,
        /// Whether the cache has it, so that nothing would be downloaded.
        cached: bool,
    },
    /// Build from this checkout.
    Build {
        /// Why there is work.
        work: Work,
        /// Why it would be built.
        because: Fallback,
        /// The checkout, or the source that a bundle carries.
        source: String,
    },
}

/// Installs. Takes the lock only when there is work.
pub fn run(request: &InstallRequest, door: &Door<'_>) -> Result<Outcome, InstallError> {
    let layout = &request.layout;
    let (standing, state) = stand(request)?;
    if let Standing::UpToDate(receipt) = standing {
        hold::finish(request, &receipt, &state);
        return Ok(Outcome { receipt: *receipt, work: None, locked: None });
    }
    let hold = Hold::take(request, door)?;
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
        Err(error) => return Err(hold.pulled_away(&staging).unwrap_or(error)),
    };
    let Some((acquired, receipt)) = acquired else {
        let (receipt, _) = newest.expect("only what is installed can be the newest already");
        hold.complete(&receipt, &state);
        return Ok(Outcome { receipt: *receipt, work: None, locked: None });
    };
    if let Some(error) = hold.pulled_away(&staging) {
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
    hold::tell(store::carry_out(layout, &store::steps(commit))?, door);
    Ok(Outcome { receipt, work: Some(work), locked: written.map(|(_, lockfile)| lockfile.clone()) })
}

/// Makes an executable that is proven and on the disk, with its receipt. None where the newest release turns out to be
/// this tag, which is installed.
fn acquire(
    request: &InstallRequest,
    door: &Door<'_>,
    work: &Work,
    installed: Option<&Tag>,
    staging: &Path,
) -> Result<Option<(Acquired, Receipt)>, InstallError> {
    let order = Order { request, door, staging };
    let acquired = match runtime()?.block_on(order.acquire(work, installed))? {
        Way::Staged(acquired) => *acquired,
        Way::Build(because) => local::build(request, door, &because, staging)?,
        Way::Current => return Ok(None),
    };
    let receipt = prove_and_sync(request, door, &acquired)?;
    Ok(Some((acquired, receipt)))
}

/// Finds out what an installation would do. Writes nothing and takes no lock.
pub fn preview(request: &InstallRequest, door: &Door<'_>) -> Result<Preview, InstallError> {
    let (standing, _) = stand(request)?;
    let (work, newest) = match work(standing) {
        Ok(work) => work,
        Err(receipt) => return Ok(Preview::UpToDate(receipt)),
    };
    let because = match (build_at_once(request, &work), &request.pin) {
        (Some(because), _) => because,
        (None, Some(pin)) if request.from.is_none() => {
            let place =
                door.first_address(&pin.lockfile.repository, &pin.lockfile.tag, &pin.asset.name, request.offline);
            let order = Order { request, door, staging: Path::new("") };
            // Bytes whose proofs are not there too cannot be installed from the cache alone.
            let cached = door.cache.as_ref().is_some_and(|cache| cache.has(&pin.asset.sha256))
                && (!request.offline || order.signed_as_cached(pin).is_some());
            let public = || door.public_address(&pin.lockfile.repository, &pin.lockfile.tag, &pin.asset.name);
            if let Some(url) = place.or_else(|| cached.then(public)) {
                let (tag, asset) = (pin.lockfile.tag.clone(), pin.asset.name.clone());
                let (size, verdict) = (pin.asset.size, request.policy.require.max(Level::Pinned));
                return Ok(Preview::Download { work, tag, asset, url, size, verdict, cached });
            }
            Fallback::Offline { looked: looked(request, door) }
        }
        (None, _) => match runtime()?.block_on(preview_release(request, door, &work))? {
            Ok(Preview::Download { tag, .. }) if newest.as_ref().is_some_and(|(_, newest)| *newest == tag) => {
                let (receipt, _) = newest.expect("the guard has seen it");
                return Ok(Preview::UpToDate(receipt));
            }
            Ok(preview) => return Ok(preview),
            Err(because) => because,
        },
    };
    let source = local::source(request, &because)?.to_string();
    Ok(Preview::Build { work, because, source })
}

/// The lock of the release that is meant, for every machine it has an asset for. Downloads nothing.
pub fn lock_release(request: &InstallRequest, door: &Door<'_>) -> Result<Lockfile, InstallError> {
    let spec = request.spec.clone().unwrap_or(VersionSpec::Latest);
    runtime()?.block_on(async {
        let mut tried = Vec::new();
        // Nothing is staged.
        let order = Order { request, door, staging: Path::new("") };
        for origin in door.origins(request)? {
            match origin.release(&spec, door.progress).await {
                Ok(listing) => {
                    let sums = evidence::sums(&origin, &listing).await;
                    let new = locking::lockfile(&order, &origin, &listing, &sums, &[]).await?;
                    if let LockOrder::Write { old: Some(old), .. } = &request.lock {
                        locking::refuse_drift(old, &new, &origin)?;
                    }
                    return Ok(new);
                }
                Err(error) => tried.push((origin.name(), InstallError::from(error))),
            }
        }
        Err(match give_up(tried, Vec::new()) {
            Ok(Fallback::Offline { .. }) => InstallError::Offline,
            Ok(fallback) => InstallError::Resolve(ResolveError::Fallback(fallback)),
            Err(error) => error,
        })
    })
}

/// The tag and the assets of the release that is meant, for those whose machine no asset is named after.
pub fn released_assets(
    repository: &RepoSlug,
    spec: &VersionSpec,
    door: &Door<'_>,
) -> Result<(Tag, Vec<String>), InstallError> {
    let listing = async {
        let mut outcome = Err(InstallError::Offline);
        for origin in door.places(repository, false)? {
            outcome = origin.release(spec, door.progress).await.map_err(InstallError::from);
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

async fn preview_release(
    request: &InstallRequest,
    door: &Door<'_>,
    work: &Work,
) -> Result<Result<Preview, Fallback>, InstallError> {
    let spec = request.spec.clone().or_else(|| work.repaired_spec()).unwrap_or(VersionSpec::Latest);
    let mut tried = Vec::new();
    for origin in door.origins(request)? {
        match preview_at(&origin, &spec, request, door, work).await {
            Ok(preview) => return Ok(Ok(preview)),
            Err(error) => tried.push((origin.name(), or_offline(error, request, door))),
        }
    }
    give_up(tried, looked(request, door)).map(Err)
}

async fn preview_at(
    origin: &Origin,
    spec: &VersionSpec,
    request: &InstallRequest,
    door: &Door<'_>,
    work: &Work,
) -> Result<Preview, InstallError> {
    let listing = origin.release(spec, door.progress).await.map_err(|error| InstallError::at(origin, error))?;
    let choice = choose(&listing, &request.tool, request.target)
        .map_err(|error| InstallError::Resolve(not_carried(origin, error)))?;
    let (asset, _) = choice.candidates.first().expect("a choice has a candidate");
    let sums = evidence::sums(origin, &listing).await;
    let mut evidence = evidence::gather(origin, &listing, &sums, asset).await;
    let order = Order { request, door, staging: Path::new("") };
    evidence.extend(order.signed_as_stated(origin, &listing, asset, locking::stated(&evidence)).await?.evidence);
    evidence.extend(request.pin.iter().map(|pin| Evidence::found(EvidenceSource::Lock, pin.asset.sha256)));
    let verdict = judge(None, &evidence, request.policy)
        .map_err(|source| InstallError::Verify { asset: asset.name.clone(), source })?;
    let cached = door.cache.as_ref().filter(|_| request.from.is_none()).zip(asset.digest.clone().ok().flatten());
    Ok(Preview::Download {
        work: work.clone(),
        url: origin.asset_address(&choice.tag, &asset.name),
        asset: asset.name.clone(),
        size: asset.size,
        verdict,
        cached: cached.is_some_and(|(cache, sha256)| cache.has(&sha256)),
        tag: choice.tag,
    })
}

fn stand(request: &InstallRequest) -> Result<(Standing, State), InstallError> {
    let (installed, state) = store::scan(&request.layout)?;
    protect(request, &installed)?;
    let in_the_way = |what| InstallError::InTheWay { path: request.layout.binary.clone(), what, place: "the binary" };
    Ok((standing(request, installed).map_err(in_the_way)?, state))
}

/// What is installed and its tag, where it only has to be the newest.
type Newest = Option<(Box<Receipt>, Tag)>;

/// What there is to do, and what is installed where it only has to be the newest; or the receipt of what is right already.
fn work(standing: Standing) -> Result<(Work, Newest), Box<Receipt>> {
    match standing {
        Standing::UpToDate(receipt) => Err(receipt),
        Standing::UpToDateIfNewest(receipt, tag) => {
            let how = format!("{tag} is installed, a newer release is there");
            Ok((Work::Differs { receipt: receipt.clone(), how }, Some((receipt, tag))))
        }
        Standing::Work(work) => Ok((work, None)),
    }
}

/// Tries the binary while the disk works and the cache takes its copy.
fn prove_and_sync(request: &InstallRequest, door: &Door<'_>, acquired: &Acquired) -> Result<Receipt, InstallError> {
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
        (LockOrder::Write { path, .. }, Some(lockfile)) => Some((path.clone(), lockfile)),
        (LockOrder::Write { .. } | LockOrder::Leave | LockOrder::Obey, _) => None,
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, InstallError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|source| InstallError::Staging { doing: "start the network", source })
}
