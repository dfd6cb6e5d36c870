//! Asks every source for what it states about an asset.

use crate::github::GitHub;
use crate::github::Listing;
use crate::release::Asset;
use crate::release::AssetState;
use crate::release::Release;
use crate::trust::ChecksumError;
use crate::trust::ChecksumFile;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::SUMS_FILES;
use crate::trust::sidecar_name;

/// What each source states about the asset. Where the API lists the release's files, only those that are there are asked
/// for, and a file that is not listed is proven absent; where it does not, each is tried.
pub(super) async fn gather(github: &GitHub, listing: &Listing, asset: &Asset) -> Vec<Evidence> {
    let mut evidence = vec![api_digest(listing, asset)];
    let sums = SUMS_FILES.map(|name| EvidenceSource::SumsFile { name: name.to_owned() });
    let sidecar = EvidenceSource::Sidecar { name: sidecar_name(&asset.name) };
    for source in sums.into_iter().chain([sidecar]) {
        if let Some(statement) = published(github, listing, asset, source).await {
            evidence.push(statement);
        }
    }
    let files_found = evidence.len() > 1;
    if !files_found {
        let source = EvidenceSource::SumsFile { name: "a checksum file".to_owned() };
        let names = format!("the release has none of {}, {}", SUMS_FILES.join(", "), sidecar_name(&asset.name));
        evidence.push(Evidence::absent(source, names));
    }
    evidence
}

fn api_digest(listing: &Listing, asset: &Asset) -> Evidence {
    let source = EvidenceSource::ApiDigest;
    match (listing, &asset.digest) {
        (Listing::Web { because, .. }, _) => {
            let mut unknown = Evidence::unknown(source, because.clone(), true);
            unknown.dispensable = true;
            unknown
        }
        (Listing::Api(_), Ok(Some(sha256))) => Evidence::found(source, *sha256),
        (Listing::Api(_), Ok(None)) => Evidence::absent(source, "GitHub states none for this asset"),
        (Listing::Api(_), Err(reason)) => Evidence::unknown(source, reason.clone(), false),
    }
}

/// What one published file states; nothing where the release does not have the file.
async fn published(github: &GitHub, listing: &Listing, asset: &Asset, source: EvidenceSource) -> Option<Evidence> {
    let name = source.to_string();
    let file = match listing {
        Listing::Api(release) => match listed(release, &name)? {
            Ok(file) => file,
            Err(reason) => return Some(Evidence::unknown(source, reason, true)),
        },
        Listing::Web { .. } => unseen(&name),
    };
    let bytes = match github.small_asset(listing.tag(), &file).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return gone(listing, source),
        Err(error) => return Some(Evidence::unknown(source, error.to_string(), error.is_transient())),
    };
    Some(match read(&source, &bytes, asset) {
        Ok(Some(evidence)) => evidence,
        Ok(None) => Evidence::absent(source, format!("it does not list {}", asset.name)),
        Err(error) => Evidence::unknown(source, error.to_string(), false),
    })
}

/// A file that the API lists and that is not there a moment later proves nothing.
fn gone(listing: &Listing, source: EvidenceSource) -> Option<Evidence> {
    match listing {
        Listing::Api(_) => Some(Evidence::unknown(source, "the release lists it, and it is not there", true)),
        Listing::Web { .. } => None,
    }
}

fn read(source: &EvidenceSource, bytes: &[u8], asset: &Asset) -> Result<Option<Evidence>, ChecksumError> {
    let file = match source {
        EvidenceSource::Sidecar { .. } => ChecksumFile::parse_sidecar(bytes, &asset.name)?,
        EvidenceSource::SumsFile { .. } | EvidenceSource::ApiDigest => ChecksumFile::parse(bytes)?,
    };
    Ok(file.digest_of(&asset.name).map(|sha256| Evidence::found(source.clone(), sha256)))
}

fn listed<'a>(release: &'a Release, name: &str) -> Option<Result<Asset, String>> {
    let file: &'a Asset = release.asset(name)?;
    Some(match file.state {
        AssetState::Uploaded => Ok(file.clone()),
        AssetState::Incomplete => Err("it is still being uploaded".to_owned()),
    })
}

fn unseen(name: &str) -> Asset {
    Asset { id: None, name: name.to_owned(), size: None, state: AssetState::Uploaded, digest: Ok(None) }
}
