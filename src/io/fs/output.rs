//! An output file: replaces a regular file or creates a new one, without following links, atomically. It is
//! written under a temporary name in the same directory (see [`TemporaryFile`]) and then renamed.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use crate::io::fs::Dir;
use crate::io::fs::Distrust;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::Stat;
use crate::io::fs::TemporaryFile;
use crate::io::fs::handle;
use crate::io::fs::set_mode;
use crate::io::fs::sweep;

/// The mode of a new file, minus the umask.
const NEW: u32 = 0o666;

/// The mode of a file that only this user may read, and of the directories that are made for it.
const PRIVATE: u32 = 0o600;
#[cfg(unix)]
const PRIVATE_DIRECTORY: u32 = 0o700;

/// The mode bits of a replaced file that are kept: not setuid or setgid.
const KEPT: u32 = 0o777;

/// A file that is being written. The old file stays in place until this one is finished.
#[derive(Debug)]
pub struct OutputFile {
    dir: Rc<Dir>,
    name: OsString,
    temporary: TemporaryFile,
    is_for_all: bool,
    is_private: bool,
}

impl OutputFile {
    /// Starts writing the file at this path. Only its last component must not be a link.
    ///
    /// # Errors
    ///
    /// It exists and is not a regular file, or an I/O error occurs.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let (dir, name) = place(path)?;
        Self::create_in(Rc::new(dir), name)
    }

    /// As [`OutputFile::create`], but writes the target of a link. The target must be a regular file
    /// of the same user, so that a link cannot redirect the write to files of others.
    ///
    /// # Errors
    ///
    /// As [`OutputFile::create`], or the link has another target.
    pub fn create_through_link(path: &Path) -> Result<Self, FileError> {
        let (dir, name) = place(path)?;
        let Some(link) = dir.stat(&name)?.filter(|found| found.kind == FileKind::Link) else {
            return Self::create_in(Rc::new(dir), name);
        };
        let target = path.canonicalize().map_err(FileError::io("follow the link", path))?;
        let (dir, name) = place(&target)?;
        let found = replaceable(&dir, &name)?;
        match found.filter(|found| !has_allowed_owner(handle::user(), &link, found)) {
            Some(found) => Err(FileError::Distrusted { path: target, reason: Distrust::Owner(found.owner) }),
            None => Self::create_in(Rc::new(dir), name),
        }
    }

    /// Starts writing a file of this name in a directory.
    ///
    /// # Errors
    ///
    /// As [`OutputFile::create`].
    pub fn create_in(dir: Rc<Dir>, name: impl Into<OsString>) -> Result<Self, FileError> {
        Self::create_with(dir, name.into(), NEW)
    }

    fn create_with(dir: Rc<Dir>, name: OsString, mode: u32) -> Result<Self, FileError> {
        let _ = replaceable(&dir, &name)?;
        sweep(&dir);
        let temporary = TemporaryFile::create(Rc::clone(&dir), mode);
        // The error names the target, not the temporary file.
        let temporary = temporary.map_err(FileError::io("write", dir.path_of(&name)))?;
        Ok(Self { dir, name, temporary, is_for_all: false, is_private: mode == PRIVATE })
    }

    /// Makes a new file readable by everyone, whatever the umask.
    #[must_use]
    pub fn for_all(self) -> Self {
        Self { is_for_all: true, ..self }
    }

    /// Its temporary path.
    pub fn unfinished(&self) -> PathBuf {
        self.dir.path_of(self.temporary.name())
    }

    /// Its final path.
    pub fn path(&self) -> PathBuf {
        self.dir.path_of(&self.name)
    }

    /// Flushes the file to disk and renames it into place. It gets the mode of a replaced file.
    ///
    /// # Errors
    ///
    /// The target is not a regular file by now, or an I/O error occurs. The target is then unchanged.
    pub fn finish(mut self) -> Result<(), FileError> {
        let replaced = replaceable(&self.dir, &self.name)?;
        let kept = replaced.map(|replaced| replaced.mode & KEPT).filter(|_| !self.is_private);
        let mode = kept.or(self.is_private.then_some(PRIVATE)).or(self.is_for_all.then_some(0o644));
        let failed = FileError::io("write", self.path());
        let file = self.temporary.file();
        let ready = mode.map_or(Ok(()), |mode| set_mode(file, mode)).and_then(|()| file.sync_all());
        ready.and_then(|()| self.temporary.place(&self.name)).map_err(failed)?;
        // It is in place. If the system cannot flush directories, the name reaches the disk later.
        let _ = self.dir.sync();
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.file().flush()
    }
}

/// Writes a small file; see [`OutputFile::create`].
///
/// # Errors
///
/// As [`OutputFile::create`].
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    finished(OutputFile::create(path)?, bytes)
}

/// As [`write_file`], for a file with a secret: only this user may read it, whatever the mode of the file that it replaces and
/// the umask. Directories that are missing are created, for this user alone.
///
/// # Errors
///
/// As [`OutputFile::create`], or a directory cannot be created.
pub(crate) fn write_private_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, PRIVATE_DIRECTORY);
        builder.create(parent).map_err(FileError::io("create the directory", parent))?;
    }
    let (dir, name) = place(path)?;
    finished(OutputFile::create_with(Rc::new(dir), name, PRIVATE)?, bytes)
}

/// As [`write_file`]; see [`OutputFile::create_through_link`].
///
/// # Errors
///
/// As [`OutputFile::create_through_link`].
pub(crate) fn write_through_link(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    finished(OutputFile::create_through_link(path)?, bytes)
}

/// Writes the entire content of a small file and finishes it.
///
/// # Errors
///
/// As [`OutputFile::finish`].
pub(crate) fn finished(mut file: OutputFile, bytes: &[u8]) -> Result<(), FileError> {
    file.write_all(bytes).map_err(FileError::io("write", file.path()))?;
    file.finish()
}

/// Moves a finished file into place, in a directory of the same file system, readable by everyone.
///
/// # Errors
///
/// As [`OutputFile::finish`].
pub(crate) fn move_into_place(from: &Dir, from_name: &OsStr, to: &Dir, name: &OsStr) -> Result<(), FileError> {
    let _ = replaceable(to, name)?;
    let failed = || FileError::io("place", to.path_of(name));
    let missing = || failed()(io::ErrorKind::NotFound.into());
    let (file, _) = from.file(from_name)?.ok_or_else(missing)?;
    // The data must be on disk before the name.
    set_mode(&file, 0o644).and_then(|()| file.sync_data()).map_err(failed())?;
    from.rename(from_name, to, name).map_err(failed())
}

/// Removes temporary files of killed processes for this path, even if the file is not rewritten. Links are followed.
pub(crate) fn sweep_beside(path: &Path) {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if let Ok((dir, _)) = place(&path) {
        sweep(&dir);
    }
}

/// Checks in advance whether a file can be written at this path.
///
/// # Errors
///
/// As [`OutputFile::create`].
pub(crate) fn check_output(path: &Path) -> Result<(), FileError> {
    let (dir, name) = place(path)?;
    replaceable(&dir, &name).map(drop)
}

/// Opens a log file for appending, so that no line is ever lost. An existing file is
/// continued.
///
/// # Errors
///
/// It is not a regular file or has other hard links, or an I/O error occurs.
pub(crate) fn open_record(path: &Path) -> Result<File, FileError> {
    let (dir, name) = place(path)?;
    let (file, stat) = dir.open_to_append(&name, NEW)?;
    if stat.links > 1 {
        return Err(FileError::SeveralNames { path: path.to_owned() });
    }
    Ok(file)
}

/// Creates a log file with a unique name: `stem.extension`, or with a number after the stem.
///
/// # Errors
///
/// An I/O error occurs.
pub(crate) fn new_record(dir: &Dir, stem: &str, extension: &str) -> Result<(PathBuf, File), FileError> {
    let mut number = 1_u32;
    loop {
        let name = if number == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{number}.{extension}") };
        match dir.create_new(&name, NEW) {
            Ok(file) => return Ok((dir.path_of(name), file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < u32::MAX => number += 1,
            Err(error) => return Err(FileError::io("create", dir.path_of(name))(error)),
        }
    }
}

/// The directory of a path, links followed, and the file name.
fn place(path: &Path) -> Result<(Dir, OsString), FileError> {
    let is_directory = || FileError::NotReplaceable { path: path.to_owned(), kind: FileKind::Directory };
    let name = path.file_name().ok_or_else(is_directory)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let missing = || FileError::io("open the directory", parent)(io::ErrorKind::NotFound.into());
    Ok((Dir::open(parent)?.ok_or_else(missing)?, name.to_owned()))
}

/// The metadata of the file to replace, if there is one.
fn replaceable(dir: &Dir, name: &OsStr) -> Result<Option<Stat>, FileError> {
    match dir.stat(name)? {
        Some(Stat { kind, .. }) if kind != FileKind::Regular => {
            Err(FileError::NotReplaceable { path: dir.path_of(name), kind })
        }
        found => Ok(found),
    }
}

/// Whether the user `me` may write the target of a link: it must belong to that user, or for the superuser to
/// the owner of the link. Pure.
const fn has_allowed_owner(me: u32, link: &Stat, target: &Stat) -> bool {
    target.owner == me || (me == 0 && target.owner == link.owner)
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "the tests make files and look at them")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_keeps_its_mode_and_its_hard_links_keep_the_old_content() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, other) = (directory.path().join("file"), directory.path().join("other"));
        for kept in [0o444, 0o664, 0o600, 0o755] {
            fs::write(&path, "old").expect("written");
            fs::hard_link(&path, &other).expect("linked");
            fs::set_permissions(&path, fs::Permissions::from_mode(kept)).expect("set");
            write_file(&path, b"new").expect("written");
            assert_eq!((fs::read_to_string(&path).expect("there").as_str(), mode(&path)), ("new", kept));
            assert_eq!(fs::read_to_string(&other).expect("there"), "old");
            fs::remove_file(&path).expect("removed");
            fs::remove_file(&other).expect("removed");
        }
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0, "nothing is left");
    }

    #[test]
    fn a_private_file_is_private_whatever_it_replaces() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a/b/file");
        write_private_file(&path, b"one").expect("written");
        assert_eq!((mode(&path), mode(path.parent().expect("a directory"))), (0o600, 0o700));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        write_private_file(&path, b"two").expect("written");
        assert_eq!((mode(&path), fs::read(&path).expect("there").as_slice()), (0o600, &b"two"[..]));
        fs::remove_file(&path).expect("removed");
        symlink(directory.path().join("elsewhere"), &path).expect("a link");
        assert!(matches!(write_private_file(&path, b"x"), Err(FileError::NotReplaceable { .. })));
    }

    #[test]
    fn only_a_regular_file_is_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let outside = directory.path().join("outside");
        fs::write(&outside, "theirs").expect("written");
        symlink(&outside, &path).expect("a link");
        let refused = write_file(&path, b"new").expect_err("a link");
        assert_eq!(refused.to_string(), format!("`{}` is a link; only a regular file can be replaced", path.display()));
        assert!(matches!(check_output(&path), Err(FileError::NotReplaceable { kind: FileKind::Link, .. })));
        assert!(matches!(open_record(&path), Err(FileError::NotAFile { kind: FileKind::Link, .. })));
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        assert!(matches!(write_file(&path, b"x"), Err(FileError::NotReplaceable { kind: FileKind::Directory, .. })));
        assert!(matches!(write_file(Path::new("/dev/null"), b"x"), Err(FileError::NotReplaceable { .. })));
        assert!(matches!(write_file(Path::new("/"), b"x"), Err(FileError::NotReplaceable { .. })));
        assert_eq!(fs::read_to_string(&outside).expect("there"), "theirs");
        // A link that appears while the file is written is not replaced either.
        fs::remove_dir(&path).expect("removed");
        let file = OutputFile::create(&path).expect("begun");
        symlink(&outside, &path).expect("a link");
        assert!(matches!(finished(file, b"new"), Err(FileError::NotReplaceable { kind: FileKind::Link, .. })));
        assert!(path.is_symlink() && fs::read_to_string(&outside).expect("there") == "theirs");
    }

    #[test]
    fn a_link_to_a_file_of_the_same_user_is_written_through() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("shared/file");
        fs::create_dir(directory.path().join("shared")).expect("made");
        fs::write(&target, "old").expect("written");
        let (link, chain) = (directory.path().join("link"), directory.path().join("chain"));
        symlink("shared/file", &link).expect("a link");
        symlink("link", &chain).expect("a link");
        write_through_link(&chain, b"new").expect("written");
        assert!(link.is_symlink() && chain.is_symlink());
        assert_eq!(fs::read_to_string(&target).expect("there"), "new");
        fs::remove_file(&target).expect("removed");
        assert!(write_through_link(&chain, b"new").is_err(), "its target does not exist");
        fs::create_dir(&target).expect("made");
        assert!(matches!(write_through_link(&chain, b"new"), Err(FileError::NotReplaceable { .. })));
    }

    #[test]
    fn the_owner_of_a_link_target_is_checked() {
        let of = |owner| Stat {
            kind: FileKind::Regular,
            size: 0,
            links: 1,
            modified: (0, 0),
            changed: (0, 0),
            device: 0,
            inode: 0,
            owner,
            group: 0,
            mode: 0o644,
        };
        for (me, link, target, allowed) in
            [(7, 7, 7, true), (7, 0, 7, true), (7, 7, 8, false), (7, 8, 8, false), (0, 7, 7, true), (0, 7, 8, false)]
        {
            assert_eq!(has_allowed_owner(me, &of(link), &of(target)), allowed, "{me}, {link}, {target}");
        }
    }

    #[test]
    fn logs_have_unique_names_and_are_continued() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = Dir::open(directory.path()).expect("readable").expect("there");
        symlink("elsewhere", directory.path().join("a-2.log")).expect("a link");
        let names: Vec<PathBuf> = (0..3).map(|_| new_record(&dir, "a", "log").expect("made").0).collect();
        assert_eq!(names, ["a.log", "a-3.log", "a-4.log"].map(|name| directory.path().join(name)));
        fs::write(&names[0], "one\n").expect("written");
        open_record(&names[0])
            .and_then(|mut file| file.write_all(b"two\n").map_err(FileError::io("write", "a")))
            .expect("written");
        assert_eq!(fs::read_to_string(&names[0]).expect("there"), "one\ntwo\n");
        fs::hard_link(&names[0], directory.path().join("other")).expect("linked");
        assert!(matches!(open_record(&names[0]), Err(FileError::SeveralNames { .. })));
    }
}
