//! Looks at one address the way every other request would go there, and tells each stage apart: name, proxy, encryption,
//! answer. For those who have to find out which of them is in the way.

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

/// What one request met on its way.
#[derive(Debug)]
pub struct Probe {
    /// The address, without its query.
    pub url: String,
    /// Its host.
    pub host: String,
    /// What its name leads to, or why it leads nowhere.
    pub addresses: Result<Vec<IpAddr>, String>,
    /// The proxy the request goes through, without its password.
    pub proxy: Option<String>,
    /// Who signed the certificate that was shown, where there was one.
    pub issuer: Option<String>,
    /// The answer, whatever its status, or what kept it from coming.
    pub outcome: Result<Answered, NetError>,
    /// How long the answer took.
    pub took: Duration,
}

/// An answer's beginning.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Where it leads, if it is a redirect.
    pub location: Option<Url>,
    /// The headers, for what they say of limits and of the server's clock.
    headers: HeaderMap,
}

impl Answered {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Asks once, follows nothing, reads no body. `authorization` goes to this address alone.
pub async fn probe(
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
    // What is behind the address does not matter, and may be large.
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

/// The issuer's name in a certificate; a company's proxy that signs its traffic anew shows here.
fn issuer_of(der: &[u8]) -> Option<String> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate.issuer.to_string())
}
