//! Faults, and the conditions under which they occur.

use fake_http::script::Rule;
use std::time::Duration;

use bytes::Bytes;

use crate::lifecycle::Hold;
use crate::log::Origin;
use crate::log::Request;

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The socket is closed in order (FIN), without a TLS close notification.
    Fin,
    /// The socket is reset (RST); the client may see less than was sent.
    Rst,
}

/// How the end of a body is indicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By `Content-Length`.
    Length,
    /// By `Transfer-Encoding: chunked`.
    Chunked,
    /// By closing the connection.
    UntilClose,
}

/// The `Retry-After` header of a secondary limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// As whole seconds.
    Seconds(u64),
    /// As an HTTP date this far from now.
    Date(Duration),
    /// No header.
    None,
}

/// One thing that goes wrong with one request.
///
/// Up to [`Fault::RedirectToScheme`] the fault responds *instead* of GitHub: the request has no effect. From there on the
/// request is executed and its response is modified.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An arbitrary response.
    Status {
        /// The status code.
        code: u16,
        /// Headers beside the length.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The hourly budget is used up: 403, `x-ratelimit-remaining: 0`, and the reset time.
    RateLimitPrimary {
        /// From now until the reset.
        reset_in: Duration,
    },
    /// The secondary rate limit, with GitHub's message.
    RateLimitSecondary {
        /// 403 or 429; GitHub uses both.
        status: u16,
        /// The `Retry-After` of the response.
        retry_after: RetryAfter,
    },
    /// A reset before the first byte.
    ResetBeforeHeaders,
    /// Nothing is sent for a time; then the request is executed and its response sent as usual.
    StallHeaders {
        /// How long.
        hold: Hold,
    },
    /// The asset host reports that the signature has expired.
    ExpiredSignature,
    /// A captive portal: 200 and a page.
    Html200,
    /// 302 to another URL.
    RedirectTo(String),
    /// 302 to a URL that redirects to another URL, endlessly.
    RedirectLoop,
    /// 302 to the requested URL.
    RedirectToSelf,
    /// 302 to the same path without TLS. Over plain HTTP: on another port.
    RedirectToHttp,
    /// 302 to the same host and path under another scheme, such as `ftp`.
    RedirectToScheme(String),

    /// The request is executed; then a reset before the first byte of the response.
    TruncateAfterProcessing,
    /// The request is executed; nothing is sent until the delay is over.
    StallAfterProcessing {
        /// How long.
        hold: Hold,
    },
    /// A reset within the headers.
    ResetInHeaders,
    /// The connection ends inside the body, which `Content-Length` states in full.
    CutBody {
        /// Bytes of the body that are sent.
        after: usize,
        /// How it ends.
        with: Cut,
    },
    /// Nothing more is sent after a part of the body.
    StallBody {
        /// Bytes of the body that are sent before.
        after: usize,
        /// The delay before the rest is sent.
        hold: Hold,
    },
    /// The body comes in small pieces.
    Trickle {
        /// Bytes per piece.
        bytes: usize,
        /// Between pieces.
        every: Duration,
    },
    /// `Content-Length` states more than is sent; the connection is then closed normally.
    ShortBody {
        /// Bytes that are missing at the end.
        missing: usize,
    },
    /// More bytes than the asset has. With [`Framing::Length`] the stated length is the asset's own.
    LongBody {
        /// Bytes beyond the asset's.
        extra: usize,
        /// How the end is indicated.
        framing: Framing,
    },
    /// Another length than the asset's, in both header and body.
    WrongLength {
        /// The length sent.
        length: usize,
    },
    /// No `Content-Length`; the end of the connection is the end of the body.
    NoLength,
    /// The body comes in chunks, without `Content-Length`.
    Chunked,
    /// `Content-Encoding: gzip`, even if not requested.
    GzipAnyway,
    /// 200 and the whole file, although a range was requested.
    IgnoreRange,
    /// A 206 whose `Content-Range` names another range.
    WrongContentRange {
        /// Added to the first and last position.
        shift: u64,
    },
    /// Another ETag for the same bytes, also for `If-Range`.
    ChangedEtag,
    /// Other bytes at the same URL, with another ETag.
    ChangedBytes(Bytes),
    /// Very large headers.
    HugeHeaders {
        /// Bytes of headers beyond the usual.
        bytes: usize,
    },
    /// An endless JSON array.
    EndlessJson,
    /// The first half of the body, framed as if it were complete.
    HalfJson,
    /// Well-formed JSON of another shape.
    WrongShapeJson,
    /// The connection is closed after the response.
    CloseConnectionAfter {
        /// Whether the response announces it.
        announced: bool,
    },
}

impl Fault {
    /// A status without further headers and with GitHub's JSON for errors.
    #[must_use]
    pub fn status(code: u16) -> Fault {
        let body = serde_json::json!({ "message": crate::http::reason(code), "status": code.to_string() });
        Fault::Status {
            code,
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: body.to_string(),
        }
    }

    /// The fault's name in the log, without its values.
    pub(crate) fn name(&self) -> String {
        let shown = format!("{self:?}");
        shown.chars().take_while(char::is_ascii_alphanumeric).collect()
    }
}

/// Selects requests. An unset field matches every request.
#[derive(Debug, Clone)]
#[must_use]
pub struct Matcher {
    origin: Option<Origin>,
    method: Option<String>,
    path: Option<String>,
    body: Option<String>,
    token: Option<String>,
    nth: u64,
    times: Option<u64>,
}

impl Matcher {
    /// Every request, once.
    pub fn any() -> Matcher {
        Matcher { origin: None, method: None, path: None, body: None, token: None, nth: 1, times: Some(1) }
    }

    /// Requests to the API, once.
    pub fn api() -> Matcher {
        Matcher { origin: Some(Origin::Api), ..Matcher::any() }
    }

    /// Requests to the release pages, once.
    pub fn web() -> Matcher {
        Matcher { origin: Some(Origin::Web), ..Matcher::any() }
    }

    /// Requests to the asset host, once.
    pub fn objects() -> Matcher {
        Matcher { origin: Some(Origin::Objects), ..Matcher::any() }
    }

    /// Requests to the GraphQL endpoint, once.
    pub fn graphql() -> Matcher {
        Matcher::any().method("POST").path("/graphql")
    }

    /// Only this method.
    pub fn method(mut self, method: &str) -> Matcher {
        self.method = Some(method.to_owned());
        self
    }

    /// Only when path and query, as sent, contain this.
    pub fn path(mut self, part: &str) -> Matcher {
        self.path = Some(part.to_owned());
        self
    }

    /// Only when the body contains this, such as `updateRefs`.
    pub fn body(mut self, part: &str) -> Matcher {
        self.body = Some(part.to_owned());
        self
    }

    /// Only with this token.
    pub fn token(mut self, token: &str) -> Matcher {
        self.token = Some(token.to_owned());
        self
    }

    /// Not before the nth matching request, counted from 1.
    pub fn nth(mut self, nth: u64) -> Matcher {
        self.nth = nth;
        self
    }

    /// For this many requests.
    pub fn times(mut self, times: u64) -> Matcher {
        self.times = Some(times);
        self
    }

    /// For every matching request from now on.
    pub fn always(mut self) -> Matcher {
        self.times = None;
        self
    }

    /// Whether a request matches, regardless of its number.
    #[must_use]
    pub fn matches(&self, request: &Request) -> bool {
        self.origin.is_none_or(|origin| origin == request.origin)
            && self.method.as_ref().is_none_or(|method| *method == request.method)
            && self.path.as_ref().is_none_or(|part| request.path.contains(part.as_str()))
            && self.token.as_ref().is_none_or(|token| {
                request.header("authorization").is_some_and(|value| value.ends_with(&format!(" {token}")))
            })
            && self.body.as_ref().is_none_or(|part| String::from_utf8_lossy(&request.body).contains(part.as_str()))
    }
}

impl Rule<Request> for Matcher {
    fn matches(&self, request: &Request) -> bool {
        Self::matches(self, request)
    }

    fn nth(&self) -> u64 {
        self.nth
    }

    fn times(&self) -> Option<u64> {
        self.times
    }
}

/// What happens to which requests.
pub(crate) type Script<Action> = fake_http::script::Script<Matcher, Action>;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> Request {
        Request {
            origin: Origin::Api,
            secure: false,
            connection: 1,
            method: "GET".into(),
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            status: None,
            fault: None,
        }
    }

    #[test]
    fn equal_rules_fire_one_after_another_and_numbers_count_every_match() {
        let mut script = Script::default();
        script.add(Matcher::api().path("/x"), "first");
        script.add(Matcher::api().path("/x"), "second");
        script.add(Matcher::api().path("/x").nth(4).times(2), "fourth and fifth");
        let fired: Vec<_> = (0..6).map(|_| script.take(&request("/x"))).collect();
        let late = Some("fourth and fifth");
        assert_eq!(fired, [Some("first"), Some("second"), None, late, late, None]);
        assert_eq!(script.take(&request("/y")), None);
    }

    #[test]
    fn a_fault_is_logged_by_its_name_alone() {
        assert_eq!(Fault::CutBody { after: 3, with: Cut::Rst }.name(), "CutBody");
        assert_eq!(Fault::ChangedBytes(Bytes::from_static(b"secret")).name(), "ChangedBytes");
        assert_eq!(Fault::Html200.name(), "Html200");
    }
}
