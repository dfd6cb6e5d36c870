//! Proves again where an installed binary comes from, by what is kept beside its receipt: without the network, years later.

use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::signer;
use crate::flows::install::signer::AssetSubject;
use crate::flows::integrity::Again;
use crate::trust::attestation;
use crate::trust::attestation::NotProven;
use crate::worker::store;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;

/// What the kept proofs still prove; nothing where the receipt speaks of none.
pub fn prove_again(
    receipt: &Receipt,
    request: &InstallRequest,
    door: &InstallContext<'_>,
) -> Result<Option<Again>, InstallError> {
    let ReceiptOrigin::Release { repository, tag, asset } = &receipt.origin else { return Ok(None) };
    if !receipt.verdict.is_signed() {
        return Ok(None);
    }
    if !attestation::is_available() {
        return Ok(Some(Again::Failed(NotProven::CannotVerify.to_string())));
    }
    let text = match store::proofs(&request.layout, &receipt.sha256) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Some(Again::Gone)),
        // Whatever is in their place proves nothing.
        Err(error) => return Ok(Some(Again::Failed(InstallError::from(error).with_causes()))),
    };
    let bundles = match attestation::split(&text) {
        Ok(bundles) => bundles,
        Err(error) => return Ok(Some(Again::Failed(error.to_string()))),
    };
    let subject = AssetSubject { repository, tag, name: &asset.name, sha256: asset.sha256 };
    Ok(Some(match signer::prove(bundles, subject, request, &door.trusted_roots.roots()?, door.now) {
        Ok(signed) if signed.level() >= Some(receipt.verdict) => Again::Proven(signed.proofs),
        Ok(_) => Again::Failed("they prove less than that".to_owned()),
        Err(error) => Again::Failed(error.with_causes()),
    }))
}
