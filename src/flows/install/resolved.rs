//! What an installation will use, resolved before any byte of the asset is accepted. A dry run shows this value, the
//! installation consumes it.

use futures_util::future::join;

use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallReason;
use crate::flows::install::InstallRequest;
use crate::flows::install::LockfileAction;
use crate::flows::install::acquire::Acquisition;
use crate::flows::install::acquire::not_carried;
use crate::flows::install::acquire::pinned_asset;
use crate::flows::install::acquire::pinned_evidence;
use crate::flows::install::acquire::stated;
use crate::flows::install::choose;
use crate::flows::install::evidence;
use crate::flows::install::evidence::ChecksumFiles;
use crate::flows::install::lockfile_of_release;
use crate::flows::install::lockfile_of_release::Known;
use crate::flows::install::offline_report::looked;
use crate::flows::install::offline_report::or_offline;
use crate::flows::install::resolve::combine_source_errors;
use crate::flows::install::signer::Signed;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::AssetForm;
use crate::model::Listing;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::sources::source::Source;
use crate::trust::Evidence;
use crate::trust::Level;
use crate::trust::TrustPolicy;
use crate::trust::judge;

/// Whatever is stated, as long as the statements agree.
const ANYTHING: TrustPolicy = TrustPolicy { require: Level::Unverified, allow_unverified: true };

/// What is looked for.
#[derive(Debug)]
pub(super) struct ReleaseQuery<'a> {
    /// Why there is something to install.
    pub(super) work: &'a InstallReason,
    pub(super) spec: VersionSpec,
    /// The tag that is installed, where it only has to be the newest.
    pub(super) installed: Option<&'a Tag>,
}

impl<'a> ReleaseQuery<'a> {
    pub(super) fn new(request: &InstallRequest, work: &'a InstallReason, installed: Option<&'a Tag>) -> Self {
        let spec = request.spec.clone().or_else(|| work.repaired_spec()).unwrap_or(VersionSpec::Latest);
        Self { work, spec, installed }
    }
}

/// One asset of one release, with everything that is known about it before its bytes are.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub(super) repository: RepoSlug,
    /// The release.
    pub tag: Tag,
    /// The asset.
    pub asset: Asset,
    pub(super) form: AssetForm,
    /// Where the source has it.
    pub url: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) signed: Signed,
    /// The verdict that this evidence gives.
    pub verdict: Level,
    /// Whether the cache has its bytes, so that nothing is downloaded.
    pub is_cached: bool,
    /// The lockfile that names it: the one that is there, or the one that will be written.
    pub lockfile: Option<Lockfile>,
}

/// A release as a source lists it.
pub(super) enum Lookup {
    /// It is the one that is installed.
    Current,
    /// It has an asset for the target.
    Release(Box<FoundRelease>),
}

/// A release's listing and the asset that is for the target.
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
    /// The release, and its asset for the target, as this source lists them.
    pub(super) async fn find(&self, source: &Source, query: &ReleaseQuery<'_>) -> Result<Lookup, InstallError> {
        let listing = source.release(&query.spec, self.door.progress).await;
        let listing = listing.map_err(|error| InstallError::at(source, error))?;
        let choice = choose(&listing, &self.request.tool, self.request.target)
            .map_err(|error| InstallError::Resolve(not_carried(source, error)))?;
        if query.installed == Some(&choice.tag) {
            return Ok(Lookup::Current);
        }
        // Where only names are known, the first form that is there; where none is, fetching the first says what is wrong.
        let mut there = 0;
        if choice.candidates.len() > 1 {
            for (index, (asset, _)) in choice.candidates.iter().enumerate() {
                if source.has(&choice.tag, asset).await {
                    there = index;
                    break;
                }
            }
        }
        let (asset, form) = choice.candidates.into_iter().nth(there).expect("a choice has a candidate");
        Ok(Lookup::Release(Box::new(FoundRelease { listing, asset, form })))
    }

    /// Everything that is published about the asset, and what follows from it.
    pub(super) async fn resolve(&self, source: &Source, found: &FoundRelease) -> Result<Resolved, InstallError> {
        let FoundRelease { listing, asset, form } = found;
        let refused = |source| InstallError::Verify { asset: asset.name.clone(), source };
        let (sums, evidence, signed) = self.published(source, found).await?;
        let evidence = [evidence, signed.evidence.clone()].concat();
        // Bytes that could not be accepted need not arrive.
        let verdict = judge(None, &evidence, self.request.policy).map_err(refused)?;
        let lockfile = match &self.request.lock {
            LockfileAction::Write { old, .. } => {
                let here = Known { target: self.request.target, asset, evidence: &evidence, signed: &signed };
                let new = lockfile_of_release::lockfile(self, source, listing, &sums, &[here]).await?;
                if let Some(old) = old {
                    lockfile_of_release::refuse_drift(old, &new, source)?;
                }
                // What nothing proves is not locked, and a lock without this machine helps nobody here.
                new.asset(self.request.target).is_some().then_some(new)
            }
            LockfileAction::Ignore | LockfileAction::Require => None,
        };
        let is_cached = lockfile_of_release::stated(&evidence).is_some_and(|sha256| self.cache_has(&sha256));
        Ok(Resolved {
            repository: self.request.repository.clone(),
            tag: listing.tag().clone(),
            asset: asset.clone(),
            form: *form,
            url: source.asset_address(listing.tag(), &asset.name),
            evidence,
            signed,
            verdict,
            is_cached,
            lockfile,
        })
    }

    /// The checksum files, what every source states about the asset, and who signed for it. Statements that contradict each
    /// other are refused here.
    async fn published(
        &self,
        source: &Source,
        found: &FoundRelease,
    ) -> Result<(ChecksumFiles, Vec<Evidence>, Signed), InstallError> {
        let FoundRelease { listing, asset, .. } = found;
        let agree = |evidence: &[Evidence]| {
            let asset = || asset.name.clone();
            judge(None, evidence, ANYTHING).map_err(|source| InstallError::Verify { asset: asset(), source })
        };
        let files = async {
            let sums = evidence::sums(source, listing).await;
            let evidence = evidence::gather(source, listing, &sums, asset).await;
            (sums, evidence)
        };
        // Attestations are found by the digest; where the listing states it, it need not be waited for.
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

    /// The bytes the lock names, as this source has them. Nobody is asked which they are.
    pub(super) async fn resolve_pinned(&self, source: &Source) -> Result<Resolved, InstallError> {
        let pin = self.request.pin.as_ref().expect("only what is pinned is resolved without a listing");
        let signed = self.signed_as_pinned(source, pin).await?;
        let evidence = stated(source, pin, &signed);
        let url = source.asset_address(&pin.lockfile.tag, &pin.asset.name);
        let is_cached = self.signed_as_cached(pin).is_none() && self.cache_has(&pin.asset.sha256);
        self.pinned(pin, evidence, signed, url, is_cached)
    }

    /// The bytes the lock names, where the cache has them and everything that is required about them.
    pub(super) fn resolve_in_cache(&self) -> Option<Resolved> {
        let pin = self.request.pin.as_ref()?;
        let signed = self.signed_as_cached(pin).filter(|_| self.cache_has(&pin.asset.sha256))?;
        let evidence = pinned_evidence(pin, &signed);
        let url = self.door.public_address(&pin.lockfile.repository, &pin.lockfile.tag, &pin.asset.name);
        // What may not be accepted is refused by a source, with what it has to say.
        self.pinned(pin, evidence, signed, url, true).ok()
    }

    fn pinned(
        &self,
        pin: &Pin,
        evidence: Vec<Evidence>,
        signed: Signed,
        url: String,
        is_cached: bool,
    ) -> Result<Resolved, InstallError> {
        let asset = pinned_asset(pin);
        let verdict = judge(None, &evidence, self.request.policy)
            .map_err(|source| InstallError::Verify { asset: asset.name.clone(), source })?;
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
        let cache = self.door.cache.as_ref().filter(|_| self.request.from.is_none());
        cache.is_some_and(|cache| cache.has(sha256))
    }
}

impl Resolved {
    /// The workflow that signed for it, as its attestations say.
    pub fn signer(&self) -> Option<String> {
        Some(self.signed.signer()?.workflow?.to_string())
    }
}

/// What the first source that can gives; where none can, the reason a build may be used instead.
pub(super) async fn first_served<T>(
    sources: &[Source],
    request: &InstallRequest,
    door: &InstallContext<'_>,
    step: impl AsyncFn(&Source) -> Result<T, InstallError>,
) -> Result<Result<T, Fallback>, InstallError> {
    let mut tried = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let error = match step(source).await {
            Ok(served) => return Ok(Ok(served)),
            Err(error) => or_offline(error, request, door),
        };
        if let Some(next) = sources.get(index + 1) {
            door.progress.note(&format!("{}; trying {}", error.told_of(&source.name()), next.name()));
        }
        tried.push((source.name(), error));
    }
    combine_source_errors(tried, looked(request, door)).map(Err)
}
