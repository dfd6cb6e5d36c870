//! Collects the assets of one release for many platforms, for a bundle. Each is verified as for an installation.

use std::path::Path;

use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::LockfileAction;
use crate::flows::install::ResolveError;
use crate::flows::install::acquire::Acquisition;
use crate::flows::install::apply::runtime;
use crate::flows::install::choose;
use crate::flows::install::evidence;
use crate::flows::install::lockfile_of_release;
use crate::flows::install::lockfile_of_release::Known;
use crate::flows::install::offline_report::cache_report;
use crate::flows::install::offline_report::mirror_reports;
use crate::flows::install::resolve::combine_source_errors;
use crate::flows::install::signer::Signed;
use crate::io::fs::hashing_writer::Written;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Target;
use crate::model::VersionSpec;
use crate::sources::cache::CachedFrom;
use crate::sources::source::Source;
use crate::trust::Evidence;
use crate::trust::SUMS_FILES;
use crate::trust::attestation::file_name;
use crate::trust::judge;
use crate::trust::sidecar_names;

/// The platforms to include.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machines {
    /// All platforms the release has an asset for.
    All,
    /// These platforms; each must have an asset.
    These(Vec<Target>),
}

/// What would be collected.
#[derive(Debug)]
pub struct Selection {
    /// The lockfile of the release: the project's, or one computed from the release.
    pub lockfile: Lockfile,
    /// The assets, and whether each is cached.
    pub assets: Vec<(Pin, bool)>,
    /// Other files of the release (checksums and signatures of the assets), by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// What was collected.
#[derive(Debug)]
pub struct Collection {
    /// The lockfile of the release.
    pub lockfile: Lockfile,
    /// The assets, in the staging directory.
    pub assets: Vec<(LockedAsset, Written)>,
    /// Checksums and signatures, by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Determines what would be collected. With a lockfile this makes no requests.
pub fn select(
    request: &InstallRequest,
    locked: Option<&Lockfile>,
    machines: &Machines,
    context: &InstallContext<'_>,
) -> Result<Selection, InstallError> {
    let (lockfile, files) = match locked {
        Some(lockfile) => (lockfile.clone(), Vec::new()),
        None => runtime()?.block_on(listed(request, machines, context))?,
    };
    let wanted = |target: Target| match machines {
        Machines::All => true,
        Machines::These(targets) => targets.contains(&target),
    };
    let targets = lockfile.assets.iter().map(|asset| asset.target).filter(|target| wanted(*target));
    let pins = targets.filter_map(|target| lockfile.pin(&request.tool, target));
    let has = |pin: &Pin| context.cache.as_ref().is_some_and(|cache| cache.has(&pin.asset.sha256));
    let assets = pins.map(|pin| (has(&pin), pin)).map(|(cached, pin)| (pin, cached)).collect();
    Ok(Selection { lockfile, assets, files })
}

/// Collects: from the cache, else from the first source that provides it; verified by digest.
pub fn collect(
    request: &InstallRequest,
    selection: Selection,
    context: &InstallContext<'_>,
    staging: &Path,
) -> Result<Collection, InstallError> {
    let Selection { lockfile, assets, mut files } = selection;
    let collected = runtime()?.block_on(async {
        let mut collected = Vec::new();
        for (pin, _) in assets {
            let request = InstallRequest { pin: Some(pin.clone()), ..request.clone() };
            let acquisition = Acquisition {
                request: &request.held_to_the_lock(pin.asset.target, Some(pin.asset.sha256)),
                context,
                staging,
            };
            let FetchedAsset { file, proofs, .. } = asset(&acquisition, &pin).await?;
            if let Some(proofs) = proofs.filter(|_| files.iter().all(|(name, _)| *name != file_name(&pin.asset.name))) {
                files.push((file_name(&pin.asset.name), proofs.into_bytes()));
            }
            collected.push((pin.asset, file));
        }
        Ok::<_, InstallError>(collected)
    })?;
    Ok(Collection { lockfile, assets: collected, files })
}

/// One asset for a bundle.
async fn asset(acquisition: &Acquisition<'_>, pin: &Pin) -> Result<FetchedAsset, InstallError> {
    let fetched = fetch_pinned(acquisition, pin).await?;
    if !fetched.is_cached {
        keep(acquisition, pin, &fetched);
    }
    Ok(fetched)
}

/// An asset in the staging directory.
#[derive(Debug)]
pub(super) struct FetchedAsset {
    /// The file.
    pub(super) file: Written,
    /// Its attestations, as one document.
    pub(super) proofs: Option<String>,
    /// Whether the cache has the asset and its attestations.
    is_cached: bool,
}

/// The pinned asset, from the cache, else from the first source that provides it.
pub(super) async fn fetch_pinned(acquisition: &Acquisition<'_>, pin: &Pin) -> Result<FetchedAsset, InstallError> {
    let context = acquisition.context;
    if let Some(signed) = acquisition.signed_as_cached(pin)
        && let Some(verified) = acquisition.cached_bytes(pin, &signed)?
    {
        return Ok(FetchedAsset { file: verified.file().clone(), proofs: signed.text(), is_cached: true });
    }
    let mut tried = Vec::new();
    for source in context.sources(acquisition.request)? {
        match fetch_pinned_from(acquisition, &source, pin).await {
            Ok(fetched) => return Ok(fetched),
            Err(error) => tried.push((source.name(), error)),
        }
    }
    Err(nothing_serves(tried, acquisition.request, context))
}

async fn fetch_pinned_from(
    acquisition: &Acquisition<'_>,
    source: &Source,
    pin: &Pin,
) -> Result<FetchedAsset, InstallError> {
    let signed = acquisition.signed_as_pinned(source, pin).await?;
    let verified = match acquisition.cached_without_proofs(pin, &signed)? {
        Some(verified) => verified,
        None => acquisition.pinned_bytes(source, pin, &signed).await?,
    };
    Ok(FetchedAsset { file: verified.file().clone(), proofs: signed.text(), is_cached: false })
}

fn keep(acquisition: &Acquisition<'_>, pin: &Pin, fetched: &FetchedAsset) {
    let (repository, tag) = (pin.lockfile.repository.clone(), pin.lockfile.tag.clone());
    let provenance = CachedFrom { repository, tag, name: pin.asset.name.clone() };
    let kept = acquisition
        .context
        .cache
        .as_ref()
        .map(|cache| cache.keep(&fetched.file, &provenance, fetched.proofs.as_deref()));
    if let Some(Err(error)) = kept {
        acquisition.context.continue_without_cache(&error);
    }
}

/// The lockfile of the requested release, from the first source that has it, and the files that accompany its assets.
async fn listed(
    request: &InstallRequest,
    machines: &Machines,
    context: &InstallContext<'_>,
) -> Result<(Lockfile, Vec<(String, Vec<u8>)>), InstallError> {
    let mut tried = Vec::new();
    for source in context.sources(request)? {
        match listed_at(&source, request, machines, context).await {
            Ok(found) => return Ok(found),
            Err(error) => tried.push((source.name(), error)),
        }
    }
    Err(nothing_serves(tried, request, context))
}

fn nothing_serves(
    tried: Vec<(String, InstallError)>,
    request: &InstallRequest,
    context: &InstallContext<'_>,
) -> InstallError {
    let mut searched = vec![cache_report(request, context)];
    if !context.mirrors.is_empty() {
        searched.extend(mirror_reports(request, context));
    }
    match combine_source_errors(tried, searched) {
        Ok(fallback) => InstallError::Resolve(ResolveError::Fallback(fallback)),
        Err(error) => error,
    }
}

async fn listed_at(
    source: &Source,
    request: &InstallRequest,
    machines: &Machines,
    context: &InstallContext<'_>,
) -> Result<(Lockfile, Vec<(String, Vec<u8>)>), InstallError> {
    let spec = request.spec.clone().unwrap_or(VersionSpec::Latest);
    let listing = source.release(&spec, context.progress).await.map_err(|error| InstallError::at(source, error))?;
    let (lockfile, assets) = acceptable_assets(source, &listing, request, machines, context).await?;
    let names: Vec<&str> = assets.iter().map(|asset| asset.name.as_str()).collect();
    let mut files = files_beside(source, &listing, &checksum_files(&names)).await?;
    files.extend(assets.iter().filter_map(|asset| Some((file_name(&asset.name), asset.proofs.clone()?.into_bytes()))));
    Ok((lockfile, files))
}

/// An asset with sufficient evidence.
#[derive(Debug)]
pub(super) struct AcceptableAsset {
    /// Its name.
    pub(super) name: String,
    /// Its attestations, as one document.
    pub(super) proofs: Option<String>,
}

/// The lockfile of a release as listed by this source, and the assets for these platforms, each with sufficient evidence.
pub(super) async fn acceptable_assets(
    source: &Source,
    listing: &Listing,
    request: &InstallRequest,
    machines: &Machines,
    context: &InstallContext<'_>,
) -> Result<(Lockfile, Vec<AcceptableAsset>), InstallError> {
    let sums = evidence::sums(source, listing).await;
    let mut acceptable: Vec<(Target, Asset, Vec<Evidence>, Signed)> = Vec::new();
    for target in machines.targets() {
        let choice = match choose(listing, &request.tool, target) {
            Ok(choice) => choice,
            Err(ResolveError::Fallback(_)) if *machines == Machines::All => continue,
            Err(error) => return Err(InstallError::Resolve(error)),
        };
        let mut refused = None;
        for (asset, _) in choice.candidates {
            let wanted = request.clone().held_to_the_lock(target, None);
            let acquisition = Acquisition { request: &wanted, context, staging: Path::new("") };
            let mut evidence = evidence::gather(source, listing, &sums, &asset).await;
            let signed =
                acquisition.signed_as_stated(source, listing, &asset, lockfile_of_release::stated(&evidence)).await?;
            evidence.extend(signed.evidence.iter().cloned());
            match judge(None, &evidence, wanted.policy) {
                Ok(_) => {
                    acceptable.push((target, asset, evidence, signed));
                    refused = None;
                    break;
                }
                Err(source) => refused = Some(InstallError::Verify { asset: asset.name, source }),
            }
        }
        // If only names are known, a missing asset cannot be told from an unverifiable one.
        let may_be_missing = *machines == Machines::All && listing.release().is_none();
        if let Some(error) = refused.filter(|_| !may_be_missing) {
            return Err(error);
        }
    }
    let known =
        acceptable.iter().map(|(target, asset, evidence, signed)| Known { target: *target, asset, evidence, signed });
    let known: Vec<Known<'_>> = known.collect();
    // Nothing is staged.
    let acquisition = Acquisition { request, context, staging: Path::new("") };
    let lockfile = lockfile_of_release::lockfile(&acquisition, source, listing, &sums, &known).await?;
    if let LockfileAction::Write { old: Some(old), .. } = &request.lock {
        lockfile_of_release::refuse_drift(old, &lockfile, source)?;
    }
    let assets =
        acceptable.into_iter().map(|(_, asset, _, signed)| AcceptableAsset { proofs: signed.text(), name: asset.name });
    Ok((lockfile, assets.collect()))
}

/// The files of the release with these names, if it has them.
pub(super) async fn files_beside(
    source: &Source,
    listing: &Listing,
    names: &[String],
) -> Result<Vec<(String, Vec<u8>)>, InstallError> {
    let Some(release) = listing.release() else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for name in names {
        let Some(file) = release.asset(name).filter(|file| file.state == AssetState::Uploaded) else { continue };
        match source.small_file(&release.tag, file).await {
            Ok(bytes) => files.extend(bytes.map(|bytes| (name.clone(), bytes))),
            Err(source) => return Err(InstallError::fetching(file, source)),
        }
    }
    Ok(files)
}

/// The names of the checksum files of these assets.
pub(super) fn checksum_files(assets: &[&str]) -> Vec<String> {
    let beside = assets.iter().flat_map(|name| sidecar_names(name));
    SUMS_FILES.iter().map(|name| (*name).to_owned()).chain(beside).collect()
}

/// The names of all files that accompany these assets: checksums and attestations.
pub(super) fn files_of(assets: &[&str]) -> Vec<String> {
    let proofs = assets.iter().map(|name| file_name(name));
    checksum_files(assets).into_iter().chain(proofs).collect()
}

impl Machines {
    fn targets(&self) -> Vec<Target> {
        match self {
            Self::All => Target::all().collect(),
            Self::These(targets) => targets.clone(),
        }
    }
}
