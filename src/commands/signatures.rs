//! How it reads who signed for an asset, or that nobody is known to have.

use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Finding;
use crate::trust::attestation::AttestationKind;
use crate::trust::attestation::VerifiedAttestation;

/// Whether what this source says is told here, in words of its own.
pub(super) const fn are_told_by(source: &EvidenceSource) -> bool {
    matches!(source, EvidenceSource::Provenance | EvidenceSource::ReleaseAttestation)
}

/// Who signed, each as a name and a value; where nobody is proven to have, why not.
pub(super) fn pairs(proofs: &[VerifiedAttestation], evidence: &[Evidence]) -> Vec<(&'static str, String)> {
    let mut pairs: Vec<(&'static str, String)> = proofs.iter().flat_map(told).collect();
    if pairs.is_empty() {
        let why = evidence.iter().find_map(|statement| match (&statement.source, &statement.finding) {
            (EvidenceSource::Provenance, Finding::Absent { reason } | Finding::Unknown { reason, .. }) => Some(reason),
            (_, _) => None,
        });
        pairs.extend(why.map(|reason| ("built by", format!("not proven: {reason}"))));
    }
    pairs
}

fn told(proof: &VerifiedAttestation) -> Vec<(&'static str, String)> {
    let signed = proof.signed_at.map(|time| format!(", signed {}", time.format("%Y-%m-%d"))).unwrap_or_default();
    let logged = if proof.logged { " and recorded in the public log" } else { "" };
    let workflow = || proof.workflow.as_deref().or(proof.identity.as_deref()).unwrap_or("an unnamed signer");
    match proof.kind {
        AttestationKind::Build => {
            let commit = proof.commit.as_deref().map(|commit| format!("commit {}", short(commit)));
            let from: Vec<String> = commit.into_iter().chain(proof.git_ref.clone()).collect();
            vec![("built by", format!("{}{signed}{logged}", workflow())), ("built from", from.join(", "))]
        }
        AttestationKind::Signature => {
            vec![("signed by", format!("{}{signed}{logged}; not how it was built", workflow()))]
        }
        AttestationKind::Release => {
            let tag = proof.tag.as_deref().unwrap_or("a release");
            vec![("released", format!("by GitHub as an asset of {tag}{signed}; not how it was built"))]
        }
        AttestationKind::Statement => Vec::new(),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
