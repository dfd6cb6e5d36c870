//! Looks for the attestations of a release's assets, and verifies what it finds without the network: first what is there
//! already, because one bundle may cover all assets, then the file beside the asset, then GitHub's API.

use chrono::DateTime;
use chrono::Utc;

use crate::attestation;
use crate::attestation::NotProven;
use crate::attestation::Policy;
use crate::attestation::Roots;
use crate::github::ApiError;
use crate::github::Attestations;
use crate::github::GitHub;
use crate::hygiene::Attested;
use crate::hygiene::Finding;
use crate::progress::Progress;
use crate::release::AssetState;
use crate::release::Release;
use crate::release::Sha256Digest;

/// What the file with the attestations of an asset is called, behind the asset's own name.
const BESIDE: &str = ".sigstore.json";

/// How many different reasons one sentence tells.
const SHOWN_REASONS: usize = 3;

/// An inquiry about one release.
pub(super) struct Inquiry<'a> {
    github: &'a GitHub,
    release: &'a Release,
    policy: Policy,
    progress: &'a dyn Progress,
    roots: Roots,
    now: DateTime<Utc>,
    /// Every bundle so far.
    bundles: Vec<String>,
    /// Why the API cannot be asked any more.
    silence: Option<String>,
}

impl<'a> Inquiry<'a> {
    /// Nothing was asked yet.
    pub(super) fn new(
        github: &'a GitHub,
        release: &'a Release,
        policy: Policy,
        roots: Roots,
        progress: &'a dyn Progress,
        now: DateTime<Utc>,
    ) -> Self {
        Self { github, release, policy, progress, roots, now, bundles: Vec::new(), silence: None }
    }

    /// Asks about each of these assets.
    pub(super) async fn about(mut self, assets: Vec<(String, Sha256Digest)>) -> Vec<Attested> {
        let mut all = Vec::new();
        for (asset, sha256) in assets {
            let finding = self.finding(&asset, sha256).await;
            all.push(Attested { asset, sha256, finding });
        }
        all
    }

    async fn finding(&mut self, asset: &str, sha256: Sha256Digest) -> Finding {
        let covered = self.verified(&self.bundles, asset, sha256);
        if covered.is_built() {
            return covered;
        }
        let beside = match self.beside(asset).await {
            Ok(None) => Finding::Absent,
            Ok(Some(bundles)) => self.verified(&bundles, asset, sha256),
            Err(finding) => return finding,
        };
        match beside {
            Finding::Proven { .. } if beside.is_built() => beside,
            // Whoever installs meets this one first.
            Finding::Refused { .. } => beside,
            Finding::Proven { .. } | Finding::Absent | Finding::Unknown { .. } => {
                self.by_digest(asset, sha256).await.unwrap_or(beside)
            }
        }
    }

    /// The bundles in the file of the release that lies beside the asset.
    async fn beside(&mut self, asset: &str) -> Result<Option<Vec<String>>, Finding> {
        let name = format!("{asset}{BESIDE}");
        let file = self.release.asset(&name).filter(|file| file.state == AssetState::Uploaded);
        let Some(file) = file else { return Ok(None) };
        let unknown = |because: String| Finding::Unknown { because };
        let text = self.github.small_asset(&self.release.tag, file).await;
        let text = text.map_err(|error| unknown(error.to_string()))?;
        let text = text.ok_or_else(|| unknown(format!("the release lists {name}, and it is not there")))?;
        let bundles = attestation::split(&text).map_err(|error| Finding::Refused {
            sentence: format!("{name} has no attestations that can be read: {error}"),
            refused: Vec::new(),
        })?;
        self.remember(&bundles);
        Ok(Some(bundles))
    }

    /// What GitHub knows about the digest; `None` where it knows nothing.
    async fn by_digest(&mut self, asset: &str, sha256: Sha256Digest) -> Option<Finding> {
        let unknown = |because: String| Some(Finding::Unknown { because });
        if let Some(because) = &self.silence {
            return unknown(because.clone());
        }
        match self.github.attestations(sha256, self.progress).await {
            Ok(Attestations { bundles, incomplete: None }) if bundles.is_empty() => None,
            Ok(Attestations { bundles, incomplete }) => {
                self.remember(&bundles);
                match (self.verified(&bundles, asset, sha256), incomplete) {
                    (Finding::Absent, Some(because)) => unknown(because),
                    (finding, _) => Some(finding),
                }
            }
            Err(error) => {
                // A limit or a network that is gone will not be better for the next asset, and each try takes its time.
                if matches!(error, ApiError::RateLimited { .. } | ApiError::Net(_)) {
                    self.silence = Some(error.to_string());
                }
                unknown(error.to_string())
            }
        }
    }

    fn remember(&mut self, bundles: &[String]) {
        for bundle in bundles {
            if !self.bundles.contains(bundle) {
                self.bundles.push(bundle.clone());
            }
        }
    }

    /// Whether they prove that the asset comes from this repository, and for this tag.
    fn verified(&self, bundles: &[String], asset: &str, sha256: Sha256Digest) -> Finding {
        let mut policy = self.policy.clone();
        policy.tag = Some(self.release.tag.clone());
        policy.asset = Some(asset.to_owned());
        let texts: Vec<&[u8]> = bundles.iter().map(String::as_bytes).collect();
        match attestation::verify(&texts, sha256, &policy, &self.roots, self.now) {
            Ok(proven) => Finding::Proven { proofs: proven.proofs },
            Err(NotProven::NoBundle) => Finding::Absent,
            Err(NotProven::Refused(refused)) => {
                let mut reasons: Vec<String> = refused.iter().map(|refusal| refusal.reason.to_string()).collect();
                reasons.dedup();
                reasons.truncate(SHOWN_REASONS);
                Finding::Refused { sentence: reasons.join("; "), refused }
            }
            Err(error @ (NotProven::CannotVerify | NotProven::Root(_))) => {
                Finding::Unknown { because: error.to_string() }
            }
        }
    }
}
