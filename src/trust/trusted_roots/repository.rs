//! The location of an instance's repository: its own URL, a mirror of it, or a copy in a directory. All are equally
//! untrusted.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use url::Url;

use crate::io::net::Http;
use crate::io::net::NetError;

/// The location of a repository.
#[derive(Debug, Clone)]
pub(crate) enum RootRepository {
    /// At a URL.
    Web {
        /// The client.
        http: Http,
        /// The URL, without a trailing slash.
        base: Url,
    },
    Directory(PathBuf),
}

/// Why a file of a repository could not be read.
#[derive(Debug, Clone, Error)]
pub(crate) enum FetchError {
    /// A network or server error.
    #[error(transparent)]
    Net(Arc<NetError>),
    /// A file system error.
    #[error("failed to read `{path}`: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: Arc<std::io::Error>,
    },
    /// Not a valid file name of a repository.
    #[error("no file of a repository is called `{0}`")]
    Name(String),
}

impl fmt::Display for RootRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web { base, .. } => f.write_str(base.as_str().trim_end_matches('/')),
            Self::Directory(path) => path.display().fmt(f),
        }
    }
}
