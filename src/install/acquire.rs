//! Brings an executable to the staging folder: from the cache, or from the first origin that serves. Says so where a local
//! build has to take their place.

use std::path::Path;
use std::path::PathBuf;

use crate::archive;
use crate::archive::ArchiveForm;
use crate::archive::Limits;
use crate::cache::Fetched;
use crate::cache::Provenance;
use crate::fs::FileId;
use crate::install::BuildMode;
use crate::install::Door;
use crate::install::Fallback;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::LockOrder;
use crate::install::ResolveError;
use crate::install::Work;
use crate::install::choose;
use crate::install::drift;
use crate::install::evidence;
use crate::install::locking;
use crate::install::locking::Known;
use crate::install::looked::looked;
use crate::install::looked::or_offline;
use crate::install::resolve::give_up;
use crate::install::signed::Signed;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::origin::Origin;
use crate::release::Asset;
use crate::release::AssetForm;
use crate::release::AssetState;
use crate::release::RepoSlug;
use crate::release::Sha256Digest;
use crate::release::Tag;
use crate::release::VersionSpec;
use crate::staging::Written;
use crate::staging::discard;
use crate::store::ReceiptAsset;
use crate::store::ReceiptOrigin;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Level;
use crate::trust::TrustPolicy;
use crate::trust::Verified;
use crate::trust::judge;
use crate::trust::verify;

/// An executable in the staging folder, with all that is known about it.
#[derive(Debug)]
pub(super) struct Acquired {
    /// What sentences call it.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Which file that is.
    pub(super) id: Option<FileId>,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    pub(super) verdict: Level,
    pub(super) evidence: Vec<Evidence>,
    pub(super) origin: ReceiptOrigin,
    /// The tag its version must equal.
    pub(super) tag: Option<Tag>,
    /// The lock that names it, whether it was there before or is written now.
    pub(super) lockfile: Option<Lockfile>,
    /// Who signed for the asset.
    pub(super) signed: Signed,
    /// The asset, where the cache does not have it yet.
    pub(super) for_cache: Option<(Written, Provenance)>,
}

/// What came of looking for a release.
#[derive(Debug)]
pub(super) enum Way {
    /// The executable is in the staging folder.
    Staged(Box<Acquired>),
    /// The newest release is the one that is installed.
    Current,
    /// The release cannot serve; a build may.
    Build(Fallback),
}

/// One asset with what is known of it before it is fetched.
struct Wanted<'a> {
    repository: &'a RepoSlug,
    tag: &'a Tag,
    asset: &'a Asset,
    form: AssetForm,
    evidence: Vec<Evidence>,
    signed: Signed,
}

/// Whatever is said, as long as it is said with one voice.
const ANYTHING: TrustPolicy = TrustPolicy { require: Level::Unverified, allow_unverified: true };

/// One installation's surroundings, so that the steps below need not hand each on.
pub(super) struct Order<'a> {
    pub(super) request: &'a InstallRequest,
    pub(super) door: &'a Door<'a>,
    pub(super) staging: &'a Path,
}

/// Why no release is even looked at.
pub(super) fn build_at_once(request: &InstallRequest, work: &Work) -> Option<Fallback> {
    if request.build == BuildMode::Only {
        return Some(Fallback::Asked);
    }
    (work.repairs_a_build() && request.spec.is_none()).then_some(Fallback::RepairsBuild)
}

impl Order<'_> {
    /// Looks for the release. `newest` is what is installed, where it only has to be the newest.
    pub(super) async fn acquire(&self, work: &Work, newest: Option<&Tag>) -> Result<Way, InstallError> {
        if let Some(because) = build_at_once(self.request, work) {
            return Ok(Way::Build(because));
        }
        if let Some(acquired) = self.pinned_from_cache()? {
            return Ok(Way::Staged(Box::new(acquired)));
        }
        let origins = self.door.origins(self.request)?;
        let spec = self.request.spec.clone().or_else(|| work.repaired_spec()).unwrap_or(VersionSpec::Latest);
        let mut tried = Vec::new();
        for (index, origin) in origins.iter().enumerate() {
            let outcome = match &self.request.pin {
                Some(pin) => self.pinned(origin, pin).await,
                None => self.resolved(origin, &spec, newest).await,
            };
            let error = match outcome {
                Ok(way) => return Ok(way),
                Err(error) => or_offline(error, self.request, self.door),
            };
            if let Some(next) = origins.get(index + 1) {
                self.door.progress.note(&format!("{}; trying {}", error.told_of(&origin.name()), next.name()));
            }
            tried.push((origin.name(), error));
        }
        give_up(tried, looked(self.request, self.door)).map(Way::Build)
    }

    /// The release as this origin has it, and its asset from the cache or from there.
    async fn resolved(&self, origin: &Origin, spec: &VersionSpec, newest: Option<&Tag>) -> Result<Way, InstallError> {
        let Self { request, door, .. } = self;
        let listing = match origin.release(spec, door.progress).await {
            Ok(listing) => listing,
            Err(error) => return Err(InstallError::at(origin, error)),
        };
        let choice = choose(&listing, &request.tool, request.target)
            .map_err(|error| InstallError::Resolve(not_carried(origin, error)))?;
        if newest == Some(&choice.tag) {
            return Ok(Way::Current);
        }
        let sums = evidence::sums(origin, &listing).await;
        let mut missing = None;
        for (asset, form) in &choice.candidates {
            let refused = |source| InstallError::Verify { asset: asset.name.clone(), source };
            let mut evidence = evidence::gather(origin, &listing, &sums, asset).await;
            judge(None, &evidence, ANYTHING).map_err(refused)?;
            let stated = locking::stated(&evidence);
            let signed = self.signed_as_stated(origin, &listing, asset, stated).await?;
            evidence.extend(signed.evidence.iter().cloned());
            // Bytes that could not be accepted are not fetched.
            judge(None, &evidence, request.policy).map_err(refused)?;
            let (repository, tag) = (&request.repository, &choice.tag);
            let wanted = Wanted { repository, tag, asset, form: *form, evidence, signed };
            let cached = stated.and_then(|sha256| self.cached(&sha256, &asset.name));
            let is_cached = cached.is_some();
            let written = match cached {
                Some(written) => written,
                None => match origin.fetch(&choice.tag, asset, &self.file(&asset.name), door.progress).await {
                    Ok(written) => written,
                    // Where only names are known, the next form may be the one that is there.
                    Err(error) if error.is_missing() && asset.size.is_none() => {
                        missing = Some(InstallError::fetching(asset, error));
                        continue;
                    }
                    Err(error) => return Err(InstallError::fetching(asset, error)),
                },
            };
            let verified = verify(written, &wanted.evidence, request.policy).map_err(refused)?;
            let lockfile = match &request.lock {
                LockOrder::Write { old, .. } => {
                    let here =
                        Known { target: request.target, asset, evidence: &wanted.evidence, signed: &wanted.signed };
                    let new = locking::lockfile(self, origin, &listing, &sums, &[here]).await?;
                    if let Some(old) = old {
                        locking::refuse_drift(old, &new, origin)?;
                    }
                    // What nothing proves is not locked, and a lock without this machine helps nobody here.
                    new.asset(request.target).is_some().then_some(new)
                }
                LockOrder::Leave | LockOrder::Obey => None,
            };
            return self.staged(origin.asset_address(&choice.tag, &asset.name), wanted, &verified, is_cached, lockfile);
        }
        Err(missing.expect("a choice has a candidate, and each either returned or is missing"))
    }

    /// The bytes the lock names, from this origin, or from the cache where that lacks only the proofs.
    async fn pinned(&self, origin: &Origin, pin: &Pin) -> Result<Way, InstallError> {
        let (asset, tag) = (pinned_asset(pin), &pin.lockfile.tag);
        let signed = self.signed_as_pinned(origin, pin).await?;
        let cached = self.cached_without_proofs(pin, &signed)?;
        let is_cached = cached.is_some();
        let verified = match cached {
            Some(verified) => verified,
            None => self.pinned_bytes(origin, pin, &signed).await?,
        };
        let address = origin.asset_address(tag, &asset.name);
        let evidence = stated(origin, pin, &signed);
        let wanted =
            Wanted { repository: &pin.lockfile.repository, tag, asset: &asset, form: pin.form, evidence, signed };
        self.staged(address, wanted, &verified, is_cached, Some(pin.lockfile.clone()))
    }

    /// The asset the lock names, from this origin. Nobody is asked which it is.
    pub(super) async fn pinned_bytes(
        &self,
        origin: &Origin,
        pin: &Pin,
        signed: &Signed,
    ) -> Result<Verified, InstallError> {
        let (asset, tag) = (pinned_asset(pin), &pin.lockfile.tag);
        let evidence = stated(origin, pin, signed);
        let refused = |source| InstallError::Verify { asset: asset.name.clone(), source };
        judge(None, &evidence, self.request.policy).map_err(refused)?;
        let file = self.file(&asset.name);
        let written = match origin.fetch(tag, &asset, &file, self.door.progress).await {
            Ok(written) => written,
            Err(error) if error.is_unreachable() => return Err(InstallError::at(origin, error)),
            Err(error) => {
                let error = InstallError::fetching(&asset, error);
                drift::explain(origin, pin, error, &file, self.door.progress).await?
            }
        };
        match verify(written, &evidence, self.request.policy) {
            Ok(verified) => Ok(verified),
            Err(error) => {
                discard(&file).map_err(|source| InstallError::Staging { doing: "remove a refused file", source })?;
                let written = drift::explain(origin, pin, refused(error), &file, self.door.progress).await?;
                verify(written, &evidence, self.request.policy).map_err(refused)
            }
        }
    }

    /// The asset the lock names, from the cache.
    pub(super) fn cached_bytes(&self, pin: &Pin, signed: &Signed) -> Result<Option<Verified>, InstallError> {
        let Some(written) = self.cached(&pin.asset.sha256, &pin.asset.name) else { return Ok(None) };
        let verified = verify(written, &pinned_evidence(pin, signed), self.request.policy);
        verified.map(Some).map_err(|source| InstallError::Verify { asset: pin.asset.name.clone(), source })
    }

    /// The same where the cache was not asked yet, because it lacks the proofs that came from elsewhere.
    pub(super) fn cached_without_proofs(&self, pin: &Pin, signed: &Signed) -> Result<Option<Verified>, InstallError> {
        if self.signed_as_cached(pin).is_some() { Ok(None) } else { self.cached_bytes(pin, signed) }
    }

    fn pinned_from_cache(&self) -> Result<Option<Acquired>, InstallError> {
        let Some(pin) = &self.request.pin else { return Ok(None) };
        let (asset, tag) = (pinned_asset(pin), &pin.lockfile.tag);
        let Some(signed) = self.signed_as_cached(pin) else { return Ok(None) };
        let Some(verified) = self.cached_bytes(pin, &signed)? else { return Ok(None) };
        let evidence = pinned_evidence(pin, &signed);
        let address = self.door.public_address(&pin.lockfile.repository, tag, &asset.name);
        let wanted =
            Wanted { repository: &pin.lockfile.repository, tag, asset: &asset, form: pin.form, evidence, signed };
        match self.staged(address, wanted, &verified, true, Some(pin.lockfile.clone()))? {
            Way::Staged(acquired) => Ok(Some(*acquired)),
            Way::Current | Way::Build(_) => Ok(None),
        }
    }

    /// The bytes with this digest, if the cache has them. A cache that cannot be used costs a download and nothing else.
    fn cached(&self, sha256: &Sha256Digest, name: &str) -> Option<Written> {
        // Whoever names a bundle wants to know that it is good.
        if self.request.from.is_some() {
            return None;
        }
        let cache = self.door.cache.as_ref()?;
        match cache.fetch(sha256, &self.file(name)) {
            Ok(Fetched::Found(written)) => Some(written),
            Ok(Fetched::Missing) => None,
            Ok(Fetched::Damaged { found }) => {
                self.door.progress.note(&format!(
                    "the cached {name} is damaged (sha256 {} instead of {}); it was removed from the cache",
                    found.short(),
                    sha256.short()
                ));
                None
            }
            Err(error) => {
                self.door.leave_out_cache(&error);
                None
            }
        }
    }

    /// The name is one of ours, computed for the target, so it names a file and nothing else.
    fn file(&self, name: &str) -> PathBuf {
        self.staging.join(name)
    }

    /// Unpacks what is verified.
    fn staged(
        &self,
        url: String,
        wanted: Wanted<'_>,
        verified: &Verified,
        is_cached: bool,
        lockfile: Option<Lockfile>,
    ) -> Result<Way, InstallError> {
        let Wanted { repository, tag, asset, form, evidence, signed } = wanted;
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
                    archive::unpack(form, verified.path(), &names, &destination, &limits, self.door.progress)
                        .map_err(|source| InstallError::Archive { asset: asset.name.clone(), source })?;
                origin_asset.member = Some(unpacked.member);
                unpacked.written
            }
        };
        let provenance = || Provenance { repository: repository.clone(), tag: tag.clone(), name: asset.name.clone() };
        Ok(Way::Staged(Box::new(Acquired {
            name: format!("{} of {tag}", asset.name),
            path: executable.path,
            id: executable.id,
            sha256: executable.sha256,
            size: executable.size,
            verdict: verified.level(),
            evidence,
            origin: ReceiptOrigin::Release { repository: repository.clone(), tag: tag.clone(), asset: origin_asset },
            tag: Some(tag.clone()),
            lockfile,
            // Its proofs may be news to the cache even if its bytes are none.
            for_cache: (!is_cached || !signed.bundles.is_empty()).then(|| (file.clone(), provenance())),
            signed,
        })))
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

fn pinned_evidence(pin: &Pin, signed: &Signed) -> Vec<Evidence> {
    let pinned = Evidence::found(EvidenceSource::Lock, pin.asset.sha256);
    std::iter::once(pinned).chain(signed.evidence.iter().cloned()).collect()
}

/// What is stated about what the lock names: by the lock, by a list that comes with the bytes, and by signatures.
fn stated(origin: &Origin, pin: &Pin, signed: &Signed) -> Vec<Evidence> {
    let mut evidence = pinned_evidence(pin, signed);
    let carried = origin.carried_lock().and_then(|lockfile| lockfile.asset(pin.asset.target));
    evidence.extend(carried.map(|asset| Evidence::found(origin.index_source(), asset.sha256)));
    evidence
}

/// What a bundle or a mirror lacks, its release may well have.
pub(super) fn not_carried(origin: &Origin, error: ResolveError) -> ResolveError {
    match (origin, error) {
        (Origin::Bundle(bundle), ResolveError::Fallback(Fallback::NoAsset { tag, target, has, .. })) => {
            Fallback::NotInBundle { bundle: bundle.name().to_owned(), tag, target, has }.into()
        }
        (Origin::Mirror(mirror), ResolveError::Fallback(Fallback::NoAsset { tag, target, has, .. })) => {
            Fallback::NotInMirror { mirror: mirror.name(), tag, target, has }.into()
        }
        (_, error) => error,
    }
}
