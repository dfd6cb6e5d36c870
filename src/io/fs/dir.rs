//! A directory that is used through an open handle. Each name is a single component, links are not followed, and only
//! regular files are read: a checkout or another user may put links, FIFOs and devices anywhere.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::Purpose;
use crate::io::fs::Stat;
use crate::io::fs::distrusted;
use crate::io::fs::handle;
use crate::io::fs::handle::Handle;

/// The name of an unfinished file, in its final directory. Only the holder of the store's lock writes there, so
/// one name is enough, and leftovers of a killed process are easy to find.
pub(crate) const UNFINISHED: &str = ".reproq-new";

/// The mode of new directories: not writable by others, whatever the umask.
const DIRECTORY_MODE: u32 = 0o755;

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    handle: Handle,
    /// For messages, and for programs that need a path.
    path: PathBuf,
    stat: Stat,
}

impl Dir {
    /// Opens a directory that the user named; links are followed. `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// It is not a directory, or an I/O error occurs.
    pub fn open(path: &Path) -> Result<Option<Self>, FileError> {
        let opened = Handle::open(path).and_then(|handle| Ok((handle.own_stat()?, handle)));
        match opened {
            Ok((stat, handle)) => Ok(Some(Self { handle, path: path.to_owned(), stat })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::io("open the directory", path)(error)),
        }
    }

    /// Its path when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a subdirectory. `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// It is not a directory, another user could change its contents (see [`distrusted`]), or an I/O error occurs.
    pub fn directory(&self, name: impl AsRef<OsStr>, purpose: Purpose) -> Result<Option<Self>, FileError> {
        let Some(inner) = self.inner(name.as_ref())? else { return Ok(None) };
        match distrusted(handle::user(), &self.stat, &inner.stat, purpose) {
            None => Ok(Some(inner)),
            Some(reason) => Err(FileError::Distrusted { path: inner.path, reason }),
        }
    }

    /// Opens a subdirectory for writing, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// As [`Dir::directory`].
    pub fn make_directory(&self, name: impl AsRef<OsStr>) -> Result<Self, FileError> {
        let name = name.as_ref();
        if let Some(inner) = self.directory(name, Purpose::Write)? {
            return Ok(inner);
        }
        let failed = || FileError::io("create the directory", self.path_of(name));
        match self.handle.make_directory(name, DIRECTORY_MODE) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed()(error)),
            Ok(()) | Err(_) => {}
        }
        self.directory(name, Purpose::Write)?.ok_or_else(|| failed()(io::ErrorKind::NotFound.into()))
    }

    /// As [`Dir::directory`], without the check of who can change its contents: for directories of the user whose
    /// contents are not trusted.
    ///
    /// # Errors
    ///
    /// It is not a directory, or an I/O error occurs.
    pub fn subdirectory(&self, name: impl AsRef<OsStr>) -> Result<Option<Self>, FileError> {
        self.inner(name.as_ref())
    }

    /// As [`Dir::subdirectory`], and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// As [`Dir::subdirectory`].
    pub fn make_subdirectory(&self, name: impl AsRef<OsStr>) -> Result<Self, FileError> {
        let name = name.as_ref();
        if let Some(inner) = self.inner(name)? {
            return Ok(inner);
        }
        let failed = || FileError::io("create the directory", self.path_of(name));
        match self.create_directory(name, 0o777) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed()(error)),
            Ok(()) | Err(_) => {}
        }
        self.inner(name)?.ok_or_else(|| failed()(io::ErrorKind::NotFound.into()))
    }

    /// Creates a directory with this mode, minus the umask.
    ///
    /// # Errors
    ///
    /// The name exists, or an I/O error occurs.
    pub(super) fn create_directory(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<()> {
        self.handle.make_directory(one(name.as_ref())?, mode)
    }

    /// The metadata of a name; links are not followed.
    ///
    /// # Errors
    ///
    /// An I/O error occurs.
    pub fn stat(&self, name: impl AsRef<OsStr>) -> Result<Option<Stat>, FileError> {
        let name = name.as_ref();
        match one(name).and_then(|name| self.handle.stat(name)) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::io("inspect", self.path_of(name))(error)),
        }
    }

    /// Opens a regular file for reading. `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// It is not a regular file, or an I/O error occurs.
    pub fn file(&self, name: impl AsRef<OsStr>) -> Result<Option<(File, Stat)>, FileError> {
        let name = name.as_ref();
        let Some(found) = self.stat(name)? else { return Ok(None) };
        self.regular(name, found)?;
        match self.handle.open_to_read(name) {
            Ok(file) => {
                // The file may have been replaced between the check and the open.
                let stat = self.opened(name, &file)?;
                Ok(Some((file, stat)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::io("open", self.path_of(name))(error)),
        }
    }

    /// Reads a regular file of at most `limit` bytes. `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// As [`Dir::file`], or it is larger.
    pub fn read(&self, name: impl AsRef<OsStr>, limit: u64) -> Result<Option<(Vec<u8>, Stat)>, FileError> {
        let name = name.as_ref();
        let Some((file, stat)) = self.file(name)? else { return Ok(None) };
        // One spare byte, so that one call reads everything and the next finds the end.
        let room = usize::try_from(stat.size.min(limit)).unwrap_or_default() + 1;
        let mut bytes = Vec::with_capacity(room);
        file.take(limit + 1).read_to_end(&mut bytes).map_err(FileError::io("read", self.path_of(name)))?;
        if bytes.len() as u64 > limit {
            return Err(FileError::TooLarge { path: self.path_of(name), size: stat.size.max(bytes.len() as u64) });
        }
        Ok(Some((bytes, stat)))
    }

    /// Opens a regular file for reading and writing without truncation, or creates it.
    ///
    /// # Errors
    ///
    /// As [`Dir::file`].
    pub fn open_to_change(&self, name: impl AsRef<OsStr>) -> Result<(File, Stat), FileError> {
        let name = name.as_ref();
        if let Some(found) = self.stat(name)? {
            self.regular(name, found)?;
        }
        let file = self.handle.open_to_change(name, 0o644).map_err(FileError::io("open", self.path_of(name)))?;
        let stat = self.opened(name, &file)?;
        Ok((file, stat))
    }

    /// Opens a regular file for appending, or creates it.
    ///
    /// # Errors
    ///
    /// As [`Dir::file`].
    pub(super) fn open_to_append(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<(File, Stat), FileError> {
        let name = name.as_ref();
        if let Some(found) = self.stat(name)? {
            self.regular(name, found)?;
        }
        let file = self.handle.open_to_append(name, mode).map_err(FileError::io("open", self.path_of(name)))?;
        let stat = self.opened(name, &file)?;
        Ok((file, stat))
    }

    /// Creates a new file with this mode, minus the umask.
    ///
    /// # Errors
    ///
    /// The name exists, or an I/O error occurs.
    pub(super) fn create_new(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<File> {
        self.handle.create_new(one(name.as_ref())?, mode)
    }

    /// Creates a new file and replaces whatever has the name. Other hard links of a replaced file are not affected.
    ///
    /// # Errors
    ///
    /// An I/O error occurs.
    pub fn create(&self, name: impl AsRef<OsStr>) -> Result<File, FileError> {
        let name = name.as_ref();
        let failed = || FileError::io("create", self.path_of(name));
        match self.handle.create_new(name, 0o600) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => return outcome.map_err(failed()),
        }
        self.remove(name)?;
        self.handle.create_new(name, 0o600).map_err(failed())
    }

    /// Writes a small file that is readable by everyone. Atomic, also in case of a crash; returns the
    /// new file. `unfinished` is its temporary name.
    ///
    /// # Errors
    ///
    /// A directory has the name, or an I/O error occurs. The old file is unchanged.
    pub fn write(&self, unfinished: &str, name: impl AsRef<OsStr>, bytes: &[u8]) -> Result<File, FileError> {
        let name = name.as_ref();
        if let Some(found) = self.stat(name)?.filter(|found| found.kind == FileKind::Directory) {
            self.regular(name, found)?;
        }
        let write = |mut file: File| {
            file.write_all(bytes)?;
            set_mode(&file, 0o644)?;
            file.sync_all()?;
            self.handle.rename(unfinished.as_ref(), &self.handle, name)?;
            Ok(file)
        };
        let new = match self.create(unfinished) {
            Ok(file) => write(file),
            // The error names the target, not the temporary file.
            Err(FileError::Io { source, .. }) => Err(source),
            Err(error) => return Err(error),
        };
        new.map_err(FileError::io("write", self.path_of(name))).inspect_err(|_| drop(self.remove(unfinished)))
    }

    /// Renames a file, within this directory or to another one of the same file system, and replaces a file there.
    ///
    /// # Errors
    ///
    /// A directory has the name, or an I/O error occurs.
    pub fn rename(&self, name: impl AsRef<OsStr>, to: &Self, to_name: impl AsRef<OsStr>) -> io::Result<()> {
        self.handle.rename(one(name.as_ref())?, &to.handle, one(to_name.as_ref())?)
    }

    /// Creates a hard link.
    ///
    /// # Errors
    ///
    /// The name exists, an I/O error occurs, or the file system has no hard links.
    pub fn link(&self, name: impl AsRef<OsStr>, to: &Self, to_name: impl AsRef<OsStr>) -> io::Result<()> {
        self.handle.link(one(name.as_ref())?, &to.handle, one(to_name.as_ref())?)
    }

    /// Removes whatever has the name, directories recursively. A missing name is not an error.
    ///
    /// # Errors
    ///
    /// An I/O error occurs.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> Result<(), FileError> {
        let name = name.as_ref();
        let Some(found) = self.stat(name)? else { return Ok(()) };
        let removed = match found.kind {
            FileKind::Directory => self.remove_tree(name),
            FileKind::Regular | FileKind::Link | FileKind::Fifo | FileKind::Socket | FileKind::Device => {
                self.handle.remove_file(name)
            }
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FileError::io("remove", self.path_of(name))(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes an empty subdirectory.
    ///
    /// # Errors
    ///
    /// It is not empty, or not a directory, or an I/O error occurs.
    pub fn remove_empty(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        self.handle.remove_directory(one(name.as_ref())?)
    }

    /// Removes all contents of the directory.
    ///
    /// # Errors
    ///
    /// An I/O error occurs.
    pub fn empty(&self) -> Result<(), FileError> {
        self.names()?.iter().try_for_each(|name| self.remove(name))
    }

    /// The names in the directory.
    ///
    /// # Errors
    ///
    /// An I/O error occurs.
    pub fn names(&self) -> Result<Vec<OsString>, FileError> {
        self.handle.names().map_err(FileError::io("list", &self.path))
    }

    /// Flushes the names in the directory to disk.
    ///
    /// # Errors
    ///
    /// The directory is not readable, or its file system does not support it.
    pub fn sync(&self) -> io::Result<()> {
        self.handle.sync()
    }

    /// The path of a name, for messages.
    pub fn path_of(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }

    fn inner(&self, name: &OsStr) -> Result<Option<Self>, FileError> {
        let opened = one(name).and_then(|name| self.handle.directory(name));
        match opened.and_then(|handle| Ok((handle.own_stat()?, handle))) {
            Ok((stat, handle)) => Ok(Some(Self { handle, path: self.path_of(name), stat })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => match self.stat(name)? {
                Some(Stat { kind, .. }) if kind != FileKind::Directory => {
                    Err(FileError::NotADirectory { path: self.path_of(name), kind })
                }
                Some(_) | None => Err(FileError::io("open the directory", self.path_of(name))(error)),
            },
        }
    }

    fn opened(&self, name: &OsStr, file: &File) -> Result<Stat, FileError> {
        let stat = handle::stat_of(file).map_err(FileError::io("inspect", self.path_of(name)))?;
        self.regular(name, stat).map(|()| stat)
    }

    fn regular(&self, name: &OsStr, found: Stat) -> Result<(), FileError> {
        let kind = found.kind;
        if kind == FileKind::Regular { Ok(()) } else { Err(FileError::NotAFile { path: self.path_of(name), kind }) }
    }

    /// Removes a directory of any depth with few open files: the contents of its subdirectories are moved up, one level
    /// at a time, until no directory is left.
    fn remove_tree(&self, name: &OsStr) -> io::Result<()> {
        let top = self.handle.directory(name)?;
        let _ = top.open_up();
        let mut moved = 0_u64;
        loop {
            let mut is_flat = true;
            for name in top.names()? {
                if top.stat(&name)?.kind != FileKind::Directory {
                    top.remove_file(&name)?;
                    continue;
                }
                let inner = top.directory(&name)?;
                let _ = inner.open_up();
                for inner_name in inner.names()? {
                    if inner.stat(&inner_name)?.kind != FileKind::Directory {
                        inner.remove_file(&inner_name)?;
                        continue;
                    }
                    is_flat = false;
                    // A directory is moved with its own `..` entry, which requires write permission on it.
                    let _ = inner.directory(&inner_name).and_then(|deeper| deeper.open_up());
                    while top.stat(temporary_name(moved).as_ref()).is_ok() {
                        moved += 1;
                    }
                    inner.rename(&inner_name, &top, temporary_name(moved).as_ref())?;
                }
                drop(inner);
                top.remove_directory(&name)?;
            }
            if is_flat {
                return self.handle.remove_directory(name);
            }
        }
    }
}

/// The temporary name of a directory that is moved up for removal.
fn temporary_name(number: u64) -> OsString {
    format!(".removed-{number}").into()
}

/// Checks for a single name, which cannot lead out of the directory.
fn one(name: &OsStr) -> io::Result<&OsStr> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(std::path::Component::Normal(part)), None) if part == name => Ok(name),
        (_, _) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a single name")),
    }
}

/// Sets the mode of a file. Some mounted file systems have fixed modes and reject any other:
/// the file then keeps the mode of its mount.
///
/// # Errors
///
/// An I/O error occurs.
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    match handle::set_mode(file, mode) {
        Err(error) if is_refusal(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Whether the system does not permit or support a change, as opposed to an I/O error.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported)
}

/// The metadata of an open file.
///
/// # Errors
///
/// An I/O error occurs.
pub(crate) fn stat_of(file: &File) -> io::Result<Stat> {
    handle::stat_of(file)
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "the tests make files and look at them")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn dir() -> (tempfile::TempDir, Dir) {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = Dir::open(directory.path()).expect("readable").expect("there");
        (directory, dir)
    }

    #[test]
    fn a_name_is_a_single_component() {
        let (_directory, dir) = dir();
        for name in ["", ".", "..", "a/b", "/etc", "a/", "./a"] {
            assert!(dir.stat(name).is_err(), "{name:?}");
            assert!(dir.remove(name).is_err(), "{name:?}");
            assert!(dir.directory(name, Purpose::Read).is_err(), "{name:?}");
            assert!(dir.make_directory(name).is_err(), "{name:?}");
            assert!(dir.rename("a", &dir, name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn links_are_not_followed() {
        let (directory, dir) = dir();
        let outside = tempfile::tempdir().expect("a directory");
        fs::write(outside.path().join("file"), "theirs").expect("written");
        symlink(outside.path(), directory.path().join("directory")).expect("a link");
        symlink(outside.path().join("file"), directory.path().join("file")).expect("a link");
        let kind = |error: FileError| match error {
            FileError::NotAFile { kind, .. } | FileError::NotADirectory { kind, .. } => kind,
            error @ (FileError::TooLarge { .. }
            | FileError::NotReplaceable { .. }
            | FileError::SeveralNames { .. }
            | FileError::Distrusted { .. }
            | FileError::Io { .. }) => panic!("{error}"),
        };
        assert_eq!(kind(dir.directory("directory", Purpose::Write).expect_err("a link")), FileKind::Link);
        assert_eq!(kind(dir.make_directory("directory").expect_err("a link")), FileKind::Link);
        assert_eq!(kind(dir.read("file", 10).expect_err("a link")), FileKind::Link);
        assert_eq!(kind(dir.open_to_change("file").expect_err("a link")), FileKind::Link);
        dir.write("new", "file", b"mine").expect("the link is replaced");
        dir.remove("directory").expect("the link goes");
        assert_eq!(fs::read(outside.path().join("file")).expect("there"), b"theirs");
        assert_eq!(dir.read("file", 4).expect("readable").expect("there").0, b"mine");
        assert!(matches!(dir.read("file", 3), Err(FileError::TooLarge { size: 4, .. })));
        assert_eq!(dir.names().expect("readable"), ["file"]);
    }

    #[test]
    fn a_tree_of_any_depth_and_with_any_names_is_removed() {
        let (directory, dir) = dir();
        let mut path = directory.path().join("tree");
        // Names like the temporary ones, on every level.
        for level in 0..40 {
            for name in [".removed-0", ".removed-1", "other"] {
                fs::create_dir_all(path.join(name)).expect("made");
                fs::write(path.join(name).join("file"), "left").expect("written");
            }
            path.push(if level % 2 == 0 { ".removed-1" } else { "other" });
        }
        symlink(directory.path(), path.join("link")).expect("a link");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o555)).expect("closed");
        fs::write(directory.path().join("beside"), "mine").expect("written");
        dir.remove("tree").expect("removed");
        assert_eq!(dir.names().expect("readable"), ["beside"]);
    }
}
