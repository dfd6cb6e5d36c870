//! Downloads one file to the staging directory: limited in size, hashed on arrival, resumed after an interruption.

use std::path::Path;
use std::time::Duration;

use reqwest::Response;
use reqwest::StatusCode;
use reqwest::header;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use url::Url;

use crate::io::fs::hashing_writer::StagingWriter;
use crate::io::fs::hashing_writer::Written;
use crate::io::net::Backoff;
use crate::io::net::Http;
use crate::io::net::NetError;
use crate::io::net::Patience;
use crate::io::net::client::exchange_of;
use crate::io::net::client::refuse_web_page;
use crate::io::net::client::status_error;
use crate::io::net::error::shown;
use crate::model::progress::Progress;
use crate::model::secret::Secret;

/// A download.
#[derive(Debug)]
pub(crate) struct Download<'a> {
    /// Its URL. A retry starts with it again, because the signature of a redirect's target expires soon.
    pub url: Url,
    /// Sent to the origin of `url` only.
    pub authorization: Option<&'a Secret<String>>,
    /// The `Accept` header, for servers with several formats.
    pub accept: Option<&'static str>,
    /// Its size in bytes, if known; any other size is an error.
    pub size: Option<u64>,
    /// The maximum number of bytes if the size is unknown.
    pub limit: u64,
    /// Its name in messages.
    pub label: String,
}

/// Downloads to a new file. Timeouts, resets and 408, 429 and 5xx are retried, and the download is resumed
/// if the server still has the same file; all other errors are final.
pub(crate) async fn download(
    http: &Http,
    request: &Download<'_>,
    destination: &Path,
    progress: &dyn Progress,
) -> Result<Written, NetError> {
    let mut transfer = Transfer {
        writer: StagingWriter::create(destination).map_err(NetError::Write)?,
        validator: None,
        request,
        progress,
    };
    progress.begin(&request.label, request.size);
    let outcome = transfer.run(http).await;
    progress.end();
    outcome?;
    transfer.writer.finish().map_err(NetError::Write)
}

struct Transfer<'a> {
    writer: StagingWriter,
    /// Identifies the file across attempts: a strong ETag, or the date of the last modification.
    validator: Option<HeaderValue>,
    request: &'a Download<'a>,
    progress: &'a dyn Progress,
}

impl Transfer<'_> {
    async fn run(&mut self, http: &Http) -> Result<(), NetError> {
        let mut backoff = Backoff::new();
        loop {
            let error = match self.attempt(http).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !error.is_transient() {
                return Err(error);
            }
            let Some(wait) = backoff.next(error.retry_after()) else { return Err(error) };
            let (next, all) = backoff.position();
            self.progress.note(&format!("{error}; retrying ({next} of {all})"));
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&mut self, http: &Http) -> Result<(), NetError> {
        let (response, at) = http.get(&self.request.url, self.headers(), self.request.authorization).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if self.continues(&response) => {}
            // The server cannot resume or sends another range: start from the beginning.
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if self.writer.size() > 0 => {
                self.start_over()?;
                return Err(NetError::Lost { host: host(&at), reason: "it cannot resume the download".to_owned() });
            }
            StatusCode::OK => self.start_over()?,
            StatusCode::FORBIDDEN if at.origin() != self.request.url.origin() => {
                return Err(NetError::Signature { url: shown(&at) });
            }
            _ => return Err(status_error(&response, &at)),
        }
        self.refuse_other_content(&response, &at)?;
        self.validator = validator(response.headers());
        self.receive(http.idle_timeout(), response, &at).await
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // Any other encoding would break the size, the digest and resuming.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(accept) = self.request.accept {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        if let (Some(validator), Ok(range)) = (&self.validator, format!("bytes={}-", self.writer.size()).parse())
            && self.writer.size() > 0
        {
            headers.insert(header::RANGE, range);
            headers.insert(header::IF_RANGE, validator.clone());
        }
        headers
    }

    /// Whether a partial response begins where the last one ended, in a file of the same size.
    fn continues(&self, response: &Response) -> bool {
        let Some((first, total)) = content_range(response.headers()) else { return false };
        first == self.writer.size() && self.writer.size() > 0 && self.request.size.is_none_or(|size| size == total)
    }

    fn start_over(&mut self) -> Result<(), NetError> {
        if self.writer.size() > 0 {
            self.writer.restart().map_err(NetError::Write)?;
            self.progress.restart();
        }
        self.validator = None;
        Ok(())
    }

    fn refuse_other_content(&self, response: &Response, at: &Url) -> Result<(), NetError> {
        let headers = response.headers();
        refuse_web_page(headers, at)?;
        if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|value| *value != "identity") {
            let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
            return Err(NetError::Encoded { url: shown(at), encoding });
        }
        let announced = response.content_length().map(|length| self.writer.size() + length);
        if let (Some(announced), Some(expected)) = (announced, self.request.size)
            && announced != expected
        {
            return Err(NetError::WrongLength { url: shown(at), announced, expected });
        }
        if announced.is_some_and(|announced| announced > self.request.limit) {
            return Err(NetError::TooLong { url: shown(at), limit: self.request.limit });
        }
        Ok(())
    }

    async fn receive(&mut self, idle: Duration, mut response: Response, at: &Url) -> Result<(), NetError> {
        let bound = self.request.size.unwrap_or(self.request.limit);
        let expected =
            self.request.size.or_else(|| response.content_length().map(|length| self.writer.size() + length));
        let mut patience = Patience::new(idle);
        let exchange = exchange_of(&response);
        while let Some(piece) = response.chunk().await.map_err(|error| NetError::from_reqwest(&error, at))? {
            if self.writer.size() == 0 && is_web_page(&piece) {
                return Err(NetError::WebPage { url: shown(at) });
            }
            let length = piece.len() as u64;
            if self.writer.size() + length > bound {
                return Err(match self.request.size {
                    Some(expected) => {
                        NetError::WrongLength { url: shown(at), announced: self.writer.size() + length, expected }
                    }
                    None => NetError::TooLong { url: shown(at), limit: bound },
                });
            }
            exchange.iter().for_each(|exchange| exchange.received(piece.len()));
            self.writer.append(piece).map_err(NetError::Write)?;
            self.progress.advance(length);
            if !patience.is_progressing_after(length) {
                return Err(NetError::Timeout { host: host(at) });
            }
        }
        match expected {
            Some(expected) if self.writer.size() < expected => {
                Err(NetError::Cut { host: host(at), received: self.writer.size(), expected })
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or("the server").to_owned()
}

/// `Content-Range: bytes FIRST-LAST/TOTAL` as first and total.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _last) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// A weak ETag identifies equivalent content, not equal bytes (RFC 9110, 13.1.5).
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    let etag = headers.get(header::ETAG).filter(|etag| !etag.as_bytes().starts_with(b"W/"));
    etag.or_else(|| headers.get(header::LAST_MODIFIED)).cloned()
}

/// Whether a file begins like a web page; workers and archives do not.
fn is_web_page(piece: &[u8]) -> bool {
    let start: Vec<u8> = piece.iter().skip_while(|byte| byte.is_ascii_whitespace()).take(14).copied().collect();
    let start = start.to_ascii_lowercase();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_range_is_read_strictly() {
        let range = |text: &str| {
            content_range(&HeaderMap::from_iter([(header::CONTENT_RANGE, text.parse().expect("a header"))]))
        };
        assert_eq!(range("bytes 5-9/10"), Some((5, 10)));
        assert_eq!(range("bytes */10"), None);
        assert_eq!(range("bytes 5-9/*"), None);
        assert_eq!(range("items 5-9/10"), None);
    }

    #[test]
    fn only_a_strong_validator_identifies_the_bytes() {
        let of = |name, value: &str| validator(&HeaderMap::from_iter([(name, value.parse().expect("a header"))]));
        assert!(of(header::ETAG, "\"x\"").is_some());
        assert!(of(header::ETAG, "W/\"x\"").is_none());
        assert!(of(header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT").is_some());
    }

    #[test]
    fn web_pages_are_detected_by_their_start() {
        assert!(is_web_page(b"\r\n <!DOCTYPE HTML><title>Log in"));
        assert!(is_web_page(b"<html>"));
        assert!(!is_web_page(b"\x7fELF"));
        assert!(!is_web_page(b""));
    }
}
