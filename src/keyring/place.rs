//! Where an instance's repository is read from: its own address, a mirror of it, or a copy in a folder. All are believed
//! the same, which is not at all.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderMap;
use http::HeaderValue;
use http::header;
use thiserror::Error;
use url::Url;

use crate::net::Backoff;
use crate::net::Http;
use crate::net::NetError;
use crate::small_file;

/// Where a repository is.
#[derive(Debug, Clone)]
pub enum Place {
    /// Behind an address.
    Web {
        /// The client.
        http: Http,
        /// The address, without a trailing slash.
        base: Url,
    },
    /// In a folder.
    Folder(PathBuf),
}

/// Why a file of a repository could not be read.
#[derive(Debug, Clone, Error)]
pub enum FetchError {
    /// The network or its server.
    #[error(transparent)]
    Net(Arc<NetError>),
    /// The file system.
    #[error("failed to read `{path}`: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// No file of a repository is called that.
    #[error("no file of a repository is called `{0}`")]
    Name(String),
}

impl FetchError {
    /// Whether a server says that it may not be read.
    #[cfg(feature = "attestation")]
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Net(error) if matches!(**error, NetError::Status { status: 403, .. }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web { base, .. } => f.write_str(base.as_str().trim_end_matches('/')),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

impl Place {
    /// Reads a file, no further than `limit` bytes; nothing where there is none.
    pub(super) async fn read(&self, folder: &str, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchError> {
        // The names are put together from what the metadata says, and may lead nowhere else.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'%' | b'~');
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(FetchError::Name(name.to_owned()));
        }
        match self {
            Self::Web { http, base } => {
                let base = base.as_str().trim_end_matches('/');
                let address = format!("{base}/{folder}{name}");
                let url = Url::parse(&address).map_err(|_| FetchError::Name(name.to_owned()))?;
                fetch(http, &url, limit).await.map_err(|error| FetchError::Net(error.into()))
            }
            Self::Folder(path) => {
                let path = path.join(format!("{folder}{name}"));
                match small_file::read(&path, limit) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(FetchError::Io { path, source: error.into() }),
                }
            }
        }
    }
}

async fn fetch(http: &Http, url: &Url, limit: u64) -> Result<Option<Vec<u8>>, NetError> {
    let mut backoff = Backoff::new();
    loop {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let error = match http.small_file(url, headers, None, limit).await {
            Ok(bytes) => return Ok(bytes.map(|bytes| bytes.to_vec())),
            Err(error) => error,
        };
        if !error.is_transient() {
            return Err(error);
        }
        let Some(wait) = backoff.next(error.retry_after()) else { return Err(error) };
        tokio::time::sleep(wait).await;
    }
}
