//! The trusted certificates. macOS and Windows verify with their own verifier; elsewhere the system's bundle is read
//! here, because reqwest would also read each of the hundreds of files next to it, which takes ten times as long and
//! finds the same certificates.

#[cfg(all(unix, not(target_os = "macos")))]
use std::path::PathBuf;

use reqwest::ClientBuilder;

use crate::io::net::Certificates;
use crate::io::net::NetError;
#[cfg(all(unix, not(target_os = "macos")))]
use crate::io::net::error::is_limit;

/// The bundles of the distributions; the first that exists is used, as in Go's `crypto/x509`.
#[cfg(all(unix, not(target_os = "macos")))]
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Trusts the system's certificates and those that the user adds.
#[cfg(all(unix, not(target_os = "macos")))]
pub(super) fn trusting(builder: ClientBuilder, added: &Certificates) -> Result<ClientBuilder, NetError> {
    use std::sync::Arc;

    let bundle = BUNDLES.iter().map(PathBuf::from).find(|path| path.is_file());
    let system = match &bundle {
        Some(path) => rustls_native_certs::load_certs_from_paths(Some(path), None),
        None => rustls_native_certs::load_native_certs(),
    };
    exhausted(&system.errors)?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(system.certs);
    roots.add_parsable_certificates(added.load()?);
    if roots.is_empty() {
        return Err(NetError::Setup("the system has no trusted certificates".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NetError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(builder.tls_backend_preconfigured(config))
}

/// Reaching the limit of open files says nothing about the certificates.
#[cfg(all(unix, not(target_os = "macos")))]
fn exhausted(errors: &[rustls_native_certs::Error]) -> Result<(), NetError> {
    let numbers = errors.iter().filter_map(|error| {
        if let rustls_native_certs::ErrorKind::Io { inner, .. } = &error.kind { inner.raw_os_error() } else { None }
    });
    match numbers.into_iter().find(|number| is_limit(*number)) {
        Some(number) => Err(NetError::System {
            doing: "read the system certificates",
            source: std::io::Error::from_raw_os_error(number),
        }),
        None => Ok(()),
    }
}

/// Trusts the system's certificates and those that the user adds.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub(super) fn trusting(builder: ClientBuilder, added: &Certificates) -> Result<ClientBuilder, NetError> {
    let added = added.load()?;
    let added = added.iter().map(|certificate| reqwest::Certificate::from_der(certificate));
    let added: Vec<_> = added.collect::<Result<_, _>>().map_err(|error| NetError::Setup(error.to_string()))?;
    if added.is_empty() { Ok(builder) } else { Ok(builder.tls_certs_merge(added)) }
}
