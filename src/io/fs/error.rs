//! Why a file or a directory is rejected, and what is in its place.

use std::fmt;
use std::fs::FileType;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::io::fs::Distrust;

/// The type of a name; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device, or another special file.
    Device,
}

/// Why a file or a directory is rejected. What has the name is unchanged.
#[derive(Debug, Error)]
pub enum FileError {
    /// Not a regular file.
    #[error("`{path}` is {kind}, not a regular file", path = path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// Its type.
        kind: FileKind,
    },
    /// Not a directory.
    #[error("`{path}` is {kind}, not a directory", path = path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
        /// Its type.
        kind: FileKind,
    },
    /// A file cannot replace it, because it is not a regular file.
    #[error("`{path}` is {kind}; only a regular file can be replaced", path = path.display())]
    NotReplaceable {
        /// The path.
        path: PathBuf,
        /// Its type.
        kind: FileKind,
    },
    /// A file to append to has other hard links, which would change too.
    #[error("`{path}` has another hard link, which may belong to another user", path = path.display())]
    SeveralNames {
        /// The path.
        path: PathBuf,
    },
    /// A file is larger than any valid one.
    #[error("`{path}` is too large ({size} bytes)", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
    /// Another user could change what is in a directory.
    #[error("`{path}` {reason}", path = path.display())]
    Distrusted {
        /// The directory.
        path: PathBuf,
        /// The reason.
        reason: Distrust,
    },
    /// An I/O error occurs.
    #[error("failed to {doing} `{path}`", path = path.display())]
    Io {
        /// The operation.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
}

impl FileError {
    /// Adds the operation and the path.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// The system error alone, for callers that report the operation themselves.
impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { source, .. } => source,
            error @ (FileError::NotAFile { .. }
            | FileError::NotADirectory { .. }
            | FileError::NotReplaceable { .. }
            | FileError::SeveralNames { .. }
            | FileError::TooLarge { .. }
            | FileError::Distrusted { .. }) => Self::other(error),
        }
    }
}

impl FileKind {
    #[cfg_attr(unix, expect(dead_code, reason = "on Unix the mode contains the type"))]
    pub(super) fn of(kind: FileType) -> Self {
        if kind.is_file() {
            return Self::Regular;
        }
        if kind.is_dir() {
            return Self::Directory;
        }
        if kind.is_symlink() {
            return Self::Link;
        }
        Self::Device
    }
}

impl FileKind {
    /// Its name, with an article.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "a file",
            Self::Directory => "a directory",
            Self::Link => "a link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::Device => "a device",
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
