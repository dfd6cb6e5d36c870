//! Sends one request the way every other request is sent, and reports each stage separately: name, proxy, TLS,
//! response. For diagnosing which of them fails.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use reqwest::tls::TlsInfo;
use tokio::time::Instant;
use url::Url;
use x509_cert::der::Decode;

use crate::io::net::Http;
use crate::io::net::HttpOptions;
use crate::io::net::NetError;
use crate::io::net::dns::resolve;
use crate::model::secret::SafeUrl;
use crate::model::secret::Secret;

/// The stages of one request.
#[derive(Debug)]
pub(crate) struct Probe {
    /// The URL, without its query.
    pub url: String,
    /// Its host.
    pub host: String,
    /// Its IP addresses, or why the name could not be resolved.
    pub addresses: Result<Vec<IpAddr>, String>,
    /// The proxy the request goes through, without its password.
    pub proxy: Option<String>,
    /// The issuer of the server's certificate, if there was one.
    pub issuer: Option<String>,
    /// The response, whatever its status, or why there was none.
    pub outcome: Result<Answered, NetError>,
    /// The time to the response.
    pub took: Duration,
}

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Answered {
    /// Its status.
    pub status: u16,
    /// The target, if it is a redirect.
    pub location: Option<Url>,
    /// The headers, for rate limits and the server's clock.
    headers: HeaderMap,
}

impl Answered {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends one request, follows no redirects and reads no body. `authorization` is sent to this URL only.
pub(crate) async fn probe(
    options: &HttpOptions,
    url: &Url,
    authorization: Option<&Secret<String>>,
) -> Result<Probe, NetError> {
    let http = Http::inspecting(options.clone())?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let addresses = match resolve(host.clone(), port).await {
        Ok(found) => Ok(found.iter().map(|address| address.ip()).collect()),
        Err(error) => Err(error.to_string()),
    };
    let began = Instant::now();
    // The body does not matter and may be large.
    let one_byte = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-0"))]);
    let outcome = http.get_once(url, url, &one_byte, authorization).await;
    let took = began.elapsed();
    let issuer = outcome.as_ref().ok().and_then(|response| {
        let info = response.extensions().get::<TlsInfo>()?;
        issuer_of(info.peer_certificate()?)
    });
    let outcome = outcome.map(|response| {
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        Answered {
            status: response.status().as_u16(),
            location: location.and_then(|location| url.join(location).ok()),
            headers: response.headers().clone(),
        }
    });
    let proxy = http.proxy_for(url).map(ToString::to_string);
    Ok(Probe { url: SafeUrl(url).to_string(), host, addresses, proxy, issuer, outcome, took })
}

/// The name of a certificate's issuer; shows a corporate proxy that intercepts TLS.
fn issuer_of(der: &[u8]) -> Option<String> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate.issuer.to_string())
}
