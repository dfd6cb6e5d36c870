//! A request to an API. Pure.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde::Serialize;

/// The characters that are not encoded in a path segment: RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A route from path segments. Each is encoded on its own, so a `#`, `%` or `/` stays part of its segment.
pub(crate) fn route_of<'a>(segments: impl IntoIterator<Item = &'a str>) -> String {
    let mut route = String::new();
    for segment in segments {
        route.push('/');
        route.extend(utf8_percent_encode(segment, SEGMENT));
    }
    route
}

/// A request below the API's base URL.
#[derive(Debug, Clone)]
pub(crate) struct ApiRequest<'a> {
    pub(super) method: Method,
    /// The path below the base URL and the query, both encoded.
    pub(super) route: &'a str,
    /// The thing requested, for messages.
    pub(super) what: &'a str,
    pub(super) headers: HeaderMap,
    /// May contain secrets, so it is never shown.
    pub(super) body: Option<Vec<u8>>,
}

impl<'a> ApiRequest<'a> {
    /// A request without a body. `what` names the thing requested, in messages.
    pub(crate) fn new(method: Method, route: &'a str, what: &'a str) -> Self {
        Self { method, route, what, headers: HeaderMap::new(), body: None }
    }

    /// A GET request.
    pub(crate) fn get(route: &'a str, what: &'a str) -> Self {
        Self::new(Method::GET, route, what)
    }

    /// Adds a JSON document as the body.
    #[must_use]
    pub(crate) fn json(mut self, document: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(document).expect("a request is serializable as JSON"));
        self.with_header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Whether sending it twice has the effect of sending it once (RFC 9110, 9.2.2). Only such requests are repeated.
    pub(crate) fn is_idempotent(&self) -> bool {
        [Method::GET, Method::HEAD, Method::PUT, Method::DELETE].contains(&self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_methods_may_be_repeated() {
        for (method, expected) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::PUT, true),
            (Method::DELETE, true),
            (Method::POST, false),
            (Method::PATCH, false),
        ] {
            assert_eq!(ApiRequest::new(method.clone(), "/", "x").is_idempotent(), expected, "{method}");
        }
    }

    #[test]
    fn a_segment_stays_one_segment() {
        assert_eq!(route_of(["repos", "a b", "v1#rc/%2e..", "é~_-."]), "/repos/a%20b/v1%23rc%2F%252e../%C3%A9~_-.");
    }
}
