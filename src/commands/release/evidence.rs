//! Looks for the attestations of a release's assets, and verifies what it finds without the network: first what is there
//! already, because one bundle may cover all assets, then the file beside the asset, then GitHub's API.

use chrono::DateTime;
use chrono::Utc;

use crate::model::Listing;
use crate::model::Sha256Digest;
use crate::model::progress::Progress;
use crate::releases::check::AttestationFinding;
use crate::releases::check::Attested;
use crate::sources::source::Origin;
use crate::sources::source::Proofs;
use crate::trust::attestation;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::Policy;
use crate::trust::attestation::Roots;

/// How many different reasons one sentence tells.
const SHOWN_REASONS: usize = 3;

/// An inquiry about one release.
pub(super) struct AttestationQuery<'a> {
    /// Where the release is.
    pub(super) origin: &'a Origin,
    /// What is known of it.
    pub(super) listing: &'a Listing,
    /// What an attestation must say, but for the asset.
    pub(super) policy: Policy,
    /// Whose keys are trusted.
    pub(super) roots: Roots,
    /// Who watches.
    pub(super) progress: &'a dyn Progress,
    /// The time.
    pub(super) now: DateTime<Utc>,
}

impl AttestationQuery<'_> {
    /// Asks about each of these assets.
    pub(super) async fn about(&self, assets: Vec<(String, Sha256Digest)>) -> Vec<Attested> {
        let (mut all, mut heard) = (Vec::new(), AttestationResult::default());
        for (asset, sha256) in assets {
            let finding = self.finding(&mut heard, &asset, sha256).await;
            all.push(Attested { asset, sha256, finding });
        }
        all
    }

    async fn finding(&self, heard: &mut AttestationResult, asset: &str, sha256: Sha256Digest) -> AttestationFinding {
        let covered = self.verified(&heard.bundles, asset, sha256);
        if covered.is_built() {
            return covered;
        }
        let beside = self.origin.proofs(Some(self.listing), self.listing.tag(), asset).await;
        let beside = self.judged(heard, beside, asset, sha256);
        // Whoever installs meets this one first, so that one which does not fit ends it.
        if beside.is_built() || matches!(beside, AttestationFinding::Refused { .. }) {
            return beside;
        }
        match self.by_digest(heard, asset, sha256).await {
            AttestationFinding::Absent => beside,
            finding @ (AttestationFinding::Proven { .. }
            | AttestationFinding::Refused { .. }
            | AttestationFinding::Unknown { .. }) => finding,
        }
    }

    /// What GitHub knows about the digest.
    async fn by_digest(&self, heard: &mut AttestationResult, asset: &str, sha256: Sha256Digest) -> AttestationFinding {
        if let Some(because) = &heard.silence {
            return AttestationFinding::Unknown { because: because.clone() };
        }
        let Some(proofs) = self.origin.more_proofs(Some(self.listing), sha256, self.progress).await else {
            return AttestationFinding::Absent;
        };
        // A limit or a network that is gone will not be better for the next asset, and each try takes its time.
        if let Proofs::Unknown { reason, transient: true } = &proofs {
            heard.silence = Some(reason.clone());
        }
        self.judged(heard, proofs, asset, sha256)
    }

    fn judged(
        &self,
        heard: &mut AttestationResult,
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
                    sentence: format!("what should prove {asset} cannot be read: {error}"),
                    refused: Vec::new(),
                };
            }
        };
        let finding = self.verified(&bundles, asset, sha256);
        for bundle in bundles {
            if !heard.bundles.contains(&bundle) {
                heard.bundles.push(bundle);
            }
        }
        match (&finding, incomplete) {
            // What was not seen may be the proof of the build.
            (AttestationFinding::Proven { .. } | AttestationFinding::Absent, Some(because)) if !finding.is_built() => {
                AttestationFinding::Unknown { because }
            }
            (_, _) => finding,
        }
    }

    /// Whether they prove that the asset comes from this repository, and for this tag.
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
                reasons.truncate(SHOWN_REASONS);
                AttestationFinding::Refused { sentence: reasons.join("; "), refused }
            }
            Err(error @ (NotProven::CannotVerify | NotProven::Root(_))) => {
                AttestationFinding::Unknown { because: error.to_string() }
            }
        }
    }
}

/// What was learned from the assets so far.
#[derive(Debug, Default)]
struct AttestationResult {
    /// Every bundle.
    bundles: Vec<String>,
    /// Why the API cannot be asked any more.
    silence: Option<String>,
}
