//! Turns attestations into evidence, and compares them with the signer in the lockfile. Pure.

use chrono::DateTime;
use chrono::Utc;

use crate::flows::install::InstallRequest;
use crate::flows::install::QueriedAttestations;
use crate::flows::install::SignerError;
use crate::lockfile::Signer;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Finding;
use crate::trust::Level;
use crate::trust::attestation;
use crate::trust::attestation::AttestationKind;
use crate::trust::attestation::AttestationRefusalReason;
use crate::trust::attestation::Field;
use crate::trust::attestation::Mismatch;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::Policy;
use crate::trust::attestation::Roots;
use crate::trust::attestation::VerifiedAttestation;

/// The attestations of an asset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signed {
    /// The resulting evidence.
    pub(super) evidence: Vec<Evidence>,
    /// The verified attestations, from the matching bundles.
    pub(super) proofs: Vec<VerifiedAttestation>,
    /// These bundles.
    pub(super) bundles: Vec<String>,
}

/// One asset of a release.
#[derive(Debug, Clone, Copy)]
pub(super) struct AssetSubject<'a> {
    pub(super) repository: &'a RepoSlug,
    pub(super) tag: &'a Tag,
    pub(super) name: &'a str,
    pub(super) sha256: Sha256Digest,
}

impl Signed {
    /// The verification level from attestations alone.
    pub(super) fn level(&self) -> Option<Level> {
        level(&self.proofs)
    }

    /// Whether it could not be determined.
    pub(super) fn is_unknown(&self) -> bool {
        self.evidence.iter().any(|evidence| matches!(evidence.finding, Finding::Unknown { .. }))
    }

    /// The bundles as one document, if there are any.
    pub(super) fn text(&self) -> Option<String> {
        (!self.bundles.is_empty()).then(|| attestation::join(&self.bundles))
    }

    /// The signer to record in a lockfile.
    pub(super) fn signer(&self) -> Option<Signer> {
        signer_of(&self.proofs)
    }
}

/// The verification level from these attestations.
pub(super) fn level(proofs: &[VerifiedAttestation]) -> Option<Level> {
    proofs.iter().filter_map(level_of).max()
}

/// The signer to record in a lockfile: that of the strongest attestation.
pub(super) fn signer_of(proofs: &[VerifiedAttestation]) -> Option<Signer> {
    let strongest = proofs.iter().filter_map(|proof| level_of(proof).map(|level| (level, proof)));
    // Of equally strong ones, the first.
    let (verdict, proof) = strongest.rev().max_by_key(|(level, _)| *level)?;
    // TOML integers are signed.
    let number = |number: Option<u64>| number.filter(|number| i64::try_from(*number).is_ok());
    let of_a_workflow = verdict == Level::Attested;
    Some(Signer {
        verdict,
        workflow: proof.workflow.as_ref().filter(|_| of_a_workflow).and_then(|workflow| workflow.parse().ok()),
        issuer: proof.issuer.clone().filter(|_| of_a_workflow),
        repository_id: number(proof.repository_id),
        owner_id: number(proof.owner_id),
    })
}

/// The level of an attestation; `None` if it is not about the origin of the bytes.
fn level_of(proof: &VerifiedAttestation) -> Option<Level> {
    match proof.kind {
        AttestationKind::Build => proof.workflow.as_ref().map(|_| Level::Attested),
        // Anyone who can make the workflow sign the bytes can make it attest them.
        AttestationKind::Signature => proof.workflow.as_ref().map(|_| Level::Attested),
        AttestationKind::Release => Some(Level::Released),
        AttestationKind::Statement => None,
    }
}

/// The policy for attestations of this asset. If both the settings and the lockfile name a workflow, they must agree.
pub(super) fn policy(request: &InstallRequest, subject: AssetSubject<'_>) -> Result<Policy, SignerError> {
    let recorded = request.decided.signer.as_ref().and_then(|signer| signer.workflow.as_ref());
    if let (Some(wanted), Some(recorded)) = (&request.options.signers.workflow, recorded)
        && !wanted.is_same(recorded)
    {
        let (wanted, recorded) = (wanted.to_string(), recorded.to_string());
        return Err(SignerError::TwoWorkflows { wanted, recorded });
    }
    let policy = Policy::of_repository(subject.repository.clone());
    let mut policy = policy.of_release(subject.tag.clone(), request.options.signers.allow_branch);
    policy.asset = Some(subject.name.to_owned());
    policy.allow_self_hosted = request.options.signers.allow_self_hosted;
    policy.workflow = recorded.or(request.options.signers.workflow.as_ref()).cloned();
    if let Some(signer) = &request.decided.signer {
        policy.repository_id = signer.repository_id;
        policy.owner_id = signer.owner_id;
        if let Some(issuer) = &signer.issuer {
            policy.issuer.clone_from(issuer);
        }
    }
    Ok(policy)
}

/// It is definitely not attested.
pub(super) fn absent(reason: String) -> Signed {
    Signed { evidence: vec![Evidence::absent(EvidenceSource::Provenance, reason)], ..Signed::default() }
}

/// Its attestations could not be queried. Other evidence suffices unless an attestation is required.
fn unknown(reason: String, transient: bool, request: &InstallRequest) -> Signed {
    let mut unknown = Evidence::unknown(EvidenceSource::Provenance, reason, transient);
    unknown.dispensable = !request.decided.policy.require.is_signed() && !request.changes_the_signer();
    Signed { evidence: vec![unknown], ..Signed::default() }
}

/// Verifies bundles.
pub(super) fn verify(
    bundles: Vec<String>,
    subject: AssetSubject<'_>,
    request: &InstallRequest,
    roots: &Roots,
    now: DateTime<Utc>,
) -> Result<Signed, SignerError> {
    let policy = policy(request, subject)?;
    let verify = |texts: &[&[u8]]| attestation::verify(texts, subject.sha256, &policy, roots, now);
    signed(QueriedAttestations::known(bundles, verify), subject, request)
}

/// An attestation that exists but is not valid is an error, whatever other evidence there is.
pub(super) fn signed(
    found: QueriedAttestations,
    subject: AssetSubject<'_>,
    request: &InstallRequest,
) -> Result<Signed, SignerError> {
    match found {
        QueriedAttestations::Found { proofs, bundles } => {
            Ok(Signed { evidence: evidence(&proofs, subject.sha256), proofs, bundles })
        }
        QueriedAttestations::Absent { reason } => Ok(absent(reason)),
        QueriedAttestations::Unknown { reason, transient } => Ok(unknown(reason, transient, request)),
        QueriedAttestations::Refused(error @ NotProven::CannotVerify)
            if !request.decided.policy.require.is_signed() =>
        {
            Ok(unknown(error.to_string(), false, request))
        }
        QueriedAttestations::Refused(source) => Err(refused(source, subject, request)),
    }
}

fn evidence(proofs: &[VerifiedAttestation], sha256: Sha256Digest) -> Vec<Evidence> {
    let worth = |level: Level| proofs.iter().any(|proof| level_of(proof) == Some(level));
    let mut evidence = Vec::new();
    if worth(Level::Attested) {
        evidence.push(Evidence::found(EvidenceSource::Provenance, sha256));
    }
    if worth(Level::Released) {
        evidence.push(Evidence::found(EvidenceSource::ReleaseAttestation, sha256));
    }
    if evidence.is_empty() {
        let reason = "its attestations do not state where it was built";
        evidence.push(Evidence::absent(EvidenceSource::Provenance, reason));
    }
    evidence
}

/// The error if all attestations were refused. A signer other than the locked one is an error of its own.
fn refused(source: NotProven, subject: AssetSubject<'_>, request: &InstallRequest) -> SignerError {
    let asset = subject.name.to_owned();
    let by_another = request.decided.signer.as_ref().zip(another_signer(&source));
    match by_another {
        Some((signer, mismatches)) => SignerError::OtherSigner {
            asset,
            tag: subject.tag.clone(),
            locked: locked_tag(request),
            signer: Box::new(signer.clone()),
            mismatches,
        },
        None => SignerError::NotProven { asset, tag: subject.tag.clone(), source },
    }
}

/// The differences of an attestation that is valid except for its signer.
fn another_signer(source: &NotProven) -> Option<Vec<Mismatch>> {
    let NotProven::Refused(refusals) = source else { return None };
    refusals.iter().find_map(|refusal| match &refusal.reason {
        AttestationRefusalReason::Unfit { mismatches }
            if mismatches.iter().all(|mismatch| is_of_the_signer(mismatch.field)) =>
        {
            Some(mismatches.clone())
        }
        AttestationRefusalReason::Unfit { .. }
        | AttestationRefusalReason::Malformed { .. }
        | AttestationRefusalReason::Unsupported { .. }
        | AttestationRefusalReason::Broken { .. }
        | AttestationRefusalReason::UnknownKey { .. }
        | AttestationRefusalReason::OtherBytes { .. }
        | AttestationRefusalReason::Clock { .. } => None,
    })
}

const fn is_of_the_signer(field: Field) -> bool {
    matches!(
        field,
        Field::Workflow | Field::Repository | Field::RepositoryId | Field::OwnerId | Field::Issuer | Field::Identity
    )
}

/// Refuses anything weaker than the lockfile records.
pub(super) fn require_locked_signer(
    signed: &Signed,
    name: &str,
    tag: &Tag,
    request: &InstallRequest,
) -> Result<(), SignerError> {
    let Some(signer) = request.decided.signer.as_ref().filter(|signer| signed.level() < Some(signer.verdict)) else {
        return Ok(());
    };
    let (mut found, mut transient) = (Vec::new(), false);
    for evidence in &signed.evidence {
        match &evidence.finding {
            Finding::Found { .. } => found.push(format!("{} exists", evidence.source)),
            Finding::Absent { reason } => found.push(reason.clone()),
            Finding::Unknown { reason, transient: may_pass } => {
                transient |= may_pass;
                found.push(reason.clone());
            }
        }
    }
    Err(SignerError::LessThanLocked {
        asset: name.to_owned(),
        tag: tag.clone(),
        locked: locked_tag(request),
        signer: Box::new(signer.clone()),
        found: found.join("; "),
        not_queried: signed.is_unknown(),
        transient,
    })
}

/// The release for which the lockfile records the signer.
fn locked_tag(request: &InstallRequest) -> Option<Tag> {
    let carried = request.options.from.as_ref().map(|bundle| bundle.lockfile());
    let lockfile = request.lockfile.as_ref().filter(|lockfile| lockfile.signer.is_some()).or(carried);
    lockfile.map(|lockfile| lockfile.tag.clone())
}
