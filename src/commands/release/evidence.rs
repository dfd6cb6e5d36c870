//! Finds the attestations of a release's assets and verifies them offline: first the bundles found so far, because one bundle
//! may cover all assets, then the file next to the asset, then GitHub's API.

use chrono::DateTime;
use chrono::Utc;

use crate::model::Listing;
use crate::model::Sha256Digest;
use crate::model::progress::Progress;
use crate::releases::check::AttestationFinding;
use crate::releases::check::Attested;
use crate::sources::source::Proofs;
use crate::sources::source::Source;
use crate::trust::attestation;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::Policy;
use crate::trust::attestation::Roots;

/// At most this many reasons are listed in one message.
const MAX_REASONS: usize = 3;

/// Queries the attestations of one release.
pub(super) struct AttestationQuery<'a> {
    pub(super) source: &'a Source,
    pub(super) listing: &'a Listing,
    /// The policy, without the asset.
    pub(super) policy: Policy,
    pub(super) roots: Roots,
    pub(super) progress: &'a dyn Progress,
    pub(super) now: DateTime<Utc>,
}

impl AttestationQuery<'_> {
    /// Queries the attestations of these assets.
    pub(super) async fn about(&self, assets: Vec<(String, Sha256Digest)>) -> Vec<Attested> {
        let (mut all, mut found) = (Vec::new(), AttestationResult::default());
        for (asset, sha256) in assets {
            let finding = self.finding(&mut found, &asset, sha256).await;
            all.push(Attested { asset, sha256, finding });
        }
        all
    }

    async fn finding(&self, found: &mut AttestationResult, asset: &str, sha256: Sha256Digest) -> AttestationFinding {
        let covered = self.verified(&found.bundles, asset, sha256);
        if covered.is_built() {
            return covered;
        }
        let adjacent = self.source.proofs(Some(self.listing), self.listing.tag(), asset).await;
        let adjacent = self.evaluate(found, adjacent, asset, sha256);
        // An installation reads this file first, so a rejected attestation here is final.
        if adjacent.is_built() || matches!(adjacent, AttestationFinding::Refused { .. }) {
            return adjacent;
        }
        match self.by_digest(found, asset, sha256).await {
            AttestationFinding::Absent => adjacent,
            finding @ (AttestationFinding::Proven { .. }
            | AttestationFinding::Refused { .. }
            | AttestationFinding::Unknown { .. }) => finding,
        }
    }

    /// Queries GitHub's API by digest.
    async fn by_digest(&self, found: &mut AttestationResult, asset: &str, sha256: Sha256Digest) -> AttestationFinding {
        if let Some(because) = &found.unavailable {
            return AttestationFinding::Unknown { because: because.clone() };
        }
        let Some(proofs) = self.source.more_proofs(Some(self.listing), sha256, self.progress).await else {
            return AttestationFinding::Absent;
        };
        // After a rate limit or a network failure, requests for the other assets would fail too.
        if let Proofs::Unknown { reason, transient: true } = &proofs {
            found.unavailable = Some(reason.clone());
        }
        self.evaluate(found, proofs, asset, sha256)
    }

    fn evaluate(
        &self,
        found: &mut AttestationResult,
        proofs: Proofs,
        asset: &str,
        sha256: Sha256Digest,
    ) -> AttestationFinding {
        let (text, incomplete) = match proofs {
            Proofs::Text { text, incomplete } => (text, incomplete),
            Proofs::None => return AttestationFinding::Absent,
            Proofs::Unknown { reason, .. } => return AttestationFinding::Unknown { because: reason },
        };
        let bundles = match attestation::split(&text) {
            Ok(bundles) => bundles,
            Err(error) => {
                return AttestationFinding::Refused {
                    sentence: format!("the attestation of {asset} cannot be read: {error}"),
                    refused: Vec::new(),
                };
            }
        };
        let finding = self.verified(&bundles, asset, sha256);
        for bundle in bundles {
            if !found.bundles.contains(&bundle) {
                found.bundles.push(bundle);
            }
        }
        match (&finding, incomplete) {
            // The missing part may contain the build attestation.
            (AttestationFinding::Proven { .. } | AttestationFinding::Absent, Some(because)) if !finding.is_built() => {
                AttestationFinding::Unknown { because }
            }
            (_, _) => finding,
        }
    }

    /// Verifies that the asset was built from this repository for this tag.
    fn verified(&self, bundles: &[String], asset: &str, sha256: Sha256Digest) -> AttestationFinding {
        let mut policy = self.policy.clone();
        policy.asset = Some(asset.to_owned());
        let texts: Vec<&[u8]> = bundles.iter().map(String::as_bytes).collect();
        match attestation::verify(&texts, sha256, &policy, &self.roots, self.now) {
            Ok(proven) => AttestationFinding::Proven { proofs: proven.proofs },
            Err(NotProven::NoBundle) => AttestationFinding::Absent,
            Err(NotProven::Refused(refused)) => {
                let mut reasons: Vec<String> = refused.iter().map(|refusal| refusal.reason.to_string()).collect();
                reasons.dedup();
                reasons.truncate(MAX_REASONS);
                AttestationFinding::Refused { sentence: reasons.join("; "), refused }
            }
            Err(error @ (NotProven::CannotVerify | NotProven::Root(_))) => {
                AttestationFinding::Unknown { because: error.to_string() }
            }
        }
    }
}

/// The state shared by the queries of all assets.
#[derive(Debug, Default)]
struct AttestationResult {
    bundles: Vec<String>,
    /// Why the API is not queried any more.
    unavailable: Option<String>,
}
