//! Temporary files and directories with random names next to their target. The process holds a lock on them while it
//! runs, so the next process that writes in the same directory can recognize and remove leftovers of killed processes.

use std::ffi::OsStr;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::handle;
use crate::io::fs::lock::is_at;

/// The prefix of all temporary names outside a store.
const PREFIX: &str = ".reproq-tmp-";

/// The number of random characters, and of names that are tried.
const RANDOM: usize = 8;
const TRIES: u32 = 100;

/// The name of the file in a temporary directory that its process locks.
const HELD: &str = ".held";

/// A new file with a random name, removed unless it is renamed into place.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    dir: Rc<Dir>,
    name: String,
    file: File,
    is_placed: bool,
}

impl TemporaryFile {
    /// Creates it in this directory, with this mode minus the umask.
    ///
    /// # Errors
    ///
    /// An I/O error occurs.
    pub(crate) fn create(dir: Rc<Dir>, mode: u32) -> io::Result<Self> {
        for _ in 0..TRIES {
            let name = random_name();
            match dir.create_new(&name, mode) {
                Ok(file) if is_held(&file, &dir, name.as_ref()) => {
                    return Ok(Self { dir, name, file, is_placed: false });
                }
                // Another process took it for a leftover, before it was locked.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Its temporary name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The open file.
    pub(crate) const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Renames it to its final name and replaces a file there.
    ///
    /// # Errors
    ///
    /// An I/O error occurs.
    pub(crate) fn place(mut self, name: impl AsRef<OsStr>) -> io::Result<()> {
        self.dir.rename(&self.name, &self.dir, name)?;
        self.is_placed = true;
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = self.dir.remove(&self.name);
        }
    }
}

/// A new directory with a random name, accessible only by this user. It is removed with its contents.
#[derive(Debug)]
pub(crate) struct TemporaryDirectory {
    dir: Dir,
    name: String,
    /// Open and locked while the directory is in use.
    _held: File,
}

impl TemporaryDirectory {
    /// Creates it in this directory. Leftovers of killed processes are removed first.
    ///
    /// # Errors
    ///
    /// An I/O error occurs.
    pub(crate) fn create(parent: &Path) -> Result<Self, FileError> {
        let failed = || FileError::io("make a directory in", parent);
        let dir = Dir::open(parent)?.ok_or_else(|| failed()(io::ErrorKind::NotFound.into()))?;
        sweep(&dir);
        for _ in 0..TRIES {
            let name = random_name();
            match dir.create_directory(&name, 0o700) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(failed()(error)),
            }
            // Another process may take it for a leftover, before it is locked.
            let Some(made) = dir.subdirectory(&name)? else { continue };
            let Ok((held, _)) = made.open_to_change(HELD) else { continue };
            if dir.subdirectory(&name)?.is_some_and(|now| is_held(&held, &now, HELD.as_ref())) {
                return Ok(Self { dir, name, _held: held });
            }
        }
        Err(failed()(io::ErrorKind::AlreadyExists.into()))
    }

    /// Its path.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path_of(&self.name)
    }

    /// The file in it whose lock shows that its process runs.
    pub(crate) fn held(&self) -> PathBuf {
        self.path().join(HELD)
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _ = self.dir.remove(&self.name);
    }
}

/// Removes leftovers of this user's killed processes from a directory. Errors are ignored.
pub(crate) fn sweep(dir: &Dir) {
    for name in dir.names().unwrap_or_default().iter().filter(|name| is_temporary_name(name)) {
        let _ = sweep_one(dir, name);
    }
}

fn sweep_one(dir: &Dir, name: &OsStr) -> Result<(), FileError> {
    let Some(found) = dir.stat(name)?.filter(|found| found.owner == handle::user()) else { return Ok(()) };
    match found.kind {
        FileKind::Regular => match dir.file(name)? {
            Some((file, _)) if is_free(&file) && is_at(&file, dir, name) => dir.remove(name),
            Some(_) | None => Ok(()),
        },
        FileKind::Directory => match dir.subdirectory(name)? {
            Some(inner) => sweep_directory(dir, name, &inner),
            None => Ok(()),
        },
        FileKind::Link | FileKind::Fifo | FileKind::Socket | FileKind::Device => Ok(()),
    }
}

/// It is renamed while its lock is held, and its contents are removed afterwards: a process that has just created it
/// and waits for the lock sees that it is gone.
fn sweep_directory(dir: &Dir, name: &OsStr, inner: &Dir) -> Result<(), FileError> {
    let (held, _) = inner.open_to_change(HELD)?;
    if !is_free(&held) {
        return Ok(());
    }
    let aside = random_name();
    dir.rename(name, dir, &aside).map_err(FileError::io("remove", dir.path_of(name)))?;
    dir.remove(&aside)
}

/// Locks a new file. False if a sweep was faster. On file systems without locks nothing is swept.
fn is_held(file: &File, dir: &Dir, name: &OsStr) -> bool {
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && is_at(file, dir, name)
}

/// Whether no process holds a file. A shared lock is enough to check, and some file systems allow no other on a file
/// that is open for reading.
fn is_free(file: &File) -> bool {
    file.try_lock_shared().is_ok()
}

fn random_name() -> String {
    let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(RANDOM).collect();
    format!("{PREFIX}{random}")
}

fn is_temporary_name(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    random.is_some_and(|random| random.len() == RANDOM && random.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "the tests make files and look at them")]
mod tests {
    use std::fs;

    use super::*;

    fn names(dir: &Dir) -> usize {
        dir.names().expect("readable").len()
    }

    #[test]
    fn files_of_running_processes_are_kept_and_leftovers_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = Rc::new(Dir::open(directory.path()).expect("readable").expect("there"));
        let file = TemporaryFile::create(Rc::clone(&dir), 0o600).expect("made");
        let held = TemporaryDirectory::create(directory.path()).expect("made");
        sweep(&dir);
        assert_eq!(names(&dir), 2, "both are held");
        fs::write(held.path().join("file"), "half").expect("written");
        // A process that dies releases its locks and removes nothing.
        let left = file.name.clone();
        drop(file);
        fs::write(directory.path().join(left), "half").expect("written");
        let path = held.path();
        drop(held);
        assert!(!path.exists(), "it is removed with all that is in it");
        fs::create_dir_all(path.join("deep")).expect("made");
        fs::write(directory.path().join(".reproq-tmp-notes"), "not one of our names").expect("written");
        std::os::unix::fs::symlink("elsewhere", directory.path().join(".reproq-tmp-abcdefgh")).expect("a link");
        sweep(&dir);
        let mut left = dir.names().expect("readable");
        left.sort();
        assert_eq!(left, [".reproq-tmp-abcdefgh", ".reproq-tmp-notes"], "only our files are removed");
    }

    #[test]
    fn a_file_that_is_not_placed_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = Rc::new(Dir::open(directory.path()).expect("readable").expect("there"));
        drop(TemporaryFile::create(Rc::clone(&dir), 0o600).expect("made"));
        assert_eq!(names(&dir), 0);
        TemporaryFile::create(Rc::clone(&dir), 0o600).expect("made").place("name").expect("placed");
        assert_eq!(dir.names().expect("readable"), ["name"]);
    }

    /// Many processes that create and sweep in one directory concurrently lose no file that they hold.
    #[test]
    fn a_sweep_never_removes_a_file_that_is_being_created() {
        let directory = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for number in 0..4 {
                let path = directory.path();
                scope.spawn(move || {
                    let dir = Rc::new(Dir::open(path).expect("readable").expect("there"));
                    for round in 0..200 {
                        let file = TemporaryFile::create(Rc::clone(&dir), 0o600).expect("made");
                        let directory = TemporaryDirectory::create(path).expect("made");
                        sweep(&dir);
                        file.place(format!("{number}-{round}")).expect("it is still there");
                        assert!(directory.held().exists(), "it is held");
                    }
                });
            }
        });
        sweep(&Dir::open(directory.path()).expect("readable").expect("there"));
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 4 * 200, "nothing is left");
    }
}
