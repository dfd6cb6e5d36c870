//! Network errors, as far as a user can act on the difference.

use std::error::Error as StdError;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::io::net::Retry;
use crate::io::net::proxy::ProxyServer;
use crate::model::secret::SafeUrl;

/// A failed request.
#[derive(Debug, Error)]
pub enum NetError {
    /// The client could not be created.
    #[error("failed to set up TLS: {0}")]
    Setup(String),
    /// A network variable has an invalid value.
    #[error("the variable {variable} is invalid: {reason}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value. The value may contain a password and is not repeated.
        reason: String,
    },
    /// This process or this system ran out of a resource (`EMFILE`, `EAGAIN`, `ENOMEM`); no server is at fault.
    #[error("failed to {doing}")]
    System {
        /// The operation.
        doing: &'static str,
        /// The system error.
        source: io::Error,
    },
    /// The host name could not be resolved.
    #[error("could not resolve {host}")]
    Dns {
        /// The host.
        host: String,
    },
    /// The host refused the connection.
    #[error("{host} refused the connection")]
    Refused {
        /// The host.
        host: String,
    },
    /// No response in time, or the response stalled.
    #[error("{host} stopped responding")]
    Timeout {
        /// The host.
        host: String,
    },
    /// The connection was lost.
    #[error("the connection to {host} was lost ({reason})")]
    Lost {
        /// The host.
        host: String,
        /// The cause.
        reason: String,
    },
    /// The server's certificate is not trusted, or there is no common TLS version. Final: a retry changes nothing.
    #[error("no trusted connection to {host}: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// A connection through a proxy failed.
    #[error("failed to connect to {host} through the proxy {proxy} (from {variable}): {reason}")]
    Proxy {
        /// The host.
        host: String,
        /// The proxy, without its password.
        proxy: String,
        /// The variable that names it.
        variable: &'static str,
        /// The response of the proxy, or why there was none.
        reason: String,
        /// Whether a retry may succeed.
        transient: bool,
    },
    /// The server returned an error status.
    #[error("{url} returned HTTP {status}{}", asked_to_wait(*.retry_after))]
    Status {
        /// The URL, without its query.
        url: String,
        /// The status.
        status: u16,
        /// The wait that the server requested.
        retry_after: Option<Duration>,
    },
    /// The target of a redirect rejects the signature in its URL, usually because it has expired. The next
    /// attempt starts at the first URL, which returns a new signature.
    #[error("{url} rejected its signed URL (HTTP 403)")]
    Signature {
        /// The URL, without its query.
        url: String,
    },
    /// A redirect to a target that is not allowed.
    #[error("{url} redirects {problem}")]
    Redirect {
        /// The URL, without its query.
        url: String,
        /// What is wrong with the redirect.
        problem: String,
    },
    /// The body ended early.
    #[error("the body from {host} ended after {received} of {expected} bytes")]
    Cut {
        /// The host.
        host: String,
        /// The number of received bytes.
        received: u64,
        /// The announced number of bytes.
        expected: u64,
    },
    /// The server announces a different length than the release.
    #[error("{url} is {announced} bytes long, but the release lists {expected}")]
    WrongLength {
        /// The URL, without its query.
        url: String,
        /// The length that the server announced or sent.
        announced: u64,
        /// The length in the release.
        expected: u64,
    },
    /// The body is larger than the limit.
    #[error("the response from {url} is longer than {limit} bytes")]
    TooLong {
        /// The URL, without its query.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The server sent a web page instead of a file.
    #[error("{url} sent a web page instead of the file")]
    WebPage {
        /// The URL, without its query.
        url: String,
    },
    /// The body is compressed although that was not requested.
    #[error("{url} sent the file with content encoding `{encoding}`, which was not requested")]
    Encoded {
        /// The URL, without its query.
        url: String,
        /// The encoding.
        encoding: String,
    },
    /// The download could not be written.
    #[error("failed to write the download")]
    Write(#[source] io::Error),
    /// Any other error.
    #[error("the request to {host} failed: {reason}")]
    Other {
        /// The host.
        host: String,
        /// The message of the client.
        reason: String,
    },
}

impl NetError {
    /// Converts the error of a request that may have used a proxy.
    pub(super) fn of_request(error: &reqwest::Error, url: &url::Url, proxy: Option<&ProxyServer>) -> Self {
        let found = Self::from_reqwest(error, url);
        match proxy {
            Some(proxy) if error.is_connect() => found.through(proxy, error),
            Some(_) | None => found,
        }
    }

    /// Attributes a failure to connect to the proxy. Certificate errors of the host are left unchanged.
    #[expect(clippy::wildcard_enum_match_arm, reason = "any other failure to connect")]
    fn through(self, proxy: &ProxyServer, error: &reqwest::Error) -> Self {
        let (host, reason, transient) = match self {
            Self::System { .. } => return self,
            Self::Tls { host, reason } if proxy.has_certificate() => {
                return Self::Tls { host: format!("{host}, or to its proxy {proxy}"), reason };
            }
            Self::Tls { .. } => return self,
            Self::Dns { host } => (host, "its name could not be resolved".to_owned(), true),
            Self::Refused { host } => (host, "nothing accepts connections there".to_owned(), true),
            Self::Timeout { host } => (host, "it did not respond in time".to_owned(), true),
            Self::Lost { host, reason } => (host, reason, true),
            Self::Other { host, reason } => (host, proxy_reason(&reason), false),
            other => (String::new(), format!("{other} ({error})"), false),
        };
        Self::Proxy { host, proxy: proxy.to_string(), variable: proxy.variable, reason, transient }
    }

    /// Converts an error of the client, with all its causes.
    pub(super) fn from_reqwest(error: &reqwest::Error, url: &url::Url) -> Self {
        let host = url.host_str().unwrap_or("the server").to_owned();
        if error.is_timeout() {
            return Self::Timeout { host };
        }
        let mut reason = String::new();
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(current) = cause {
            if let Some(found) = Self::from_cause(current, &host) {
                return found;
            }
            // reqwest's own message contains the entire URL, including the signature.
            if !current.is::<reqwest::Error>() {
                let separator = if reason.is_empty() { "" } else { ": " };
                let _ = write!(reason, "{separator}{current}");
            }
            cause = current.source();
        }
        if reason.contains("dns error") {
            return Self::Dns { host };
        }
        if reason.contains("tunnel") || reason.contains("proxy") {
            return Self::Other { host, reason };
        }
        if reason.contains("message head is too large") {
            return Self::Other { host, reason: "the response headers are too large".to_owned() };
        }
        if reason.contains("end of file before message length") || reason.contains("closed before message completed") {
            return Self::Lost { host, reason: "it ended too early".to_owned() };
        }
        if error.is_body() || error.is_decode() || reason.contains("connection") || reason.contains("end of file") {
            return Self::Lost { host, reason };
        }
        Self::Other { host, reason }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other causes are recognized by their text")]
    fn from_cause(cause: &(dyn StdError + 'static), host: &str) -> Option<Self> {
        let host = host.to_owned();
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(Self::Tls { host, reason: tls_reason(error) });
        }
        let mut error = cause.downcast_ref::<io::Error>()?;
        // An io::Error hides its inner error from `source`, and each layer wraps the previous one.
        while let Some(inner) = error.get_ref() {
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return Some(Self::Tls { host, reason: tls_reason(tls) });
            }
            match inner.downcast_ref::<io::Error>() {
                Some(inner) => error = inner,
                None => break,
            }
        }
        if let Some(number) = error.raw_os_error().filter(|number| is_limit(*number)) {
            return Some(Self::System { doing: "open a connection", source: io::Error::from_raw_os_error(number) });
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::Refused { host }),
            io::ErrorKind::TimedOut => Some(Self::Timeout { host }),
            kind => lost_reason(kind).map(|reason| Self::Lost { host, reason: reason.to_owned() }),
        }
    }

    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::Lost { .. }
            | Self::Cut { .. }
            | Self::Dns { .. }
            | Self::Refused { .. }
            | Self::Signature { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Proxy { transient, .. } => *transient,
            Self::Setup(_)
            | Self::Variable { .. }
            | Self::System { .. }
            | Self::Tls { .. }
            | Self::Redirect { .. }
            | Self::WrongLength { .. }
            | Self::TooLong { .. }
            | Self::WebPage { .. }
            | Self::Encoded { .. }
            | Self::Write(_)
            | Self::Other { .. } => false,
        }
    }

    /// The wait that the server requested, if any.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only a status has a wait")]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the request may be repeated.
    pub fn retry(&self) -> Retry {
        if self.is_transient() { Retry::After(self.retry_after()) } else { Retry::Never }
    }

    /// Whether the network is unreachable, as opposed to an invalid response.
    pub const fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Dns { .. } | Self::Refused { .. } | Self::Timeout { .. } | Self::Lost { .. } | Self::Proxy { .. }
        )
    }
}

/// Whether an error number means that this machine ran out of a resource.
#[cfg(unix)]
pub(super) fn is_limit(number: i32) -> bool {
    use rustix::io::Errno;

    let limits = [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM, Errno::NOBUFS];
    limits.contains(&Errno::from_raw_os_error(number))
}

#[cfg(not(unix))]
pub(super) const fn is_limit(_number: i32) -> bool {
    false
}

/// Why a connection was lost, in the same words on every system; `None` for other errors.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system knows many kinds, and only these break a connection")]
const fn lost_reason(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "it was reset by the peer",
        io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => "it was closed by the peer",
        io::ErrorKind::UnexpectedEof => "it ended too early",
        io::ErrorKind::NetworkDown | io::ErrorKind::NetworkUnreachable => "the network is unreachable",
        io::ErrorKind::HostUnreachable => "the host is unreachable",
        _ => return None,
    })
}

/// The message of a proxy, without the prefixes of the client.
fn proxy_reason(reason: &str) -> String {
    let message = reason.rsplit("tunnel error: ").next().unwrap_or(reason);
    let message = message.rsplit("socks proxy: ").next().unwrap_or(message);
    match message {
        "unsuccessful" => "it refuses to connect".to_owned(),
        "proxy authorization required" => "it requires a valid user and password".to_owned(),
        other => other.to_owned(),
    }
}

fn asked_to_wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!(" (retry after {} s)", wait.as_secs())).unwrap_or_default()
}

/// A URL for error messages.
pub(super) fn shown(url: &url::Url) -> String {
    SafeUrl(url).to_string()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the message of rustls is used for the rest")]
fn tls_reason(error: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;

    let rustls::Error::InvalidCertificate(problem) = error else { return error.to_string() };
    match problem {
        Certificate::UnknownIssuer => "its certificate is from an untrusted issuer".to_owned(),
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            "its certificate has expired, or this machine's clock is ahead".to_owned()
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check this machine's clock".to_owned()
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "its certificate is for another host".to_owned()
        }
        _ => error.to_string(),
    }
}
