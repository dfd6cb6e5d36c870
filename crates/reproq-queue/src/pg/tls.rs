//! TLS with rustls. Certificates are loaded only after the server has agreed to use TLS: reading those of the system takes
//! longer than the rest of a connection.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::tls::TlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::PgError;
use super::target::ClientCertificate;
use super::target::Roots;
use super::target::Verification;

/// The name of the protocol, which a server requires if TLS starts with the first byte.
const ALPN: &[u8] = b"postgresql";

/// Why there is no encrypted connection.
#[derive(Debug)]
pub(super) enum TlsFailure {
    /// The certificate is not accepted.
    Certificate(String),
    /// A file with certificates or a key cannot be used.
    File { path: String, reason: String },
    /// Anything else.
    Other(String),
}

impl TlsFailure {
    pub(super) fn at(&self, server: &str) -> PgError {
        let server = server.to_owned();
        match self {
            Self::Certificate(reason) => PgError::Certificate { server, reason: reason.clone() },
            Self::File { path, reason } => PgError::CertificateFile { path: path.clone(), reason: reason.clone() },
            Self::Other(reason) => PgError::Tls { server, reason: reason.clone() },
        }
    }

    fn of_handshake(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(reason)) = tls {
            return Self::Certificate(describe(reason));
        }
        Self::Other(error.to_string())
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are described by rustls")]
fn describe(reason: &CertificateError) -> String {
    match reason {
        CertificateError::UnknownIssuer => "it was not issued by a trusted authority".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it was issued for another name".to_owned()
        }
        other => other.to_string(),
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(reason) | Self::Other(reason) => f.write_str(reason),
            Self::File { path, reason } => write!(f, "{path}: {reason}"),
        }
    }
}

impl std::error::Error for TlsFailure {}

/// Starts TLS on a connection.
#[derive(Debug, Clone)]
pub(super) struct Starter {
    pub(super) name: String,
    pub(super) verification: Verification,
    pub(super) client: Option<ClientCertificate>,
    pub(super) direct: bool,
    /// Set when the server has agreed to use TLS.
    pub(super) reached: Arc<AtomicBool>,
}

type RustlsStream<S> = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;

impl<S> TlsConnect<S> for Starter
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = RustlsStream<S>;
    type Error = TlsFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, TlsFailure>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        self.reached.store(true, Ordering::Relaxed);
        Box::pin(async move {
            let mut maker = MakeRustlsConnect::new(self.config()?);
            let Ok(connector) = MakeTlsConnect::<S>::make_tls_connect(&mut maker, &self.name);
            connector.connect(stream).await.map_err(|error| TlsFailure::of_handshake(&error))
        })
    }
}

impl Starter {
    fn config(&self) -> Result<ClientConfig, TlsFailure> {
        let other = |error: rustls::Error| TlsFailure::Other(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = verifier(&self.verification, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(other)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some(files) => {
                let chain = certificates(&files.certificate)?;
                let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, &error))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| unusable(&files.certificate, &error))?
            }
        };
        if self.direct {
            config.alpn_protocols = vec![ALPN.to_vec()];
        }
        Ok(config)
    }
}

fn unusable(path: &Path, reason: &impl ToString) -> TlsFailure {
    TlsFailure::File { path: path.display().to_string(), reason: reason.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFailure> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, &error))?;
    let read: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unusable(path, &error))?;
    if read.is_empty() { Err(unusable(path, &"it contains no certificate")) } else { Ok(read) }
}

fn verifier(
    verification: &Verification,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsFailure> {
    let (roots, checks_name) = match verification {
        Verification::Nothing => return Ok(Arc::new(NothingVerified(Arc::clone(provider)))),
        Verification::Authority(roots) => (roots, false),
        Verification::Full(roots) => (roots, true),
    };
    let inner: Arc<dyn ServerCertVerifier> = match roots {
        Roots::File(path) => webpki(certificates(path)?, provider).map_err(|reason| unusable(path, &reason))?,
        Roots::System => of_system(provider)?,
    };
    Ok(if checks_name { inner } else { Arc::new(AnyName(inner)) })
}

fn webpki(
    roots: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
    Ok(verifier.map_err(|error| error.to_string())?)
}

/// The certificates of the system, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
#[cfg(all(unix, not(target_os = "macos")))]
fn of_system(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TlsFailure> {
    let loaded = rustls_native_certs::load_native_certs();
    if let (true, Some(error)) = (loaded.certs.is_empty(), loaded.errors.first()) {
        return Err(TlsFailure::Other(format!("certificates of the system: {error}")));
    }
    webpki(loaded.certs, provider).map_err(|reason| TlsFailure::Other(format!("certificates of the system: {reason}")))
}

/// The verifier of the system also checks the name, whatever the mode.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn of_system(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TlsFailure> {
    let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(provider));
    Ok(Arc::new(verifier.map_err(|error| TlsFailure::Other(error.to_string()))?))
}

/// Accepts every certificate: `sslmode=require` encrypts, and nothing more.
#[derive(Debug)]
struct NothingVerified(Arc<CryptoProvider>);

impl ServerCertVerifier for NothingVerified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Verifies the issuer, and accepts a certificate for another name. The name is checked last, so a certificate that is refused
/// for its name has passed everything else.
#[derive(Debug)]
struct AnyName(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.0.verify_server_cert(certificate, chain, name, ocsp, now);
        match verified {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
