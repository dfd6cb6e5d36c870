//! A bundle at an address: fetched whole before anything is decided, without a token and no further than a bound.

use std::path::PathBuf;

use url::Host;
use url::Url;

use crate::install::Door;
use crate::install::InstallError;
use crate::install::apply::runtime;
use crate::install::staging_folder::Staging;
use crate::net::Download;
use crate::net::Http;
use crate::net::NetError;
use crate::net::download;
use crate::origin::OriginError;
use crate::secret::SafeUrl;

/// More bytes than any bundle has.
const MAX_BUNDLE: u64 = 4 * 1024 * 1024 * 1024;

/// A file from the network, there as long as this value is.
#[derive(Debug)]
pub struct Fetched {
    /// Where it lies.
    pub path: PathBuf,
    _staging: Staging,
}

/// Whether bytes may be fetched from an address: over TLS, or from this very machine.
pub fn may_be_fetched(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

/// Fetches it to a folder of its own, outside of any project.
pub fn fetch_file(url: &Url, door: &Door<'_>) -> Result<Fetched, InstallError> {
    let staging = Staging::aside()?;
    let path = staging.path().join("bundle.tar");
    let request = Download {
        url: url.clone(),
        authorization: None,
        accept: None,
        size: None,
        limit: MAX_BUNDLE,
        label: format!("downloading {}", SafeUrl(url)),
    };
    let fetched = runtime()?.block_on(async {
        let http = Http::new(door.http.clone())?;
        Ok::<_, NetError>(download(&http, &request, &path, door.progress).await?.path)
    });
    let path = fetched.map_err(|error| InstallError::Origin(OriginError::from(error)))?;
    Ok(Fetched { path, _staging: staging })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_do_without_tls() {
        let may = |url: &str| may_be_fetched(&url.parse().expect("an address"));
        for url in ["https://example.com/x", "http://localhost:8000/x", "http://127.0.0.1/x", "http://[::1]/x"] {
            assert!(may(url), "{url}");
        }
        for url in ["http://example.com/x", "http://127.0.0.1.example.com/x", "ftp://localhost/x", "file:///x"] {
            assert!(!may(url), "{url}");
        }
    }
}
