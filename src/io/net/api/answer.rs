//! A complete response of an API, and what its headers and error document say.

use bytes::Bytes;
use chrono::DateTime;
use chrono::Utc;
use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use serde::Deserialize;

use crate::model::secret::REDACTED;

/// A complete response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Parses the body as JSON.
    pub(crate) fn json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// Removes secrets that the server repeats, because responses end up in records and receipts as well as on the terminal.
    pub(crate) fn without<'a>(mut self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let holds = |text: &[u8]| text.windows(secret.len()).any(|part| part == secret.as_bytes());
            if holds(&self.body) {
                self.body = String::from_utf8_lossy(&self.body).replace(secret, REDACTED).into();
            }
            for value in self.headers.values_mut().filter(|value| holds(value.as_bytes())) {
                *value = HeaderValue::from_static(REDACTED);
            }
        }
        self
    }
}

/// The value of a header, if it is text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The server's own time. Dates in its headers are relative to it, because this machine's clock may be wrong.
pub(crate) fn server_date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(header(headers, "date")?).ok().map(|date| date.to_utc())
}

/// The `message` of an error document. The rest is discarded, because it is unbounded.
pub(crate) fn message_of(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct ErrorDocument {
        message: String,
    }
    serde_json::from_slice::<ErrorDocument>(body).ok().map(|document| document.message)
}

/// A server's message, which may be a page long, shortened to one line.
pub(crate) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
