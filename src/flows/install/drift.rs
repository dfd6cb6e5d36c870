//! Explains why the locked bytes of an asset are no longer available. Costs one extra request, and only after a failure.

use std::path::Path;

use crate::flows::install::Drift;
use crate::flows::install::InstallError;
use crate::flows::install::resolved::pinned_asset;
use crate::io::fs::hashing_writer::Written;
use crate::io::net::NetError;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::Listing;
use crate::model::VersionSpec;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;
use crate::sources::source::Source;
use crate::sources::source::SourceError;
use crate::trust::VerifyError;

/// The release's current state, or the original error if there is nothing to add. A private repository serves files only by
/// id, which a lockfile does not have; once the id is known, the bytes are fetched after all.
pub(super) async fn explain(
    source: &Source,
    pin: &Pin,
    error: InstallError,
    file: &Path,
    progress: &dyn Progress,
) -> Result<Written, InstallError> {
    if let (Source::Mirror(_), InstallError::Source(problem)) = (source, &error) {
        return Err(if problem.is_damage() { in_mirror(source, pin, error, progress).await } else { error });
    }
    if !may_have_drifted(&error) || !matches!(source, Source::GitHub(_)) {
        return Err(error);
    }
    let (tag, name, locked) = (pin.lockfile.tag.clone(), pin.asset.name.clone(), pin.asset.sha256);
    let listed = match source.release(&VersionSpec::Exact(tag.clone()), progress).await {
        Ok(Listing::Api(release)) => release.asset(&name).cloned(),
        Err(SourceError::Api(ApiError::NotFound { server, .. })) => {
            return Err(InstallError::Drift { drift: Drift::NoRelease { tag, server } });
        }
        // Nothing more is known.
        Ok(Listing::Web { .. } | Listing::Index(_)) | Err(_) => return Err(error),
    };
    match listed {
        None => Err(InstallError::Drift { drift: Drift::AssetGone { tag, name, server: source.described() } }),
        Some(Asset { digest: Ok(Some(now)), .. }) if now != locked => {
            Err(InstallError::Drift { drift: Drift::at(source, tag, name, locked, now) })
        }
        Some(Asset { id: Some(id), .. }) if is_missing(&error) => {
            let asset = Asset { id: Some(id), ..pinned_asset(pin) };
            let fetched = source.fetch(&tag, &asset, file, progress).await;
            fetched.map_err(|source| InstallError::Download { asset: name, source })
        }
        Some(_) => Err(error),
    }
}

/// Tells a mirror whose index states other bytes than the lockfile from one whose file is damaged.
async fn in_mirror(source: &Source, pin: &Pin, error: InstallError, progress: &dyn Progress) -> InstallError {
    let (tag, name, locked) = (pin.lockfile.tag.clone(), pin.asset.name.clone(), pin.asset.sha256);
    let listing = source.release(&VersionSpec::Exact(tag.clone()), progress).await;
    let stated = listing.ok().and_then(|listing| listing.release()?.asset(&name)?.digest.clone().ok()?);
    match stated.filter(|now| *now != locked) {
        Some(now) => InstallError::Drift { drift: Drift::at(source, tag, name, locked, now) },
        None => error,
    }
}

fn may_have_drifted(error: &InstallError) -> bool {
    is_missing(error)
        || matches!(
            error,
            InstallError::Verify { source: VerifyError::Mismatch { .. }, .. }
                | InstallError::Download { source: SourceError::Net(NetError::WrongLength { .. }), .. }
        )
}

fn is_missing(error: &InstallError) -> bool {
    matches!(error, InstallError::Download { source, .. } if source.is_missing())
}
