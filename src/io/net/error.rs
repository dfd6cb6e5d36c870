//! What can go wrong between here and a server, told apart as far as a person can act on it.

use std::error::Error as StdError;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::io::net::proxy::ProxyServer;
use crate::model::secret::SafeUrl;

/// A failed exchange with a server.
#[derive(Debug, Error)]
pub enum NetError {
    /// The client itself could not be made.
    #[error("failed to set up TLS: {0}")]
    Setup(String),
    /// A variable of the network holds what cannot be used.
    #[error("the variable {variable} is invalid: {reason}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value, which may hold a password and is not repeated.
        reason: String,
    },
    /// This process or this system has run out of something (`EMFILE`, `EAGAIN`, `ENOMEM`); no server is at fault.
    #[error("failed to {doing}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The host's name leads nowhere.
    #[error("could not resolve {host}")]
    Dns {
        /// The host.
        host: String,
    },
    /// Nothing answers there.
    #[error("{host} refused the connection")]
    Refused {
        /// The host.
        host: String,
    },
    /// Nothing answered in time, or the answer stopped coming.
    #[error("{host} stopped responding")]
    Timeout {
        /// The host.
        host: String,
    },
    /// The connection broke.
    #[error("the connection to {host} was lost ({reason})")]
    Lost {
        /// The host.
        host: String,
        /// What broke it.
        reason: String,
    },
    /// The server could not prove who it is, or no common TLS was found. Final: retrying changes nothing.
    #[error("no trusted connection to {host}: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// A proxy stands between, and no connection came about through it.
    #[error("failed to connect to {host} through the proxy {proxy} (from {variable}): {reason}")]
    Proxy {
        /// The host.
        host: String,
        /// The proxy, without its password.
        proxy: String,
        /// The variable that names it.
        variable: &'static str,
        /// What the proxy said, or what kept it from saying anything.
        reason: String,
        /// Whether the same request may succeed a moment later.
        transient: bool,
    },
    /// The server answered with a status that is no success.
    #[error("{url} returned HTTP {status}{}", asked_to_wait(*.retry_after))]
    Status {
        /// The address, without its query.
        url: String,
        /// The status.
        status: u16,
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
    },
    /// The host of a redirect's target does not accept the signature in its address, mostly because it is too old. The next
    /// try begins at the first address, which signs again.
    #[error("{url} rejected its signed URL (HTTP 403)")]
    Signature {
        /// The address, without its query.
        url: String,
    },
    /// A redirect leads where it must not.
    #[error("{url} redirects {problem}")]
    Redirect {
        /// The address, without its query.
        url: String,
        /// What is wrong with the redirect.
        problem: String,
    },
    /// The body ended before it was whole.
    #[error("the body from {host} ended after {received} of {expected} bytes")]
    Cut {
        /// The host.
        host: String,
        /// How much came.
        received: u64,
        /// How much was announced.
        expected: u64,
    },
    /// The server announces another length than the release states.
    #[error("{url} is {announced} bytes long, but the release lists {expected}")]
    WrongLength {
        /// The address, without its query.
        url: String,
        /// What the server announces or sent.
        announced: u64,
        /// What the release states.
        expected: u64,
    },
    /// The body is longer than anything that is asked for here.
    #[error("the response from {url} is longer than {limit} bytes")]
    TooLong {
        /// The address, without its query.
        url: String,
        /// The bound.
        limit: u64,
    },
    /// A web page came where a file was asked for.
    #[error("{url} sent a web page instead of the file")]
    WebPage {
        /// The address, without its query.
        url: String,
    },
    /// The body is compressed although it was asked for as it is.
    #[error("{url} sent the file with content encoding `{encoding}`, which was not requested")]
    Encoded {
        /// The address, without its query.
        url: String,
        /// The encoding.
        encoding: String,
    },
    /// The bytes could not be written.
    #[error("failed to write the download")]
    Write(#[source] io::Error),
    /// None of the above.
    #[error("the request to {host} failed: {reason}")]
    Other {
        /// The host.
        host: String,
        /// What the client says.
        reason: String,
    },
}

impl NetError {
    /// Reads the error of a request that may have gone through a proxy.
    pub(super) fn of_request(error: &reqwest::Error, url: &url::Url, proxy: Option<&ProxyServer>) -> Self {
        let found = Self::from_reqwest(error, url);
        match proxy {
            Some(proxy) if error.is_connect() => found.through(proxy, error),
            Some(_) | None => found,
        }
    }

    /// Blames the proxy for a connection that was not made. What the host's certificate lacks stays the host's.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else keeps a connection from being made")]
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

    /// Reads the client's error, through all its causes.
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
            // reqwest's own message repeats the whole address, signature included.
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
            return Self::Other {
                host,
                reason: "the response headers are too large".to_owned(),
            };
        }
        if reason.contains("end of file before message length") || reason.contains("closed before message completed") {
            return Self::Lost { host, reason: "it ended too early".to_owned() };
        }
        if error.is_body() || error.is_decode() || reason.contains("connection") || reason.contains("end of file") {
            return Self::Lost { host, reason };
        }
        Self::Other { host, reason }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not told apart here is read from the text instead")]
    fn from_cause(cause: &(dyn StdError + 'static), host: &str) -> Option<Self> {
        let host = host.to_owned();
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(Self::Tls { host, reason: tls_reason(error) });
        }
        let mut error = cause.downcast_ref::<io::Error>()?;
        // An io::Error hides what it holds from `source`, and each layer wraps the one before in one of its own.
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

    /// Whether the same request may succeed a moment later.
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

    /// How long the server asked to wait, where it did.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only a status carries a wait")]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the network as a whole cannot be used from here, as opposed to one answer being wrong.
    pub const fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Dns { .. } | Self::Refused { .. } | Self::Timeout { .. } | Self::Lost { .. } | Self::Proxy { .. }
        )
    }
}

/// Whether an error number says that something of this machine has run out.
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

/// What broke a connection, in the same words on every system; nothing where it was something else.
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

/// What a proxy said, without the layers of the client that tell it on.
fn proxy_reason(reason: &str) -> String {
    let told = reason.rsplit("tunnel error: ").next().unwrap_or(reason);
    let told = told.rsplit("socks proxy: ").next().unwrap_or(told);
    match told {
        "unsuccessful" => "it refuses to connect".to_owned(),
        "proxy authorization required" => "it requires a valid user and password".to_owned(),
        other => other.to_owned(),
    }
}

fn asked_to_wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!(" and asks to wait {} s", wait.as_secs())).unwrap_or_default()
}

/// An address as errors show it.
pub(super) fn shown(url: &url::Url) -> String {
    SafeUrl(url).to_string()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "rustls says the rest well enough")]
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
