//! The system calls of [`crate::io::fs::Dir`] on Unix: each acts on one entry of an open directory and follows no
//! links.
#![expect(clippy::disallowed_methods, reason = "the store's files are opened, made, renamed and removed here")]

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use crate::io::fs::FileKind;
use crate::io::fs::Stat;

/// An open directory. It need not be readable: search and write permission are enough to install into it.
#[derive(Debug)]
pub(super) struct Handle(OwnedFd);

/// The flags to open a directory. Linux needs no read permission.
#[cfg(any(target_os = "linux", target_os = "android"))]
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// Do not follow links, do not block on a FIFO, and do not acquire a controlling terminal.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

impl Handle {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, DIRECTORY, Mode::empty())?))
    }

    pub(super) fn directory(&self, name: &OsStr) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(&self.0, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?))
    }

    pub(super) fn make_directory(&self, name: &OsStr, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, mode_of(mode))?)
    }

    pub(super) fn own_stat(&self) -> io::Result<Stat> {
        Ok(stat(&rustix::fs::fstat(&self.0)?))
    }

    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(stat(&rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    pub(super) fn open_to_read(&self, name: &OsStr) -> io::Result<File> {
        Ok(rustix::fs::openat(&self.0, name, FILE | OFlags::RDONLY, Mode::empty())?.into())
    }

    /// Opens a file for reading and writing without truncation, or creates it.
    pub(super) fn open_to_change(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        Ok(rustix::fs::openat(&self.0, name, FILE | OFlags::RDWR | OFlags::CREATE, mode_of(mode))?.into())
    }

    /// Opens a file for reading and appending, or creates it.
    pub(super) fn open_to_append(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let flags = FILE | OFlags::RDWR | OFlags::APPEND | OFlags::CREATE;
        Ok(rustix::fs::openat(&self.0, name, flags, mode_of(mode))?.into())
    }

    pub(super) fn create_new(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let flags = FILE | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        Ok(rustix::fs::openat(&self.0, name, flags, mode_of(mode))?.into())
    }

    pub(super) fn rename(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &to.0, to_name)?)
    }

    pub(super) fn link(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.0, name, &to.0, to_name, AtFlags::empty())?)
    }

    pub(super) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(super) fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(self.readable()?)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Flushes the names in the directory to disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.readable()?)?)
    }

    /// Gives the owner all permissions.
    pub(super) fn open_up(&self) -> io::Result<()> {
        Ok(rustix::fs::fchmod(self.readable()?, Mode::RWXU)?)
    }

    fn readable(&self) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(&self.0, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
    }
}

pub(super) fn stat_of(file: &File) -> io::Result<Stat> {
    Ok(stat(&rustix::fs::fstat(file)?))
}

pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, mode_of(mode))?)
}

/// The effective user ID of this process.
pub(super) fn user() -> u32 {
    static USER: OnceLock<u32> = OnceLock::new();
    *USER.get_or_init(|| rustix::process::geteuid().as_raw())
}

fn mode_of(mode: u32) -> Mode {
    #[allow(clippy::unnecessary_cast, reason = "the type of a mode differs between systems")]
    Mode::from_raw_mode(mode as rustix::fs::RawMode)
}

#[allow(clippy::unnecessary_cast, reason = "the types of these numbers differ between systems")]
fn stat(found: &rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => FileKind::Regular,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Link,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => FileKind::Device,
    };
    Stat {
        kind,
        size: found.st_size as u64,
        links: found.st_nlink as u64,
        modified: (found.st_mtime as i64, found.st_mtime_nsec as i64),
        changed: (found.st_ctime as i64, found.st_ctime_nsec as i64),
        device: found.st_dev as u64,
        inode: found.st_ino as u64,
        owner: found.st_uid as u32,
        group: found.st_gid as u32,
        mode: found.st_mode as u32 & 0o7777,
    }
}
