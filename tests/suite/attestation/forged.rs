//! Forged and altered attestations, and genuine ones of something else: each is refused for its own reason.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::Instance;
use fake_sigstore::SIGNED_AT;
use fake_sigstore::provenance;
use fake_sigstore::released;
use reproq::internals::model::Sha256Digest;
use reproq::internals::trust::attestation;
use reproq::internals::trust::attestation::AttestationKind;
use reproq::internals::trust::attestation::AttestationRefusalReason;
use reproq::internals::trust::attestation::CryptoPart;
use reproq::internals::trust::attestation::Field;
use reproq::internals::trust::attestation::NotProven;
use reproq::internals::trust::attestation::Policy;
use reproq::internals::trust::attestation::Roots;
use reproq::internals::trust::attestation::SigningTime;
use reproq::internals::trust::attestation::VerifiedAttestation;
use reproq::internals::trust::attestation::WantedAttestation;
use serde_json::Value;

use super::sha256;

const NAME: &str = "tool-linux-amd64";

/// The trusted instance, and the attested bytes.
struct World {
    acme: Instance,
    digest: Sha256Digest,
    /// A root with a log, like the public instance's, or without one, like GitHub's.
    with_log: bool,
}

impl World {
    fn new(with_log: bool) -> Self {
        Self { acme: Instance::new("acme", "acme authority"), digest: sha256(b"the tool"), with_log }
    }

    fn how(&self) -> How {
        How { logged: self.with_log, stamped: !self.with_log, ..How::default() }
    }

    fn statement(&self) -> Value {
        provenance(NAME, &self.digest.to_string())
    }

    /// A valid attestation.
    fn build(&self) -> Value {
        self.acme.bundle(&Claims::build(), &self.statement(), self.how())
    }

    fn release(&self) -> Value {
        self.acme.bundle(&Claims::release(), &released(NAME, &self.digest.to_string()), self.how())
    }

    fn roots(&self) -> Roots {
        Roots::from_file("acme.json", self.acme.root(self.with_log).to_string().as_bytes()).expect("a root")
    }

    fn verify(&self, bundle: &Value, policy: &Policy) -> Result<VerifiedAttestation, AttestationRefusalReason> {
        self.verify_with(bundle, policy, &self.roots())
    }

    fn verify_with(
        &self,
        bundle: &Value,
        policy: &Policy,
        roots: &Roots,
    ) -> Result<VerifiedAttestation, AttestationRefusalReason> {
        let now = "2026-11-23T00:00:00Z".parse().expect("a time");
        match attestation::verify(&[bundle.to_string().as_bytes()], self.digest, policy, roots, now) {
            Ok(mut proven) => Ok(proven.proofs.remove(0)),
            Err(NotProven::Refused(mut refused)) => Err(refused.remove(0).reason),
            Err(other) => panic!("{other}"),
        }
    }

    fn broken(&self, bundle: &Value) -> CryptoPart {
        match self.verify(bundle, &acme()) {
            Err(AttestationRefusalReason::Broken { part, .. }) => part,
            other => panic!("expected a broken part, found {other:#?}"),
        }
    }

    fn unfit(&self, bundle: &Value, policy: &Policy) -> Vec<Field> {
        match self.verify(bundle, policy) {
            Err(AttestationRefusalReason::Unfit { mismatches }) => {
                mismatches.into_iter().map(|mismatch| mismatch.field).collect()
            }
            other => panic!("expected a misfit, found {other:#?}"),
        }
    }
}

fn acme() -> Policy {
    Policy::of_repository("acme/tool".parse().expect("a repository"))
}

/// Another payload with the old signature.
fn reworded(bundle: &Value, from: &str, to: &str) -> Value {
    let mut bundle = bundle.clone();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("a payload");
    let text = String::from_utf8(STANDARD.decode(payload).expect("base64")).expect("text");
    assert!(text.contains(from), "{text}");
    bundle["dsseEnvelope"]["payload"] = STANDARD.encode(text.replace(from, to)).into();
    bundle
}

#[test]
fn genuine_matching_attestations_are_verified() {
    for with_log in [true, false] {
        let world = World::new(with_log);
        let proof = world.verify(&world.build(), &acme()).expect("proven");
        assert_eq!((proof.kind, proof.logged), (AttestationKind::Build, with_log));
        assert_eq!(proof.time, Some(if with_log { SigningTime::Log } else { SigningTime::TimestampAuthority }));
        assert_eq!(proof.signed_at.map(|time| time.timestamp()), Some(SIGNED_AT + 5));
        assert_eq!(proof.workflow.as_deref(), Some("acme/tool/.github/workflows/release.yml"));
        assert_eq!((proof.repository_id, proof.owner_id), (Some(7), Some(70)));
        let release = world.verify(&world.release(), &acme()).expect("proven");
        assert_eq!((release.kind, release.tag.as_deref()), (AttestationKind::Release, Some("v1.2.3")));
        assert_eq!(release.repository.as_deref(), Some("acme/tool"));
    }
}

#[test]
fn an_impostor_of_the_trusted_authority_is_refused() {
    for with_log in [true, false] {
        let world = World::new(with_log);
        let by = |impostor: &Instance| impostor.bundle(&Claims::build(), &world.statement(), world.how());
        // With the same name but its own keys; and with genuine timestamps and a genuine log entry.
        let part = if with_log { CryptoPart::Log } else { CryptoPart::Timestamp };
        assert_eq!(world.broken(&by(&world.acme.impostor())), part);
        let served = world.verify(&by(&world.acme.impostor_with_services()), &acme());
        assert!(matches!(served, Err(AttestationRefusalReason::UnknownKey { .. })), "{served:#?}");
        // A different name, and the names of the real authorities against the embedded roots.
        let other = world.verify(&by(&Instance::new("evil", "evil authority")), &acme());
        assert!(matches!(other, Err(AttestationRefusalReason::UnknownKey { .. })), "{other:#?}");
        let embedded = Roots::embedded();
        for (organisation, common) in [
            ("acme", "acme authority"),
            ("sigstore.dev", "sigstore-intermediate"),
            ("GitHub, Inc.", "Fulcio Intermediate l2"),
        ] {
            let forged = by(&Instance::new(organisation, common));
            let refused = world.verify_with(&forged, &acme(), &embedded);
            assert!(
                matches!(
                    refused,
                    Err(AttestationRefusalReason::Broken { .. } | AttestationRefusalReason::UnknownKey { .. })
                ),
                "{refused:#?}"
            );
        }
    }
}

#[test]
fn a_payload_changed_after_signing_breaks_the_signature() {
    for with_log in [true, false] {
        let world = World::new(with_log);
        let other = sha256(b"another tool").to_string();
        let (build, release) = (world.build(), world.release());
        for altered in [
            reworded(&build, &world.digest.to_string(), &other),
            reworded(&build, NAME, "tool-darwin-arm64"),
            reworded(&release, "\"v1.2.3\"", "\"v9.9.9\""),
            reworded(&release, "acme/tool", "evil/tool"),
        ] {
            assert_eq!(world.broken(&altered), CryptoPart::Signature);
        }
        // For the swapped bytes it is refused as well.
        let mut swapped = world;
        swapped.digest = sha256(b"another tool");
        let altered = reworded(&build, &sha256(b"the tool").to_string(), &other);
        assert_eq!(swapped.broken(&altered), CryptoPart::Signature);
    }
}

#[test]
fn evidence_that_is_missing_or_borrowed_is_found() {
    let world = World::new(true);
    let (bundle, other) = (world.build(), world.build());
    let entry = |bundle: &Value| bundle["verificationMaterial"]["tlogEntries"][0].clone();
    let with_entry = |change: &dyn Fn(&mut Value)| {
        let mut bundle = bundle.clone();
        change(&mut bundle["verificationMaterial"]["tlogEntries"][0]);
        bundle
    };
    let remove =
        |name: &'static str| move |entry: &mut Value| drop(entry.as_object_mut().expect("an entry").remove(name));
    let mut without = bundle.clone();
    without["verificationMaterial"].as_object_mut().expect("material").remove("tlogEntries");
    assert_eq!(world.broken(&without), CryptoPart::Log);
    assert_eq!(world.broken(&with_entry(&remove("inclusionPromise"))), CryptoPart::Timestamp);
    assert!(world.verify(&with_entry(&remove("inclusionProof")), &acme()).is_err());
    assert_eq!(
        world.broken(&with_entry(&|it| it["integratedTime"] = (SIGNED_AT + 6).to_string().into())),
        CryptoPart::Log
    );
    assert_eq!(
        world.broken(&with_entry(&|it| it["inclusionProof"] = entry(&other)["inclusionProof"].clone())),
        CryptoPart::Log
    );
    assert_eq!(
        world.broken(&with_entry(&|it| it["inclusionPromise"] = entry(&other)["inclusionPromise"].clone())),
        CryptoPart::Log
    );
    // The log entry of another signature is genuine, but not of this one.
    assert_eq!(world.broken(&with_entry(&|it| *it = entry(&other))), CryptoPart::Log);
    // Another log.
    let stranger = world.acme.impostor().bundle(&Claims::build(), &world.statement(), world.how());
    assert_eq!(world.broken(&with_entry(&|it| *it = entry(&stranger))), CryptoPart::Log);
    // Another certificate.
    let mut borrowed = bundle.clone();
    borrowed["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"].clone();
    assert_eq!(world.broken(&borrowed), CryptoPart::Signature);

    let world = World::new(false);
    let (bundle, other) = (world.build(), world.build());
    let stamp = |bundle: &Value| bundle["verificationMaterial"]["timestampVerificationData"].clone();
    let stamped = |stamp: Value| {
        let mut bundle = bundle.clone();
        bundle["verificationMaterial"]["timestampVerificationData"] = stamp;
        bundle
    };
    assert!(world.verify(&stamped(Value::Null), &acme()).is_err());
    assert_eq!(world.broken(&stamped(stamp(&other))), CryptoPart::Timestamp);
    let stranger = world.acme.impostor().bundle(&Claims::build(), &world.statement(), world.how());
    assert_eq!(world.broken(&stamped(stamp(&stranger))), CryptoPart::Timestamp);
    // A bundle without a log entry is accepted for a root without a log, and never for a root with one.
    let strict = World { with_log: true, ..world };
    assert_eq!(strict.broken(&bundle), CryptoPart::Log);
}

#[test]
fn a_certificate_is_valid_for_its_ten_minutes() {
    for with_log in [true, false] {
        let world = World::new(with_log);
        for signed_at in [SIGNED_AT - 1, SIGNED_AT + 601] {
            let how = How { signed_at, ..world.how() };
            let bundle = world.acme.bundle(&Claims::build(), &world.statement(), how);
            let refused = world.verify(&bundle, &acme());
            // The chain is checked first, so the library does not report which end of the period was exceeded.
            assert!(
                matches!(
                    refused,
                    Err(AttestationRefusalReason::UnknownKey { .. }
                        | AttestationRefusalReason::Broken { part: CryptoPart::Certificate, .. })
                ),
                "{refused:#?}"
            );
        }
    }
}

#[test]
fn a_wrong_clock_is_distinguished_from_a_wrong_attestation() {
    for with_log in [true, false] {
        let world = World::new(with_log);
        let (text, roots) = (world.build().to_string(), world.roots());
        let at = |now: &str| {
            let now = now.parse().expect("a time");
            attestation::verify(&[text.as_bytes()], world.digest, &acme(), &roots, now)
        };
        // A year ahead, and a hundred: earlier signatures remain valid.
        assert!(at("2027-03-01T12:00:00Z").is_ok());
        assert!(at("2126-03-01T12:00:00Z").is_ok());
        // A year behind, and a second.
        for now in ["2025-03-01T12:00:00Z", "2026-03-01T12:00:04Z"] {
            let Err(NotProven::Refused(refused)) = at(now) else { panic!("{now} is before it was signed") };
            assert!(matches!(refused[0].reason, AttestationRefusalReason::Clock { .. }), "{refused:#?}");
        }
        assert!(at("2026-03-01T12:00:05Z").is_ok());
    }
}

#[test]
fn genuine_attestations_of_something_else_are_refused_field_by_field() {
    type Change = fn(&mut Policy);
    let world = World::new(true);
    let build = world.build();
    let repository = |name: &str| Policy::of_repository(name.parse().expect("a repository"));
    assert_eq!(world.unfit(&build, &repository("evil/other")), [Field::Repository, Field::Workflow]);
    assert_eq!(world.unfit(&build, &repository("acm/tool")), [Field::Repository, Field::Workflow]);
    assert_eq!(world.unfit(&build, &repository("acme/too")), [Field::Repository, Field::Workflow]);
    let cases: [(Field, Change); 8] = [
        (Field::Workflow, |policy| policy.workflow = "acme/tool/.github/workflows/release.ym".parse().ok()),
        (Field::RepositoryId, |policy| policy.repository_id = Some(8)),
        (Field::OwnerId, |policy| policy.owner_id = Some(7)),
        (Field::Ref, |policy| policy.tag = "v1.2.4".parse().ok()),
        (Field::Asset, |policy| policy.asset = Some("tool-darwin-arm64".to_owned())),
        (Field::Issuer, |policy| policy.issuer = "https://token.actions.githubusercontent.com/acme".to_owned()),
        (Field::Kind, |policy| policy.wanted = WantedAttestation::Release),
        (Field::Commit, |policy| policy.commit = Some("1".repeat(40))),
    ];
    for (field, change) in cases {
        let mut policy = acme();
        change(&mut policy);
        assert_eq!(world.unfit(&build, &policy), [field]);
    }
    let signed = |claims: Claims| world.acme.bundle(&claims, &world.statement(), world.how());
    let branch = signed(Claims::build().with(14, "refs/heads/main"));
    let mut tagged = acme();
    tagged.tag = "v1.2.3".parse().ok();
    assert!(world.verify(&branch, &tagged).is_ok());
    tagged.require_tag_ref = true;
    assert_eq!(world.unfit(&branch, &tagged), [Field::Ref]);
    assert_eq!(world.unfit(&signed(Claims::build().with(11, "self-hosted")), &acme()), [Field::Runner]);
    // A repository of the same name has another ID.
    let mut numbered = acme();
    numbered.repository_id = Some(7);
    assert_eq!(world.unfit(&signed(Claims::build().with(15, "99")), &numbered), [Field::RepositoryId]);
    // Our workflow that built another repository, and another repository's workflow that built ours.
    assert_eq!(
        world.unfit(&signed(Claims::build().with(12, "https://github.com/evil/tool")), &acme()),
        [Field::Repository]
    );
    let foreign = "https://github.com/acme/tool-evil/.github/workflows/release.yml@refs/tags/v1.2.3";
    assert_eq!(world.unfit(&signed(Claims::build().signed_by(foreign)), &acme()), [Field::Workflow]);
    // A person, without any claims.
    let person = Claims {
        identity: "https://acme.example/someone".to_owned(),
        extensions: vec![(8, "https://accounts.google.com".to_owned())],
    };
    let fields = world.unfit(&signed(person), &acme());
    assert_eq!(fields, [Field::Issuer, Field::Repository, Field::Workflow, Field::Runner]);
    // A workflow that claims to be GitHub's release service.
    let posing = world.acme.bundle(&Claims::build(), &released(NAME, &world.digest.to_string()), world.how());
    assert_eq!(world.unfit(&posing, &acme()), [Field::Identity]);
}

#[test]
fn genuine_attestations_of_other_bytes_are_refused_and_name_them() {
    let mut world = World::new(true);
    let bundle = world.build();
    let about = world.digest;
    world.digest = sha256(b"another tool");
    match world.verify(&bundle, &acme()) {
        Err(AttestationRefusalReason::OtherBytes { expected, found }) => {
            assert_eq!((expected, found), (world.digest, vec![about]));
        }
        other => panic!("{other:#?}"),
    }
}

#[test]
fn ambiguous_or_unreadable_bundles_are_malformed() {
    let world = World::new(true);
    let text = world.build().to_string();
    let now = "2026-11-23T00:00:00Z".parse().expect("a time");
    for altered in [
        text.replacen("\"dsseEnvelope\"", "\"dsseEnvelope\":{},\"dsseEnvelope\"", 1),
        text.replacen("\"signatures\":[", "\"signatures\":[{\"sig\":\"AAAA\"},", 1),
        text.replacen("\"payload\":\"", "\"payload\":\"!", 1),
        text.replacen("v0.3+json", "v0.9+json", 1),
        text[..text.len() - 1].to_owned(),
        String::new(),
    ] {
        let outcome = attestation::verify(&[altered.as_bytes()], world.digest, &acme(), &world.roots(), now);
        let Err(NotProven::Refused(refused)) = outcome else { panic!("{altered}") };
        assert!(matches!(refused[0].reason, AttestationRefusalReason::Malformed { .. }), "{refused:#?}");
    }
    assert_eq!(attestation::verify(&[], world.digest, &acme(), &world.roots(), now), Err(NotProven::NoBundle));
}

#[test]
fn one_matching_attestation_is_enough_and_the_others_are_reported() {
    let world = World::new(true);
    let evil = world.acme.impostor().bundle(&Claims::build(), &world.statement(), world.how());
    let texts: Vec<String> = [evil, world.build(), world.release()].iter().map(Value::to_string).collect();
    let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
    let now = "2026-11-23T00:00:00Z".parse().expect("a time");
    let proven = attestation::verify(&texts, world.digest, &acme(), &world.roots(), now).expect("proven");
    assert_eq!(
        proven.proofs.iter().map(|proof| proof.kind).collect::<Vec<_>>(),
        [AttestationKind::Build, AttestationKind::Release]
    );
    assert_eq!(proven.refused.iter().map(|refusal| refusal.bundle).collect::<Vec<_>>(), [1]);
}

#[test]
fn forged_and_too_new_are_distinguished_by_the_age_of_the_root() {
    let world = World::new(false);
    let forged = world.acme.impostor().bundle(&Claims::build(), &world.statement(), world.how());
    let told = |newest: &str| {
        let root = world.acme.root_since(false, newest).to_string();
        let roots = Roots::from_file("acme.json", root.as_bytes()).expect("a root");
        world.verify_with(&forged, &acme(), &roots).expect_err("refused").to_string()
    };
    assert!(told("2026-02-01T00:00:00Z").contains("may be too old for it, or it is forged"));
    assert!(!told("2026-06-01T00:00:00Z").contains("too old"));
}

#[test]
fn a_given_root_replaces_the_embedded_ones() {
    let world = World::new(false);
    let refused = world.verify_with(&world.build(), &acme(), &Roots::embedded());
    assert!(matches!(refused, Err(AttestationRefusalReason::UnknownKey { .. })), "{refused:#?}");
    assert!(world.verify_with(&world.build(), &acme(), &Roots::embedded().and(world.roots())).is_ok());
}
