//! A Sigstore instance for tests: a certificate authority, a timestamp authority and a log, and bundles created with them.
//! Tests use it to create attestations with a single error.

mod der;
mod log;
mod stamps;

use std::rc::Rc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CustomExtension;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::PublicKeyData;
use rcgen::SanType;
use rcgen::SerialNumber;
use rcgen::SigningKey;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use log::Log;
use stamps::TimestampAuthority;

/// 2026-03-01T12:00:00Z: when everything here is signed.
pub const SIGNED_AT: i64 = 1_772_366_400;

/// The claims in a workflow's certificate.
#[derive(Debug, Clone)]
pub struct Claims {
    /// The signer's name.
    pub identity: String,
    /// The extensions below 1.3.6.1.4.1.57264.1, by number.
    pub extensions: Vec<(u64, String)>,
}

impl Claims {
    /// `release.yml` of acme/tool, run by GitHub for the tag v1.2.3.
    pub fn build() -> Self {
        let signer = "https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/v1.2.3";
        let extensions = [
            (8, "https://token.actions.githubusercontent.com"),
            (9, signer),
            (11, "github-hosted"),
            (12, "https://github.com/acme/tool"),
            (13, "0123456789abcdef0123456789abcdef01234567"),
            (14, "refs/tags/v1.2.3"),
            (15, "7"),
            (16, "https://github.com/acme"),
            (17, "70"),
            (21, "https://github.com/acme/tool/actions/runs/1/attempts/1"),
        ];
        let extensions = extensions.into_iter().map(|(number, text)| (number, text.to_owned())).collect();
        Self { identity: signer.to_owned(), extensions }
    }

    /// `release.yml` of a repository, run by GitHub for a tag of it.
    pub fn build_of(repository: &str, tag: &str) -> Self {
        let signer = format!("https://github.com/{repository}/.github/workflows/release.yml@refs/tags/{tag}");
        let owner = repository.split('/').next().expect("an owner");
        Self::build()
            .signed_by(&signer)
            .with(12, &format!("https://github.com/{repository}"))
            .with(14, &format!("refs/tags/{tag}"))
            .with(16, &format!("https://github.com/{owner}"))
            .with(21, &format!("https://github.com/{repository}/actions/runs/1/attempts/1"))
    }

    /// GitHub's release service.
    pub fn release() -> Self {
        Self { identity: "https://dotcom.releases.github.com".to_owned(), extensions: Vec::new() }
    }

    /// With another claim.
    pub fn with(mut self, number: u64, text: &str) -> Self {
        self.extensions.retain(|(other, _)| *other != number);
        self.extensions.push((number, text.to_owned()));
        self
    }

    /// Signed by another workflow.
    pub fn signed_by(mut self, identity: &str) -> Self {
        identity.clone_into(&mut self.identity);
        self.with(9, identity)
    }
}

/// Provenance of `name` with this digest.
pub fn provenance(name: &str, sha256: &str) -> Value {
    provenance_of_all(&[(name, sha256.to_owned())])
}

/// Provenance of several files at once, each with its digest.
pub fn provenance_of_all(files: &[(&str, String)]) -> Value {
    let subjects: Vec<Value> =
        files.iter().map(|(name, sha256)| json!({"name": name, "digest": {"sha256": sha256}})).collect();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"buildType": "https://actions.github.io/buildtypes/workflow/v1"}},
    })
}

/// A release attestation of acme/tool v1.2.3.
pub fn released(name: &str, sha256: &str) -> Value {
    released_of("acme/tool", "v1.2.3", name, sha256)
}

/// A release attestation of any repository.
pub fn released_of(repository: &str, tag: &str, name: &str, sha256: &str) -> Value {
    let purl = format!("pkg:github/{repository}@{tag}");
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"uri": purl, "digest": {"sha1": "0123456789abcdef0123456789abcdef01234567"}},
            {"name": name, "digest": {"sha256": sha256}},
        ],
        "predicateType": "https://in-toto.io/attestation/release/v0.1",
        "predicate": {
            "ownerId": "70", "purl": purl, "releaseId": "1",
            "repository": repository, "repositoryId": "7", "tag": tag,
        },
    })
}

/// An authority with its keys.
pub struct Instance {
    name: DistinguishedName,
    authority: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
    stamps: Rc<TimestampAuthority>,
    log: Rc<Log>,
}

/// How a bundle differs from a regular one.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// When its certificate is issued, for ten minutes.
    pub issued_at: i64,
    /// When it is signed, according to the log and the timestamp.
    pub signed_at: i64,
    /// Whether a log records it.
    pub logged: bool,
    /// Whether it contains a timestamp.
    pub stamped: bool,
}

impl Default for How {
    fn default() -> Self {
        Self { issued_at: SIGNED_AT, signed_at: SIGNED_AT + 5, logged: true, stamped: true }
    }
}

impl Instance {
    /// An instance with this authority name.
    pub fn new(organisation: &str, common: &str) -> Self {
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, organisation);
        name.push(DnType::CommonName, common);
        let (certificate, authority) = authority(&name);
        Self { name, authority, certificate, stamps: TimestampAuthority::new().into(), log: Log::new().into() }
    }

    /// Its trusted root; without a log it has the form of GitHub's own instance. It has a key from a later time than any
    /// signature, so that it is never considered outdated.
    pub fn root(&self, with_log: bool) -> Value {
        self.root_since(with_log, "2026-06-01T00:00:00Z")
    }

    /// Its trusted root, the newest key of which is from this time.
    pub fn root_since(&self, with_log: bool, newest: &str) -> Value {
        let authority = |uri: &str, chain: &[&[u8]], since: &str| {
            let certificates: Vec<Value> =
                chain.iter().map(|certificate| json!({"rawBytes": STANDARD.encode(certificate)})).collect();
            json!({"uri": uri, "certChain": {"certificates": certificates}, "validFor": {"start": since}})
        };
        let (since, stamps) = ("2020-01-01T00:00:00Z", self.stamps.chain());
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "certificateAuthorities": [authority("https://ca.acme.example", &[&self.certificate], since)],
            "timestampAuthorities": [
                authority("https://tsa.acme.example", &stamps, since),
                authority("https://tsa.acme.example", &stamps, newest),
            ],
            "tlogs": if with_log { vec![self.log.root(since)] } else { Vec::new() },
        })
    }

    /// Another instance of the same name with other keys.
    pub fn impostor(&self) -> Self {
        let (certificate, authority) = authority(&self.name);
        Self {
            name: self.name.clone(),
            authority,
            certificate,
            stamps: TimestampAuthority::new().into(),
            log: Log::new().into(),
        }
    }

    /// As [`Self::impostor`], with the timestamps and the log of this instance, which are publicly available.
    pub fn impostor_with_services(&self) -> Self {
        Self { stamps: Rc::clone(&self.stamps), log: Rc::clone(&self.log), ..self.impostor() }
    }

    /// A bundle over this statement.
    pub fn bundle(&self, claims: &Claims, statement: &Value, how: How) -> Value {
        let payload = statement.to_string().into_bytes();
        let key = KeyPair::generate().expect("a key");
        let certificate = self.certificate_for(claims, &key, how.issued_at);
        let kind = "application/vnd.in-toto+json";
        let signed = [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), &payload].concat();
        let signature = key.sign(&signed).expect("a signature");
        let mut material = json!({"certificate": {"rawBytes": STANDARD.encode(&certificate)}});
        if how.logged {
            material["tlogEntries"] = json!([self.log.entry(&payload, &signature, &certificate, how.signed_at)]);
        }
        if how.stamped {
            let stamp = STANDARD.encode(self.stamps.stamp(&signature, how.signed_at));
            material["timestampVerificationData"] = json!({"rfc3161Timestamps": [{"signedTimestamp": stamp}]});
        }
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            "dsseEnvelope": {
                "payload": STANDARD.encode(&payload),
                "payloadType": kind,
                "signatures": [{"sig": STANDARD.encode(&signature)}],
            },
        })
    }

    fn certificate_for(&self, claims: &Claims, key: &KeyPair, issued_at: i64) -> Vec<u8> {
        let mut params = lasting(DistinguishedName::new());
        let issued_at = Duration::from_secs(u64::try_from(issued_at).expect("after 1970"));
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + issued_at;
        params.not_after = params.not_before + Duration::from_secs(600);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.subject_alt_names = vec![SanType::URI(claims.identity.as_str().try_into().expect("ASCII"))];
        let extension = |(number, text): &(u64, String)| {
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, *number], der::utf8(text))
        };
        params.custom_extensions = claims.extensions.iter().map(extension).collect();
        params.signed_by(key, &self.authority).expect("a certificate").der().to_vec()
    }
}

fn authority(name: &DistinguishedName) -> (Vec<u8>, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = lasting(name.clone());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate").der().to_vec();
    (certificate, Issuer::new(params, key))
}

/// A certificate that does not expire while these tests are in use.
fn lasting(name: DistinguishedName) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2046, 1, 1);
    params.serial_number = Some(SerialNumber::from(7_u64));
    params
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// A public key as encoded in certificates.
fn spki(key: &KeyPair) -> Vec<u8> {
    key.subject_public_key_info()
}
