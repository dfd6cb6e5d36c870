//! A bundle as a source.

use std::path::Path;

use crate::io::fs::hashing_writer::Written;
use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Release;
use crate::model::VersionSpec;
use crate::model::progress::Progress;
use crate::sources::bundle::Bundle;
use crate::sources::bundle::BundleError;
use crate::sources::bundle::BundledAsset;
use crate::sources::source::Proofs;
use crate::sources::source::SourceError;
use crate::trust::attestation;

/// The only release it has, also for a request for the latest one.
pub(super) fn release(bundle: &Bundle, spec: &VersionSpec) -> Result<Listing, SourceError> {
    let manifest = bundle.manifest();
    match spec {
        VersionSpec::Exact(wanted) if *wanted != manifest.tag => {
            let (found, wanted) = (manifest.tag.clone(), wanted.clone());
            Err(SourceError::bundle(bundle, BundleError::OtherRelease { found, wanted }))
        }
        VersionSpec::Exact(_) | VersionSpec::Latest => Ok(Listing::Index(only_release(bundle))),
    }
}

/// The release in the bundle, with the assets it includes.
pub(super) fn only_release(bundle: &Bundle) -> Release {
    let manifest = bundle.manifest();
    let asset = |asset: &BundledAsset| Asset {
        id: None,
        name: asset.name.clone(),
        size: Some(asset.size),
        state: AssetState::Uploaded,
        digest: Ok(Some(asset.sha256)),
    };
    Release {
        id: None,
        tag: manifest.tag.clone(),
        draft: false,
        prerelease: false,
        immutable: false,
        published_at: manifest.published,
        assets: manifest.assets.iter().map(asset).collect(),
    }
}

pub(super) fn fetch(
    bundle: &Bundle,
    asset: &Asset,
    destination: &Path,
    progress: &dyn Progress,
) -> Result<Written, SourceError> {
    let extracted = bundle.extract_asset(&asset.name, destination, progress);
    extracted.map_err(|error| SourceError::bundle(bundle, error))
}

/// The attestations in the bundle.
pub(super) fn proofs(bundle: &Bundle, asset: &str) -> Proofs {
    match bundle.carried_file(&attestation::file_name(asset)) {
        Ok(Some(text)) => Proofs::all(text),
        Ok(None) => Proofs::None,
        Err(error) => Proofs::failed(&SourceError::bundle(bundle, error)),
    }
}

/// The location of an asset, for reports and receipts.
pub(super) fn address(bundle: &Bundle, name: &str) -> String {
    format!("{}#{name}", bundle.name())
}
