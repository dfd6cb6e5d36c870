//! Queries the attestations of an asset: the file next to it, then GitHub's API by digest. An installation and `release check`
//! ask the same way.

use std::convert::Infallible;

use crate::flows::install::signer::level;
use crate::model::Listing;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::progress::Progress;
use crate::sources::source::Proofs;
use crate::sources::source::Source;
use crate::trust::attestation;
use crate::trust::attestation::AttestationRefusal;
use crate::trust::attestation::AttestationRefusalReason;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::VerifiedAttestation;
use crate::trust::attestation::VerifiedAttestations;

/// One release at one source.
pub(crate) struct AttestationQuery<'a> {
    pub source: &'a Source,
    /// What is known about the release, if it was requested.
    pub listing: Option<&'a Listing>,
    /// Why the API is not queried, although the file next to the asset is not enough.
    pub unavailable: Option<String>,
    /// Receives messages.
    pub progress: &'a dyn Progress,
}

/// The attestations of an asset.
#[derive(Debug)]
pub(crate) enum QueriedAttestations {
    /// At least one is valid.
    Found {
        /// The valid ones.
        proofs: Vec<VerifiedAttestation>,
        /// Their bundles.
        bundles: Vec<String>,
    },
    /// There is none.
    Absent {
        /// Why not.
        reason: String,
    },
    /// There are some, and all are invalid.
    Refused(NotProven),
    /// They could not be queried.
    Unknown {
        /// Why not.
        reason: String,
        /// Whether a later retry may succeed.
        transient: bool,
    },
}

/// The result of verifying bundles.
type Verification = Result<VerifiedAttestations, NotProven>;

impl AttestationQuery<'_> {
    /// The attestations of one asset. An invalid file next to the asset is final; a failed query never makes one absent.
    ///
    /// # Errors
    ///
    /// `verify` fails, as opposed to refusing.
    pub(crate) async fn about<E>(
        &self,
        tag: &Tag,
        asset: &str,
        sha256: Sha256Digest,
        verify: impl Fn(&[&[u8]]) -> Result<Verification, E>,
        is_enough: impl Fn(&[VerifiedAttestation]) -> bool,
    ) -> Result<QueriedAttestations, E> {
        let beside = self.source.proofs(self.listing, tag, asset).await;
        let beside = self.evaluate(beside, &verify, &is_enough)?;
        let is_final = beside.is_enough(&is_enough) || matches!(beside, QueriedAttestations::Refused(_));
        if is_final {
            return Ok(beside);
        }
        if let Some(reason) = self.unavailable.clone() {
            return Ok(QueriedAttestations::Unknown { reason, transient: true });
        }
        // A release file without a matching attestation may not be all there is.
        let more = self.source.more_proofs(self.listing, sha256, self.progress).await;
        let Some(more) = more else { return Ok(beside) };
        let more = self.evaluate(more, &verify, &is_enough)?;
        let is_news = match (&beside, &more) {
            (_, QueriedAttestations::Refused(_)) => true,
            (_, QueriedAttestations::Absent { .. })
            | (QueriedAttestations::Unknown { .. }, QueriedAttestations::Unknown { .. }) => false,
            (QueriedAttestations::Unknown { .. }, QueriedAttestations::Found { proofs, .. }) => level(proofs).is_some(),
            (_, QueriedAttestations::Found { .. } | QueriedAttestations::Unknown { .. }) => true,
        };
        Ok(if is_news { more } else { beside })
    }

    fn evaluate<E>(
        &self,
        proofs: Proofs,
        verify: impl Fn(&[&[u8]]) -> Result<Verification, E>,
        is_enough: impl Fn(&[VerifiedAttestation]) -> bool,
    ) -> Result<QueriedAttestations, E> {
        match proofs {
            Proofs::Text { text, incomplete } => {
                let found = QueriedAttestations::of_document(&text, verify)?;
                Ok(match incomplete {
                    // The missing part may contain the attestation.
                    Some(reason)
                        if !found.is_enough(is_enough) && !matches!(found, QueriedAttestations::Refused(_)) =>
                    {
                        QueriedAttestations::Unknown { reason, transient: false }
                    }
                    Some(_) | None => found,
                })
            }
            Proofs::None => {
                Ok(QueriedAttestations::Absent { reason: format!("{} has no attestation for it", self.source.name()) })
            }
            Proofs::Unknown { reason, transient } => Ok(QueriedAttestations::Unknown { reason, transient }),
        }
    }
}

impl QueriedAttestations {
    /// Verifies a document with bundles.
    pub(super) fn of_document<E>(text: &[u8], verify: impl Fn(&[&[u8]]) -> Result<Verification, E>) -> Result<Self, E> {
        match attestation::split(text) {
            Ok(bundles) if bundles.is_empty() => {
                Ok(Self::Absent { reason: "its attestation file is empty".to_owned() })
            }
            Ok(bundles) => Self::of_bundles(bundles, verify),
            Err(error) => {
                let reason = AttestationRefusalReason::Malformed { detail: error.to_string() };
                Ok(Self::Refused(NotProven::Refused(vec![AttestationRefusal { bundle: 1, reason }])))
            }
        }
    }

    pub(super) fn of_bundles<E>(
        bundles: Vec<String>,
        verify: impl Fn(&[&[u8]]) -> Result<Verification, E>,
    ) -> Result<Self, E> {
        let texts: Vec<&[u8]> = bundles.iter().map(String::as_bytes).collect();
        let VerifiedAttestations { proofs, refused } = match verify(&texts)? {
            Ok(verified) => verified,
            Err(error) => return Ok(Self::Refused(error)),
        };
        let fits = |index: usize| refused.iter().all(|refusal| refusal.bundle != index + 1);
        let bundles = bundles.into_iter().enumerate().filter(|(index, _)| fits(*index)).map(|(_, text)| text);
        Ok(Self::Found { proofs, bundles: bundles.collect() })
    }

    /// The bundles that are known already, verified for another asset.
    pub(crate) fn known(bundles: Vec<String>, verify: impl Fn(&[&[u8]]) -> Verification) -> Self {
        let verified: Result<Self, Infallible> = Self::of_bundles(bundles, |texts| Ok(verify(texts)));
        verified.unwrap_or_else(|never| match never {})
    }

    fn is_enough(&self, is_enough: impl Fn(&[VerifiedAttestation]) -> bool) -> bool {
        matches!(self, Self::Found { proofs, .. } if is_enough(proofs))
    }
}
