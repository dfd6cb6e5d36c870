//! What differs between systems about files, and the few effects on staged ones.
#![expect(clippy::disallowed_methods, reason = "staged files are changed here")]

use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;

/// Lets everybody run a file and its owner change it (0755), whatever the umask; on Windows the name alone decides.
pub fn make_executable(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Whether this very user may execute a file.
#[cfg(unix)]
pub fn is_executable(path: &Path) -> bool {
    // The system decides for this very user, as it does for Python's `os.access`; permission bits alone would not tell.
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Whether this very user may execute a file: on Windows its name decides.
#[cfg(not(unix))]
pub fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Whether this very user may make files in a folder.
#[cfg(unix)]
pub fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// Whether this very user may make files in a folder; only trying tells on Windows, so it is believed.
#[cfg(not(unix))]
pub fn is_writable(_folder: &Path) -> bool {
    true
}

/// A file's size in bytes.
pub fn file_size(path: &Path) -> io::Result<u64> {
    fs::metadata(path).map(|metadata| metadata.len())
}

/// Waits until a file's data are on the disk.
pub fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_data()
}

/// Whether a folder is there.
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Whether nothing is in a folder, or the folder is not there.
pub fn is_empty_folder(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// Removes what is in a folder, and leaves the folder. What is already gone is fine.
pub fn empty_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let removed =
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// A path with all links followed, or the path itself where that is not possible.
pub fn real_path(path: &Path) -> std::path::PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
