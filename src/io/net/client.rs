//! The HTTP client: its timeouts, its trusted certificates, and redirects that are followed explicitly.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::Response;
use reqwest::header;
use reqwest::header::HeaderMap;
use url::Url;

use crate::io::net::BodyProblem;
use crate::io::net::Certificates;
use crate::io::net::Exchange;
use crate::io::net::NetError;
use crate::io::net::ProxyVariables;
use crate::io::net::RequestLog;
use crate::io::net::api::retry_after_of;
use crate::io::net::collect;
use crate::io::net::dns::SystemResolver;
use crate::io::net::error::shown;
use crate::io::net::proxy::Proxies;
use crate::io::net::proxy::ProxyServer;
use crate::io::net::retrying;
use crate::io::net::roots;
use crate::model::secret::Secret;
use crate::model::url_policy::is_loopback;

/// The maximum number of redirects.
const MAX_REDIRECTS: usize = 8;

/// The options of the client.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The connect timeout.
    pub connect_timeout: Duration,
    /// The maximum time without data in a response.
    pub idle_timeout: Duration,
    /// Certificates that are trusted in addition to the system's.
    pub certificates: Certificates,
    /// The proxy.
    pub proxy: ProxyVariables,
    /// Receives a log line per request.
    pub log: RequestLog,
    /// The client that was created with these options.
    pub shared: SharedHttp,
}

/// A client that is created once: TLS, roots and connections are shared by everything that one command requests.
#[derive(Debug, Clone, Default)]
pub struct SharedHttp(Arc<OnceLock<Http>>);

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            certificates: Certificates::default(),
            proxy: ProxyVariables::default(),
            log: RequestLog::default(),
            shared: SharedHttp::default(),
        }
    }
}

impl HttpOptions {
    /// All invalid variables, without creating a client.
    pub fn unusable(&self) -> Vec<NetError> {
        let certificates = self.certificates.load().err();
        let proxy = Proxies::read(&self.proxy).err();
        certificates.into_iter().chain(proxy).collect()
    }
}

/// An HTTP/1.1 client over rustls that uses the proxies of the environment and trusts the system's certificates.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    idle_timeout: Duration,
    log: RequestLog,
    proxies: Arc<Proxies>,
}

impl Http {
    /// The client for these options, created on first use. It does not follow redirects, decompress or keep cookies by itself.
    pub fn new(options: HttpOptions) -> Result<Self, NetError> {
        let shared = options.shared.0.clone();
        if let Some(http) = shared.get() {
            return Ok(http.clone());
        }
        let http = Self::made(options, false)?;
        Ok(shared.get_or_init(|| http).clone())
    }

    /// As [`Http::new`], but keeps the server's certificates with the response.
    pub(super) fn inspecting(options: HttpOptions) -> Result<Self, NetError> {
        Self::made(options, true)
    }

    fn made(options: HttpOptions, keeps_certificates: bool) -> Result<Self, NetError> {
        let proxies = Proxies::read(&options.proxy)?;
        let builder = reqwest::Client::builder()
            .user_agent(concat!("reproq-cli/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(options.connect_timeout.min(options.idle_timeout))
            .read_timeout(options.idle_timeout)
            .referer(false)
            .proxy(proxies.for_client())
            .dns_resolver(Arc::new(SystemResolver))
            .tls_info(keeps_certificates)
            .http1_only();
        let client = roots::trusting(builder, &options.certificates)?
            .build()
            .map_err(|error| NetError::Setup(error.to_string()))?;
        Ok(Self { client, idle_timeout: options.idle_timeout, log: options.log, proxies: Arc::new(proxies) })
    }

    /// The underlying client, for octocrab.
    pub(crate) fn leaf(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// The proxy that a request to a URL goes through.
    pub(super) fn proxy_for(&self, url: &Url) -> Option<&ProxyServer> {
        self.proxies.server_for(url)
    }

    /// For requests that the client did not send itself.
    pub(crate) fn log(&self) -> &RequestLog {
        &self.log
    }

    /// Why a request got no response. Failures to connect through a proxy are attributed to the proxy.
    pub(crate) fn failure(&self, error: &reqwest::Error, url: &Url) -> NetError {
        NetError::of_request(error, url, self.proxy_for(url))
    }

    /// The maximum time without data in a body.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// Requests a URL and follows redirects: only to https, or if the request began with plain http (which is allowed
    /// only on this machine) also to plain http on this machine. `authorization` is sent to the origin of the first URL
    /// and to no other. Returns the first response that is not a redirect, with its URL.
    pub(crate) async fn get(
        &self,
        url: &Url,
        headers: HeaderMap,
        authorization: Option<&Secret<String>>,
    ) -> Result<(Response, Url), NetError> {
        let mut at = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.get_once(&at, url, &headers, authorization).await?;
            if !response.status().is_redirection() || response.status() == reqwest::StatusCode::NOT_MODIFIED {
                return Ok((response, at));
            }
            at = redirect_target(&at, url, response.headers())?;
        }
        Err(NetError::Redirect { url: shown(url), problem: format!("more than {MAX_REDIRECTS} times") })
    }

    /// Sends one request and returns the response, redirects included.
    pub(crate) async fn get_once(
        &self,
        url: &Url,
        first: &Url,
        headers: &HeaderMap,
        authorization: Option<&Secret<String>>,
    ) -> Result<Response, NetError> {
        let authorization = authorization.filter(|_| url.origin() == first.origin());
        let (mut response, exchange) = self.send_once(Method::GET, url, headers.clone(), None, authorization).await?;
        // The request ends when the body has been read, so the log entry moves with the body.
        response.extensions_mut().insert(exchange);
        Ok(response)
    }

    /// Sends one request with any method and returns the response, redirects included. `authorization` is sent as a bearer
    /// token. The request ends in the log when the returned entry is dropped.
    pub(super) async fn send_once(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
        authorization: Option<&Secret<String>>,
    ) -> Result<(Response, Exchange), NetError> {
        let exchange = self.log().begin(method.as_str(), url);
        let mut request = self.client.request(method, url.clone()).headers(headers);
        if let Some(secret) = authorization {
            request = request.bearer_auth(secret.expose());
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.map_err(|error| self.failure(&error, url))?;
        exchange.responded(response.status().as_u16());
        Ok((response, exchange))
    }

    /// Fetches a small file of at most `limit` bytes. `Ok(None)` is a 404.
    pub(crate) async fn small_file(
        &self,
        url: &Url,
        headers: HeaderMap,
        authorization: Option<&Secret<String>>,
        limit: u64,
    ) -> Result<Option<Bytes>, NetError> {
        Ok(self.small_answer(url, headers, authorization, limit).await?.map(|(_, bytes)| bytes))
    }

    /// As [`Http::small_file`], with the response headers.
    pub(crate) async fn small_answer(
        &self,
        url: &Url,
        headers: HeaderMap,
        authorization: Option<&Secret<String>>,
        limit: u64,
    ) -> Result<Option<(HeaderMap, Bytes)>, NetError> {
        let (response, at) = self.get(url, headers, authorization).await?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(status_error(&response, &at));
        }
        refuse_web_page(response.headers(), &at)?;
        let headers = response.headers().clone();
        Ok(Some((headers, read_bounded(response, &at, limit, self.idle_timeout()).await?)))
    }

    /// Sends one request, a POST if it has a body, and returns the status and a body of at most `limit` bytes. A redirect is an
    /// error: what is sent may be secret.
    pub(crate) async fn small_exchange(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
        limit: u64,
    ) -> Result<(u16, Bytes), NetError> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let (mut response, exchange) = self.send_once(method, url, headers, body, None).await?;
        response.extensions_mut().insert(exchange);
        let status = response.status();
        if status.is_redirection() {
            let problem = "although a redirect is not allowed here".to_owned();
            return Err(NetError::Redirect { url: shown(url), problem });
        }
        Ok((status.as_u16(), read_bounded(response, url, limit, self.idle_timeout()).await?))
    }

    /// As [`Http::small_file`]; transient failures are retried.
    pub(crate) async fn patient_small_file(
        &self,
        url: &Url,
        headers: &HeaderMap,
        authorization: Option<&Secret<String>>,
        limit: u64,
    ) -> Result<Option<Bytes>, NetError> {
        let attempt = async || self.small_file(url, headers.clone(), authorization, limit).await;
        retrying(|_| (), attempt, NetError::retry).await
    }
}

/// The log entry of a response, for callers that read its body.
pub(super) fn exchange_of(response: &Response) -> Option<Exchange> {
    response.extensions().get::<Exchange>().cloned()
}

/// Reads a body of at most `limit` bytes, whatever its `Content-Length`.
async fn read_bounded(response: Response, url: &Url, limit: u64, idle: Duration) -> Result<Bytes, NetError> {
    let exchange = exchange_of(&response).unwrap_or_default();
    let body = http::Response::<reqwest::Body>::from(response).into_body();
    collect(body, limit, idle, &exchange).await.map_err(|problem| match problem {
        BodyProblem::Lost(error) => NetError::from_reqwest(&error, url),
        BodyProblem::TooLong => NetError::TooLong { url: shown(url), limit },
        BodyProblem::Stalled => NetError::Timeout { host: url.host_str().unwrap_or("the server").to_owned() },
    })
}

/// The status as an error, with the requested wait.
pub(crate) fn status_error(response: &Response, url: &Url) -> NetError {
    let retry_after = retry_after_of(response.headers());
    NetError::Status { url: shown(url), status: response.status().as_u16(), retry_after }
}

/// Rejects the page of a captive portal or a login that is sent with status 200.
pub(crate) fn refuse_web_page(headers: &HeaderMap, url: &Url) -> Result<(), NetError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.trim_start().to_ascii_lowercase().starts_with("text/html") {
        return Err(NetError::WebPage { url: shown(url) });
    }
    Ok(())
}

fn redirect_target(at: &Url, first: &Url, headers: &HeaderMap) -> Result<Url, NetError> {
    let refuse = |problem: String| NetError::Redirect { url: shown(at), problem };
    let location = headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| refuse("without a target".to_owned()))?;
    let target = at.join(location).map_err(|_| refuse("to an invalid URL".to_owned()))?;
    match target.scheme() {
        "https" => {}
        "http" if first.scheme() == "http" && is_loopback(&target) => {}
        "http" => return Err(refuse("to an unencrypted URL".to_owned())),
        scheme => return Err(refuse(format!("to a `{scheme}:` URL"))),
    }
    if target == *at {
        return Err(refuse("to itself".to_owned()));
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(at: &str, location: &str) -> Result<String, String> {
        let at: Url = at.parse().expect("an address");
        let headers = HeaderMap::from_iter([(header::LOCATION, location.parse().expect("a header"))]);
        redirect_target(&at, &at, &headers).map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn options_and_their_copies_have_one_client() {
        let options = HttpOptions::default();
        assert!(options.shared.0.get().is_none(), "none before the first use");
        Http::new(options.clone()).expect("a client");
        let first = options.shared.0.get().map(|http| Arc::as_ptr(&http.proxies));
        let again = Http::new(options).expect("a client");
        assert_eq!(first, Some(Arc::as_ptr(&again.proxies)));
        let other = Http::new(HttpOptions::default()).expect("a client");
        assert_ne!(first, Some(Arc::as_ptr(&other.proxies)));
    }

    #[test]
    fn redirects_are_never_downgraded_to_plain_http() {
        assert_eq!(target("https://a.org/x", "/y"), Ok("https://a.org/y".to_owned()));
        assert_eq!(target("https://a.org/x", "https://b.org/y"), Ok("https://b.org/y".to_owned()));
        assert_eq!(
            target("https://a.org/x", "http://a.org/y"),
            Err("https://a.org/x redirects to an unencrypted URL".to_owned())
        );
        assert!(target("https://a.org/x", "ftp://a.org/y").is_err());
        assert!(target("https://a.org/x", "file:///etc/passwd").is_err());
        assert!(target("https://a.org/x", "/x").is_err());
        assert_eq!(target("http://127.0.0.1/x", "http://localhost/y"), Ok("http://localhost/y".to_owned()));
        for elsewhere in
            ["http://a.org/y", "//a.org/y", "http://127.0.0.1.a.org/", "http://10.0.0.1/", "http://u@a.org"]
        {
            assert_eq!(
                target("http://127.0.0.1/x", elsewhere),
                Err("http://127.0.0.1/x redirects to an unencrypted URL".to_owned()),
                "{elsewhere}"
            );
        }
        assert_eq!(target("http://127.0.0.1/x", "https://a.org/y"), Ok("https://a.org/y".to_owned()));
    }
}
