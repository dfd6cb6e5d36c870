//! Certificates created in memory: valid ones, and invalid ones that a client must refuse.

use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::PrivatePkcs8KeyDer;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The protocol of the three origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// Plain HTTP.
    #[default]
    Off,
    /// A certificate for `127.0.0.1`, `::1`, `localhost` and `github.test` (which only a [`crate::Proxy`] finds), signed by the authority of `ca_pem`.
    Trusted,
    /// As `Trusted`, but expired.
    Expired,
    /// As `Trusted`, but not yet valid.
    NotYetValid,
    /// As `Trusted`, but for `wrong.example`.
    WrongHost,
    /// Signed by another authority than the one of `ca_pem`.
    Untrusted,
}

/// What a start with TLS needs: the server's side and the authority for clients.
pub(crate) struct Identity {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) ca_pem: String,
}

/// Creates an authority and a certificate; `None` for plain HTTP.
pub(crate) fn identity(tls: Tls) -> Option<Identity> {
    let names = match tls {
        Tls::Off => return None,
        Tls::WrongHost => vec!["wrong.example".to_owned()],
        Tls::Trusted | Tls::Expired | Tls::NotYetValid | Tls::Untrusted => {
            ["localhost", "127.0.0.1", "::1", "github.test"].map(str::to_owned).to_vec()
        }
    };
    let signer = authority("fake-github test authority");
    let ca_pem = match tls {
        Tls::Untrusted => authority("fake-github other authority").pem(),
        Tls::Off | Tls::Trusted | Tls::Expired | Tls::NotYetValid | Tls::WrongHost => signer.pem(),
    };
    let now = SystemTime::now();
    let mut params = CertificateParams::new(names).expect("the names are plain ASCII");
    params.distinguished_name.push(DnType::CommonName, "fake-github");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = match tls {
        Tls::Expired => ((now - 30 * DAY).into(), (now - DAY).into()),
        Tls::NotYetValid => ((now + DAY).into(), (now + 90 * DAY).into()),
        Tls::Off | Tls::Trusted | Tls::WrongHost | Tls::Untrusted => ((now - DAY).into(), (now + 90 * DAY).into()),
    };
    let key = KeyPair::generate().expect("the system gives randomness");
    let certificate = params.signed_by(&key, &signer).expect("a key of our own signs");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Some(Identity { server: server(certificate.der().clone(), key), ca_pem })
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let now = SystemTime::now();
    (params.not_before, params.not_after) = ((now - 60 * DAY).into(), (now + 365 * DAY).into());
    let key = KeyPair::generate().expect("the system gives randomness");
    CertifiedIssuer::self_signed(params, key).expect("a key of our own signs")
}

fn server(certificate: rustls::pki_types::CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Arc<ServerConfig> {
    let mut provider = aws_lc_rs::default_provider();
    // AES-128 first, as on GitHub's asset host: the benchmark should measure the client, not a longer key.
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has the default suites")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key belongs to the certificate");
    config.ignore_client_order = true;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
