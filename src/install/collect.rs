//! Brings the assets of one release together, for many machines: for a bundle. Each is proven as for an installation.

use std::path::Path;

use crate::cache::Provenance;
use crate::install::Door;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::LockOrder;
use crate::install::ResolveError;
use crate::install::acquire::Order;
use crate::install::apply::runtime;
use crate::install::choose;
use crate::install::evidence;
use crate::install::locking;
use crate::install::locking::Known;
use crate::install::looked::looked_in_cache;
use crate::install::looked::looked_in_mirrors;
use crate::install::resolve::give_up;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::origin::Origin;
use crate::release::Asset;
use crate::release::AssetState;
use crate::release::Listing;
use crate::release::Target;
use crate::release::VersionSpec;
use crate::staging::Written;
use crate::trust::Evidence;
use crate::trust::SUMS_FILES;
use crate::trust::judge;
use crate::trust::sidecar_name;

/// What a signature of an asset adds to its name.
const SIGNATURE: &str = ".sigstore.json";

/// For which machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machines {
    /// All the release has an asset for.
    All,
    /// These, each of which it must have one for.
    These(Vec<Target>),
}

/// What would be brought together.
#[derive(Debug)]
pub struct Selection {
    /// The lock of the release: the project's, or one that is made of what the release says.
    pub lockfile: Lockfile,
    /// The assets, and whether the cache has them.
    pub assets: Vec<(Pin, bool)>,
    /// What else of the release is carried along: checksums and signatures of the assets, by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// What was brought together.
#[derive(Debug)]
pub struct Collection {
    /// The lock of the release.
    pub lockfile: Lockfile,
    /// The assets, each in the staging folder.
    pub assets: Vec<(LockedAsset, Written)>,
    /// Checksums and signatures, by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Finds out what would be brought together. With a lock nobody is asked.
pub fn select(
    request: &InstallRequest,
    locked: Option<&Lockfile>,
    machines: &Machines,
    door: &Door<'_>,
) -> Result<Selection, InstallError> {
    let (lockfile, files) = match locked {
        Some(lockfile) => (lockfile.clone(), Vec::new()),
        None => runtime()?.block_on(listed(request, machines, door))?,
    };
    let wanted = |target: Target| match machines {
        Machines::All => true,
        Machines::These(targets) => targets.contains(&target),
    };
    let targets = lockfile.assets.iter().map(|asset| asset.target).filter(|target| wanted(*target));
    let pins = targets.filter_map(|target| lockfile.pin(&request.tool, target));
    let has = |pin: &Pin| door.cache.as_ref().is_some_and(|cache| cache.has(&pin.asset.sha256));
    let assets = pins.map(|pin| (has(&pin), pin)).map(|(cached, pin)| (pin, cached)).collect();
    Ok(Selection { lockfile, assets, files })
}

/// Brings it together: from the cache, else from the first origin that serves, verified by its digest.
pub fn collect(
    request: &InstallRequest,
    selection: Selection,
    door: &Door<'_>,
    staging: &Path,
) -> Result<Collection, InstallError> {
    let Selection { lockfile, assets, files } = selection;
    let collected = runtime()?.block_on(async {
        let mut collected = Vec::new();
        for (pin, _) in assets {
            let request = InstallRequest { pin: Some(pin.clone()), ..request.clone() };
            let order = Order { request: &request, door, staging };
            let file = asset(&order, &pin).await?;
            collected.push((pin.asset, file));
        }
        Ok::<_, InstallError>(collected)
    })?;
    Ok(Collection { lockfile, assets: collected, files })
}

async fn asset(order: &Order<'_>, pin: &Pin) -> Result<Written, InstallError> {
    let (file, is_cached) = brought(order, pin).await?;
    if !is_cached {
        keep(order, pin, &file);
    }
    Ok(file)
}

/// The asset a pin names, and whether the cache had it.
pub(super) async fn brought(order: &Order<'_>, pin: &Pin) -> Result<(Written, bool), InstallError> {
    let door = order.door;
    if let Some(verified) = order.cached_bytes(pin)? {
        return Ok((verified.file().clone(), true));
    }
    let mut tried = Vec::new();
    for origin in door.origins(order.request)? {
        match order.pinned_bytes(&origin, pin).await {
            Ok(verified) => return Ok((verified.file().clone(), false)),
            Err(error) => tried.push((origin.name(), error)),
        }
    }
    Err(nothing_serves(tried, order.request, door))
}

fn keep(order: &Order<'_>, pin: &Pin, file: &Written) {
    let (repository, tag) = (pin.lockfile.repository.clone(), pin.lockfile.tag.clone());
    let provenance = Provenance { repository, tag, name: pin.asset.name.clone() };
    let kept = order.door.cache.as_ref().map(|cache| cache.keep(file, &provenance));
    if let Some(Err(error)) = kept {
        order.door.progress.note(&format!("the cache is left out: {error}: {}", error.source));
    }
}

/// The lock of the release that is meant, from the first origin that has it, and the files that go with its assets.
async fn listed(
    request: &InstallRequest,
    machines: &Machines,
    door: &Door<'_>,
) -> Result<(Lockfile, Vec<(String, Vec<u8>)>), InstallError> {
    let mut tried = Vec::new();
    for origin in door.origins(request)? {
        match listed_at(&origin, request, machines, door).await {
            Ok(found) => return Ok(found),
            Err(error) => tried.push((origin.name(), error)),
        }
    }
    Err(nothing_serves(tried, request, door))
}

fn nothing_serves(tried: Vec<(String, InstallError)>, request: &InstallRequest, door: &Door<'_>) -> InstallError {
    let mut looked = vec![looked_in_cache(request, door)];
    if !door.mirrors.is_empty() {
        looked.extend(looked_in_mirrors(request, door));
    }
    match give_up(tried, looked) {
        Ok(fallback) => InstallError::Resolve(ResolveError::Fallback(fallback)),
        Err(error) => error,
    }
}

async fn listed_at(
    origin: &Origin,
    request: &InstallRequest,
    machines: &Machines,
    door: &Door<'_>,
) -> Result<(Lockfile, Vec<(String, Vec<u8>)>), InstallError> {
    let spec = request.spec.clone().unwrap_or(VersionSpec::Latest);
    let listing = origin.release(&spec, door.progress).await.map_err(|error| InstallError::at(origin, error))?;
    let (lockfile, assets) = proven(origin, &listing, request, machines, door).await?;
    let assets: Vec<&str> = assets.iter().map(String::as_str).collect();
    let files = files_beside(origin, &listing, &assets).await?;
    Ok((lockfile, files))
}

/// The lock of a release as this origin lists it, and the assets for these machines, each of which may be accepted.
pub(super) async fn proven(
    origin: &Origin,
    listing: &Listing,
    request: &InstallRequest,
    machines: &Machines,
    door: &Door<'_>,
) -> Result<(Lockfile, Vec<String>), InstallError> {
    let sums = evidence::sums(origin, listing).await;
    let mut proven: Vec<(Target, Asset, Vec<Evidence>)> = Vec::new();
    for target in machines.targets() {
        let choice = match choose(listing, &request.tool, target) {
            Ok(choice) => choice,
            Err(ResolveError::Fallback(_)) if *machines == Machines::All => continue,
            Err(error) => return Err(InstallError::Resolve(error)),
        };
        let mut refused = None;
        for (asset, _) in choice.candidates {
            let evidence = evidence::gather(origin, listing, &sums, &asset).await;
            match judge(None, &evidence, request.policy) {
                Ok(_) => {
                    proven.push((target, asset, evidence));
                    refused = None;
                    break;
                }
                Err(source) => refused = Some(InstallError::Verify { asset: asset.name, source }),
            }
        }
        // Where only names are known, a machine without an asset looks the same as one whose asset nothing proves.
        let may_be_missing = *machines == Machines::All && listing.release().is_none();
        if let Some(error) = refused.filter(|_| !may_be_missing) {
            return Err(error);
        }
    }
    let known: Vec<Known<'_>> =
        proven.iter().map(|(target, asset, evidence)| (*target, asset, evidence.as_slice())).collect();
    let lockfile = locking::lockfile(request, origin, listing, &sums, &known, door.progress).await;
    if let LockOrder::Write { old: Some(old), .. } = &request.lock {
        locking::refuse_drift(old, &lockfile, origin)?;
    }
    Ok((lockfile, proven.into_iter().map(|(_, asset, _)| asset.name).collect()))
}

/// The checksum files and signatures the release lists for these assets.
pub(super) async fn files_beside(
    origin: &Origin,
    listing: &Listing,
    assets: &[&str],
) -> Result<Vec<(String, Vec<u8>)>, InstallError> {
    let Some(release) = listing.release() else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for name in names_beside(assets) {
        let Some(file) = release.asset(&name).filter(|file| file.state == AssetState::Uploaded) else { continue };
        match origin.small_file(&release.tag, file).await {
            Ok(bytes) => files.extend(bytes.map(|bytes| (name, bytes))),
            Err(source) => return Err(InstallError::fetching(file, source)),
        }
    }
    Ok(files)
}

/// The names such files have.
pub(super) fn names_beside(assets: &[&str]) -> Vec<String> {
    let beside = assets.iter().flat_map(|name| [sidecar_name(name), format!("{name}{SIGNATURE}")]);
    SUMS_FILES.iter().map(|name| (*name).to_owned()).chain(beside).collect()
}

impl Machines {
    fn targets(&self) -> Vec<Target> {
        match self {
            Self::All => Target::all().collect(),
            Self::These(targets) => targets.clone(),
        }
    }
}
