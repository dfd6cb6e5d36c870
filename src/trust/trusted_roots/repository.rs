//! Where an instance's repository is read from: its own address, a mirror of it, or a copy in a directory. All are believed
//! the same, which is not at all.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use url::Url;

use crate::io::net::Http;
use crate::io::net::NetError;

/// Where a repository is.
#[derive(Debug, Clone)]
pub enum RootRepository {
    /// Behind an address.
    Web {
        /// The client.
        http: Http,
        /// The address, without a trailing slash.
        base: Url,
    },
    /// In a directory.
    Directory(PathBuf),
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

impl fmt::Display for RootRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web { base, .. } => f.write_str(base.as_str().trim_end_matches('/')),
            Self::Directory(path) => path.display().fmt(f),
        }
    }
}
