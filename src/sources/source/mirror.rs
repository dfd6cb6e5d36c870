//! A mirror as a source: a local directory or a URL. Tokens are never sent to it.

use std::path::Path;
use std::path::PathBuf;

use http::HeaderMap;
use http::HeaderValue;
use http::header;
use url::Url;

use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::discard;
use crate::io::net::Download;
use crate::io::net::Http;
use crate::io::net::NetError;
use crate::io::net::download;
use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Release;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Tool;
use crate::model::VersionSpec;
use crate::model::mirror_layout;
use crate::model::progress::Progress;
use crate::model::source_spec::SourceSpec;
use crate::model::upgrade;
use crate::sources::mirror;
use crate::sources::mirror::Index;
use crate::sources::mirror::IndexError;
use crate::sources::mirror::MAX_INDEX;
use crate::sources::mirror::MirrorError;
use crate::sources::source::Proofs;
use crate::sources::source::SourceError;
use crate::trust::attestation;

/// Well above the size of any checksum file.
const MAX_SMALL_FILE: u64 = 1024 * 1024;

/// The download limit where no size is stated.
const MAX_ASSET: u64 = 2 * 1024 * 1024 * 1024;

/// A mirror's releases of one repository.
#[derive(Debug)]
pub(crate) struct Mirror {
    at: At,
    tool: Tool,
    repository: RepoSlug,
}

#[derive(Debug)]
enum At {
    Directory(PathBuf),
    Web(Http, Url),
}

impl Mirror {
    /// A mirror in a local directory. Does no I/O.
    pub(crate) const fn in_directory(root: PathBuf, tool: Tool, repository: RepoSlug) -> Self {
        Self { at: At::Directory(root), tool, repository }
    }

    /// A mirror behind a URL.
    pub(crate) const fn behind(base: Url, http: Http, tool: Tool, repository: RepoSlug) -> Self {
        Self { at: At::Web(http, base), tool, repository }
    }

    /// Its name in messages.
    pub(crate) fn name(&self) -> String {
        self.place().to_string()
    }

    /// The path or URL where it would have a file.
    pub(super) fn address(&self, tag: &Tag, name: &str) -> String {
        self.place().address(&self.repository, tag, name).unwrap_or_else(|| format!("{}#{name}", self.name()))
    }

    /// Checks that a mirror in a directory has a file; a mirror behind a URL is not queried.
    pub(super) fn check_local(&self, tag: &Tag, name: &str) -> Result<(), SourceError> {
        let At::Directory(root) = &self.at else { return Ok(()) };
        let path = mirror_layout::asset_path(root, &self.repository, tag, name);
        if path.is_some_and(|path| path.is_file()) {
            return Ok(());
        }
        Err(self.failed(MirrorError::Missing { tag: tag.clone(), name: name.to_owned() }))
    }

    /// The release with the tag, or the newest version that is not a prerelease.
    pub(super) async fn release(&self, spec: &VersionSpec) -> Result<Listing, SourceError> {
        let index = self.index().await?;
        let found = match spec {
            VersionSpec::Exact(tag) => index.release(tag).map(mirror::MirroredRelease::as_release).ok_or_else(|| {
                let has = index.releases.iter().map(|release| release.tag.to_string()).collect();
                MirrorError::NoRelease { tag: tag.clone(), has }
            }),
            VersionSpec::Latest => upgrade::newest(&releases(&index), false).cloned().ok_or(MirrorError::NoVersions),
        };
        found.map(Listing::Index).map_err(|problem| self.failed(problem))
    }

    /// Every release it has.
    pub(super) async fn published(&self) -> Result<Vec<Release>, SourceError> {
        Ok(releases(&self.index().await?))
    }

    /// A small file of a release, if it matches the index.
    pub(super) async fn small_file(&self, tag: &Tag, asset: &Asset) -> Result<Option<Vec<u8>>, SourceError> {
        let bytes = match &self.at {
            At::Directory(root) => mirror::small_file(root, &self.repository, tag, &asset.name, MAX_SMALL_FILE)
                .map_err(|problem| self.failed(problem))?,
            At::Web(http, base) => {
                let url = mirror_layout::asset_url(base, &self.repository, tag, &asset.name);
                http.patient_small_file(&url, &as_it_is(), None, MAX_SMALL_FILE).await?.map(Into::into)
            }
        };
        if let (Some(bytes), Ok(Some(stated))) = (&bytes, &asset.digest) {
            let (name, found, stated) = (asset.name.clone(), Sha256Digest::of(bytes), *stated);
            if found != stated {
                return Err(self.failed(MirrorError::Damaged { tag: tag.clone(), name, found, stated }));
            }
        }
        Ok(bytes)
    }

    /// Its attestations of an asset.
    pub(super) async fn proofs(&self, listing: Option<&Listing>, tag: &Tag, asset: &str) -> Proofs {
        let name = attestation::file_name(asset);
        let file = match listing.and_then(Listing::release) {
            Some(release) => release.asset(&name).cloned(),
            // The index is not read, and need not be: attestations are verified on their own.
            None => Some(Asset { id: None, name, size: None, state: AssetState::Uploaded, digest: Ok(None) }),
        };
        let Some(file) = file else { return Proofs::None };
        match self.small_file(tag, &file).await {
            Ok(Some(text)) => Proofs::all(text),
            Ok(None) => Proofs::None,
            Err(error) => Proofs::failed(&error),
        }
    }

    /// Copies or downloads an asset to a new file. Bytes that differ from those stated are removed.
    pub(super) async fn fetch(
        &self,
        tag: &Tag,
        asset: &Asset,
        destination: &Path,
        progress: &dyn Progress,
    ) -> Result<Written, SourceError> {
        let fetched = match &self.at {
            At::Directory(root) => {
                let file = (tag, asset.name.as_str());
                let bounds = (asset.size, MAX_ASSET);
                mirror::copy(root, &self.repository, file, bounds, destination, progress).map_err(NetError::Write)?
            }
            At::Web(http, base) => self.download(http, base, (tag, asset), destination, progress).await?,
        };
        let written = fetched.map_err(|problem| self.failed(problem))?;
        match &asset.digest {
            Ok(Some(stated)) if *stated != written.sha256 => {
                discard(destination).map_err(NetError::Write)?;
                let (name, found, stated) = (asset.name.clone(), written.sha256, *stated);
                Err(self.failed(MirrorError::Damaged { tag: tag.clone(), name, found, stated }))
            }
            Ok(_) | Err(_) => Ok(written),
        }
    }

    async fn download(
        &self,
        http: &Http,
        base: &Url,
        (tag, asset): (&Tag, &Asset),
        destination: &Path,
        progress: &dyn Progress,
    ) -> Result<Result<Written, MirrorError>, NetError> {
        let request = Download {
            url: mirror_layout::asset_url(base, &self.repository, tag, &asset.name),
            authorization: None,
            accept: None,
            size: asset.size,
            limit: MAX_ASSET,
            label: format!("Downloading {} {tag}", asset.name),
        };
        let (tag, name) = (tag.clone(), asset.name.clone());
        match download(http, &request, destination, progress).await {
            Ok(written) => Ok(Ok(written)),
            Err(NetError::Status { status: 404 | 410, .. }) => Ok(Err(MirrorError::Missing { tag, name })),
            Err(NetError::Status { url: address, status: status @ (401 | 403), .. }) => {
                Ok(Err(MirrorError::Refused { address, status }))
            }
            Err(NetError::WrongLength { announced: found, expected: stated, .. }) => {
                Ok(Err(MirrorError::WrongSize { tag, name, found, stated }))
            }
            Err(error) => Err(error),
        }
    }

    async fn index(&self) -> Result<Index, SourceError> {
        let (read, place) = match &self.at {
            At::Directory(root) => {
                let path = mirror_layout::index_path(root, &self.repository);
                (mirror::index(root, &self.repository, &self.tool), path.display().to_string())
            }
            At::Web(http, base) => {
                let url = mirror_layout::index_url(base, &self.repository);
                let read = match http.patient_small_file(&url, &as_it_is(), None, MAX_INDEX).await {
                    Ok(text) => text.map(|text| Index::parse(&text, &self.tool, &self.repository)).transpose(),
                    Err(NetError::Status { url: address, status: status @ (401 | 403), .. }) => {
                        return Err(self.failed(MirrorError::Refused { address, status }));
                    }
                    Err(NetError::TooLong { .. }) => Err(IndexError::TooLong),
                    Err(error) => return Err(error.into()),
                };
                (read.map_err(MirrorError::from), url.to_string())
            }
        };
        let index = read.map_err(|problem| self.failed(problem))?;
        index.ok_or_else(|| self.failed(MirrorError::NotAMirror { repository: self.repository.clone(), index: place }))
    }

    fn failed(&self, problem: MirrorError) -> SourceError {
        SourceError::Mirror { mirror: self.name(), problem: Box::new(problem) }
    }

    fn place(&self) -> SourceSpec {
        match &self.at {
            At::Directory(root) => SourceSpec::Directory(root.clone()),
            At::Web(_, base) => SourceSpec::Web(base.clone()),
        }
    }
}

fn as_it_is() -> HeaderMap {
    HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))])
}

fn releases(index: &Index) -> Vec<Release> {
    index.releases.iter().map(mirror::MirroredRelease::as_release).collect()
}
