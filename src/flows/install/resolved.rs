//! What an installation will use, resolved before any byte of the asset is accepted. A dry run shows this value; the
//! installation consumes it.

use futures_util::future::join;

use crate::flows::install::AcquireError;
use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallReason;
use crate::flows::install::InstallRequest;
use crate::flows::install::LockfileAction;
use crate::flows::install::ResolveError;
use crate::flows::install::choose;
use crate::flows::install::evidence;
use crate::flows::install::evidence::ChecksumFiles;
use crate::flows::install::lockfile_of_release;
use crate::flows::install::lockfile_of_release::Known;
use crate::flows::install::offline_report::or_offline;
use crate::flows::install::offline_report::searched_locations;
use crate::flows::install::resolve::combine_source_errors;
use crate::flows::install::signer::Signed;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::AssetForm;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::sources::source::Source;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Level;
use crate::trust::TrustPolicy;
use crate::trust::judge;

/// Accepts any evidence, as long as the statements agree.
const ANYTHING: TrustPolicy = TrustPolicy { require: Level::Unverified, allow_unverified: true };

/// One request, and what it may touch.
#[derive(Clone, Copy)]
pub(super) struct Acquisition<'a> {
    pub(super) request: &'a InstallRequest,
    pub(super) context: &'a InstallContext<'a>,
}

/// The release to find.
#[derive(Debug)]
pub(super) struct ReleaseQuery<'a> {
    /// Why there is work to do.
    pub(super) work: &'a InstallReason,
    pub(super) spec: VersionSpec,
    /// The installed tag, if only a newer release is needed.
    pub(super) installed: Option<&'a Tag>,
}

impl<'a> ReleaseQuery<'a> {
    pub(super) fn new(request: &InstallRequest, work: &'a InstallReason, installed: Option<&'a Tag>) -> Self {
        let spec = request.decided.spec.clone().or_else(|| work.repaired_spec()).unwrap_or(VersionSpec::Latest);
        Self { work, spec, installed }
    }
}

/// One asset of a release, with everything known about it before its bytes are.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(super) repository: RepoSlug,
    pub tag: Tag,
    pub asset: Asset,
    pub(super) form: AssetForm,
    /// Its URL at the source.
    pub url: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) signed: Signed,
    /// The verdict for this evidence.
    pub verdict: Level,
    /// Whether its bytes are cached, so that nothing is downloaded.
    pub is_cached: bool,
    /// The lockfile that lists it: the existing one, or the one to be written.
    pub lockfile: Option<Lockfile>,
}

/// A release as a source lists it.
pub(super) enum Lookup {
    /// It is the installed one.
    Current,
    /// It has an asset for the target.
    Release(Box<FoundRelease>),
}

/// The listing of a release and its asset for the target.
pub(super) struct FoundRelease {
    pub(super) listing: Listing,
    pub(super) asset: Asset,
    form: AssetForm,
}

impl FoundRelease {
    /// The digest that the listing states.
    pub(super) fn stated(&self) -> Option<Sha256Digest> {
        self.asset.digest.clone().ok().flatten()
    }
}

impl Acquisition<'_> {
    /// Finds the release and its asset for the target at this source.
    pub(super) async fn find(&self, source: &Source, query: &ReleaseQuery<'_>) -> Result<Lookup, AcquireError> {
        let listing = source.release(&query.spec, self.context.progress).await;
        let listing = listing.map_err(|error| AcquireError::at(source, error))?;
        let choice = choose(&listing, &self.request.options.tool, self.request.options.target)
            .map_err(|error| AcquireError::Resolve(asset_not_in_source(source, error)))?;
        if query.installed == Some(&choice.tag) {
            return Ok(Lookup::Current);
        }
        // If only names are known, the first form that exists; if none does, downloading the first reports the error.
        let mut existing = 0;
        if choice.candidates.len() > 1 {
            for (index, (asset, _)) in choice.candidates.iter().enumerate() {
                if source.has(&choice.tag, asset).await {
                    existing = index;
                    break;
                }
            }
        }
        let (asset, form) = choice.candidates.into_iter().nth(existing).expect("a choice has a candidate");
        Ok(Lookup::Release(Box::new(FoundRelease { listing, asset, form })))
    }

    /// Collects everything published about the asset, and decides on it.
    pub(super) async fn resolve(&self, source: &Source, found: &FoundRelease) -> Result<Resolved, AcquireError> {
        let FoundRelease { listing, asset, form } = found;
        let refused = |source| AcquireError::Verify { asset: asset.name.clone(), source };
        let (sums, evidence, signed) = self.published(source, found).await?;
        let evidence = [evidence, signed.evidence.clone()].concat();
        // Bytes that could not be accepted are not downloaded.
        let verdict = judge(None, &evidence, self.request.decided.policy).map_err(refused)?;
        let lockfile = match &self.request.decided.lock {
            LockfileAction::Write { .. } => {
                let here = Known { target: self.request.options.target, asset, evidence: &evidence, signed: &signed };
                let new = lockfile_of_release::lockfile(*self, source, listing, &sums, &[here]).await?;
                lockfile_of_release::refuse_drift(self.request.previous_lockfile(), &new, source)?;
                // Unverifiable assets are not locked, and a lockfile without this platform is useless here.
                new.asset(self.request.options.target).is_some().then_some(new)
            }
            LockfileAction::Ignore | LockfileAction::Require => None,
        };
        let is_cached = lockfile_of_release::stated(&evidence).is_some_and(|sha256| self.cache_has(&sha256));
        Ok(Resolved {
            repository: self.request.options.repository.clone(),
            tag: listing.tag().clone(),
            asset: asset.clone(),
            form: *form,
            url: source.asset_url(listing.tag(), &asset.name),
            evidence,
            signed,
            verdict,
            is_cached,
            lockfile,
        })
    }

    /// The checksum files, the evidence for the asset, and its attestations. Contradicting statements are refused.
    async fn published(
        &self,
        source: &Source,
        found: &FoundRelease,
    ) -> Result<(ChecksumFiles, Vec<Evidence>, Signed), AcquireError> {
        let FoundRelease { listing, asset, .. } = found;
        let agree = |evidence: &[Evidence]| {
            let asset = || asset.name.clone();
            judge(None, evidence, ANYTHING).map_err(|source| AcquireError::Verify { asset: asset(), source })
        };
        let files = async {
            let sums = evidence::sums(source, listing).await;
            let evidence = evidence::gather(source, listing, &sums, asset).await;
            (sums, evidence)
        };
        // Attestations are queried by digest; if the listing states it, both queries run at the same time.
        if let Some(sha256) = found.stated() {
            let signed = self.signed_as_stated(source, listing, asset, Some(sha256));
            let ((sums, evidence), signed) = join(files, signed).await;
            agree(&evidence)?;
            return Ok((sums, evidence, signed?));
        }
        let (sums, evidence) = files.await;
        agree(&evidence)?;
        let signed = self.signed_as_stated(source, listing, asset, lockfile_of_release::stated(&evidence)).await?;
        Ok((sums, evidence, signed))
    }

    /// The pinned bytes at this source. Makes no request to find out which they are.
    pub(super) async fn resolve_pinned(&self, source: &Source) -> Result<Resolved, AcquireError> {
        let pin = self.request.decided.pin.as_ref().expect("only what is pinned is resolved without a listing");
        let signed = self.signed_as_pinned(source, pin).await?;
        let evidence = stated(source, pin, &signed);
        let url = source.asset_url(&pin.lockfile.tag, &pin.asset.name);
        let is_cached = self.signed_as_cached(pin).is_none() && self.cache_has(&pin.asset.sha256);
        self.pinned(pin, evidence, signed, url, is_cached)
    }

    /// The pinned bytes from the cache, if it has them and all required evidence.
    pub(super) fn resolve_in_cache(&self) -> Option<Resolved> {
        let pin = self.request.decided.pin.as_ref()?;
        let signed = self.signed_as_cached(pin).filter(|_| self.cache_has(&pin.asset.sha256))?;
        let evidence = pinned_evidence(pin, &signed);
        let url = self.context.public_url(&pin.lockfile.repository, &pin.lockfile.tag, &pin.asset.name);
        // If they are not acceptable, a source reports why.
        self.pinned(pin, evidence, signed, url, true).ok()
    }

    fn pinned(
        &self,
        pin: &Pin,
        evidence: Vec<Evidence>,
        signed: Signed,
        url: String,
        is_cached: bool,
    ) -> Result<Resolved, AcquireError> {
        let asset = pinned_asset(pin);
        let verdict = judge(None, &evidence, self.request.decided.policy)
            .map_err(|source| AcquireError::Verify { asset: asset.name.clone(), source })?;
        Ok(Resolved {
            repository: pin.lockfile.repository.clone(),
            tag: pin.lockfile.tag.clone(),
            asset,
            form: pin.form,
            url,
            evidence,
            signed,
            verdict,
            is_cached,
            lockfile: Some(pin.lockfile.clone()),
        })
    }

    fn cache_has(&self, sha256: &Sha256Digest) -> bool {
        let cache = self.context.cache.as_ref().filter(|_| self.request.options.from.is_none());
        cache.is_some_and(|cache| cache.has(sha256))
    }
}

impl Resolved {
    /// The digest that the evidence states.
    pub(super) fn stated(&self) -> Option<Sha256Digest> {
        lockfile_of_release::stated(&self.evidence)
    }

    /// The workflow that signed it, according to its attestations.
    pub(crate) fn signer(&self) -> Option<String> {
        Some(self.signed.signer()?.workflow?.to_string())
    }
}

/// The result of the first source that succeeds; if all fail, the reason for a build or the error.
pub(super) async fn first_served<T>(
    sources: &[Source],
    Acquisition { request, context }: Acquisition<'_>,
    step: impl AsyncFn(&Source) -> Result<T, AcquireError>,
) -> Result<Result<T, Fallback>, AcquireError> {
    let mut tried = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let error = match step(source).await {
            Ok(served) => return Ok(Ok(served)),
            Err(error) => or_offline(error, request, context),
        };
        if let Some(next) = sources.get(index + 1) {
            context.progress.note(&format!("{}; trying {}", error.with_source(&source.name()), next.name()));
        }
        tried.push((source.name(), error));
    }
    combine_source_errors(tried, searched_locations(request, context)).map(Err)
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
