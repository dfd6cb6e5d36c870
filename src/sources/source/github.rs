//! Attestations from GitHub: from a file of the release, which has no rate limit, else from the API by digest.

use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::progress::Progress;
use crate::sources::github::Attestations;
use crate::sources::github::GitHub;
use crate::sources::source::Proofs;
use crate::sources::source::SourceError;
use crate::trust::attestation;

/// The attestation file of the release.
pub(super) async fn proofs(github: &GitHub, listing: Option<&Listing>, tag: &Tag, asset: &str) -> Proofs {
    let unknown = |reason: String, transient: bool| Proofs::Unknown { reason, transient };
    let name = attestation::file_name(asset);
    let release = listing.and_then(Listing::release);
    let file = match release {
        Some(release) => release.asset(&name).cloned(),
        // The files of the release are not known, so this one is tried.
        None => Some(Asset { id: None, name: name.clone(), size: None, state: AssetState::Uploaded, digest: Ok(None) }),
    };
    let Some(file) = file else { return Proofs::None };
    if file.state == AssetState::Incomplete {
        return unknown(format!("{name} is still being uploaded"), true);
    }
    match github.small_asset(tag, &file).await {
        Ok(Some(text)) => Proofs::all(text),
        Ok(None) if release.is_some() => unknown(format!("the release lists {name}, but it does not exist"), true),
        Ok(None) => Proofs::None,
        Err(error) => Proofs::failed(&SourceError::from(error)),
    }
}

/// The API's attestations of the digest.
pub(super) async fn more_proofs(
    github: &GitHub,
    listing: Option<&Listing>,
    sha256: Sha256Digest,
    progress: &dyn Progress,
) -> Proofs {
    if let Some(Listing::Web { because, .. }) = listing {
        return Proofs::Unknown { reason: because.clone(), transient: true };
    }
    match github.attestations(sha256, progress).await {
        Ok(Attestations { bundles, incomplete: None }) if bundles.is_empty() => Proofs::None,
        Ok(Attestations { bundles, incomplete }) => {
            Proofs::Text { text: attestation::join(&bundles).into_bytes(), incomplete }
        }
        Err(error) => Proofs::failed(&SourceError::from(error)),
    }
}
