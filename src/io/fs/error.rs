//! Why a file or a directory is not used, and what stands in its place.

use std::fmt;
use std::fs::FileType;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::io::fs::Distrust;

/// What a name stands for, links not followed.
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
    /// A block or character device, or anything else that is not a file.
    Device,
}

/// Why a file or a directory is not used. Whatever has its name is as it was.
#[derive(Debug, Error)]
pub enum FileError {
    /// Something that is not a regular file has the name.
    #[error("`{path}` is {kind}, not a regular file", path = path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// What has it.
        kind: FileKind,
    },
    /// Something that is not a directory is where one is needed.
    #[error("`{path}` is {kind}, not a directory", path = path.display())]
    NotADirectory {
        /// The name.
        path: PathBuf,
        /// What has it.
        kind: FileKind,
    },
    /// Something that is not a regular file has the name of one that is to be written.
    #[error("`{path}` is {kind}; only a regular file can be replaced", path = path.display())]
    NotReplaceable {
        /// The name.
        path: PathBuf,
        /// What has it.
        kind: FileKind,
    },
    /// A file that lines are added to has other names, and would change under those too.
    #[error("`{path}` has another hard link, which may belong to another user", path = path.display())]
    SeveralNames {
        /// The name.
        path: PathBuf,
    },
    /// A file is larger than any honest one.
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
        /// Who could.
        reason: Distrust,
    },
    /// An I/O error occurs.
    #[error("failed to {doing} `{path}`", path = path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system returned.
        source: io::Error,
    },
}

impl FileError {
    /// Names what was tried, and on what.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// The system's own error, for those who tell what was being done themselves.
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
    #[cfg_attr(unix, expect(dead_code, reason = "Unix tells the kind with the mode"))]
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
    /// In words, with an article.
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
