//! Asks what a source states about an asset now: for `verify --online`, and to explain why locked bytes are no longer available.

use std::path::Path;

use crate::config::Server;
use crate::flows::install::AcquireError;
use crate::flows::install::Drift;
use crate::flows::install::InstallContext;
use crate::flows::install::apply::runtime;
use crate::flows::install::resolved::pinned_asset;
use crate::flows::integrity::Published;
use crate::io::fs::hashing_writer::Written;
use crate::io::net::NetError;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;
use crate::sources::source::Source;
use crate::sources::source::SourceError;
use crate::trust::VerifyError;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;

/// What a source states about an asset of a release.
enum Statement {
    NoRelease(Box<Server>),
    NoAsset,
    Asset(Asset),
    Unknown(String),
}

async fn statement(source: &Source, tag: &Tag, name: &str, progress: &dyn Progress) -> Statement {
    let listing = match source.release(&VersionSpec::Exact(tag.clone()), progress).await {
        Ok(listing) => listing,
        Err(SourceError::Api(ApiError::NotFound { server, .. })) => return Statement::NoRelease(server),
        Err(error) => return Statement::Unknown(error.to_string()),
    };
    match listing.release() {
        Some(release) => release.asset(name).cloned().map_or(Statement::NoAsset, Statement::Asset),
        None => {
            Statement::Unknown("the API's rate limit is exceeded, and the release pages state no digest".to_owned())
        }
    }
}

/// What GitHub currently states about the installed asset. Only a failure to create the client is an error; if GitHub does not
/// respond, that is a result.
pub(crate) fn published(receipt: &Receipt, context: &InstallContext<'_>) -> Result<Published, AcquireError> {
    let ReceiptOrigin::Release { repository, tag, asset } = &receipt.origin else { return Ok(Published::NoDigest) };
    let statement = runtime()?.block_on(async {
        let github = context.github(repository)?;
        Ok::<_, AcquireError>(statement(&github, tag, &asset.name, context.progress).await)
    })?;
    Ok(match statement {
        Statement::NoRelease(server) => Published::NoRelease { server: server.to_string() },
        Statement::NoAsset => Published::NoAsset,
        Statement::Asset(Asset { digest: Ok(Some(sha256)), .. }) => Published::Digest(sha256),
        Statement::Asset(Asset { digest: Ok(None), .. }) => Published::NoDigest,
        Statement::Asset(Asset { digest: Err(reason), .. }) => {
            Published::Unknown(format!("it states {reason} as the digest"))
        }
        Statement::Unknown(reason) => Published::Unknown(reason),
    })
}

/// Why the locked bytes could not be fetched, or the original error if there is nothing to add. Costs one extra request, and only
/// after a failure. A private repository serves files only by id, which a lockfile does not have; once the id is known, the
/// bytes are fetched after all.
pub(super) async fn explain(
    source: &Source,
    pin: &Pin,
    error: AcquireError,
    file: &Path,
    progress: &dyn Progress,
) -> Result<Written, AcquireError> {
    let may_have_drifted = match source {
        Source::GitHub(_) => is_missing(&error) || has_other_bytes(&error),
        // A mirror whose index states other bytes than the lockfile is not a damaged one.
        Source::Mirror(_) => matches!(&error, AcquireError::Source(problem) if problem.is_damage()),
        Source::Bundle(_) => false,
    };
    if !may_have_drifted {
        return Err(error);
    }
    let is_github = matches!(source, Source::GitHub(_));
    let (tag, name, locked) = (pin.lockfile.tag.clone(), pin.asset.name.clone(), pin.asset.sha256);
    let drift = match statement(source, &tag, &name, progress).await {
        Statement::NoRelease(server) if is_github => Drift::NoRelease { tag, server },
        Statement::NoAsset if is_github => Drift::AssetGone { tag, name, server: source.described() },
        Statement::Asset(Asset { digest: Ok(Some(now)), .. }) if now != locked => {
            Drift::at(source, tag, name, locked, now)
        }
        Statement::Asset(Asset { id: Some(id), .. }) if is_github && is_missing(&error) => {
            let asset = Asset { id: Some(id), ..pinned_asset(pin) };
            let fetched = source.fetch(&tag, &asset, file, progress).await;
            return fetched.map_err(|source| AcquireError::Download { asset: name, source });
        }
        Statement::NoRelease(_) | Statement::NoAsset | Statement::Asset(_) | Statement::Unknown(_) => {
            return Err(error);
        }
    };
    Err(AcquireError::Drift { drift })
}

fn has_other_bytes(error: &AcquireError) -> bool {
    matches!(
        error,
        AcquireError::Verify { source: VerifyError::Mismatch { .. }, .. }
            | AcquireError::Download { source: SourceError::Net(NetError::WrongLength { .. }), .. }
    )
}

fn is_missing(error: &AcquireError) -> bool {
    matches!(error, AcquireError::Download { source, .. } if source.is_missing())
}
