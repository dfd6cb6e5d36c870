//! The store through open directories, each opened relative to its parent without following links.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crate::failure::SystemError;
use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::Lock;
use crate::io::fs::LockError;
use crate::io::fs::Purpose;
use crate::io::fs::UNFINISHED;
use crate::model::Sha256Digest;
use crate::worker::store::Layout;
use crate::worker::store::layout::IGNORE;
use crate::worker::store::layout::IGNORE_UNFINISHED;
use crate::worker::store::layout::LOCK;
use crate::worker::store::layout::PREVIOUS;
use crate::worker::store::layout::RECEIPTS;
use crate::worker::store::layout::STAGING;
use crate::worker::store::layout::STATE;

const IGNORE_TEXT: &[u8] = b"# Made by reproq: what is here is not for version control.\n*\n";

/// The open store.
#[derive(Debug)]
pub(super) struct Store<'a> {
    layout: &'a Layout,
    /// The parent of the store: the project, or the directory of the binary.
    root: Rc<Dir>,
    home: Option<Rc<Dir>>,
    purpose: Purpose,
}

/// The existing directories of the store.
#[derive(Debug)]
pub(super) struct Places {
    home: Option<Rc<Dir>>,
    pub(super) bin: Option<Rc<Dir>>,
    pub(super) receipts: Option<Dir>,
    pub(super) previous: Option<Dir>,
    staging: Option<Dir>,
}

impl Places {
    fn all(&self) -> impl Iterator<Item = &Dir> {
        let shared = [self.home.as_deref(), self.bin.as_deref()];
        shared.into_iter().chain([&self.receipts, &self.previous, &self.staging].map(Option::as_ref)).flatten()
    }

    /// Whether there are no unfinished files of killed processes.
    pub(super) fn are_clear(&self) -> bool {
        let is_missing = |directory: &Dir| directory.stat(UNFINISHED).is_ok_and(|found| found.is_none());
        let is_empty = |staging: &Dir| staging.names().is_ok_and(|names| names.is_empty());
        self.staging.as_ref().is_none_or(is_empty) && self.all().all(is_missing)
    }
}

impl<'a> Store<'a> {
    /// Opens it for reading. `None` if the parent directory does not exist.
    pub(super) fn open(layout: &'a Layout) -> Result<Option<Self>, FileError> {
        let Some(root) = Dir::open(layout.root())? else { return Ok(None) };
        let home = root.directory(layout.home_name(), Purpose::Read)?;
        Ok(Some(Self { layout, root: Rc::new(root), home: home.map(Rc::new), purpose: Purpose::Read }))
    }

    /// Opens it for writing, creating it if necessary.
    #[expect(clippy::disallowed_methods, reason = "the directory chosen by the user is created here")]
    pub(super) fn create(layout: &'a Layout) -> Result<Self, FileError> {
        let root = layout.root();
        let failed = || FileError::io("create the directory", root);
        let opened = match Dir::open(root)? {
            Some(root) => Some(root),
            None => {
                std::fs::create_dir_all(root).map_err(failed())?;
                Dir::open(root)?
            }
        };
        let root = opened.ok_or_else(|| failed()(std::io::ErrorKind::NotFound.into()))?;
        let home = root.make_directory(layout.home_name())?;
        Ok(Self { layout, root: Rc::new(root), home: Some(Rc::new(home)), purpose: Purpose::Write })
    }

    /// The store's own directory.
    pub(super) fn home(&self) -> Option<&Dir> {
        self.home.as_deref()
    }

    /// The directory of the binary.
    pub(super) fn bin(&self) -> Result<Option<Rc<Dir>>, FileError> {
        match self.layout.bin_name() {
            Some(name) => Ok(self.below(name)?.map(Rc::new)),
            None => Ok(Some(Rc::clone(&self.root))),
        }
    }

    pub(super) fn receipts(&self) -> Result<Option<Dir>, FileError> {
        self.below(RECEIPTS)
    }

    pub(super) fn previous(&self) -> Result<Option<Dir>, FileError> {
        self.below(PREVIOUS)
    }

    pub(super) fn staging(&self) -> Result<Option<Dir>, FileError> {
        self.below(STAGING)
    }

    /// The directory of one kept binary.
    pub(super) fn kept(&self, sha256: &Sha256Digest) -> Result<Option<Dir>, FileError> {
        let Some(previous) = self.previous()? else { return Ok(None) };
        previous.directory(sha256.to_string(), self.purpose)
    }

    pub(super) fn make_bin(&self) -> Result<Rc<Dir>, FileError> {
        match self.layout.bin_name() {
            Some(name) => self.make(name).map(Rc::new),
            None => Ok(Rc::clone(&self.root)),
        }
    }

    pub(super) fn make_receipts(&self) -> Result<Dir, FileError> {
        self.make(RECEIPTS)
    }

    pub(super) fn make_previous(&self) -> Result<Dir, FileError> {
        self.make(PREVIOUS)
    }

    pub(super) fn make_staging(&self) -> Result<Dir, FileError> {
        self.make(STAGING)
    }

    /// A file in a directory below `staging`, given by its path: the directory and the file name.
    pub(super) fn staged(&self, path: &Path) -> Result<Option<(Dir, OsString)>, FileError> {
        let below = path.strip_prefix(self.layout.staging()).unwrap_or(Path::new(""));
        let (Some(directory), Some(name)) = (below.parent(), below.file_name()) else { return Ok(None) };
        let Some(staging) = self.staging()? else { return Ok(None) };
        Ok(staging.directory(directory, self.purpose)?.map(|directory| (directory, name.to_owned())))
    }

    /// Opens every existing directory.
    pub(super) fn places(&self) -> Result<Places, FileError> {
        let (bin, receipts, previous) = (self.bin()?, self.receipts()?, self.previous()?);
        Ok(Places { home: self.home.clone(), bin, receipts, previous, staging: self.staging()? })
    }

    /// Keeps the store out of version control. Needs no lock: all processes write the same content.
    pub(super) fn ignore(&self) -> Result<(), FileError> {
        let Some(home) = &self.home else { return Ok(()) };
        if home.stat(IGNORE)?.is_some() {
            let _ = home.remove(IGNORE_UNFINISHED);
            return Ok(());
        }
        match home.write(IGNORE_UNFINISHED, IGNORE, IGNORE_TEXT) {
            Err(error) if home.stat(IGNORE)?.is_none() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn below(&self, name: &str) -> Result<Option<Dir>, FileError> {
        let Some(home) = &self.home else { return Ok(None) };
        home.directory(name, self.purpose)
    }

    fn make(&self, name: &str) -> Result<Dir, FileError> {
        let home = self.home.as_ref().expect("a store that is changed was made");
        home.make_directory(name)
    }
}

/// Creates the store's directory and the one for unfinished files, and checks that nothing else occupies the paths of the
/// others.
pub(crate) fn prepare(layout: &Layout) -> Result<(), FileError> {
    let store = Store::create(layout)?;
    let _ = store.places()?;
    store.make_staging()?;
    let home = store.home.as_ref().expect("it was made just now");
    if let Some(found) = home.stat(STATE)?.filter(|found| found.kind == FileKind::Directory) {
        return Err(FileError::NotAFile { path: layout.state(), kind: found.kind });
    }
    store.ignore()
}

/// Keeps a directory out of version control; does nothing if it does not exist.
pub(crate) fn keep_out_of_version_control(home: &Path) -> Result<(), FileError> {
    let layout = Layout { home: home.to_owned(), binary: home.to_owned() };
    Store::open(&layout)?.map_or(Ok(()), |store| store.ignore())
}

/// Takes the store's lock, waiting at most `timeout`. After a second, `waiting` is called once with the holder.
pub(crate) fn lock(layout: &Layout, timeout: Duration, waiting: impl FnOnce(&str)) -> Result<Lock, LockError> {
    let store = Store::create(layout)?;
    let home = store.home.as_ref().expect("it was made just now");
    Lock::acquire(home, LOCK, timeout, waiting)
}

/// The part of the store that was removed or replaced while its lock was held and this staging directory was in use. `None` as
/// well if that cannot be determined, because this process has no file descriptors or memory left.
pub(crate) fn removed(layout: &Layout, lock: &Lock, staging: &Path) -> Option<PathBuf> {
    let store = match Store::open(layout) {
        Err(error) if is_limit(&error) => return None,
        store => store.ok().flatten(),
    };
    let Some((store, home)) = store.as_ref().and_then(|store| Some((store, store.home()?))) else {
        return Some(layout.home.clone());
    };
    let is_there = match store.staged(&staging.join("file")) {
        Err(error) if is_limit(&error) => return None,
        found => found.is_ok_and(|found| found.is_some()),
    };
    match (is_there, lock.is_held(home, LOCK)) {
        (false, _) => Some(layout.staging()),
        (true, false) => Some(layout.lock()),
        (true, true) => None,
    }
}

fn is_limit(error: &FileError) -> bool {
    matches!(error, FileError::Io { source, .. } if SystemError::of(source).is_some_and(SystemError::is_limit))
}

/// Removes unfinished files of killed processes. The caller must hold the lock.
pub(crate) fn clear(layout: &Layout) -> Result<(), FileError> {
    let store = Store::create(layout)?;
    store.places()?.all().try_for_each(|directory| directory.remove(UNFINISHED))?;
    store.make_staging()?.empty()
}

/// The files in a directory that are named by a digest; others do not belong to the store.
pub(super) fn digests(directory: &Dir) -> Vec<(Sha256Digest, OsString)> {
    let names = directory.names().unwrap_or_default().into_iter();
    names.filter_map(|name| Some((digest_of(&name)?, name))).collect()
}

fn digest_of(name: &OsStr) -> Option<Sha256Digest> {
    let name = name.to_str()?;
    let stem = [".json", ".lock", ".proofs"].iter().find_map(|suffix| name.strip_suffix(suffix));
    stem.unwrap_or(name).parse().ok()
}
