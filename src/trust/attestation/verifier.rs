//! The cryptography: the only file that uses sigstore-verify and its parts.
//!
//! Every root is verified by its own rules, which a bundle cannot change: bundles of the public instance need a
//! certificate in a certificate log and an entry in the transparency log, those of GitHub's instance a timestamp, and
//! those of other instances whatever their root has keys for.

use chrono::DateTime;
use chrono::Utc;
use rustls::pki_types::CertificateDer;
use sigstore_trust_root::SIGSTORE_GITHUB_TRUSTED_ROOT;
use sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
use sigstore_trust_root::TrustedRoot;
use sigstore_verify::CertificateError;
use sigstore_verify::Error;
use sigstore_verify::PublicKeyVerificationPolicy;
use sigstore_verify::TimestampError;
use sigstore_verify::TransparencyLogError;
use sigstore_verify::VerificationPolicy;
use sigstore_verify::VerificationResult;
use sigstore_verify::crypto::CertificateInfo;
use sigstore_verify::crypto::parse_certificate_info;
use sigstore_verify::types;
use sigstore_verify::types::DerPublicKey;
use sigstore_verify::types::Sha256Hash;
use sigstore_verify::types::SignatureContent;

use crate::model::Sha256Digest;

use super::identity::CertificateClaims;
use super::refusal::CryptoPart;
use super::roots::Instance;
use super::roots::KeyRole;
use super::roots::Root;
use super::roots::RootError;
use super::verified::SigningTime;

/// The texts of the embedded roots: the public instance's and GitHub's.
pub(super) const EMBEDDED: &[&str] = &[SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_GITHUB_TRUSTED_ROOT];

/// Whether every key of a root is usable.
pub(super) fn usable(root: &Root) -> Result<(), String> {
    Verifier::new(root).map(|_| ())
}

/// The verified content of a bundle.
#[derive(Debug)]
pub(super) struct Checked {
    /// The signer; `None` if it was a key.
    pub(super) identity: Option<CertificateClaims>,
    /// The signed statement; `None` if the bytes themselves were signed.
    pub(super) payload: Option<Vec<u8>>,
    /// The earliest verified time.
    pub(super) signed_at: Option<DateTime<Utc>>,
    pub(super) time: Option<SigningTime>,
    pub(super) logged: bool,
    pub(super) instance: Instance,
}

/// Why a bundle was not verified.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// It cannot be parsed.
    Malformed(String),
    /// It is of an unsupported kind.
    Unsupported(String),
    /// A part of it is invalid.
    Broken { part: CryptoPart, doubt: Doubt, detail: String },
    /// It is valid, but for other bytes; with the signed statement, if there is one.
    OtherBytes(Option<Vec<u8>>),
}

/// The alternative explanation of an invalid part: the library does not distinguish a forged bundle from one made with
/// a key that is newer than the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is invalid, whatever the age of the root.
    None,
    /// It may have been made with a newer key.
    NewerKey,
    /// No authority of the root issued the certificate.
    Stranger,
}

/// A parsed bundle.
#[derive(Debug)]
pub(super) struct SigstoreBundle {
    bundle: types::Bundle,
    certificate: Option<CertificateInfo>,
}

impl SigstoreBundle {
    /// Parses a bundle and its certificate.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let bundle = types::Bundle::from_json(text).map_err(|error| error.to_string())?;
        let certificate = match bundle.signing_certificate() {
            Some(certificate) => Some(parse_certificate_info(certificate).map_err(|error| error.to_string())?),
            None => None,
        };
        Ok(Self { bundle, certificate })
    }

    /// The claimed issue time of its certificate; not verified.
    pub(super) fn issued_at(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.certificate.as_ref()?.not_before.as_second(), 0)
    }

    fn payload(&self) -> Option<Vec<u8>> {
        if let SignatureContent::DsseEnvelope(envelope) = &self.bundle.content {
            return Some(envelope.payload.as_bytes().to_vec());
        }
        None
    }
}

/// A root with its verification rules.
pub(super) struct Verifier<'a> {
    root: &'a Root,
    trusted: TrustedRoot,
    inner: sigstore_verify::Verifier,
    /// Whether a transparency log entry is required.
    log: bool,
    /// Whether the certificate must be in a certificate log.
    certificate_log: bool,
}

impl<'a> Verifier<'a> {
    /// Prepares a root; returns an error if its keys are unusable.
    fn new(root: &'a Root) -> Result<Self, String> {
        let trusted = TrustedRoot::from_json(root.text()).map_err(|error| error.to_string())?;
        let inner = sigstore_verify::Verifier::new(&trusted).map_err(|error| error.to_string())?;
        let (log, certificate_log) = match root.instance {
            Instance::PublicGood => (true, true),
            Instance::GitHub => (false, false),
            Instance::Other => (root.has(KeyRole::TransparencyLog), root.has(KeyRole::CertificateLog)),
        };
        Ok(Self { root, trusted, inner, log, certificate_log })
    }

    /// As [`Self::new`], with the error for the user.
    pub(super) fn ready(root: &'a Root) -> Result<Self, RootError> {
        Self::new(root).map_err(|reason| RootError::new(root.instance.to_string(), reason))
    }

    /// The underlying root.
    pub(super) const fn root(&self) -> &Root {
        self.root
    }

    /// Verifies by the rules of this root; with a key, that this key signed and that a log recorded it.
    pub(super) fn check(
        &self,
        bundle: &SigstoreBundle,
        digest: Sha256Digest,
        key: Option<&str>,
    ) -> Result<Checked, Failure> {
        let digest = Sha256Hash::from_hex(&digest.to_string()).expect("a digest is 64 hexadecimal digits");
        let result = match key {
            None => {
                let mut policy = VerificationPolicy::any_identity();
                if !self.log {
                    policy = policy.skip_tlog_unsafe();
                }
                if !self.certificate_log {
                    policy = policy.skip_sct();
                }
                self.inner.verify(digest, &bundle.bundle, &policy)
            }
            Some(pem) => {
                let key = DerPublicKey::from_pem(pem)
                    .map_err(|error| Failure::Unsupported(format!("the given key: {error}")))?;
                self.inner.verify(digest, &bundle.bundle, &PublicKeyVerificationPolicy::new(key))
            }
        };
        let result = result.map_err(|error| failure(&error, bundle))?;
        self.confirm(&result, bundle, key.is_some())?;
        Ok(self.checked(&result, bundle))
    }

    /// Confirms that everything this root requires was verified. The library fails first; this detects a later version
    /// that skips a check.
    fn confirm(&self, result: &VerificationResult, bundle: &SigstoreBundle, by_key: bool) -> Result<(), Failure> {
        let broken = |part: CryptoPart, detail: &str| {
            Err(Failure::Broken { part, doubt: Doubt::None, detail: detail.to_owned() })
        };
        let evidence = bundle.bundle.has_inclusion_proof() || bundle.bundle.has_inclusion_promise();
        if (self.log || by_key) && !(result.tlog_verified() && evidence) {
            return broken(CryptoPart::Log, "no log entry was verified");
        }
        if by_key {
            return Ok(());
        }
        if !result.certificate_verified() || result.certificate().is_none() {
            return broken(CryptoPart::Certificate, "the certificate was not verified");
        }
        if self.certificate_log && !result.sct_verified() {
            return broken(CryptoPart::Certificate, "its record in the certificate log was not verified");
        }
        if result.verified_timestamps().is_empty() {
            return broken(CryptoPart::Timestamp, "no time was verified");
        }
        Ok(())
    }

    fn checked(&self, result: &VerificationResult, bundle: &SigstoreBundle) -> Checked {
        let times = result.verified_timestamps();
        // Every timestamp in the bundle was verified; any other time is from the log.
        let stamps = bundle.bundle.verification_material.timestamp_verification_data.rfc3161_timestamps.len();
        let time = match (stamps > 0, times.len() > stamps) {
            (true, true) => Some(SigningTime::LogAndTimestampAuthority),
            (true, false) => Some(SigningTime::TimestampAuthority),
            (false, true) => Some(SigningTime::Log),
            (false, false) => None,
        };
        Checked {
            identity: result.certificate().map(identity),
            payload: bundle.payload(),
            signed_at: times.iter().min().and_then(|time| DateTime::from_timestamp(time.as_second(), 0)),
            time,
            logged: result.tlog_verified(),
            instance: self.root.instance,
        }
    }

    /// Whether an authority of this root is the issuer of the bundle's certificate. Only affects which of several
    /// errors is reported.
    pub(super) fn issued(&self, bundle: &SigstoreBundle) -> bool {
        let Some(certificate) = bundle.bundle.signing_certificate() else { return false };
        let der = CertificateDer::from(certificate.as_bytes());
        let Ok(leaf) = webpki::EndEntityCert::try_from(&der) else { return false };
        self.trusted.certificate_authorities.iter().flat_map(|authority| &authority.cert_chain.certificates).any(
            |entry| {
                let der = CertificateDer::from(entry.raw_bytes.as_bytes());
                webpki::anchor_from_trusted_cert(&der).is_ok_and(|anchor| anchor.subject.as_ref() == leaf.issuer())
            },
        )
    }
}

/// Converts an error of the library.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library may add errors; unknown ones are failures")]
fn failure(error: &Error, bundle: &SigstoreBundle) -> Failure {
    let broken = |part: CryptoPart, doubt: Doubt| Failure::Broken { part, doubt, detail: error.to_string() };
    match error {
        Error::ArtifactMismatch(_) => Failure::OtherBytes(bundle.payload()),
        Error::SignatureInvalid(_) | Error::Crypto(_) => broken(CryptoPart::Signature, Doubt::None),
        Error::Certificate(CertificateError::ChainInvalid(_) | CertificateError::NoValidAuthority { .. }) => {
            broken(CryptoPart::Certificate, Doubt::Stranger)
        }
        Error::Certificate(CertificateError::Sct(_)) => broken(CryptoPart::Certificate, Doubt::NewerKey),
        Error::Certificate(_) => broken(CryptoPart::Certificate, Doubt::None),
        Error::TransparencyLog(
            TransparencyLogError::UnknownLog { .. }
            | TransparencyLogError::Checkpoint(_)
            | TransparencyLogError::InclusionPromise(_),
        ) => broken(CryptoPart::Log, Doubt::NewerKey),
        Error::TransparencyLog(_) => broken(CryptoPart::Log, Doubt::None),
        Error::Timestamp(TimestampError::Invalid(_)) => broken(CryptoPart::Timestamp, Doubt::NewerKey),
        Error::Timestamp(_) => broken(CryptoPart::Timestamp, Doubt::None),
        Error::Bundle(_) if bundle.bundle.verification_material.tlog_entries.is_empty() => {
            broken(CryptoPart::Log, Doubt::None)
        }
        Error::UnsupportedBundle(_) | Error::UnsupportedArtifact(_) => Failure::Unsupported(error.to_string()),
        _ => Failure::Malformed(error.to_string()),
    }
}

/// The claims of a certificate as our own type.
fn identity(certificate: &CertificateInfo) -> CertificateClaims {
    let claims = certificate.ci_claims.clone();
    CertificateClaims {
        name: certificate.identity.as_ref().map(ToString::to_string),
        issuer: certificate.issuer.clone(),
        runner: claims.runner_environment,
        repository: claims.source_repository_uri,
        commit: claims.source_repository_digest,
        git_ref: claims.source_repository_ref,
        repository_id: claims.source_repository_identifier,
        owner_id: claims.source_repository_owner_identifier,
        run: claims.run_invocation_uri,
    }
}
