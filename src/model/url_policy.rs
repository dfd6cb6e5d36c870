//! Which URLs may be requested: https, and this machine. Pure.

use url::Host;
use url::Url;

/// Whether a URL is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a URL may be fetched: over TLS, or from this machine.
pub(crate) fn may_be_fetched(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_be_accessed_without_tls() {
        let may = |url: &str| may_be_fetched(&url.parse().expect("an address"));
        for url in ["https://example.com/x", "http://localhost:8000/x", "http://127.0.0.1/x", "http://[::1]/x"] {
            assert!(may(url), "{url}");
        }
        for url in ["http://example.com/x", "http://127.0.0.1.example.com/x", "ftp://localhost/x", "file:///x"] {
            assert!(!may(url), "{url}");
        }
    }
}
