//! Asks GitHub what it states today about an asset that is installed.

use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::apply::runtime;
use crate::flows::integrity::Published;
use crate::model::VersionSpec;
use crate::sources::github::ApiError;
use crate::sources::source::SourceError;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;

/// What GitHub states. Only a client that cannot be made is an error; whatever keeps GitHub from answering is an answer.
pub fn published(receipt: &Receipt, door: &InstallContext<'_>) -> Result<Published, InstallError> {
    let ReceiptOrigin::Release { repository, tag, asset } = &receipt.origin else { return Ok(Published::NoDigest) };
    runtime()?.block_on(async {
        let spec = VersionSpec::Exact(tag.clone());
        let listing = match door.github(repository)?.release(&spec, door.progress).await {
            Ok(listing) => listing,
            Err(SourceError::Api(ApiError::NotFound { server, .. })) => {
                return Ok(Published::NoRelease { server: server.to_string() });
            }
            Err(error) => return Ok(Published::Unknown(error.to_string())),
        };
        let Some(release) = listing.release() else {
            return Ok(Published::Unknown("the API limits requests, and the release pages state no digest".to_owned()));
        };
        Ok(match release.asset(&asset.name).map(|asset| asset.digest.clone()) {
            None => Published::NoAsset,
            Some(Ok(Some(sha256))) => Published::Digest(sha256),
            Some(Ok(None)) => Published::NoDigest,
            Some(Err(reason)) => Published::Unknown(format!("it states {reason} as the digest")),
        })
    })
}
