//! Verifies an installed binary again by the attestations kept with its receipt: offline, even years later.

use crate::flows::install::AcquireError;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::install::acquire_error::with_causes;
use crate::flows::install::signer;
use crate::flows::install::signer::AssetSubject;
use crate::flows::integrity::Again;
use crate::trust::attestation;
use crate::trust::attestation::NotProven;
use crate::worker::store;
use crate::worker::store::Receipt;
use crate::worker::store::ReceiptOrigin;

/// The level the kept attestations still give; `None` if the receipt lists none.
pub(crate) fn reverify(
    receipt: &Receipt,
    request: &InstallRequest,
    context: &InstallContext<'_>,
) -> Result<Option<Again>, AcquireError> {
    let ReceiptOrigin::Release { repository, tag, asset } = &receipt.origin else { return Ok(None) };
    if !receipt.verdict.is_signed() {
        return Ok(None);
    }
    if !attestation::is_available() {
        return Ok(Some(Again::Failed(NotProven::CannotVerify.to_string())));
    }
    let text = match store::proofs(&request.options.layout, &receipt.sha256) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Some(Again::Gone)),
        // An unreadable file verifies nothing.
        Err(error) => return Ok(Some(Again::Failed(with_causes(&error)))),
    };
    let bundles = match attestation::split(&text) {
        Ok(bundles) => bundles,
        Err(error) => return Ok(Some(Again::Failed(error.to_string()))),
    };
    let subject = AssetSubject { repository, tag, name: &asset.name, sha256: asset.sha256 };
    Ok(Some(match signer::verify(bundles, subject, request, &context.trusted_roots.roots()?, context.now) {
        Ok(signed) if signed.level() >= Some(receipt.verdict) => Again::Proven(signed.proofs),
        Ok(_) => Again::Failed("they only support a lower level".to_owned()),
        Err(error) => Again::Failed(with_causes(&error)),
    }))
}
