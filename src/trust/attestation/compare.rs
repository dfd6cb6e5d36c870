//! Compares the policy with the verified facts. Exact comparisons only: never prefixes or substrings.

use crate::model::RepoSlug;
use crate::model::Sha256Digest;

use super::identity::CertificateClaims;
use super::policy::Policy;
use super::policy::RELEASES_IDENTITY;
use super::refusal::Field;
use super::refusal::Mismatch;
use super::roots::Instance;
use super::statement::Statement;
use super::verified::AttestationKind;
use super::workflow::GITHUB;

/// The only runner environment that the repository's owner does not control.
const GITHUB_HOSTED: &str = "github-hosted";

/// The verified facts.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttestedFacts<'a> {
    pub(super) digest: Sha256Digest,
    pub(super) kind: AttestationKind,
    /// `None` if a key signed.
    pub(super) identity: Option<&'a CertificateClaims>,
    /// `None` for a signature over the bytes alone.
    pub(super) statement: Option<&'a Statement>,
    pub(super) instance: Instance,
}

/// All differences between the policy and the facts; empty if they match.
pub(super) fn differences(policy: &Policy, facts: AttestedFacts<'_>) -> Vec<Mismatch> {
    let mut found = Differences(Vec::new());
    if !policy.wanted.accepts(facts.kind) {
        found.add(Field::Kind, policy.wanted.name(), Some(facts.kind.name()));
    }
    let is_nameless = facts.kind == AttestationKind::Signature && policy.allow_nameless;
    if let Some(asset) = policy.asset.as_ref().filter(|_| !is_nameless) {
        let names = facts.statement.and_then(|statement| statement.names_of(facts.digest)).unwrap_or_default();
        if !names.iter().any(|name| base_name(name) == asset) {
            found.add(Field::Asset, asset, (!names.is_empty()).then(|| names.join(", ")));
        }
    }
    match (facts.identity, &policy.key) {
        // The cryptography has compared the key, and a key has no name.
        (None, Some(_)) if policy.repository.is_none() && policy.identity.is_none() => {}
        (None, _) => found.add(Field::Identity, "a certificate", None::<&str>),
        (Some(identity), key) => {
            if key.is_some() {
                found.add(Field::Identity, "the given key", identity.name.as_deref());
            }
            if facts.kind == AttestationKind::Release && policy.repository.is_some() {
                release(policy, facts, identity, &mut found);
            } else {
                workflow(policy, identity, &mut found);
            }
            named(policy, identity, &mut found);
        }
    }
    found.0
}

/// Compares the exact name, if one is required; a signer must always be specified.
fn named(policy: &Policy, identity: &CertificateClaims, found: &mut Differences) {
    match &policy.identity {
        Some(expected) => found.same(Field::Identity, expected, identity.name.as_deref()),
        None if policy.repository.is_none() && policy.key.is_none() => {
            found.add(Field::Identity, "a specific identity", identity.name.as_deref());
        }
        None => {}
    }
}

/// A workflow run: the issuer always, and the other claims if a repository is required.
fn workflow(policy: &Policy, identity: &CertificateClaims, found: &mut Differences) {
    found.same(Field::Issuer, &policy.issuer, identity.issuer.as_deref());
    let Some(repository) = &policy.repository else { return };
    if !identity.slug().is_some_and(|built| built.is_same(repository)) {
        found.add(Field::Repository, &format!("{GITHUB}{repository}"), identity.repository.as_deref());
    }
    let signer = identity.workflow();
    let (fits, expected) = match &policy.workflow {
        Some(expected) => (signer.as_ref().is_some_and(|signer| signer.is_same(expected)), expected.to_string()),
        None => {
            let fits = signer.as_ref().is_some_and(|signer| signer.repository().is_same(repository));
            (fits, format!("a workflow of {repository}"))
        }
    };
    // With an exact name the workflow need not be derived from it.
    if !fits && (policy.workflow.is_some() || policy.identity.is_none()) {
        found.add(Field::Workflow, &expected, identity.name.as_deref());
    }
    found.number(Field::RepositoryId, policy.repository_id, identity.repository_id.as_deref());
    found.number(Field::OwnerId, policy.owner_id, identity.owner_id.as_deref());
    if let Some(commit) = &policy.commit
        && !identity.commit.as_ref().is_some_and(|built| built.eq_ignore_ascii_case(commit))
    {
        found.add(Field::Commit, commit, identity.commit.as_deref());
    }
    if !policy.allow_self_hosted {
        found.same(Field::Runner, GITHUB_HOSTED, identity.runner.as_deref());
    }
    if let Some(tag) = &policy.tag {
        let expected = format!("refs/tags/{tag}");
        let of_a_tag = identity.git_ref.as_deref().is_some_and(|built| built.starts_with("refs/tags/"));
        if policy.require_tag_ref || policy.builds_need_tag_ref || of_a_tag {
            found.same(Field::Ref, &expected, identity.git_ref.as_deref());
        }
    } else if policy.require_tag_ref {
        found.add(Field::Ref, "the tag of the release, but none was given", identity.git_ref.as_deref());
    }
}

/// GitHub's own release attestation. It contains nothing about a build, so every build requirement fails.
fn release(policy: &Policy, facts: AttestedFacts<'_>, identity: &CertificateClaims, found: &mut Differences) {
    found.same(Field::Identity, RELEASES_IDENTITY, identity.name.as_deref());
    if facts.instance == Instance::PublicGood {
        found.add(Field::Instance, "GitHub's", Some("the public good instance's"));
    }
    let release = facts.statement.and_then(|statement| statement.release.as_ref());
    let stated =
        |part: fn(&super::statement::ReleasePredicate) -> &String| release.map(|release| part(release).as_str());
    if let Some(repository) = &policy.repository {
        let stated = stated(|release| &release.repository);
        if !stated.and_then(|text| text.parse::<RepoSlug>().ok()).is_some_and(|named| named.is_same(repository)) {
            found.add(Field::Repository, &repository.to_string(), stated);
        }
    }
    found.number(Field::RepositoryId, policy.repository_id, stated(|release| &release.repository_id));
    found.number(Field::OwnerId, policy.owner_id, release.and_then(|release| release.owner_id.as_deref()));
    if let Some(tag) = &policy.tag {
        found.same(Field::Tag, &tag.to_string(), stated(|release| &release.tag));
    }
    if let Some(commit) = &policy.commit {
        let stated = facts.statement.and_then(Statement::release_commit);
        if !stated.is_some_and(|stated| stated.eq_ignore_ascii_case(commit)) {
            found.add(Field::Commit, commit, stated);
        }
    }
    if let Some(workflow) = &policy.workflow {
        found.add(Field::Workflow, &workflow.to_string(), None::<&str>);
    }
    if policy.require_tag_ref {
        found.add(Field::Ref, "a build for the tag", None::<&str>);
    }
}

/// The differences so far.
struct Differences(Vec<Mismatch>);

impl Differences {
    fn add(&mut self, field: Field, expected: &str, found: Option<impl Into<String>>) {
        self.0.push(Mismatch { field, expected: expected.to_owned(), found: found.map(Into::into) });
    }

    fn same(&mut self, field: Field, expected: &str, found: Option<&str>) {
        if found != Some(expected) {
            self.add(field, expected, found);
        }
    }

    fn number(&mut self, field: Field, expected: Option<u64>, found: Option<&str>) {
        if let Some(expected) = expected {
            self.same(field, &expected.to_string(), found);
        }
    }
}

fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::policy::GITHUB_ISSUER;
    use super::super::policy::WantedAttestation;
    use super::super::statement::ReleasePredicate;
    use super::super::statement::StatementSubject;
    use super::*;

    const SIGNER: &str = "https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/v1.2.3";

    fn digest() -> Sha256Digest {
        Sha256Digest::from_bytes([7; 32])
    }

    fn identity() -> CertificateClaims {
        let some = |text: &str| Some(text.to_owned());
        CertificateClaims {
            name: some(SIGNER),
            issuer: some(GITHUB_ISSUER),
            runner: some("github-hosted"),
            repository: some("https://github.com/Acme/Tool"),
            commit: some("0123456789abcdef0123456789abcdef01234567"),
            git_ref: some("refs/tags/v1.2.3"),
            repository_id: some("7"),
            owner_id: some("70"),
            run: None,
        }
    }

    fn statement(kind: AttestationKind) -> Statement {
        let subject = |name: Option<&str>, sha256, sha1: Option<&str>| StatementSubject {
            name: name.map(str::to_owned),
            sha256,
            sha1: sha1.map(str::to_owned),
        };
        let release = ReleasePredicate {
            repository: "acme/tool".to_owned(),
            repository_id: "7".to_owned(),
            owner_id: Some("70".to_owned()),
            tag: "v1.2.3".to_owned(),
        };
        Statement {
            kind,
            predicate_type: "x".to_owned(),
            subjects: vec![
                subject(None, None, Some("0123456789abcdef0123456789abcdef01234567")),
                subject(Some("dist/tool-linux-amd64"), Some(digest()), None),
                subject(Some("tool-darwin-arm64"), Some(Sha256Digest::from_bytes([8; 32])), None),
            ],
            release: (kind == AttestationKind::Release).then_some(release),
        }
    }

    /// Every build requirement.
    fn strict() -> Policy {
        let mut policy = Policy::of_repository("acme/tool".parse().expect("a repository"));
        policy.wanted = WantedAttestation::Build;
        policy.repository_id = Some(7);
        policy.owner_id = Some(70);
        policy.workflow = Some("acme/tool/.github/workflows/release.yml".parse().expect("a workflow"));
        policy.tag = Some("v1.2.3".parse().expect("a tag"));
        policy.require_tag_ref = true;
        policy.commit = Some("0123456789ABCDEF0123456789abcdef01234567".to_owned());
        policy.asset = Some("tool-linux-amd64".to_owned());
        policy
    }

    fn fields(policy: &Policy, identity: &CertificateClaims, statement: &Statement, instance: Instance) -> Vec<Field> {
        let (identity, statement) = (Some(identity), Some(statement));
        let facts = AttestedFacts {
            digest: digest(),
            kind: statement.map_or(AttestationKind::Build, |one| one.kind),
            identity,
            statement,
            instance,
        };
        differences(policy, facts).into_iter().map(|mismatch| mismatch.field).collect()
    }

    #[test]
    fn a_matching_build_is_accepted() {
        let build = statement(AttestationKind::Build);
        assert_eq!(fields(&strict(), &identity(), &build, Instance::PublicGood), []);
        assert_eq!(fields(&strict(), &identity(), &build, Instance::GitHub), []);
        let plain = Policy::of_repository("ACME/tool".parse().expect("a repository"));
        assert_eq!(fields(&plain, &identity(), &build, Instance::PublicGood), []);
    }

    #[test]
    fn each_field_of_the_policy_refuses_on_its_own() {
        type Change = fn(&mut Policy);
        let cases: [(Field, Change); 8] = [
            (Field::Kind, |policy| policy.wanted = WantedAttestation::Release),
            (Field::RepositoryId, |policy| policy.repository_id = Some(70)),
            (Field::OwnerId, |policy| policy.owner_id = Some(7)),
            (Field::Workflow, |policy| policy.workflow = "acme/tool/.github/workflows/releas.yml".parse().ok()),
            (Field::Issuer, |policy| policy.issuer.push('/')),
            (Field::Ref, |policy| policy.tag = "v1.2".parse().ok()),
            (Field::Commit, |policy| policy.commit = Some("0123456".to_owned())),
            (Field::Asset, |policy| policy.asset = Some("linux-amd64".to_owned())),
        ];
        for (field, change) in cases {
            let mut policy = strict();
            change(&mut policy);
            assert_eq!(fields(&policy, &identity(), &statement(AttestationKind::Build), Instance::PublicGood), [field]);
        }
        let named = strict().and_identity("https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/v1");
        assert_eq!(
            fields(&named, &identity(), &statement(AttestationKind::Build), Instance::PublicGood),
            [Field::Identity]
        );
    }

    #[test]
    fn each_claim_of_the_certificate_refuses_on_its_own() {
        type Change = fn(&mut CertificateClaims);
        let cases: [(&[Field], Change); 14] = [
            (&[Field::Repository], |one| one.repository = Some("https://github.com/acme/tools".to_owned())),
            (&[Field::Repository], |one| one.repository = Some("https://github.com/acme/tool/x".to_owned())),
            (&[Field::Repository], |one| one.repository = Some("http://github.com/acme/tool".to_owned())),
            (&[Field::Repository], |one| one.repository = None),
            (&[Field::Workflow], |one| one.name = Some(SIGNER.replace("acme/tool", "acme/tool2"))),
            (&[Field::Workflow], |one| one.name = Some(SIGNER.replace("github.com", "github.com.example"))),
            (&[Field::Workflow], |one| one.name = None),
            (&[Field::Issuer], |one| one.issuer = None),
            (&[Field::Runner], |one| one.runner = Some("self-hosted".to_owned())),
            (&[Field::Runner], |one| one.runner = None),
            (&[Field::Ref], |one| one.git_ref = Some("refs/heads/v1.2.3".to_owned())),
            (&[Field::RepositoryId], |one| one.repository_id = Some("07".to_owned())),
            (&[Field::OwnerId], |one| one.owner_id = None),
            (&[Field::Commit], |one| one.commit = None),
        ];
        for (expected, change) in cases {
            let mut identity = identity();
            change(&mut identity);
            assert_eq!(
                fields(&strict(), &identity, &statement(AttestationKind::Build), Instance::PublicGood),
                expected,
                "{identity:?}"
            );
        }
    }

    #[test]
    fn a_build_for_another_tag_is_refused_and_one_for_a_branch_on_request() {
        let mut policy = strict();
        policy.require_tag_ref = false;
        let built = |git_ref: &str, policy: &Policy| {
            let identity = CertificateClaims { git_ref: Some(git_ref.to_owned()), ..identity() };
            fields(policy, &identity, &statement(AttestationKind::Build), Instance::PublicGood)
        };
        assert_eq!(built("refs/heads/main", &policy), []);
        assert_eq!(built("refs/tags/v1.2.2", &policy), [Field::Ref]);
        policy.tag = None;
        assert_eq!(built("refs/tags/v1.2.2", &policy), []);
        policy.require_tag_ref = true;
        assert_eq!(built("refs/tags/v1.2.2", &policy), [Field::Ref]);
    }

    #[test]
    fn a_workflow_of_another_repository_must_be_named() {
        let shared =
            "https://github.com/org/shared/.github/workflows/attest.yml@0123456789abcdef0123456789abcdef01234567";
        let identity = CertificateClaims { name: Some(shared.to_owned()), ..identity() };
        let mut policy = Policy::of_repository("acme/tool".parse().expect("a repository"));
        let build = statement(AttestationKind::Build);
        assert_eq!(fields(&policy, &identity, &build, Instance::PublicGood), [Field::Workflow]);
        policy.workflow = "org/shared/.github/workflows/attest.yml".parse().ok();
        assert_eq!(fields(&policy, &identity, &build, Instance::PublicGood), []);
        // The exact name works as well.
        let named = Policy::of_repository("acme/tool".parse().expect("a repository")).and_identity(shared);
        assert_eq!(fields(&named, &identity, &build, Instance::PublicGood), []);
    }

    #[test]
    fn a_release_attestation_is_from_github_and_contains_no_build() {
        let mut policy = strict();
        policy.wanted = WantedAttestation::Any;
        let github = CertificateClaims {
            name: Some(RELEASES_IDENTITY.to_owned()),
            issuer: None,
            runner: None,
            repository: None,
            commit: None,
            git_ref: None,
            repository_id: None,
            owner_id: None,
            run: None,
        };
        let release = statement(AttestationKind::Release);
        assert_eq!(fields(&policy, &github, &release, Instance::GitHub), [Field::Workflow, Field::Ref]);
        policy.workflow = None;
        policy.require_tag_ref = false;
        assert_eq!(fields(&policy, &github, &release, Instance::GitHub), []);
        assert_eq!(fields(&policy, &github, &release, Instance::PublicGood), [Field::Instance]);
        assert_eq!(fields(&policy, &identity(), &release, Instance::GitHub), [Field::Identity]);
        // Conversely, GitHub's release service attests no build.
        let refused = fields(&policy, &github, &statement(AttestationKind::Build), Instance::GitHub);
        assert!(refused.contains(&Field::Workflow) && refused.contains(&Field::Issuer), "{refused:?}");
        type Change = fn(&mut Policy);
        let cases: [(Field, Change); 7] = [
            (Field::Kind, |policy| policy.wanted = WantedAttestation::Build),
            (Field::Repository, |policy| policy.repository = "acme/tools".parse().ok()),
            (Field::RepositoryId, |policy| policy.repository_id = Some(8)),
            (Field::OwnerId, |policy| policy.owner_id = Some(8)),
            (Field::Tag, |policy| policy.tag = "v1.2".parse().ok()),
            (Field::Commit, |policy| policy.commit = Some("f".repeat(40))),
            (Field::Asset, |policy| policy.asset = Some("tool-darwin-arm64".to_owned())),
        ];
        for (field, change) in cases {
            let mut policy = policy.clone();
            change(&mut policy);
            assert_eq!(fields(&policy, &github, &release, Instance::GitHub), [field]);
        }
    }

    #[test]
    fn a_signer_must_be_specified() {
        let build = statement(AttestationKind::Build);
        let mut without_signer = strict();
        without_signer.repository = None;
        assert!(fields(&without_signer, &identity(), &build, Instance::PublicGood).contains(&Field::Identity));
        // A key has no name: a policy with a name rejects it, and vice versa.
        let facts = AttestedFacts {
            digest: digest(),
            kind: AttestationKind::Build,
            identity: None,
            statement: Some(&build),
            instance: Instance::PublicGood,
        };
        assert_eq!(differences(&Policy::of_key("pem"), facts), []);
        assert_eq!(differences(&strict(), facts).iter().map(|one| one.field).collect::<Vec<_>>(), [Field::Identity]);
        assert!(fields(&Policy::of_key("pem"), &identity(), &build, Instance::PublicGood).contains(&Field::Identity));
        let someone = Policy::of_identity(SIGNER, GITHUB_ISSUER);
        assert_eq!(fields(&someone, &identity(), &build, Instance::PublicGood), []);
        let other = Policy::of_identity(SIGNER, "https://accounts.google.com");
        assert_eq!(fields(&other, &identity(), &build, Instance::PublicGood), [Field::Issuer]);
    }
}
