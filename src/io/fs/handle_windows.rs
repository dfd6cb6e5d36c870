//! The implementation of [`crate::io::fs::Dir`] where files can only be opened by path: each path is inspected before
//! it is used, and each opened file is inspected again.
#![expect(clippy::disallowed_methods, reason = "the store's files are opened, made, renamed and removed here")]

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use crate::io::fs::FileKind;
use crate::io::fs::Stat;

/// A directory by its path.
#[derive(Debug)]
pub(super) struct Handle(PathBuf);

impl Handle {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() { Ok(Self(path.to_owned())) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(super) fn directory(&self, name: &OsStr) -> io::Result<Self> {
        match self.stat(name)?.kind {
            FileKind::Directory => Ok(Self(self.0.join(name))),
            FileKind::Regular | FileKind::Link | FileKind::Fifo | FileKind::Socket | FileKind::Device => {
                Err(io::ErrorKind::NotADirectory.into())
            }
        }
    }

    pub(super) fn make_directory(&self, name: &OsStr, _mode: u32) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    pub(super) fn own_stat(&self) -> io::Result<Stat> {
        fs::symlink_metadata(&self.0).map(|found| stat(&found))
    }

    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        fs::symlink_metadata(self.0.join(name)).map(|found| stat(&found))
    }

    pub(super) fn open_to_read(&self, name: &OsStr) -> io::Result<File> {
        self.opened(name, OpenOptions::new().read(true))
    }

    /// Opens a file for reading and writing without truncation, or creates it.
    pub(super) fn open_to_change(&self, name: &OsStr, _mode: u32) -> io::Result<File> {
        self.opened(name, OpenOptions::new().read(true).write(true).create(true).truncate(false))
    }

    /// Opens a file for reading and appending, or creates it.
    pub(super) fn open_to_append(&self, name: &OsStr, _mode: u32) -> io::Result<File> {
        self.opened(name, OpenOptions::new().read(true).append(true).create(true))
    }

    pub(super) fn create_new(&self, name: &OsStr, _mode: u32) -> io::Result<File> {
        self.opened(name, OpenOptions::new().read(true).write(true).create_new(true))
    }

    /// Opens a file unless it is a link.
    fn opened(&self, name: &OsStr, options: &mut OpenOptions) -> io::Result<File> {
        #[cfg(windows)]
        {
            /// `FILE_FLAG_OPEN_REPARSE_POINT` opens the link itself.
            const NOT_FOLLOWED: u32 = 0x0020_0000;
            std::os::windows::fs::OpenOptionsExt::custom_flags(options, NOT_FOLLOWED);
        }
        let file = options.open(self.0.join(name))?;
        if file.metadata()?.is_symlink() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link"));
        }
        Ok(file)
    }

    pub(super) fn rename(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(name), to.0.join(to_name))
    }

    pub(super) fn link(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> io::Result<()> {
        fs::hard_link(self.0.join(name), to.0.join(to_name))
    }

    pub(super) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        let path = self.0.join(name);
        // A link to a directory is removed as a directory.
        fs::remove_file(&path).or_else(|error| fs::remove_dir(&path).map_err(|_| error))
    }

    pub(super) fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_dir(self.0.join(name))
    }

    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.0)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    /// Windows cannot flush the names in a directory.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn open_up(&self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn stat_of(file: &File) -> io::Result<Stat> {
    file.metadata().map(|found| stat(&found))
}

/// The name decides whether a file is executable, and everyone may read it.
pub(super) fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// There are no user IDs here; every file has the same one.
pub(super) fn user() -> u32 {
    0
}

fn stat(found: &Metadata) -> Stat {
    let modified = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let modified = (i64::try_from(modified.as_secs()).unwrap_or(i64::MAX), i64::from(modified.subsec_nanos()));
    Stat {
        kind: FileKind::of(found.file_type()),
        size: found.len(),
        links: 1,
        modified,
        changed: modified,
        device: 0,
        inode: 0,
        owner: 0,
        group: 0,
        mode: 0o755,
    }
}
