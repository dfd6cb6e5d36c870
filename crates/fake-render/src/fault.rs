//! Faults, and the conditions under which they occur.

use fake_http::lifecycle::Hold;
use fake_http::script::Rule;

use crate::Request;

/// One thing that goes wrong with one request.
///
/// Up to [`Fault::Redirect`] the fault responds *instead* of Render: the request has
/// no effect. From there on the request is executed and its response is modified.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An arbitrary status with Render's JSON for errors.
    Status(u16),
    /// 429 with this `Retry-After`, or with the time in `Ratelimit-Reset` only.
    Limited {
        /// Seconds.
        retry_after: Option<u64>,
        /// Seconds.
        reset: Option<u64>,
    },
    /// 400 with a message that repeats the body of the request.
    Echo,
    /// A reset before the first byte.
    ResetBefore,
    /// Nothing is sent for a time; then the request is executed and its response sent as usual.
    Stall(Hold),
    /// A captive portal: 200 and a page.
    WebPage,
    /// 302 to another URL.
    Redirect(String),

    /// The request is executed; then a reset before the first byte of the response.
    ResetAfter,
    /// The request is executed; then nothing is sent for a time.
    StallAfter(Hold),
    /// The request is executed; then 502.
    BadGatewayAfter,
    /// The connection ends inside the body, whose length is stated in full.
    CutBody,
    /// The first half of the body, framed as if it were complete.
    HalfJson,
    /// Well-formed JSON in which every string is where another type is expected.
    WrongShape,
    /// An endless JSON array.
    Endless,
}

impl Fault {
    /// A status.
    #[must_use]
    pub fn status(code: u16) -> Fault {
        Fault::Status(code)
    }

    /// Whether the request has no effect.
    pub(crate) fn is_instead(&self) -> bool {
        match self {
            Fault::Status(_)
            | Fault::Limited { .. }
            | Fault::Echo
            | Fault::ResetBefore
            | Fault::WebPage
            | Fault::Redirect(_) => true,
            Fault::Stall(_)
            | Fault::ResetAfter
            | Fault::StallAfter(_)
            | Fault::BadGatewayAfter
            | Fault::CutBody
            | Fault::HalfJson
            | Fault::WrongShape
            | Fault::Endless => false,
        }
    }
}

/// Selects requests. An unset field matches every request.
#[derive(Debug, Clone)]
#[must_use]
pub struct Matcher {
    method: Option<String>,
    path: Option<String>,
    nth: u64,
    times: Option<u64>,
}

impl Matcher {
    /// Every request, once.
    pub fn any() -> Matcher {
        Matcher { method: None, path: None, nth: 1, times: Some(1) }
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

    fn matches(&self, request: &Request) -> bool {
        self.method.as_ref().is_none_or(|method| *method == request.method)
            && self.path.as_ref().is_none_or(|part| request.path.contains(part.as_str()))
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
