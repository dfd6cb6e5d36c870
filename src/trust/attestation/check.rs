//! Verifies bundles one after the other: the cryptography, then the signed content, then the policy.

use chrono::DateTime;
use chrono::Utc;

use crate::model::Sha256Digest;

use super::bundle;
use super::compare;
use super::compare::AttestedFacts;
use super::identity::CertificateClaims;
use super::policy::Policy;
use super::refusal::AttestationRefusal;
use super::refusal::AttestationRefusalReason;
use super::refusal::NotProven;
use super::roots::Roots;
use super::statement::Statement;
use super::verified::AttestationKind;
use super::verified::VerifiedAttestation;
use super::verified::VerifiedAttestations;
use super::verifier::Checked;
use super::verifier::Doubt;
use super::verifier::Failure;
use super::verifier::SigstoreBundle;
use super::verifier::Verifier;

/// How many digests of a statement about other bytes an error lists.
const SHOWN_DIGESTS: usize = 3;

/// Verifies that these bundles satisfy the policy for the bytes of this digest, with these roots, at this time.
///
/// Each bundle is verified with each root by the rules of that root, and one matching bundle is enough. No bundle, no
/// matching bundle, and an unusable root are all failures.
pub fn verify(
    bundles: &[&[u8]],
    digest: Sha256Digest,
    policy: &Policy,
    roots: &Roots,
    now: DateTime<Utc>,
) -> Result<VerifiedAttestations, NotProven> {
    if bundles.is_empty() {
        return Err(NotProven::NoBundle);
    }
    let verifiers = roots.iter().map(Verifier::ready).collect::<Result<Vec<_>, _>>()?;
    let (mut proofs, mut refused) = (Vec::new(), Vec::new());
    for (index, text) in bundles.iter().enumerate() {
        match one(text, digest, policy, &verifiers, roots, now) {
            Ok(verified) => proofs.push(verified),
            Err(reason) => refused.push(AttestationRefusal { bundle: index + 1, reason }),
        }
    }
    if proofs.is_empty() { Err(NotProven::Refused(refused)) } else { Ok(VerifiedAttestations { proofs, refused }) }
}

fn one(
    text: &[u8],
    digest: Sha256Digest,
    policy: &Policy,
    verifiers: &[Verifier<'_>],
    roots: &Roots,
    now: DateTime<Utc>,
) -> Result<VerifiedAttestation, AttestationRefusalReason> {
    let malformed = |detail: String| AttestationRefusalReason::Malformed { detail };
    let text = bundle::one(text).map_err(|error| malformed(error.to_string()))?;
    let bundle = SigstoreBundle::read(&text).map_err(malformed)?;
    // The certificate of a run is issued when it signs. One from the future is rejected here, because a wrong clock is
    // then reported more clearly than by the cryptography.
    if let Some(signed_at) = bundle.issued_at().filter(|issued_at| *issued_at > now) {
        return Err(AttestationRefusalReason::Clock { signed_at, now });
    }
    let checked = cryptography(&bundle, digest, policy, verifiers, roots)?;
    if let Some(signed_at) = checked.signed_at.filter(|signed_at| *signed_at > now) {
        return Err(AttestationRefusalReason::Clock { signed_at, now });
    }
    let statement = match &checked.payload {
        Some(payload) => Some(Statement::parse(payload).map_err(malformed)?),
        None => None,
    };
    if let Some(statement) = &statement
        && statement.names_of(digest).is_none()
    {
        return Err(other_bytes(digest, statement));
    }
    let facts = AttestedFacts {
        digest,
        kind: statement.as_ref().map_or(AttestationKind::Signature, |statement| statement.kind),
        identity: checked.identity.as_ref(),
        statement: statement.as_ref(),
        instance: checked.instance,
    };
    let mismatches = compare::differences(policy, facts);
    if !mismatches.is_empty() {
        return Err(AttestationRefusalReason::Unfit { mismatches });
    }
    Ok(verified_facts(facts, &checked, policy))
}

/// Verifies with every root until one accepts. If none does, the error is from the root whose authority issued the
/// certificate.
fn cryptography(
    bundle: &SigstoreBundle,
    digest: Sha256Digest,
    policy: &Policy,
    verifiers: &[Verifier<'_>],
    roots: &Roots,
) -> Result<Checked, AttestationRefusalReason> {
    let mut failures = Vec::new();
    for verifier in verifiers {
        match verifier.check(bundle, digest, policy.key.as_deref()) {
            Ok(checked) => return Ok(checked),
            Err(failure) => failures.push((verifier, failure)),
        }
    }
    let theirs = failures.iter().find(|(verifier, _)| policy.key.is_some() || verifier.issued(bundle));
    let Some((verifier, failure)) = theirs.or(failures.first()) else {
        return Err(AttestationRefusalReason::Unsupported { detail: "there is no trusted root".to_owned() });
    };
    let (root, strange) = (verifier.root(), theirs.is_none());
    if strange && let Some(issued_at) = bundle.issued_at() {
        let (complete_until, detail) = (roots.complete_until(), "none of them issued its certificate".to_owned());
        return Err(AttestationRefusalReason::UnknownKey { issued_at, complete_until, detail });
    }
    let complete_until = root.complete_until();
    Err(match failure.clone() {
        Failure::Broken { doubt, detail, .. }
            if let Some(issued_at) = bundle.issued_at()
                && is_unknown(doubt, issued_at, complete_until) =>
        {
            AttestationRefusalReason::UnknownKey { issued_at, complete_until, detail }
        }
        Failure::Broken { part, detail, .. } => {
            AttestationRefusalReason::Broken { part, detail, instance: root.instance }
        }
        Failure::Malformed(detail) => AttestationRefusalReason::Malformed { detail },
        Failure::Unsupported(detail) => AttestationRefusalReason::Unsupported { detail },
        Failure::OtherBytes(payload) => match payload.as_deref().map(Statement::parse) {
            Some(Ok(statement)) => other_bytes(digest, &statement),
            Some(Err(detail)) => AttestationRefusalReason::Malformed { detail },
            None => AttestationRefusalReason::OtherBytes { expected: digest, found: Vec::new() },
        },
    })
}

/// Whether a failure is better explained by a key that the root does not have.
fn is_unknown(doubt: Doubt, issued_at: DateTime<Utc>, complete_until: Option<DateTime<Utc>>) -> bool {
    match doubt {
        Doubt::None => false,
        Doubt::NewerKey => complete_until.is_some_and(|until| issued_at >= until),
        Doubt::Stranger => true,
    }
}

fn other_bytes(expected: Sha256Digest, statement: &Statement) -> AttestationRefusalReason {
    let found = statement.subjects.iter().filter_map(|subject| subject.sha256).take(SHOWN_DIGESTS).collect();
    AttestationRefusalReason::OtherBytes { expected, found }
}

fn verified_facts(facts: AttestedFacts<'_>, checked: &Checked, policy: &Policy) -> VerifiedAttestation {
    let number = |text: Option<&String>| text.and_then(|text| text.parse().ok());
    let identity = facts.identity;
    let release = facts.statement.and_then(|statement| statement.release.as_ref());
    let names = facts.statement.and_then(|statement| statement.names_of(facts.digest)).unwrap_or_default();
    let wanted = policy.asset.as_deref();
    let asset = names.iter().find(|name| wanted.is_some_and(|wanted| name.ends_with(wanted))).or(names.first());
    let claim = |part: fn(&CertificateClaims) -> &Option<String>| identity.and_then(|identity| part(identity).clone());
    VerifiedAttestation {
        kind: facts.kind,
        sha256: facts.digest,
        asset: asset.map(|name| (*name).to_owned()),
        repository: match release {
            Some(release) => Some(release.repository.clone()),
            None => identity.and_then(CertificateClaims::slug).map(|slug| slug.to_string()),
        },
        repository_id: match release {
            Some(release) => number(Some(&release.repository_id)),
            None => number(identity.and_then(|identity| identity.repository_id.as_ref())),
        },
        owner_id: match release {
            Some(release) => number(release.owner_id.as_ref()),
            None => number(identity.and_then(|identity| identity.owner_id.as_ref())),
        },
        workflow: identity.and_then(CertificateClaims::workflow).map(|workflow| workflow.to_string()),
        git_ref: claim(|identity| &identity.git_ref),
        commit: match facts.statement.and_then(Statement::release_commit) {
            Some(commit) => Some(commit.to_owned()),
            None => claim(|identity| &identity.commit),
        },
        tag: release.map(|release| release.tag.clone()),
        runner: claim(|identity| &identity.runner),
        run: claim(|identity| &identity.run),
        identity: claim(|identity| &identity.name),
        issuer: claim(|identity| &identity.issuer),
        predicate_type: facts.statement.map(|statement| statement.predicate_type.clone()),
        signed_at: checked.signed_at,
        time: checked.time,
        logged: checked.logged,
        instance: facts.instance,
    }
}
