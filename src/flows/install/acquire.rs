//! Puts an executable in the staging directory: from the cache, or from the first source that provides it. Reports when a
//! local build has to be used instead.

use std::path::Path;
use std::path::PathBuf;
use std::pin::pin;

use futures_util::future::Either;
use futures_util::future::select;

use crate::flows::install::BuildMode;
use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallReason;
use crate::flows::install::InstallRequest;
use crate::flows::install::ResolveError;
use crate::flows::install::drift;
use crate::flows::install::resolved::FoundRelease;
use crate::flows::install::resolved::Lookup;
use crate::flows::install::resolved::ReleaseQuery;
use crate::flows::install::resolved::Resolved;
use crate::flows::install::resolved::first_served;
use crate::flows::install::signer::Signed;
use crate::io::fs::FileId;
use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::discard;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::cache::CacheLookup;
use crate::sources::cache::CachedFrom;
use crate::sources::source::Source;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Level;
use crate::trust::Verified;
use crate::trust::judge;
use crate::trust::verify;
use crate::worker::archive;
use crate::worker::archive::ArchiveForm;
use crate::worker::archive::Limits;
use crate::worker::store::ReceiptAsset;
use crate::worker::store::ReceiptOrigin;

/// An executable in the staging directory, with everything known about it.
#[derive(Debug)]
pub(super) struct Acquired {
    /// Its name in messages.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// The staged file.
    pub(super) id: Option<FileId>,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    pub(super) verdict: Level,
    pub(super) evidence: Vec<Evidence>,
    pub(super) origin: ReceiptOrigin,
    /// The tag its version must match.
    pub(super) tag: Option<Tag>,
    /// The lockfile that lists it, whether existing or to be written.
    pub(super) lockfile: Option<Lockfile>,
    /// Its signer, if attested.
    pub(super) signed: Signed,
    /// The asset, if the cache does not have it yet.
    pub(super) for_cache: Option<(Written, CachedFrom)>,
}

/// The result of finding a release and fetching its asset.
#[derive(Debug)]
pub(super) enum AcquireOutcome {
    /// The executable is in the staging directory.
    Staged(Box<Acquired>),
    /// The newest release is already installed.
    Current,
    /// The release cannot be used; a build may be.
    Build(Fallback),
}

/// The context of one installation.
pub(super) struct Acquisition<'a> {
    pub(super) request: &'a InstallRequest,
    pub(super) context: &'a InstallContext<'a>,
    pub(super) staging: &'a Path,
}

/// Why no release is queried at all.
pub(super) fn build_at_once(request: &InstallRequest, work: &InstallReason) -> Option<Fallback> {
    if request.build == BuildMode::Only {
        return Some(Fallback::Asked);
    }
    (work.repairs_a_build() && request.spec.is_none()).then_some(Fallback::RepairsBuild)
}

impl Acquisition<'_> {
    /// Resolves the release and obtains its asset, from the first source that provides it.
    pub(super) async fn acquire(&self, query: &ReleaseQuery<'_>) -> Result<AcquireOutcome, InstallError> {
        if let Some(because) = build_at_once(self.request, query.work) {
            return Ok(AcquireOutcome::Build(because));
        }
        if let Some(resolved) = self.resolve_in_cache()
            && let Some(acquired) = self.obtain_from_cache(resolved)?
        {
            return Ok(AcquireOutcome::Staged(Box::new(acquired)));
        }
        let sources = self.context.sources(self.request)?;
        let provided = first_served(&sources, self.request, self.context, async |source: &Source| {
            self.acquire_from(source, query).await
        });
        Ok(provided.await?.unwrap_or_else(AcquireOutcome::Build))
    }

    async fn acquire_from(&self, source: &Source, query: &ReleaseQuery<'_>) -> Result<AcquireOutcome, InstallError> {
        if self.request.pin.is_some() {
            let resolved = self.resolve_pinned(source).await?;
            return Ok(AcquireOutcome::Staged(Box::new(self.obtain_pinned(source, resolved).await?)));
        }
        let found = match self.find(source, query).await? {
            Lookup::Current => return Ok(AcquireOutcome::Current),
            Lookup::Release(found) => found,
        };
        let (resolved, fetched) = match found.stated() {
            Some(sha256) => self.resolve_and_fetch(source, &found, sha256).await?,
            // Only the evidence states which bytes the cache would have to contain.
            None => {
                let resolved = self.resolve(source, &found).await?;
                let fetched = self.fetch(source, &found, resolved.stated()).await?;
                (resolved, fetched)
            }
        };
        Ok(AcquireOutcome::Staged(Box::new(self.obtain(resolved, fetched)?)))
    }

    /// Requests the bytes and their evidence at the same time. A refusal ends the download; a failed download is reported only if
    /// there is no more serious error.
    async fn resolve_and_fetch(
        &self,
        source: &Source,
        found: &FoundRelease,
        sha256: Sha256Digest,
    ) -> Result<(Resolved, (Written, bool)), InstallError> {
        let (resolve, fetch) = (pin!(self.resolve(source, found)), pin!(self.fetch(source, found, Some(sha256))));
        Ok(match select(resolve, fetch).await {
            Either::Left((resolved, fetch)) => (resolved?, fetch.await?),
            Either::Right((fetched, resolve)) => (resolve.await?, fetched?),
        })
    }

    /// Fetches the asset to the staging directory; returns whether it came from the cache.
    async fn fetch(
        &self,
        source: &Source,
        found: &FoundRelease,
        stated: Option<Sha256Digest>,
    ) -> Result<(Written, bool), InstallError> {
        let asset = &found.asset;
        if let Some(written) = stated.and_then(|sha256| self.cached(&sha256, &asset.name)) {
            return Ok((written, true));
        }
        let fetched = source.fetch(found.listing.tag(), asset, &self.file(&asset.name), self.context.progress).await;
        fetched.map(|written| (written, false)).map_err(|error| InstallError::fetching(asset, error))
    }

    /// Verifies the bytes against what was resolved, and unpacks them.
    fn obtain(&self, resolved: Resolved, (written, is_cached): (Written, bool)) -> Result<Acquired, InstallError> {
        let refused = |source| InstallError::Verify { asset: resolved.asset.name.clone(), source };
        let verified = verify(written, &resolved.evidence, self.request.policy).map_err(refused)?;
        self.staged(resolved, &verified, is_cached)
    }

    /// Obtains the pinned bytes from this source, or from the cache if only the attestations are missing there.
    async fn obtain_pinned(&self, source: &Source, resolved: Resolved) -> Result<Acquired, InstallError> {
        let pin = self.request.pin.as_ref().expect("only a pin resolves to pinned bytes");
        let cached = self.cached_without_proofs(pin, &resolved.signed)?;
        let is_cached = cached.is_some();
        let verified = match cached {
            Some(verified) => verified,
            None => self.pinned_bytes(source, pin, &resolved.signed).await?,
        };
        self.staged(resolved, &verified, is_cached)
    }

    /// Obtains the pinned bytes from the cache; `None` if it does not have them after all.
    fn obtain_from_cache(&self, resolved: Resolved) -> Result<Option<Acquired>, InstallError> {
        let pin = self.request.pin.as_ref().expect("only a pin resolves to cached bytes");
        let Some(verified) = self.cached_bytes(pin, &resolved.signed)? else { return Ok(None) };
        self.staged(resolved, &verified, true).map(Some)
    }

    /// The pinned asset from this source. Makes no request to find out which asset that is.
    pub(super) async fn pinned_bytes(
        &self,
        source: &Source,
        pin: &Pin,
        signed: &Signed,
    ) -> Result<Verified, InstallError> {
        let (asset, tag) = (pinned_asset(pin), &pin.lockfile.tag);
        let evidence = stated(source, pin, signed);
        let refused = |source| InstallError::Verify { asset: asset.name.clone(), source };
        judge(None, &evidence, self.request.policy).map_err(refused)?;
        let file = self.file(&asset.name);
        let written = match source.fetch(tag, &asset, &file, self.context.progress).await {
            Ok(written) => written,
            Err(error) if error.is_unreachable() => return Err(InstallError::at(source, error)),
            Err(error) => {
                let error = InstallError::fetching(&asset, error);
                drift::explain(source, pin, error, &file, self.context.progress).await?
            }
        };
        match verify(written, &evidence, self.request.policy) {
            Ok(verified) => Ok(verified),
            Err(error) => {
                discard(&file).map_err(|source| InstallError::Staging { doing: "remove a refused file", source })?;
                let written = drift::explain(source, pin, refused(error), &file, self.context.progress).await?;
                verify(written, &evidence, self.request.policy).map_err(refused)
            }
        }
    }

    /// The pinned asset from the cache.
    pub(super) fn cached_bytes(&self, pin: &Pin, signed: &Signed) -> Result<Option<Verified>, InstallError> {
        let Some(written) = self.cached(&pin.asset.sha256, &pin.asset.name) else { return Ok(None) };
        let verified = verify(written, &pinned_evidence(pin, signed), self.request.policy);
        verified.map(Some).map_err(|source| InstallError::Verify { asset: pin.asset.name.clone(), source })
    }

    /// The same, if the cache was skipped because it lacks the attestations, which came from a source.
    pub(super) fn cached_without_proofs(&self, pin: &Pin, signed: &Signed) -> Result<Option<Verified>, InstallError> {
        if self.signed_as_cached(pin).is_some() { Ok(None) } else { self.cached_bytes(pin, signed) }
    }

    /// The bytes with this digest, if cached. If the cache cannot be used, they are downloaded.
    fn cached(&self, sha256: &Sha256Digest, name: &str) -> Option<Written> {
        // With a bundle its own copy is read, so that a damaged bundle is reported.
        if self.request.from.is_some() {
            return None;
        }
        let cache = self.context.cache.as_ref()?;
        match cache.fetch(sha256, &self.file(name)) {
            Ok(CacheLookup::Found(written)) => Some(written),
            Ok(CacheLookup::Missing) => None,
            Ok(CacheLookup::Damaged { found }) => {
                self.context.progress.note(&format!(
                    "the cached {name} is damaged (sha256 {} instead of {}); it was removed from the cache",
                    found.short(),
                    sha256.short()
                ));
                None
            }
            Err(error) => {
                self.context.continue_without_cache(&error);
                None
            }
        }
    }

    /// The name is derived from the target, so it is a plain file name.
    fn file(&self, name: &str) -> PathBuf {
        self.staging.join(name)
    }

    /// Unpacks verified bytes.
    fn staged(&self, resolved: Resolved, verified: &Verified, is_cached: bool) -> Result<Acquired, InstallError> {
        let Resolved { repository, tag, asset, form, url, evidence, signed, lockfile, .. } = resolved;
        let file = verified.file();
        let mut origin_asset =
            ReceiptAsset { name: asset.name.clone(), url, size: file.size, sha256: file.sha256, member: None };
        let executable = match ArchiveForm::of(form) {
            None => file.clone(),
            Some(form) => {
                let names = self.request.tool.member_names(self.request.target);
                let destination = self.staging.join(self.request.tool.installed_name(self.request.target));
                let limits = Limits::default();
                let unpacked =
                    archive::unpack(form, verified.path(), &names, &destination, &limits, self.context.progress)
                        .map_err(|source| InstallError::Archive { asset: asset.name.clone(), source })?;
                origin_asset.member = Some(unpacked.member);
                unpacked.written
            }
        };
        let provenance = || CachedFrom { repository: repository.clone(), tag: tag.clone(), name: asset.name.clone() };
        Ok(Acquired {
            name: format!("{} of {tag}", asset.name),
            path: executable.path,
            id: executable.id,
            sha256: executable.sha256,
            size: executable.size,
            verdict: verified.level(),
            evidence,
            // The cache may lack the attestations even if it has the bytes.
            for_cache: (!is_cached || !signed.bundles.is_empty()).then(|| (file.clone(), provenance())),
            origin: ReceiptOrigin::Release { repository, tag: tag.clone(), asset: origin_asset },
            tag: Some(tag),
            lockfile,
            signed,
        })
    }
}

pub(super) fn pinned_asset(pin: &Pin) -> Asset {
    let locked = &pin.asset;
    Asset {
        id: None,
        name: locked.name.clone(),
        size: locked.size,
        state: AssetState::Uploaded,
        digest: Ok(Some(locked.sha256)),
    }
}

pub(super) fn pinned_evidence(pin: &Pin, signed: &Signed) -> Vec<Evidence> {
    let pinned = Evidence::found(EvidenceSource::Lock, pin.asset.sha256);
    std::iter::once(pinned).chain(signed.evidence.iter().cloned()).collect()
}

/// Evidence for a pinned asset: the lockfile, an index that comes with the bytes, and attestations.
pub(super) fn stated(source: &Source, pin: &Pin, signed: &Signed) -> Vec<Evidence> {
    let mut evidence = pinned_evidence(pin, signed);
    let carried = source.carried_lock().and_then(|lockfile| lockfile.asset(pin.asset.target));
    evidence.extend(carried.map(|asset| Evidence::found(source.index_source(), asset.sha256)));
    evidence
}

/// Names the bundle or mirror that lacks an asset, because the release on GitHub may have it.
pub(super) fn asset_not_in_source(source: &Source, error: ResolveError) -> ResolveError {
    match (source, error) {
        (Source::Bundle(bundle), ResolveError::Fallback(Fallback::NoAsset { tag, target, has, .. })) => {
            Fallback::NotInBundle { bundle: bundle.name().to_owned(), tag, target, has }.into()
        }
        (Source::Mirror(mirror), ResolveError::Fallback(Fallback::NoAsset { tag, target, has, .. })) => {
            Fallback::NotInMirror { mirror: mirror.name(), tag, target, has }.into()
        }
        (_, error) => error,
    }
}
