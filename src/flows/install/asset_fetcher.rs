//! Fetches verified assets to a staging directory: from the cache, or from a source.

use std::path::Path;
use std::path::PathBuf;
use std::pin::pin;

use futures_util::future::Either;
use futures_util::future::select;

use crate::flows::install::AcquireError;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::install::drift;
use crate::flows::install::offline_report::not_provided;
use crate::flows::install::resolved::Acquisition;
use crate::flows::install::resolved::FoundRelease;
use crate::flows::install::resolved::Lookup;
use crate::flows::install::resolved::ReleaseQuery;
use crate::flows::install::resolved::Resolved;
use crate::flows::install::resolved::first_served;
use crate::flows::install::resolved::pinned_asset;
use crate::flows::install::resolved::pinned_evidence;
use crate::flows::install::resolved::stated;
use crate::flows::install::several::Together;
use crate::flows::install::several::several;
use crate::flows::install::signer::Signed;
use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::discard;
use crate::lockfile::Pin;
use crate::model::Sha256Digest;
use crate::model::progress::Progress;
use crate::sources::cache::CacheLookup;
use crate::sources::cache::CachedFrom;
use crate::sources::source::Source;
use crate::trust::Verified;
use crate::trust::judge;
use crate::trust::verify;

/// A verified asset in the staging directory, with what it was resolved from.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) resolved: Resolved,
    pub(super) verified: Verified,
    /// Whether its bytes came from the cache.
    is_cached: bool,
}

/// Fetches the assets of one acquisition.
pub(super) struct AssetFetcher<'a> {
    pub(super) acquisition: Acquisition<'a>,
    pub(super) staging: &'a Path,
    pub(super) progress: &'a dyn Progress,
}

impl Fetched {
    /// The file and where it came from, unless the cache has it and its attestations already.
    pub(super) fn for_cache(&self) -> Option<(Written, CachedFrom)> {
        let Resolved { repository, tag, asset, signed, .. } = &self.resolved;
        let provenance = || CachedFrom { repository: repository.clone(), tag: tag.clone(), name: asset.name.clone() };
        // The cache may lack the attestations even if it has the bytes.
        let is_news = !self.is_cached || !signed.bundles.is_empty();
        is_news.then(|| (self.verified.file().clone(), provenance()))
    }
}

/// Fetches pinned assets, several at a time; the results are in the order of the pins.
pub(super) async fn fetch_pinned(
    request: &InstallRequest,
    pins: Vec<Pin>,
    context: &InstallContext<'_>,
    staging: &Path,
) -> Result<Vec<(Pin, Fetched)>, AcquireError> {
    let sources = context.sources(request)?;
    let together = Together::begin(context.progress, &pins);
    let fetched = several(pins, async |pin: Pin| {
        let request = request.for_pin(pin.clone());
        let (acquisition, progress) = (Acquisition { request: &request, context }, together.one());
        let fetcher = AssetFetcher { acquisition, staging, progress: &progress };
        let fetched = match fetcher.take_cached()? {
            Some(fetched) => fetched,
            None => {
                let provided = first_served(&sources, acquisition, async |source| fetcher.pinned_from(source).await);
                provided.await?.map_err(|fallback| not_provided(fallback, &request, context))?
            }
        };
        fetcher.keep(&fetched);
        Ok((pin, fetched))
    });
    fetched.await
}

impl AssetFetcher<'_> {
    /// The asset from this source; `None` if the newest release is already installed.
    pub(super) async fn fetch_from(
        &self,
        source: &Source,
        query: &ReleaseQuery<'_>,
    ) -> Result<Option<Fetched>, AcquireError> {
        if self.request().decided.pin.is_some() {
            return self.pinned_from(source).await.map(Some);
        }
        let found = match self.acquisition.find(source, query).await? {
            Lookup::Current => return Ok(None),
            Lookup::Release(found) => found,
        };
        let (resolved, (written, is_cached)) = match found.stated() {
            Some(sha256) => self.resolve_and_fetch(source, &found, sha256).await?,
            // Only the evidence states which bytes the cache would have to contain.
            None => {
                let resolved = self.acquisition.resolve(source, &found).await?;
                let fetched = self.fetch(source, &found, resolved.stated()).await?;
                (resolved, fetched)
            }
        };
        let refused = |source| AcquireError::Verify { asset: resolved.asset.name.clone(), source };
        let verified = verify(written, &resolved.evidence, self.request().decided.policy).map_err(refused)?;
        Ok(Some(Fetched { resolved, verified, is_cached }))
    }

    /// The pinned asset from the cache, if it has it and all required evidence.
    pub(super) fn take_cached(&self) -> Result<Option<Fetched>, AcquireError> {
        let Some(resolved) = self.acquisition.resolve_in_cache() else { return Ok(None) };
        let verified = self.cached_bytes(&resolved.signed)?;
        Ok(verified.map(|verified| Fetched { resolved, verified, is_cached: true }))
    }

    /// The pinned asset from this source; its bytes from the cache, if only the attestations are missing there.
    async fn pinned_from(&self, source: &Source) -> Result<Fetched, AcquireError> {
        let resolved = self.acquisition.resolve_pinned(source).await?;
        let is_tried = self.acquisition.signed_as_cached(self.pin()).is_some();
        let cached = if is_tried { None } else { self.cached_bytes(&resolved.signed)? };
        let is_cached = cached.is_some();
        let verified = match cached {
            Some(verified) => verified,
            None => self.pinned_bytes(source, &resolved.signed).await?,
        };
        Ok(Fetched { resolved, verified, is_cached })
    }

    /// Requests the bytes and their evidence at the same time. A refusal ends the download; a failed download is reported only if
    /// there is no more serious error.
    async fn resolve_and_fetch(
        &self,
        source: &Source,
        found: &FoundRelease,
        sha256: Sha256Digest,
    ) -> Result<(Resolved, (Written, bool)), AcquireError> {
        let resolve = pin!(self.acquisition.resolve(source, found));
        let fetch = pin!(self.fetch(source, found, Some(sha256)));
        Ok(match select(resolve, fetch).await {
            Either::Left((resolved, fetch)) => (resolved?, fetch.await?),
            Either::Right((fetched, resolve)) => (resolve.await?, fetched?),
        })
    }

    /// Fetches the asset; returns whether it came from the cache.
    async fn fetch(
        &self,
        source: &Source,
        found: &FoundRelease,
        stated: Option<Sha256Digest>,
    ) -> Result<(Written, bool), AcquireError> {
        let asset = &found.asset;
        if let Some(written) = stated.and_then(|sha256| self.cached(&sha256, &asset.name)) {
            return Ok((written, true));
        }
        let fetched = source.fetch(found.listing.tag(), asset, &self.file(&asset.name), self.progress).await;
        fetched.map(|written| (written, false)).map_err(|error| AcquireError::fetching(asset, error))
    }

    /// The pinned bytes from this source. Makes no request to find out which asset that is.
    async fn pinned_bytes(&self, source: &Source, signed: &Signed) -> Result<Verified, AcquireError> {
        let (pin, policy) = (self.pin(), self.request().decided.policy);
        let (asset, tag) = (pinned_asset(pin), &pin.lockfile.tag);
        let evidence = stated(source, pin, signed);
        let refused = |source| AcquireError::Verify { asset: asset.name.clone(), source };
        judge(None, &evidence, policy).map_err(refused)?;
        let file = self.file(&asset.name);
        let written = match source.fetch(tag, &asset, &file, self.progress).await {
            Ok(written) => written,
            Err(error) if error.is_unreachable() => return Err(AcquireError::at(source, error)),
            Err(error) => {
                let error = AcquireError::fetching(&asset, error);
                drift::explain(source, pin, error, &file, self.progress).await?
            }
        };
        match verify(written, &evidence, policy) {
            Ok(verified) => Ok(verified),
            Err(error) => {
                discard(&file).map_err(|source| AcquireError::Staging { doing: "remove a refused file", source })?;
                let written = drift::explain(source, pin, refused(error), &file, self.progress).await?;
                verify(written, &evidence, policy).map_err(refused)
            }
        }
    }

    /// The pinned bytes from the cache.
    fn cached_bytes(&self, signed: &Signed) -> Result<Option<Verified>, AcquireError> {
        let pin = self.pin();
        let Some(written) = self.cached(&pin.asset.sha256, &pin.asset.name) else { return Ok(None) };
        let verified = verify(written, &pinned_evidence(pin, signed), self.request().decided.policy);
        verified.map(Some).map_err(|source| AcquireError::Verify { asset: pin.asset.name.clone(), source })
    }

    /// The bytes with this digest, if cached. If the cache cannot be used, they are downloaded.
    fn cached(&self, sha256: &Sha256Digest, name: &str) -> Option<Written> {
        // With a bundle its own copy is read, so that a damaged bundle is reported.
        if self.request().options.from.is_some() {
            return None;
        }
        let context = self.acquisition.context;
        match context.cache.as_ref()?.fetch(sha256, &self.file(name)) {
            Ok(CacheLookup::Found(written)) => Some(written),
            Ok(CacheLookup::Missing) => None,
            Ok(CacheLookup::Damaged { found }) => {
                self.progress.note(&format!(
                    "the cached {name} is damaged (sha256 {} instead of {}); it was removed from the cache",
                    found.short(),
                    sha256.short()
                ));
                None
            }
            Err(error) => {
                context.continue_without_cache(&error);
                None
            }
        }
    }

    fn keep(&self, fetched: &Fetched) {
        let context = self.acquisition.context;
        let Some((cache, (file, provenance))) = context.cache.as_ref().zip(fetched.for_cache()) else { return };
        if let Err(error) = cache.keep(&file, &provenance, fetched.resolved.signed.text().as_deref()) {
            context.continue_without_cache(&error);
        }
    }

    const fn request(&self) -> &InstallRequest {
        self.acquisition.request
    }

    fn pin(&self) -> &Pin {
        self.request().decided.pin.as_ref().expect("only called for what is pinned")
    }

    /// The name is derived from the target, so it is a plain file name.
    fn file(&self, name: &str) -> PathBuf {
        self.staging.join(name)
    }
}
