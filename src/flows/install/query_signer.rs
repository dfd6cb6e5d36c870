//! Asks for the proofs of where an asset comes from, and has them proven: from the cache, else from the origin that has it.

use crate::flows::install::InstallError;
use crate::flows::install::acquire::Acquisition;
use crate::flows::install::signer;
use crate::flows::install::signer::AssetSubject;
use crate::flows::install::signer::Signed;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::Listing;
use crate::model::Sha256Digest;
use crate::sources::source::Proofs;
use crate::sources::source::Source;
use crate::trust::Level;
use crate::trust::attestation;
use crate::trust::attestation::AttestationRefusal;
use crate::trust::attestation::AttestationRefusalReason;
use crate::trust::attestation::NotProven;

impl Acquisition<'_> {
    /// Who signed for an asset of a release, found by the digest that is stated for it.
    pub(super) async fn signed_as_stated(
        &self,
        source: &Source,
        listing: &Listing,
        asset: &Asset,
        stated: Option<Sha256Digest>,
    ) -> Result<Signed, InstallError> {
        let (repository, tag, name) = (&self.request.repository, listing.tag(), asset.name.as_str());
        match stated {
            Some(sha256) => self.signed(source, Some(listing), AssetSubject { repository, tag, name, sha256 }).await,
            // Bytes that nobody states anything about need no more to be refused.
            None if self.request.signer.is_none() => Ok(Signed::default()),
            None => {
                let signed = signer::absent("nothing states its digest, by which proofs are found".to_owned());
                signer::require_locked_signer(&signed, name, tag, self.request).map(|()| signed)
            }
        }
    }

    /// Who signed for an asset, if any of these bundles prove it at least this well.
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
        let (repository, tag, name) = (&self.request.repository, listing.tag(), asset.name.as_str());
        let subject = AssetSubject { repository, tag, name, sha256 };
        let signed = signer::prove(
            bundles.to_vec(),
            subject,
            self.request,
            &self.door.trusted_roots.roots().ok()?,
            self.door.now,
        );
        signed.ok().filter(|signed| signed.level() >= Some(at_least))
    }

    /// Who signed for what the lock names, where that is asked for. Nobody is asked otherwise.
    pub(super) async fn signed_as_pinned(&self, source: &Source, pin: &Pin) -> Result<Signed, InstallError> {
        // What a bundle carries along is proven in any case: nobody needs to be asked for it.
        if !self.request.policy.require.is_signed() && !matches!(source, Source::Bundle(_)) {
            return Ok(Signed::default());
        }
        match self.signed_in_cache(subject_of(pin)) {
            Some(signed) => Ok(signed),
            None => self.signed_about(source, pin).await,
        }
    }

    /// Who signed for what a lock names, whether or not that is asked for.
    pub(super) async fn signed_about(&self, source: &Source, pin: &Pin) -> Result<Signed, InstallError> {
        self.signed(source, None, subject_of(pin)).await
    }

    /// The same from the cache alone; nothing where that has not what is asked for.
    pub(super) fn signed_as_cached(&self, pin: &Pin) -> Option<Signed> {
        let required = self.request.policy.require;
        if !required.is_signed() {
            return Some(Signed::default());
        }
        self.signed_in_cache(subject_of(pin)).filter(|signed| signed.level() >= Some(required))
    }

    /// What this origin can prove about who signed for an asset. An error where it is less than the lock records, or where a
    /// proof is there and does not hold.
    async fn signed(
        &self,
        source: &Source,
        listing: Option<&Listing>,
        subject: AssetSubject<'_>,
    ) -> Result<Signed, InstallError> {
        let signed = self.looked_for(source, listing, subject).await?;
        signer::require_locked_signer(&signed, subject.name, subject.tag, self.request)?;
        Ok(signed)
    }

    async fn looked_for(
        &self,
        source: &Source,
        listing: Option<&Listing>,
        subject: AssetSubject<'_>,
    ) -> Result<Signed, InstallError> {
        if let Some(host) = self.door.other_github() {
            // Its workflows are not those of the repository of the same name at github.com, whose certificates these would be.
            return Ok(signer::absent(format!("attestations are looked for at github.com, and this is {host}")));
        }
        let beside = source.proofs(listing, subject.tag, subject.name).await;
        let signed = self.judged(source, beside, subject)?;
        if signed.level().is_some() {
            return Ok(signed);
        }
        // A file that says something else, or nothing, is not all there is.
        let Some(more) = source.more_proofs(listing, subject.sha256, self.door.progress).await else {
            return Ok(signed);
        };
        let more = self.judged(source, more, subject)?;
        Ok(if more.level().is_none() && signed.is_unknown() { signed } else { more })
    }

    fn judged(&self, source: &Source, proofs: Proofs, subject: AssetSubject<'_>) -> Result<Signed, InstallError> {
        match proofs {
            Proofs::Text { text, incomplete } => {
                let signed = self.proven(&text, subject)?;
                Ok(match incomplete.filter(|_| signed.level().is_none()) {
                    Some(reason) => signer::unknown(reason, false, self.request),
                    None => signed,
                })
            }
            Proofs::None => Ok(signer::absent(format!("{} has no attestation for it", source.name()))),
            Proofs::Unknown { reason, transient } => Ok(signer::unknown(reason, transient, self.request)),
        }
    }

    /// The same from the cache alone; nothing where it has no proofs, or none that still hold.
    fn signed_in_cache(&self, subject: AssetSubject<'_>) -> Option<Signed> {
        let text = self.door.cache.as_ref()?.proofs(&subject.sha256)?;
        let signed = self.proven(&text, subject).ok()?;
        signer::require_locked_signer(&signed, subject.name, subject.tag, self.request).is_ok().then_some(signed)
    }

    fn proven(&self, text: &[u8], subject: AssetSubject<'_>) -> Result<Signed, InstallError> {
        let bundles = attestation::split(text).map_err(|error| {
            let reason = AttestationRefusalReason::Malformed { detail: error.to_string() };
            let source = NotProven::Refused(vec![AttestationRefusal { bundle: 1, reason }]);
            InstallError::NotProven { asset: subject.name.to_owned(), tag: subject.tag.clone(), source }
        })?;
        if bundles.is_empty() {
            return Ok(signer::absent("what should prove it is empty".to_owned()));
        }
        signer::prove(bundles, subject, self.request, &self.door.trusted_roots.roots()?, self.door.now)
    }
}

/// The asset a lock names.
fn subject_of(pin: &Pin) -> AssetSubject<'_> {
    let (repository, tag) = (&pin.lockfile.repository, &pin.lockfile.tag);
    AssetSubject { repository, tag, name: &pin.asset.name, sha256: pin.asset.sha256 }
}
