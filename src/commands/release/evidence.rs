//! The attestations of a release's assets, for `release check`: queried like an installation does, but first in the bundles found
//! so far, because one bundle may cover all assets.

use std::convert::Infallible;

use chrono::DateTime;
use chrono::Utc;

use crate::flows::install::AttestationQuery;
use crate::flows::install::QueriedAttestations;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::releases::check::AttestationFinding;
use crate::releases::check::Attested;
use crate::trust::attestation;
use crate::trust::attestation::AttestationKind;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::Policy;
use crate::trust::attestation::Roots;
use crate::trust::attestation::VerifiedAttestation;

/// At most this many reasons are listed in one message.
const MAX_REASONS: usize = 3;

/// What the attestations of a release have to state.
pub(super) struct ReleaseEvidence<'a> {
    pub(super) query: AttestationQuery<'a>,
    pub(super) tag: &'a Tag,
    /// The policy, without the asset.
    pub(super) policy: Policy,
    pub(super) roots: Roots,
    pub(super) now: DateTime<Utc>,
}

impl ReleaseEvidence<'_> {
    /// Queries the attestations of these assets.
    pub(super) async fn about(&mut self, assets: Vec<(String, Sha256Digest)>) -> Vec<Attested> {
        let (mut known, mut all) = (Vec::new(), Vec::new());
        for (asset, sha256) in assets {
            let mut policy = self.policy.clone();
            policy.asset = Some(asset.clone());
            let verify = |texts: &[&[u8]]| attestation::verify(texts, sha256, &policy, &self.roots, self.now);
            let mut found = QueriedAttestations::known(known.clone(), verify);
            if !matches!(&found, QueriedAttestations::Found { proofs, .. } if is_built(proofs)) {
                let queried = self.query.about(self.tag, &asset, sha256, |texts| Ok(verify(texts)), is_built);
                found = queried.await.unwrap_or_else(|never: Infallible| match never {});
            }
            match &found {
                QueriedAttestations::Found { bundles, .. } => {
                    known.extend(bundles.iter().filter(|bundle| !known.contains(bundle)).cloned().collect::<Vec<_>>());
                }
                // After a rate limit or a network failure, requests for the other assets would fail too.
                QueriedAttestations::Unknown { reason, transient: true } => {
                    self.query.unavailable = Some(reason.clone());
                }
                QueriedAttestations::Unknown { .. }
                | QueriedAttestations::Absent { .. }
                | QueriedAttestations::Refused(_) => {}
            }
            all.push(Attested { asset, sha256, finding: finding(found) });
        }
        all
    }
}

fn is_built(proofs: &[VerifiedAttestation]) -> bool {
    proofs.iter().any(|proof| proof.kind == AttestationKind::Build)
}

fn finding(found: QueriedAttestations) -> AttestationFinding {
    match found {
        QueriedAttestations::Found { proofs, .. } => AttestationFinding::Verified { attestations: proofs },
        QueriedAttestations::Absent { .. } | QueriedAttestations::Refused(NotProven::NoBundle) => {
            AttestationFinding::Absent
        }
        QueriedAttestations::Unknown { reason, .. } => AttestationFinding::Unknown { because: reason },
        QueriedAttestations::Refused(NotProven::Refused(refused)) => {
            let mut reasons: Vec<String> = refused.iter().map(|refusal| refusal.reason.to_string()).collect();
            reasons.dedup();
            reasons.truncate(MAX_REASONS);
            AttestationFinding::Refused { sentence: reasons.join("; "), refused }
        }
        QueriedAttestations::Refused(error @ (NotProven::CannotVerify | NotProven::Root(_))) => {
            AttestationFinding::Unknown { because: error.to_string() }
        }
    }
}
