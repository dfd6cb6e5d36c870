//! Collects what every evidence source states about a release's assets. A file that lists several assets is read once.

use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Release;
use crate::sources::source::Source;
use crate::trust::ChecksumError;
use crate::trust::ChecksumFile;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::SUMS_FILES;
use crate::trust::is_sums_file;
use crate::trust::sidecar_names;
use crate::trust::sums_files_to_try;

/// The checksum files of a release, each with the result of reading it. Files the release definitely does not have are left
/// out.
#[derive(Debug)]
pub(super) struct ChecksumFiles(Vec<(EvidenceSource, Result<ChecksumFile, Unreadable>)>);

/// Why a file could not be read or parsed.
#[derive(Debug, Clone)]
struct Unreadable {
    reason: String,
    transient: bool,
    /// Whether it was read but has an unknown format, which does not contradict a matching digest.
    is_of_format: bool,
}

/// Reads the files that list several assets. If the files of the release are known, only existing ones are requested;
/// otherwise each is tried.
pub(super) async fn sums(source: &Source, listing: &Listing) -> ChecksumFiles {
    let mut files = Vec::new();
    for name in sums_names(source, listing) {
        let Some(file) = published(source, listing, &name).await else { continue };
        let parsed = file.and_then(|bytes| ChecksumFile::parse(&bytes).map_err(|error| Unreadable::because(&error)));
        files.push((EvidenceSource::SumsFile { name }, parsed));
    }
    ChecksumFiles(files)
}

fn sums_names(source: &Source, listing: &Listing) -> Vec<String> {
    let tag = listing.tag();
    match (listing.release(), source) {
        (Some(release), _) => {
            let names = release.assets.iter().map(|asset| asset.name.clone());
            let mut names: Vec<String> = names.filter(|name| is_sums_file(name, tag)).collect();
            names.sort();
            names
        }
        (None, Source::GitHub(github)) => sums_files_to_try(github.repo().name(), tag),
        (None, Source::Mirror(_) | Source::Bundle(_)) => Vec::new(),
    }
}

/// What each evidence source states about the asset.
pub(super) async fn gather(source: &Source, listing: &Listing, sums: &ChecksumFiles, asset: &Asset) -> Vec<Evidence> {
    let mut evidence = vec![stated_digest(source, listing, asset)];
    evidence.extend(sums.about(asset));
    evidence.extend(sidecars(source, listing, asset).await);
    // A mirror's index and a bundle's manifest are checksum files themselves.
    let has_file = evidence.len() > 1 || matches!(listing, Listing::Index(_));
    if !has_file {
        let source = EvidenceSource::SumsFile { name: "a checksum file".to_owned() };
        let [beside, ..] = sidecar_names(&asset.name);
        let reason = format!("the release has none (such as {}, checksums.txt or {beside})", SUMS_FILES[0]);
        evidence.push(Evidence::absent(source, reason));
    }
    evidence
}

/// What is stated about an asset without requesting its own checksum file; enough to lock it if it includes a digest.
pub(super) fn at_hand(source: &Source, listing: &Listing, sums: &ChecksumFiles, asset: &Asset) -> Vec<Evidence> {
    let mut evidence = vec![stated_digest(source, listing, asset)];
    evidence.extend(sums.about(asset));
    evidence
}

/// What an asset's own checksum files state, if the release has them.
pub(super) async fn sidecars(source: &Source, listing: &Listing, asset: &Asset) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    for name in sidecar_names(&asset.name) {
        let Some(file) = published(source, listing, &name).await else { continue };
        let parsed = file.and_then(|bytes| {
            ChecksumFile::parse_sidecar(&bytes, &asset.name).map_err(|error| Unreadable::because(&error))
        });
        evidence.push(statement(EvidenceSource::Sidecar { name }, &parsed, asset));
    }
    evidence
}

impl ChecksumFiles {
    fn about(&self, asset: &Asset) -> impl Iterator<Item = Evidence> {
        self.0.iter().map(|(source, file)| statement(source.clone(), file, asset))
    }
}

impl Unreadable {
    fn because(error: &ChecksumError) -> Self {
        Self { reason: error.to_string(), transient: false, is_of_format: error.is_of_format() }
    }

    fn statement(&self, source: EvidenceSource) -> Evidence {
        let unknown = Evidence::unknown(source, self.reason.clone(), self.transient);
        Evidence { dispensable: self.is_of_format, ..unknown }
    }
}

fn statement(source: EvidenceSource, file: &Result<ChecksumFile, Unreadable>, asset: &Asset) -> Evidence {
    match file {
        Err(unreadable) => unreadable.statement(source),
        Ok(file) => match (file.digest_of(&asset.name), file.misread()) {
            (Some(sha256), _) => Evidence::found(source, sha256),
            (None, None) => Evidence::absent(source, format!("it does not list {}", asset.name)),
            // The line that could not be parsed may be the one for this asset.
            (None, Some(error)) => Unreadable::because(error).statement(source),
        },
    }
}

/// What the listing of the release states.
fn stated_digest(source: &Source, listing: &Listing, asset: &Asset) -> Evidence {
    match (listing, &asset.digest) {
        (Listing::Web { because, .. }, _) => {
            let mut unknown = Evidence::unknown(EvidenceSource::ApiDigest, because.clone(), true);
            unknown.dispensable = true;
            unknown
        }
        (Listing::Api(_), Ok(Some(sha256))) => Evidence::found(EvidenceSource::ApiDigest, *sha256),
        (Listing::Api(_), Ok(None)) => Evidence::absent(EvidenceSource::ApiDigest, "GitHub states none for this asset"),
        (Listing::Index(_), Ok(Some(sha256))) => Evidence::found(source.index_source(), *sha256),
        (Listing::Index(_), Ok(None)) => Evidence::absent(source.index_source(), "it states none for this asset"),
        (Listing::Api(_), Err(reason)) => Evidence::unknown(EvidenceSource::ApiDigest, reason.clone(), false),
        (Listing::Index(_), Err(reason)) => Evidence::unknown(source.index_source(), reason.clone(), false),
    }
}

/// The bytes of a small file of the release, or why it could not be read; `None` if the release does not have it.
async fn published(source: &Source, listing: &Listing, name: &str) -> Option<Result<Vec<u8>, Unreadable>> {
    let transient = |reason: String| Err(Unreadable { reason, transient: true, is_of_format: false });
    let file = match listing.release() {
        Some(release) => match listed(release, name)? {
            Ok(file) => file,
            Err(reason) => return Some(transient(reason)),
        },
        None => unseen(name),
    };
    match source.small_file(listing.tag(), &file).await {
        Ok(Some(bytes)) => Some(Ok(bytes)),
        // A file that is listed but missing is inconclusive.
        Ok(None) if listing.release().is_some() => {
            Some(transient("the release lists it, but it does not exist".to_owned()))
        }
        Ok(None) => None,
        Err(error) => {
            let (reason, transient) = (error.to_string(), error.is_transient());
            Some(Err(Unreadable { reason, transient, is_of_format: false }))
        }
    }
}

fn listed(release: &Release, name: &str) -> Option<Result<Asset, String>> {
    let file = release.asset(name)?;
    Some(match file.state {
        AssetState::Uploaded => Ok(file.clone()),
        AssetState::Incomplete => Err("it is still being uploaded".to_owned()),
    })
}

fn unseen(name: &str) -> Asset {
    Asset { id: None, name: name.to_owned(), size: None, state: AssetState::Uploaded, digest: Ok(None) }
}
