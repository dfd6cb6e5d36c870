//! Reads the files of a repository one at a time, with a size limit.

use http::HeaderMap;
use http::HeaderValue;
use http::header;
use url::Url;

use crate::io::fs::bounded_read;
use crate::io::net::Http;
use crate::io::net::NetError;
use crate::trust::trusted_roots::FetchError;
use crate::trust::trusted_roots::RootRepository;

impl FetchError {
    /// Whether a server denies access.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Net(error) if matches!(**error, NetError::Status { status: 403, .. }))
    }
}

impl RootRepository {
    /// Reads a file of at most `limit` bytes; `None` if it does not exist.
    pub(super) async fn read(&self, directory: &str, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchError> {
        // The names are derived from the metadata, and must not lead elsewhere.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'%' | b'~');
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(FetchError::Name(name.to_owned()));
        }
        match self {
            Self::Web { http, base } => {
                let base = base.as_str().trim_end_matches('/');
                let address = format!("{base}/{directory}{name}");
                let url = Url::parse(&address).map_err(|_| FetchError::Name(name.to_owned()))?;
                fetch(http, &url, limit).await.map_err(|error| FetchError::Net(error.into()))
            }
            Self::Directory(path) => {
                let path = path.join(format!("{directory}{name}"));
                match bounded_read::read(&path, limit) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(FetchError::Io { path, source: error.into() }),
                }
            }
        }
    }
}

async fn fetch(http: &Http, url: &Url, limit: u64) -> Result<Option<Vec<u8>>, NetError> {
    let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
    Ok(http.patient_small_file(url, &headers, None, limit).await?.map(Into::into))
}
