//! Queries what GitHub currently states about the installed asset.

use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::apply::runtime;
use crate::flows::integrity::Published;
use crate::model::VersionSpec;
use crate::sources::github::ApiError;
use crate::sources::source::SourceError;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;

/// The current statement. Only a failure to create the client is an error; if GitHub does not respond, that is a result.
pub fn published(receipt: &Receipt, context: &InstallContext<'_>) -> Result<Published, InstallError> {
    let ReceiptOrigin::Release { repository, tag, asset } = &receipt.origin else { return Ok(Published::NoDigest) };
    runtime()?.block_on(async {
        let spec = VersionSpec::Exact(tag.clone());
        let listing = match context.github(repository)?.release(&spec, context.progress).await {
            Ok(listing) => listing,
            Err(SourceError::Api(ApiError::NotFound { server, .. })) => {
                return Ok(Published::NoRelease { server: server.to_string() });
            }
            Err(error) => return Ok(Published::Unknown(error.to_string())),
        };
        let Some(release) = listing.release() else {
            return Ok(Published::Unknown(
                "the API's rate limit is exceeded, and the release pages state no digest".to_owned(),
            ));
        };
        Ok(match release.asset(&asset.name).map(|asset| asset.digest.clone()) {
            None => Published::NoAsset,
            Some(Ok(Some(sha256))) => Published::Digest(sha256),
            Some(Ok(None)) => Published::NoDigest,
            Some(Err(reason)) => Published::Unknown(format!("it states {reason} as the digest")),
        })
    })
}
