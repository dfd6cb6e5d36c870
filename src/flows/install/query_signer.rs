//! Queries the attestations of an asset and verifies them: from the cache, else from the source of the asset.

use crate::flows::install::AcquireError;
use crate::flows::install::AttestationQuery;
use crate::flows::install::QueriedAttestations;
use crate::flows::install::resolved::Acquisition;
use crate::flows::install::signer;
use crate::flows::install::signer::AssetSubject;
use crate::flows::install::signer::Signed;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::Listing;
use crate::model::Sha256Digest;
use crate::sources::source::Source;
use crate::trust::Level;
use crate::trust::attestation;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::VerifiedAttestation;
use crate::trust::attestation::VerifiedAttestations;

impl Acquisition<'_> {
    /// The attestations of an asset of a release, queried by its stated digest.
    pub(super) async fn signed_as_stated(
        &self,
        source: &Source,
        listing: &Listing,
        asset: &Asset,
        stated: Option<Sha256Digest>,
    ) -> Result<Signed, AcquireError> {
        let (repository, tag, name) = (&self.request.options.repository, listing.tag(), asset.name.as_str());
        match stated {
            Some(sha256) => self.signed(source, Some(listing), AssetSubject { repository, tag, name, sha256 }).await,
            // Without a stated digest the asset is refused anyway.
            None if self.request.decided.signer.is_none() => Ok(Signed::default()),
            None => {
                let signed = signer::absent("it has no stated digest to query attestations by".to_owned());
                signer::require_locked_signer(&signed, name, tag, self.request)?;
                Ok(signed)
            }
        }
    }

    /// The signer of an asset, if these bundles verify it at this level or better.
    pub(super) fn signed_by(
        &self,
        bundles: &[String],
        at_least: Level,
        listing: &Listing,
        asset: &Asset,
        sha256: Sha256Digest,
    ) -> Option<Signed> {
        if bundles.is_empty() {
            return None;
        }
        let (repository, tag, name) = (&self.request.options.repository, listing.tag(), asset.name.as_str());
        let subject = AssetSubject { repository, tag, name, sha256 };
        let signed = signer::verify(
            bundles.to_vec(),
            subject,
            self.request,
            &self.context.trusted_roots.roots().ok()?,
            self.context.now,
        );
        signed.ok().filter(|signed| signed.level() >= Some(at_least))
    }

    /// The attestations of a pinned asset, if required; otherwise no request is made.
    pub(super) async fn signed_as_pinned(&self, source: &Source, pin: &Pin) -> Result<Signed, AcquireError> {
        // QueriedAttestations in a bundle are always verified: that needs no request.
        if !self.request.decided.policy.require.is_signed() && !matches!(source, Source::Bundle(_)) {
            return Ok(Signed::default());
        }
        match self.signed_in_cache(subject_of(pin)) {
            Some(signed) => Ok(signed),
            None => self.signed_about(source, pin).await,
        }
    }

    /// The attestations of a pinned asset, whether or not required.
    pub(super) async fn signed_about(&self, source: &Source, pin: &Pin) -> Result<Signed, AcquireError> {
        self.signed(source, None, subject_of(pin)).await
    }

    /// The same from the cache only; `None` if it lacks what is required.
    pub(super) fn signed_as_cached(&self, pin: &Pin) -> Option<Signed> {
        let required = self.request.decided.policy.require;
        if !required.is_signed() {
            return Some(Signed::default());
        }
        self.signed_in_cache(subject_of(pin)).filter(|signed| signed.level() >= Some(required))
    }

    /// The attestations this source has for an asset. An error if they are weaker than the lockfile records, or if one exists but
    /// is not valid.
    async fn signed(
        &self,
        source: &Source,
        listing: Option<&Listing>,
        subject: AssetSubject<'_>,
    ) -> Result<Signed, AcquireError> {
        let signed = self.query_attestations(source, listing, subject).await?;
        signer::require_locked_signer(&signed, subject.name, subject.tag, self.request)?;
        Ok(signed)
    }

    async fn query_attestations(
        &self,
        source: &Source,
        listing: Option<&Listing>,
        subject: AssetSubject<'_>,
    ) -> Result<Signed, AcquireError> {
        if let Some(host) = self.context.other_github() {
            // Workflows on other servers differ from those of a github.com repository with the same name, which the certificates name.
            return Ok(signer::absent(format!("attestations are supported on github.com only, and this is {host}")));
        }
        let query = AttestationQuery { source, listing, unavailable: None, progress: self.context.progress };
        let verify = |texts: &[&[u8]]| self.verification(texts, subject);
        let is_enough = |proofs: &[VerifiedAttestation]| signer::level(proofs).is_some();
        let found = query.about(subject.tag, subject.name, subject.sha256, verify, is_enough).await?;
        Ok(signer::signed(found, subject, self.request)?)
    }

    /// The same from the cache only; `None` if it has no attestations, or none that still verify.
    fn signed_in_cache(&self, subject: AssetSubject<'_>) -> Option<Signed> {
        let text = self.context.cache.as_ref()?.proofs(&subject.sha256)?;
        let found = QueriedAttestations::of_document(&text, |texts| self.verification(texts, subject)).ok()?;
        let signed = signer::signed(found, subject, self.request).ok()?;
        signer::require_locked_signer(&signed, subject.name, subject.tag, self.request).is_ok().then_some(signed)
    }

    fn verification(
        &self,
        texts: &[&[u8]],
        subject: AssetSubject<'_>,
    ) -> Result<Result<VerifiedAttestations, NotProven>, AcquireError> {
        let policy = signer::policy(self.request, subject)?;
        let roots = self.context.trusted_roots.roots()?;
        Ok(attestation::verify(texts, subject.sha256, &policy, &roots, self.context.now))
    }
}

/// The pinned asset.
fn subject_of(pin: &Pin) -> AssetSubject<'_> {
    let (repository, tag) = (&pin.lockfile.repository, &pin.lockfile.tag);
    AssetSubject { repository, tag, name: &pin.asset.name, sha256: pin.asset.sha256 }
}
