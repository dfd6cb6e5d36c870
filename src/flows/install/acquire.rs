//! Puts an executable in the staging directory: fetched, verified and unpacked. Reports when a local build has to be used
//! instead.

use std::path::Path;
use std::path::PathBuf;

use crate::flows::install::AcquireError;
use crate::flows::install::BuildMode;
use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallReason;
use crate::flows::install::InstallRequest;
use crate::flows::install::asset_fetcher::AssetFetcher;
use crate::flows::install::asset_fetcher::Fetched;
use crate::flows::install::resolved::Acquisition;
use crate::flows::install::resolved::ReleaseQuery;
use crate::flows::install::resolved::Resolved;
use crate::flows::install::resolved::first_served;
use crate::flows::install::signer::Signed;
use crate::io::fs::FileId;
use crate::io::fs::hashing_writer::Written;
use crate::lockfile::Lockfile;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::cache::CachedFrom;
use crate::sources::source::Source;
use crate::trust::Evidence;
use crate::trust::Level;
use crate::worker::archive;
use crate::worker::archive::ArchiveForm;
use crate::worker::archive::Limits;
use crate::worker::store::ReceiptAsset;
use crate::worker::store::ReceiptOrigin;

/// An executable in the staging directory, with everything known about it.
#[derive(Debug)]
pub(super) struct Acquired {
    /// Its name in messages.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// The staged file.
    pub(super) id: Option<FileId>,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    pub(super) verdict: Level,
    pub(super) evidence: Vec<Evidence>,
    pub(super) origin: ReceiptOrigin,
    /// The tag its version must match.
    pub(super) tag: Option<Tag>,
    /// The lockfile that lists it, whether existing or to be written.
    pub(super) lockfile: Option<Lockfile>,
    /// Its signer, if attested.
    pub(super) signed: Signed,
    /// The asset, if the cache does not have it yet.
    pub(super) for_cache: Option<(Written, CachedFrom)>,
}

/// The result of finding a release and fetching its asset.
#[derive(Debug)]
pub(super) enum AcquireOutcome {
    /// The executable is in the staging directory.
    Staged(Box<Acquired>),
    /// The newest release is already installed.
    Current,
    /// The release cannot be used; a build may be.
    Build(Fallback),
}

/// Why no release is queried at all.
pub(super) fn build_at_once(request: &InstallRequest, work: &InstallReason) -> Option<Fallback> {
    if request.options.build == BuildMode::Only {
        return Some(Fallback::Asked);
    }
    (work.repairs_a_build() && request.decided.spec.is_none()).then_some(Fallback::RepairsBuild)
}

/// Resolves the release and fetches its asset, from the first source that provides it.
pub(super) async fn acquire(
    request: &InstallRequest,
    context: &InstallContext<'_>,
    query: &ReleaseQuery<'_>,
    staging: &Path,
) -> Result<AcquireOutcome, AcquireError> {
    if let Some(because) = build_at_once(request, query.work) {
        return Ok(AcquireOutcome::Build(because));
    }
    let acquisition = Acquisition { request, context };
    let fetcher = AssetFetcher { acquisition, staging, progress: context.progress };
    let staged = |fetched: Fetched| {
        unpack(fetched, request, context, staging).map(|acquired| AcquireOutcome::Staged(Box::new(acquired)))
    };
    if request.decided.pin.is_some()
        && let Some(fetched) = fetcher.take_cached()?
    {
        return staged(fetched);
    }
    let sources = context.sources(request)?;
    let provided = first_served(&sources, acquisition, async |source: &Source| {
        fetcher.fetch_from(source, query).await?.map_or(Ok(AcquireOutcome::Current), staged)
    });
    Ok(provided.await?.unwrap_or_else(AcquireOutcome::Build))
}

/// Unpacks verified bytes.
fn unpack(
    fetched: Fetched,
    request: &InstallRequest,
    context: &InstallContext<'_>,
    staging: &Path,
) -> Result<Acquired, AcquireError> {
    let for_cache = fetched.for_cache();
    let Fetched { resolved, verified, .. } = fetched;
    let Resolved { repository, tag, asset, form, url, evidence, signed, lockfile, .. } = resolved;
    let file = verified.file();
    let mut origin_asset =
        ReceiptAsset { name: asset.name.clone(), url, size: file.size, sha256: file.sha256, member: None };
    let executable = match ArchiveForm::of(form) {
        None => file.clone(),
        Some(form) => {
            let names = request.options.tool.member_names(request.options.target);
            let destination = staging.join(request.options.tool.installed_name(request.options.target));
            let unpacked =
                archive::unpack(form, verified.path(), &names, &destination, &Limits::default(), context.progress)
                    .map_err(|source| AcquireError::Archive { asset: asset.name.clone(), source })?;
            origin_asset.member = Some(unpacked.member);
            unpacked.written
        }
    };
    Ok(Acquired {
        name: format!("{} of {tag}", asset.name),
        path: executable.path,
        id: executable.id,
        sha256: executable.sha256,
        size: executable.size,
        verdict: verified.level(),
        evidence,
        for_cache,
        origin: ReceiptOrigin::Release { repository, tag: tag.clone(), asset: origin_asset },
        tag: Some(tag),
        lockfile,
        signed,
    })
}
