//! The report lines about the attestations of an asset.

use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Finding;
use crate::trust::attestation::AttestationKind;
use crate::trust::attestation::VerifiedAttestation;

/// Whether evidence from this source is shown by [`pairs`].
pub(super) const fn is_shown_as_attestation(source: &EvidenceSource) -> bool {
    matches!(source, EvidenceSource::Provenance | EvidenceSource::ReleaseAttestation)
}

/// Label and value of each verified attestation, or the reason why there is none.
pub(super) fn pairs(proofs: &[VerifiedAttestation], evidence: &[Evidence]) -> Vec<(&'static str, String)> {
    let mut pairs: Vec<(&'static str, String)> = proofs.iter().flat_map(attestation_pairs).collect();
    if pairs.is_empty() {
        let why = evidence.iter().find_map(|statement| match (&statement.source, &statement.finding) {
            (EvidenceSource::Provenance, Finding::Absent { reason } | Finding::Unknown { reason, .. }) => Some(reason),
            (_, _) => None,
        });
        pairs.extend(why.map(|reason| ("built by", format!("not attested: {reason}"))));
    }
    pairs
}

fn attestation_pairs(attestation: &VerifiedAttestation) -> Vec<(&'static str, String)> {
    let signed = attestation.signed_at.map(|time| format!(", signed {}", time.format("%Y-%m-%d"))).unwrap_or_default();
    let logged = if attestation.logged { " and recorded in the public log" } else { "" };
    let workflow = || attestation.workflow.as_deref().or(attestation.identity.as_deref()).unwrap_or("unknown signer");
    match attestation.kind {
        AttestationKind::Build => {
            let commit = attestation.commit.as_deref().map(|commit| format!("commit {}", short(commit)));
            let from: Vec<String> = commit.into_iter().chain(attestation.git_ref.clone()).collect();
            vec![("built by", format!("{}{signed}{logged}", workflow())), ("built from", from.join(", "))]
        }
        AttestationKind::Signature => {
            vec![("signed by", format!("{}{signed}{logged}; this does not attest how it was built", workflow()))]
        }
        AttestationKind::Release => {
            let tag = attestation.tag.as_deref().unwrap_or("a release");
            vec![("released", format!("by GitHub as an asset of {tag}{signed}; this does not attest how it was built"))]
        }
        AttestationKind::Statement => Vec::new(),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
