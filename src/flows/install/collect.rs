//! Collects the assets of one release for many platforms, for a bundle. Each is verified as for an installation.

use std::path::Path;

use crate::flows::install::AcquireError;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::install::ResolveError;
use crate::flows::install::apply::runtime;
use crate::flows::install::asset_fetcher::Fetched;
use crate::flows::install::asset_fetcher::fetch_pinned;
use crate::flows::install::choose;
use crate::flows::install::evidence;
use crate::flows::install::lockfile_of_release;
use crate::flows::install::lockfile_of_release::Known;
use crate::flows::install::offline_report::not_provided;
use crate::flows::install::resolved::Acquisition;
use crate::flows::install::resolved::first_served;
use crate::flows::install::several::several;
use crate::flows::install::signer::Signed;
use crate::io::fs::hashing_writer::Written;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Target;
use crate::sources::source::Source;
use crate::trust::Evidence;
use crate::trust::SUMS_FILES;
use crate::trust::attestation::file_name;
use crate::trust::judge;
use crate::trust::sidecar_names;

/// The platforms to include.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Machines {
    /// All platforms the release has an asset for.
    All,
    /// These platforms; each must have an asset.
    These(Vec<Target>),
}

/// What would be collected.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The lockfile of the release: the project's, or one computed from the release.
    pub lockfile: Lockfile,
    /// The assets, and whether each is cached.
    pub assets: Vec<(Pin, bool)>,
    /// Other files of the release (checksums and signatures of the assets), by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// What was collected.
#[derive(Debug)]
pub(crate) struct Collection {
    /// The lockfile of the release.
    pub lockfile: Lockfile,
    /// The assets, in the staging directory.
    pub assets: Vec<(LockedAsset, Written)>,
    /// Checksums and signatures, by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Determines what would be collected. With a lockfile this makes no requests.
pub(crate) fn select(
    request: &InstallRequest,
    locked: Option<&Lockfile>,
    machines: &Machines,
    context: &InstallContext<'_>,
) -> Result<Selection, AcquireError> {
    let (lockfile, files) = match locked {
        Some(lockfile) => (lockfile.clone(), Vec::new()),
        None => runtime()?.block_on(listed(request, machines, context))?,
    };
    let wanted = |target: Target| match machines {
        Machines::All => true,
        Machines::These(targets) => targets.contains(&target),
    };
    let targets = lockfile.assets.iter().map(|asset| asset.target).filter(|target| wanted(*target));
    let pins = targets.filter_map(|target| lockfile.pin(&request.options.tool, target));
    let has = |pin: &Pin| context.cache.as_ref().is_some_and(|cache| cache.has(&pin.asset.sha256));
    let assets = pins.map(|pin| (has(&pin), pin)).map(|(cached, pin)| (pin, cached)).collect();
    Ok(Selection { lockfile, assets, files })
}

/// Collects: from the cache, else from the first source that provides it; verified by digest.
pub(crate) fn collect(
    request: &InstallRequest,
    selection: Selection,
    context: &InstallContext<'_>,
    staging: &Path,
) -> Result<Collection, AcquireError> {
    let Selection { lockfile, assets, mut files } = selection;
    let pins = assets.into_iter().map(|(pin, _)| pin).collect();
    let fetched = runtime()?.block_on(fetch_pinned(request, pins, context, staging))?;
    let mut collected = Vec::new();
    for (pin, Fetched { resolved, verified, .. }) in fetched {
        let name = file_name(&pin.asset.name);
        if let Some(proofs) = resolved.signed.text().filter(|_| files.iter().all(|(known, _)| *known != name)) {
            files.push((name, proofs.into_bytes()));
        }
        collected.push((pin.asset, verified.file().clone()));
    }
    Ok(Collection { lockfile, assets: collected, files })
}

/// The lockfile of the requested release, from the first source that has it, and the files that accompany its assets.
async fn listed(
    request: &InstallRequest,
    machines: &Machines,
    context: &InstallContext<'_>,
) -> Result<(Lockfile, Vec<(String, Vec<u8>)>), AcquireError> {
    let sources = context.sources(request)?;
    let listed = first_served(&sources, Acquisition { request, context }, async |source: &Source| {
        listed_at(source, request, machines, context).await
    });
    listed.await?.map_err(|fallback| not_provided(fallback, request, context))
}

async fn listed_at(
    source: &Source,
    request: &InstallRequest,
    machines: &Machines,
    context: &InstallContext<'_>,
) -> Result<(Lockfile, Vec<(String, Vec<u8>)>), AcquireError> {
    let listing = source
        .release(&request.requested_spec(), context.progress)
        .await
        .map_err(|error| AcquireError::at(source, error))?;
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
) -> Result<(Lockfile, Vec<AcceptableAsset>), AcquireError> {
    let sums = evidence::sums(source, listing).await;
    let acceptable = several(machines.targets(), async |target| {
        let choice = match choose(listing, &request.options.tool, target) {
            Ok(choice) => choice,
            Err(ResolveError::Fallback(_)) if *machines == Machines::All => return Ok(None),
            Err(error) => return Err(AcquireError::Resolve(error)),
        };
        let wanted = request.for_target(target, None);
        let acquisition = Acquisition { request: &wanted, context };
        let mut refused = None;
        for (asset, _) in choice.candidates {
            let mut evidence = evidence::gather(source, listing, &sums, &asset).await;
            let sha256 = lockfile_of_release::stated(&evidence);
            let signed = acquisition.signed_as_stated(source, listing, &asset, sha256).await?;
            evidence.extend(signed.evidence.iter().cloned());
            match judge(None, &evidence, wanted.decided.policy) {
                Ok(_) => return Ok(Some((target, asset, evidence, signed))),
                Err(source) => refused = Some(AcquireError::Verify { asset: asset.name, source }),
            }
        }
        // If only names are known, a missing asset cannot be told from an unverifiable one.
        let may_be_missing = *machines == Machines::All && listing.release().is_none();
        refused.filter(|_| !may_be_missing).map_or(Ok(None), Err)
    });
    let acceptable: Vec<(Target, Asset, Vec<Evidence>, Signed)> = acceptable.await?.into_iter().flatten().collect();
    let known =
        acceptable.iter().map(|(target, asset, evidence, signed)| Known { target: *target, asset, evidence, signed });
    let known: Vec<Known<'_>> = known.collect();
    let acquisition = Acquisition { request, context };
    let lockfile = lockfile_of_release::lockfile(acquisition, source, listing, &sums, &known).await?;
    lockfile_of_release::refuse_drift(request.previous_lockfile(), &lockfile, source)?;
    let assets =
        acceptable.into_iter().map(|(_, asset, _, signed)| AcceptableAsset { proofs: signed.text(), name: asset.name });
    Ok((lockfile, assets.collect()))
}

/// The files of the release with these names, if it has them.
pub(super) async fn files_beside(
    source: &Source,
    listing: &Listing,
    names: &[String],
) -> Result<Vec<(String, Vec<u8>)>, AcquireError> {
    let Some(release) = listing.release() else { return Ok(Vec::new()) };
    let is_there = |file: &&Asset| file.state == AssetState::Uploaded;
    let files = names.iter().filter_map(|name| release.asset(name)).filter(is_there);
    let files = several(files, async |file: &Asset| match source.small_file(&release.tag, file).await {
        Ok(bytes) => Ok(bytes.map(|bytes| (file.name.clone(), bytes))),
        Err(source) => Err(AcquireError::fetching(file, source)),
    });
    Ok(files.await?.into_iter().flatten().collect())
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
