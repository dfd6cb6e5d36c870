//! Whether the assets are attested, and by whom. Pure.

use serde::Serialize;

use crate::model::Sha256Digest;
use crate::releases::check::Check;
use crate::releases::check::Remark;
use crate::trust::attestation::AttestationKind;
use crate::trust::attestation::AttestationRefusal;
use crate::trust::attestation::VerifiedAttestation;

/// The result of the attestation query for one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Attested {
    /// The asset.
    pub asset: String,
    /// Its digest, as reported by GitHub.
    pub sha256: Sha256Digest,
    /// The result.
    #[serde(flatten)]
    pub finding: AttestationFinding,
}

/// The result of an attestation query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub(crate) enum AttestationFinding {
    /// At least one attestation is accepted.
    Verified {
        /// The accepted attestations.
        attestations: Vec<VerifiedAttestation>,
    },
    /// There is none.
    Absent,
    /// There are attestations, but none is accepted.
    Refused {
        /// Why, as a sentence.
        sentence: String,
        /// The reason for each one; empty if they could not be parsed.
        refused: Vec<AttestationRefusal>,
    },
    /// The query failed.
    Unknown {
        /// Why.
        because: String,
    },
}

/// The strength of a result, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Built,
    Released,
    Signed,
    Absent,
    Unknown,
    Refused,
}

impl AttestationFinding {
    fn strength(&self) -> Strength {
        match self {
            Self::Verified { .. } => match self.best().map(|attestation| attestation.kind) {
                Some(AttestationKind::Build) => Strength::Built,
                Some(AttestationKind::Release) => Strength::Released,
                Some(AttestationKind::Signature | AttestationKind::Statement) => Strength::Signed,
                None => Strength::Absent,
            },
            Self::Absent => Strength::Absent,
            Self::Unknown { .. } => Strength::Unknown,
            Self::Refused { .. } => Strength::Refused,
        }
    }

    /// The strongest attestation.
    fn best(&self) -> Option<&VerifiedAttestation> {
        let rank = |attestation: &&VerifiedAttestation| match attestation.kind {
            AttestationKind::Build => 0,
            AttestationKind::Release => 1,
            AttestationKind::Signature => 2,
            AttestationKind::Statement => 3,
        };
        match self {
            Self::Verified { attestations } => attestations.iter().min_by_key(rank),
            Self::Absent | Self::Refused { .. } | Self::Unknown { .. } => None,
        }
    }

    /// The result as the end of a sentence about these assets.
    fn description(&self) -> String {
        let signer = |attestation: &VerifiedAttestation| {
            let signer = attestation.workflow.as_deref().or(attestation.identity.as_deref());
            signer.unwrap_or("somebody").to_owned()
        };
        match (self, self.best()) {
            (Self::Verified { .. }, Some(attestation)) => match attestation.kind {
                AttestationKind::Build => {
                    let commit = attestation.commit.as_deref().map(|commit| commit.get(..12).unwrap_or(commit));
                    let commit = commit.map(|commit| format!(" from commit {commit}")).unwrap_or_default();
                    format!("built by {}{commit}", signer(attestation))
                }
                AttestationKind::Release => {
                    let tag = attestation.tag.as_deref().map(|tag| format!(" for tag {tag}")).unwrap_or_default();
                    format!("released by GitHub{tag}; no build provenance")
                }
                AttestationKind::Signature | AttestationKind::Statement => {
                    format!("signed by {}; no build provenance", signer(attestation))
                }
            },
            (Self::Absent | Self::Verified { .. }, _) => "not attested".to_owned(),
            (Self::Refused { sentence, .. }, _) => format!("attestation verification failed: {sentence}"),
            (Self::Unknown { because }, _) => format!("attestations could not be queried: {because}"),
        }
    }

    fn judge(&self, assets: &str, is_required: bool) -> Check {
        let (passed, remark) = match (self.strength(), is_required) {
            (Strength::Built, _) => (true, None),
            // A rejected attestation is worse than none, whether or not one is required.
            (Strength::Refused, _) => (false, None),
            (Strength::Unknown, is_required) => (!is_required, Some(Remark::QueryFailed)),
            (Strength::Released | Strength::Signed | Strength::Absent, true) => (false, None),
            (Strength::Released | Strength::Signed | Strength::Absent, false) => (true, Some(Remark::WorthKnowing)),
        };
        Check { name: "attested".to_owned(), passed, detail: format!("{assets}: {}", self.description()), remark }
    }
}

/// One check for all assets with the same result.
pub(super) fn attested(all: &[Attested], is_required: bool) -> Vec<Check> {
    let mut groups: Vec<(String, Vec<&Attested>)> = Vec::new();
    for asset in all {
        let description = asset.finding.description();
        match groups.iter_mut().find(|(known, _)| *known == description) {
            Some((_, group)) => group.push(asset),
            None => groups.push((description, vec![asset])),
        }
    }
    let names = |group: &[&Attested]| {
        if group.len() == all.len() && all.len() > 1 {
            return format!("all {} assets", all.len());
        }
        group.iter().map(|asset| asset.asset.as_str()).collect::<Vec<_>>().join(", ")
    };
    groups.iter().filter_map(|(_, group)| Some(group.first()?.finding.judge(&names(group), is_required))).collect()
}

#[cfg(test)]
mod tests {
    use crate::trust::attestation::Instance;

    use super::*;

    fn attestation(kind: AttestationKind) -> VerifiedAttestation {
        VerifiedAttestation {
            kind,
            sha256: Sha256Digest::from_bytes([7; 32]),
            asset: None,
            repository: None,
            repository_id: None,
            owner_id: None,
            workflow: Some("acme/tool/.github/workflows/release.yml".to_owned()),
            git_ref: None,
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            tag: Some("v1.2.3".to_owned()),
            runner: None,
            run: None,
            identity: None,
            issuer: None,
            predicate_type: None,
            signed_at: None,
            time: None,
            logged: true,
            instance: Instance::PublicGood,
        }
    }

    fn of(kinds: &[AttestationKind]) -> AttestationFinding {
        AttestationFinding::Verified { attestations: kinds.iter().copied().map(attestation).collect() }
    }

    fn about(findings: &[AttestationFinding]) -> Vec<Attested> {
        let attested = |(index, finding): (usize, &AttestationFinding)| Attested {
            asset: format!("asset-{index}"),
            sha256: Sha256Digest::from_bytes([7; 32]),
            finding: finding.clone(),
        };
        findings.iter().enumerate().map(attested).collect()
    }

    #[test]
    fn only_build_provenance_satisfies_a_requirement() {
        let refused = AttestationFinding::Refused { sentence: "it is for other bytes".to_owned(), refused: Vec::new() };
        let unknown = AttestationFinding::Unknown { because: "GitHub limits requests".to_owned() };
        let (ok, failed) = ((true, None), (false, None));
        let (note, later) = ((true, Some(Remark::WorthKnowing)), (false, Some(Remark::QueryFailed)));
        for (finding, free, required) in [
            (of(&[AttestationKind::Statement, AttestationKind::Build]), ok, ok),
            (of(&[AttestationKind::Statement, AttestationKind::Release]), note, failed),
            (of(&[AttestationKind::Statement]), note, failed),
            (AttestationFinding::Absent, note, failed),
            (unknown, (true, Some(Remark::QueryFailed)), later),
            (refused, failed, failed),
        ] {
            let judged = |is_required| {
                let checks = attested(&about(std::slice::from_ref(&finding)), is_required);
                (checks[0].passed, checks[0].remark)
            };
            assert_eq!((judged(false), judged(true)), (free, required), "{finding:?}");
        }
    }

    #[test]
    fn assets_with_the_same_result_share_a_line() {
        let built = of(&[AttestationKind::Build]);
        let details = |findings: &[AttestationFinding]| -> Vec<String> {
            attested(&about(findings), false).into_iter().map(|check| check.detail).collect()
        };
        let description = "built by acme/tool/.github/workflows/release.yml from commit 0123456789ab";
        assert_eq!(details(std::slice::from_ref(&built)), [format!("asset-0: {description}")]);
        assert_eq!(details(&[built.clone(), built.clone()]), [format!("all 2 assets: {description}")]);
        assert_eq!(
            details(&[built.clone(), AttestationFinding::Absent, built]),
            [format!("asset-0, asset-2: {description}"), "asset-1: not attested".to_owned()]
        );
        assert_eq!(
            details(&[of(&[AttestationKind::Release])]),
            ["asset-0: released by GitHub for tag v1.2.3; no build provenance"]
        );
        assert_eq!(details(&[]), Vec::<String>::new());
    }
}
