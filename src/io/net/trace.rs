//! The output of `-v` for each request: method, URL, status, time and bytes, when it ends. The URL is shown without
//! credentials and without its query, which contains the signature of signed URLs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;

use url::Url;

use crate::model::secret::SafeUrl;

/// Receives the lines; discards them by default.
#[derive(Clone, Default)]
pub struct RequestLog(Option<Show>);

type Show = Arc<dyn Fn(&str) + Send + Sync>;

impl RequestLog {
    /// Shows each line.
    pub fn to(show: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(show)))
    }

    /// Starts a request. It ends when the last clone of the returned value is dropped.
    pub(crate) fn begin(&self, method: &str, url: &Url) -> Exchange {
        let began = self.0.as_ref().map(|show| Begun {
            show: Arc::clone(show),
            what: format!("{method} {}", SafeUrl(url)),
            at: Instant::now(),
            status: AtomicU16::new(0),
            bytes: AtomicU64::new(0),
        });
        Exchange(began.map(Arc::new))
    }
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "RequestLog(on)" } else { "RequestLog(off)" })
    }
}

/// A request in progress.
#[derive(Clone, Default)]
pub(crate) struct Exchange(Option<Arc<Begun>>);

struct Begun {
    show: Show,
    what: String,
    at: Instant,
    status: AtomicU16,
    bytes: AtomicU64,
}

impl Exchange {
    /// The response began with this status.
    pub(crate) fn responded(&self, status: u16) {
        if let Some(begun) = &self.0 {
            begun.status.store(status, Ordering::Relaxed);
        }
    }

    /// More bytes of the body have arrived.
    pub(crate) fn received(&self, bytes: usize) {
        if let Some(begun) = &self.0 {
            begun.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let took = self.at.elapsed().as_millis();
        let status = match self.status.load(Ordering::Relaxed) {
            0 => "no response".to_owned(),
            status => format!("HTTP {status}"),
        };
        let bytes = self.bytes.load(Ordering::Relaxed);
        (self.show)(&format!(
            "{}: {status}, {took} ms, {bytes} {}",
            self.what,
            if bytes == 1 { "byte" } else { "bytes" }
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_request_is_one_line_without_secrets() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        let log = RequestLog::to(move |line| seen.lock().expect("no panic").push(line.to_owned()));
        let url = "https://user:hunter2@example.org:8443/a/b?sig=hunter2#hunter2".parse().expect("a URL");
        let exchange = log.begin("GET", &url);
        let copy = exchange.clone();
        exchange.responded(206);
        drop(exchange);
        copy.received(3);
        assert!(lines.lock().expect("no panic").is_empty(), "it has not ended");
        drop(copy);
        drop(log.begin("DELETE", &url));
        let lines = lines.lock().expect("no panic").join("\n");
        assert!(lines.starts_with("GET https://example.org:8443/a/b?…: HTTP 206, "), "{lines}");
        assert!(lines.contains(" ms, 3 bytes\nDELETE ") && lines.contains("no response, "), "{lines}");
        assert!(!lines.contains("hunter2") && !lines.contains("user"), "{lines}");
    }
}
